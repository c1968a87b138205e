/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A window over an archive that is read forwards, for the scan of local headers (zip/scan.h) and
 * for verify: bytes by position, and the next place where a record of a ZIP may begin. So a million
 * headers are not a million reads. One thread's.
 */
#ifndef OZX_ZIP_WINDOW_H
#define OZX_ZIP_WINDOW_H

#include <signal.h>

#include "io/source.h"

#define OZX_WINDOW_SIZE (256 * 1024) /* more than any header with its name and extra field */

struct ozx_window {
    struct ozx_source *source; /* borrowed */
    uint64_t size_bytes;       /* of the source */
    uint8_t *block;            /* owned */
    size_t block_bytes;
    uint64_t start_bytes; /* of the block in the source */
    size_t filled_bytes;
    int failure; /* of the last read, 0 if it went well */
};

enum ozx_zip_record {
    OZX_RECORD_NONE,
    OZX_RECORD_LOCAL,
    OZX_RECORD_CENTRAL,
    OZX_RECORD_END, /* any of those behind the central headers, or an archive extra data record */
};

/* A block of `block_bytes`. -ENOMEM. */
int ozx_window_open(struct ozx_window *window, struct ozx_source *source,
                    size_t block_bytes) OZX_CHECKED;
void ozx_window_close(struct ozx_window *window);

/* The bytes at `offset_bytes`, which lies in the file: at least `need_bytes` of them unless the
 * file ends before, `*got_bytes` in all, borrowed until the next call. If it has to read, it reads
 * `want_bytes`. Neither is more than the block. NULL, and window.failure, if they cannot be read.
 */
const uint8_t *ozx_window_get(struct ozx_window *window, uint64_t offset_bytes, size_t need_bytes,
                              size_t want_bytes, size_t *got_bytes);

/* `size_bytes` (at most the block) at `offset_bytes`, borrowed until the next call. NULL if
 * the file ends before, or, with window.failure set, cannot be read. */
const uint8_t *ozx_window_view(struct ozx_window *window, uint64_t offset_bytes, size_t size_bytes);

/* Moves `*offset_bytes` to the next `PK` that has two bytes more behind it, there or later.
 * -ENODATA, and the file's end, if there is none. */
int ozx_window_find(struct ozx_window *window, uint64_t *offset_bytes,
                    const volatile sig_atomic_t *cancel) OZX_CHECKED;

/* The record whose signature these four bytes are. */
enum ozx_zip_record ozx_zip_record_at(const uint8_t *at);

#endif
