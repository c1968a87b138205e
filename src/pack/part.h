/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tree that becomes a part of an archive that is there: judged as for packing, with the same
 * messages, and written by the same threads. Knows nothing of that archive but where the tree goes
 * in it.
 */
#ifndef OZX_PACK_PART_H
#define OZX_PACK_PART_H

#include "pack/pack.h"

struct ozx_part;

struct ozx_part_place {
    const char
        *below; /* its path in the archive, with a final '/'; borrowed until the part is closed */
    uint64_t offset_bytes;      /* where its first byte goes */
    const struct stat *archive; /* must not turn up in the tree */
};

/* Walks and judges the tree; `options` (borrowed until the part is closed) and `result` as in
 * pack/pack.h, without output and picture. What is wrong was told. */
int ozx_part_open(const struct ozx_pack_options *options, const struct ozx_part_place *place,
                  struct ozx_pack_result *result, struct ozx_part **out) OZX_CHECKED;
void ozx_part_close(struct ozx_part *part); /* NULL is fine */

const struct ozx_plan *ozx_part_plan(const struct ozx_part *part); /* borrowed */
uint64_t ozx_part_end(const struct ozx_part *part); /* the offset behind its last byte */

/* Writes all of its entries to the archive, and knows their CRC-32 then. What is wrong was told. */
int ozx_part_write(struct ozx_part *part, int fd) OZX_CHECKED;

/* The text of one of its zarr.json; the caller frees it. What is wrong was told. */
int ozx_part_text(struct ozx_part *part, uint64_t index, char **out) OZX_CHECKED;

#endif
