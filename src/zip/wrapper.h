/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ZIP of one entry, made up around the entry's bytes, for a library that wants a ZIP:
 *
 *     [local header "x" | ZIP64 extra] [the entry's bytes, read from the archive]
 *     [central header "x" | ZIP64 extra] [ZIP64 end record] [locator] [end record]
 */
#ifndef OZX_ZIP_WRAPPER_H
#define OZX_ZIP_WRAPPER_H

#include "zip/decompress.h"
#include "zip/format.h"

#define OZX_WRAPPER_EXTRA_SIZE 28
#define OZX_WRAPPER_HEAD_SIZE (OZX_LOCAL_SIZE + 1 + 20)
#define OZX_WRAPPER_TAIL_SIZE                                                                      \
    (OZX_CENTRAL_SIZE + 1 + OZX_WRAPPER_EXTRA_SIZE + OZX_END64_SIZE + OZX_LOCATOR_SIZE +           \
     OZX_END_SIZE)

/* What stands in front of the entry's bytes, and behind them. */
void ozx_wrapper_make(const struct ozx_zip_compressed *compressed,
                      uint8_t head[OZX_WRAPPER_HEAD_SIZE], uint8_t tail[OZX_WRAPPER_TAIL_SIZE]);

#endif
