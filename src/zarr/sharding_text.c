/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The two places in an array's metadata that sharding changes, found in the text.
 */
#include "zarr/sharding_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define NUMBER_SIZE 22 /* 20 digits, and ", " */

/* Where the sizes and the codecs of chunks stand. */
struct chunk_text {
    struct ozx_json_range shape, codecs;
};

void ozx_text_edits_free(struct ozx_text_edits *edits)
{
    for (uint32_t i = 0; i < edits->count; i++)
        free(edits->list[i].text);
    free(edits->list);
    *edits = (struct ozx_text_edits){.count = 0};
}

static int by_place(const void *a, const void *b)
{
    const struct ozx_text_edit *x = a, *y = b;

    return (x->bytes.from > y->bytes.from) - (x->bytes.from < y->bytes.from);
}

int ozx_text_edits_apply(struct ozx_text_edits *edits, const char *text, size_t size_bytes,
                         char **out, size_t *out_size_bytes)
{
    size_t size = size_bytes, at = 0, done = 0;
    char *made;

    if (edits->count)
        qsort(edits->list, edits->count, sizeof *edits->list, by_place);
    for (uint32_t i = 0; i < edits->count; i++) {
        const struct ozx_text_edit *edit = &edits->list[i];
        if (edit->bytes.from < done)
            return -EBADMSG;
        done = edit->bytes.to;
        size = size - (edit->bytes.to - edit->bytes.from) + edit->size_bytes;
    }
    made = malloc(size + 1);
    if (!made)
        return -ENOMEM;
    done = 0;
    for (uint32_t i = 0; i < edits->count; i++) {
        const struct ozx_text_edit *edit = &edits->list[i];
        memcpy(made + at, text + done, edit->bytes.from - done);
        at += edit->bytes.from - done;
        memcpy(made + at, edit->text, edit->size_bytes);
        at += edit->size_bytes;
        done = edit->bytes.to;
    }
    memcpy(made + at, text + done, size_bytes - done);
    made[size] = '\0';
    *out = made;
    *out_size_bytes = size;
    return 0;
}

/* Takes ownership of the new text, whatever comes. */
static int add(struct ozx_text_edits *edits, struct ozx_json_range bytes, char *text, size_t size)
{
    int failure = ozx_array_grow(edits->list, edits->count, &edits->room);

    if (failure) {
        free(text);
        return failure;
    }
    edits->list[edits->count++] =
        (struct ozx_text_edit){.bytes = bytes, .text = text, .size_bytes = size};
    return 0;
}

static int copy_to(const char *text, struct ozx_json_range from, struct ozx_json_range to,
                   struct ozx_text_edits *edits)
{
    size_t size = from.to - from.from;
    char *copy = malloc(size + 1);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, text + from.from, size);
    copy[size] = '\0';
    return add(edits, to, copy, size);
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool find_chunks(const char *text, struct ozx_json_range node, struct chunk_text *out)
{
    struct ozx_json_range grid, configuration;

    return ozx_json_find(text, node, "chunk_grid", &grid) &&
           ozx_json_find(text, grid, "configuration", &configuration) &&
           ozx_json_find(text, configuration, "chunk_shape", &out->shape) &&
           ozx_json_find(text, node, "codecs", &out->codecs);
}

/* The inner chunks, if sharding is the only codec of the list. */
static bool find_inner(const char *text, struct ozx_json_range codecs, struct chunk_text *out)
{
    struct ozx_json_cursor cursor = ozx_json_within(text, codecs);
    struct ozx_json_range codec, more, name, string, configuration;

    return ozx_json_enter(&cursor, '[') &&
           ozx_json_next_element(&cursor, &codec) == OZX_JSON_ITEM &&
           ozx_json_next_element(&cursor, &more) == OZX_JSON_END &&
           ozx_json_find(text, codec, "name", &name) && ozx_json_string_of(text, name, &string) &&
           ozx_json_is(text, string, "sharding_indexed") &&
           ozx_json_find(text, codec, "configuration", &configuration) &&
           ozx_json_find(text, configuration, "chunk_shape", &out->shape) &&
           ozx_json_find(text, configuration, "codecs", &out->codecs);
}

/* --- replacing -------------------------------------------------------------------------------- */

static int put_shape(const struct ozx_shape *shape, struct ozx_json_range place,
                     struct ozx_text_edits *edits)
{
    size_t room = 3 + (size_t)shape->count * NUMBER_SIZE, size = 0;
    char *text = malloc(room);

    if (!text)
        return -ENOMEM;
    text[size++] = '[';
    for (uint32_t i = 0; i < shape->count; i++)
        size += (size_t)snprintf(text + size, room - size, "%s%" PRIu64, i ? ", " : "",
                                 shape->sizes[i]);
    text[size++] = ']';
    return add(edits, place, text, size);
}

static int put_codecs(const char *text, const struct chunk_text *inner, struct ozx_json_range place,
                      struct ozx_text_edits *edits)
{
    static const char head[] =
        "[{\"name\": \"sharding_indexed\", \"configuration\": {\"chunk_shape\": ";
    static const char middle[] = ", \"codecs\": ";
    static const char tail[] =
        ", \"index_codecs\": [{\"name\": \"bytes\", \"configuration\": {\"endian\": \"little\"}}, "
        "{\"name\": \"crc32c\"}], \"index_location\": \"end\"}}]";
    size_t shape = inner->shape.to - inner->shape.from;
    size_t codecs = inner->codecs.to - inner->codecs.from;
    size_t size = sizeof head - 1 + shape + sizeof middle - 1 + codecs + sizeof tail - 1;
    char *made = malloc(size + 1), *at = made;

    if (!made)
        return -ENOMEM;
    at = mempcpy(at, head, sizeof head - 1);
    at = mempcpy(at, text + inner->shape.from, shape);
    at = mempcpy(at, middle, sizeof middle - 1);
    at = mempcpy(at, text + inner->codecs.from, codecs);
    memcpy(at, tail, sizeof tail); /* and its NUL */
    return add(edits, place, made, size);
}

int ozx_sharding_put(const char *text, struct ozx_json_range node,
                     const struct ozx_shape *shard_shape, struct ozx_text_edits *edits)
{
    struct chunk_text chunks, inner;
    int failure;

    if (!find_chunks(text, node, &chunks))
        return -EBADMSG;
    if (!find_inner(text, chunks.codecs, &inner))
        inner = chunks;
    failure = put_shape(shard_shape, chunks.shape, edits);
    return failure ? failure : put_codecs(text, &inner, chunks.codecs, edits);
}

int ozx_sharding_remove(const char *text, struct ozx_json_range node, struct ozx_text_edits *edits)
{
    struct chunk_text chunks, inner;
    int failure;

    if (!find_chunks(text, node, &chunks) || !find_inner(text, chunks.codecs, &inner))
        return -EBADMSG;
    failure = copy_to(text, inner.shape, chunks.shape, edits);
    return failure ? failure : copy_to(text, inner.codecs, chunks.codecs, edits);
}
