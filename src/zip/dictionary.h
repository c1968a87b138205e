/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How much memory compressed data asks its decompressor for: LZMA, XZ and Zstandard name the size
 * of the dictionary (the window) themselves, up to gigabytes, at the start and again in between. A
 * watch is shown all bytes in their order, before the decompressor gets them, and walks from header
 * to header without decompressing anything.
 *
 * Sources: APPNOTE 5.8 (LZMA), the .xz file format 1.2.1 with LZMA2's chunks, RFC 8878 (Zstandard).
 */
#ifndef OZX_ZIP_DICTIONARY_H
#define OZX_ZIP_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The most that is decompressed here; xz -9 and zstd -19 stay within it. */
#define OZX_DICTIONARY_MAX_BYTES (UINT64_C(64) << 20)

#define OZX_DICTIONARY_HEAD_MAX 1024 /* of an XZ block header */

/* Private, but for its size. */
struct ozx_dictionary_watch {
    int (*step)(
        struct ozx_dictionary_watch *watch); /* takes the header that is complete; NULL: done */
    uint64_t skip_bytes;                     /* data up to the next header */
    uint32_t want, got;                      /* bytes of the header */
    uint64_t counted_bytes;                  /* of an XZ block's data, or of the index */
    uint64_t numbers;                        /* XZ: still to come in the index */
    uint8_t check_bytes;                     /* behind an XZ block or a Zstandard frame */
    uint8_t head[OZX_DICTIONARY_HEAD_MAX];
};

/* `method` as in a ZIP; one without a dictionary of its own choice is not watched. */
void ozx_dictionary_watch_start(struct ozx_dictionary_watch *watch, uint16_t method);

/* The next bytes. -E2BIG: a dictionary of more than the most; -EBADMSG: it is none of this format.
 */
int ozx_dictionary_watch_show(struct ozx_dictionary_watch *watch, const uint8_t *data,
                              size_t size_bytes) OZX_CHECKED;

#endif
