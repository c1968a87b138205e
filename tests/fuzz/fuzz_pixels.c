/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as an array and its chunks: a picture of it, which is one or an error with its reason.
 * The input is the metadata, a NUL, a byte that says which chunk it is, and the chunk.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "../unit/forge.h"
#include "fuzz.h"
#include "image/thumbnail.h"

#define SIZE 16

static const char *const chunks[] = {"c/0/0", "c/0", "c/0/1", "0.0"};

static void forge_archive(struct forge *f, const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t text_size = end ? (size_t)(end - data) : size;
    const uint8_t *chunk = data + text_size + (end != NULL);
    size_t chunk_size = size - text_size - (end != NULL), which = 0;

    if (chunk_size) {
        which = *chunk % (sizeof chunks / sizeof chunks[0]);
        chunk++, chunk_size--;
    }
    forge_entry(f, which == 3 ? ".zarray" : "zarr.json", which == 3 ? 7 : 9, data, text_size);
    forge_entry(f, chunks[which], strlen(chunks[which]), chunk, chunk_size);
    forge_end(f, true, "{}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ozx_thumbnail_options options = {.size = SIZE, .z = OZX_Z_MIDDLE};
    struct forge f = {0};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_picture picture = {.rgb = NULL};
    struct ozx_archive *archive;
    struct ozx_source *source;

    forge_archive(&f, data, size);
    FUZZ_CHECK(source_open_memory(f.data, f.size_bytes, &source) == 0);
    if (ozx_archive_open(source, NULL, &archive, &error) == 0) {
        int failure = ozx_thumbnail(archive, &options, &picture, &error);
        FUZZ_CHECK(failure ? error.code == failure && *error.text && !picture.rgb
                           : picture.rgb && picture.width && picture.width <= SIZE &&
                                 picture.height && picture.height <= SIZE);
        free(picture.rgb);
        ozx_archive_close(archive);
    } else {
        ozx_source_close(source);
    }
    forge_free(&f);
    return 0;
}
