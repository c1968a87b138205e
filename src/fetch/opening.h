/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening an object: its last 256 KiB and its first 64, asked for at once. The answer to the first
 * says size and version; an archive's end records, most directories and most metadata are in the
 * two.
 */
#ifndef OZX_FETCH_OPENING_H
#define OZX_FETCH_OPENING_H

#include "fetch/asks.h"

/* Until it is open, or `opened->error` says why not; `whole_max_bytes`: of an object that is read
 * at once where the server knows no ranges. `control`: ends it when the other side is gone. */
void ozx_opening_run(struct ozx_object *object, struct ozx_asks *asks, uint64_t whole_max_bytes,
                     int control, struct ozx_wire_opened *opened);

#endif
