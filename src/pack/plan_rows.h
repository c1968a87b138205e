/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entries of a plan that are no zarr.json, in the order in which they were added: chunks,
 * mostly, and so many that each byte of a row counts. A row says what differs from the one before
 * it, in about 15 bytes with its name:
 *
 *     head       1   enum bits (plan_rows.c)
 *     name           terminated
 *     directory, size, mtime   each only where it differs, as a number of 7 bits a byte
 *     key            the difference, or 8 bytes
 *
 * So rows are read from front to back; each OZX_PLAN_STRIDE-th stands for itself and is found at
 * once.
 */
#ifndef OZX_PACK_PLAN_ROWS_H
#define OZX_PACK_PLAN_ROWS_H

#include "pack/plan.h"

#define OZX_PLAN_STRIDE 128

/* A row that stands for itself. */
struct ozx_plan_mark {
    uint64_t at; /* of its bytes */
    uint64_t local_offset_bytes;
};

/* All zero: empty. */
struct ozx_plan_rows {
    uint8_t *bytes; /* owned */
    uint64_t used, room;
    struct ozx_plan_mark *marks; /* owned */
    uint32_t mark_count, mark_room;
    uint64_t count;
    _Atomic uint32_t *crcs;     /* owned, of each; NULL before ozx_plan_rows_sum */
    struct ozx_plan_entry last; /* what the next one differs from */
};

/* The name is copied; offsets and CRC are not taken. -ENOMEM. */
int ozx_plan_rows_add(struct ozx_plan_rows *rows, const struct ozx_plan_entry *entry) OZX_CHECKED;
/* Makes room for CRCs, all 0. -ENOMEM. */
int ozx_plan_rows_sum(struct ozx_plan_rows *rows) OZX_CHECKED;
/* The row at `at` (which becomes the next one's place) into `entry`, which has the one before it
 * unless the row's number is a multiple of the stride. All but offsets and CRC; the name is
 * borrowed. */
void ozx_plan_rows_get(const struct ozx_plan_rows *rows, uint64_t index, uint64_t *at,
                       struct ozx_plan_entry *entry);
void ozx_plan_rows_free(struct ozx_plan_rows *rows);

#endif
