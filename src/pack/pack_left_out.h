/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What metadata say of what an archive is written without. To a reader a node that metadata name
 * and that is not there is an image of fill values, so each such promise is taken back or told:
 *
 *     consolidated metadata   lose the nodes that are left out (they are cut out of the plan), or
 *                             with `keep_consolidated` are warned of
 *     OME metadata            are kept; datasets, wells, fields, labels, series left out are told
 *     arrays                  whose chunks are left out and whose zarr.json is not: warned of
 *     groups                  whose zarr.json is left out and not what is below: warned of
 *
 * Where nothing is left out, nothing is looked at but the consolidated metadata of the root.
 */
#ifndef OZX_PACK_PACK_LEFT_OUT_H
#define OZX_PACK_PACK_LEFT_OUT_H

#include "pack/pack_state.h"

/* Fills in result->consolidated_removed. 0, or what failed, which was told. Memory: the text of one
 * zarr.json at a time (up to 64 MiB), 16 bytes for each cut. */
int ozx_pack_judge_left_out(struct ozx_pack_state *pack) OZX_CHECKED;

#endif
