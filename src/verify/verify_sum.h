/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between verify_data.c, whose threads share the file among them, and verify_sum.c, which reads the
 * data of an entry for one of them.
 */
#ifndef OZX_VERIFY_VERIFY_SUM_H
#define OZX_VERIFY_VERIFY_SUM_H

#include <stdatomic.h>

#include "base/crew.h"
#include "base/digest.h"
#include "verify/verify_parts.h"

struct ozx_zip_streams;

/* What one thread sums with; all borrowed. */
struct ozx_verify_sum {
    struct ozx_verify *v;
    struct ozx_window *window;
    const struct ozx_verify_entry *entry; /* the one at hand */
    struct ozx_zip_streams *streams;      /* NULL unless an entry is compressed */
    struct ozx_crew *crew;                /* ends the work early */
    atomic_uint_fast64_t *data_done;      /* counts the bytes that were read */

    bool digesting; /* the entry, as a file of the tree: */
    uint32_t node;
    struct ozx_digest digest;
};

/* The data of the entry at `data_offset_bytes`, whatever they are: what is wrong with them is
 * found. Reads up to `ahead_to_bytes`. -EINTR without an error: whoever stopped the crew says why.
 */
int ozx_verify_sum_entry(struct ozx_verify_sum *sum, uint64_t data_offset_bytes,
                         uint64_t ahead_to_bytes, struct ozx_error *error) OZX_CHECKED;

/* `size_bytes` stored bytes, or a part of them, into `*crc`. */
int ozx_verify_sum_stored(struct ozx_verify_sum *sum, uint64_t offset_bytes, uint64_t size_bytes,
                          uint64_t ahead_to_bytes, uint32_t *crc,
                          struct ozx_error *error) OZX_CHECKED;

/* True if the data have the CRC-32 of the directory; else that is found. */
bool ozx_verify_judge_crc(struct ozx_verify *v, const struct ozx_verify_entry *entry, uint32_t crc);

#endif
