/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entries that a foreign tool compressed (method != 0), decompressed by libzip with bounded memory.
 * libzip never parses the archive: it is shown a ZIP of one entry, made up around the entry's
 * bytes. The only part of ozxfs that knows libzip.
 *
 * A pool keeps a few open streams. A read at or behind a stream's position goes on from there, one
 * before it starts again. Threads: any number may read from one pool.
 */
#ifndef OZX_ZIP_DECOMPRESS_H
#define OZX_ZIP_DECOMPRESS_H

#include <stdbool.h>

#include "io/source.h"

struct ozx_zip_streams;

/* What a stream is made of. `key` names the entry: two reads with one key are of one entry. */
struct ozx_zip_compressed {
    uint64_t key;
    uint64_t data_offset_bytes;
    uint64_t compressed_size_bytes;
    uint64_t uncompressed_size_bytes;
    uint32_t crc32;
    uint16_t method;
};

/* True if this build of libzip decompresses `method`. */
bool ozx_zip_method_supported(uint16_t method);

/* `source` is borrowed until the pool is closed. */
int ozx_zip_streams_open(struct ozx_source *source, struct ozx_zip_streams **out) OZX_CHECKED;
void ozx_zip_streams_close(struct ozx_zip_streams *streams); /* NULL is fine */

/* Reads exactly `size_bytes` (the range lies in the uncompressed size). -EIO (rule compressed) if
 * the data is damaged, ends early or does not end where its size says, or wants a dictionary of
 * more than OZX_DICTIONARY_MAX_BYTES; -ESTALE if the archive changed. -EINTR, -ETIMEDOUT: the
 * source said to stop (ozx_source_stopped); a later read goes on from where this one came to. */
int ozx_zip_streams_read(struct ozx_zip_streams *streams,
                         const struct ozx_zip_compressed *compressed, void *buffer,
                         size_t size_bytes, uint64_t offset_bytes,
                         struct ozx_error *error) OZX_CHECKED;

/* For --version. */
const char *ozx_zip_library_version(void);

#endif
