/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Archives with something in front of them that their offsets do not count, as `cat stub a.zip`
 * makes self-extracting ones: every offset is wrong by the same number of bytes (Python, unzip and
 * Java add it; Go and libzip do, or refuse). A mount refuses them; they can be written anew.
 */
#ifndef OZX_ZIP_PREFIX_H
#define OZX_ZIP_PREFIX_H

#include "io/source.h"

/* How many bytes stand in front of the archive: behind them it has end records that fit exactly
 * (zip/end_records.h). 0 if there are none, or it cannot be told. Reads the end of the file. */
uint64_t ozx_zip_prefix_size(struct ozx_source *source);

/* If the archive was refused (-EBADMSG) because of such a prefix, makes the error say so; its rule
 * stays. Returns `failure`. */
int ozx_zip_prefix_explain(struct ozx_source *source, int failure,
                           struct ozx_error *error) OZX_CHECKED;

#endif
