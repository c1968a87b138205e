/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks over the list of codecs where it stands in the text: nothing is allocated but the chain.
 */
#include "zarr/chain.h"

#include <stdlib.h>
#include <string.h>

#include "zarr/json_text.h"

#define NAME_SIZE 64
#define RECORD_SIZE 16 /* of a shard's index */
#define CRC_SIZE 4

static const char *const names[OZX_CHAIN_CODEC_KINDS] = {
    [OZX_CHAIN_BLOSC] = "blosc", [OZX_CHAIN_CRC32C] = "crc32c", [OZX_CHAIN_GZIP] = "gzip",
    [OZX_CHAIN_ZLIB] = "zlib",   [OZX_CHAIN_ZSTD] = "zstd",
};

const char *ozx_chain_codec_name(enum ozx_chain_codec codec)
{
    return names[codec];
}

/* One list of codecs, while it is read. */
struct reading {
    const char *text;
    struct ozx_shape shape; /* of the chunk, as it is stored after the transposes so far */
    struct ozx_chain *chain;
    unsigned depth;
    bool has_bytes; /* bytes or sharding came already */
    struct ozx_error *error;
};

static int wrong(const struct reading *r, const char *text)
{
    return ozx_error_set(r->error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL, "%s", text);
}

/* --- values ----------------------------------------------------------------------------------- */

static bool take_number(const char *text, struct ozx_json_range value, uint64_t *out)
{
    uint64_t number = 0;

    if (value.from == value.to)
        return false;
    for (size_t i = value.from; i < value.to; i++) {
        if (text[i] < '0' || text[i] > '9' || !ozx_multiply(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    }
    *out = number;
    return true;
}

/* A list of as many numbers as there are dimensions. */
static bool take_numbers(const struct reading *r, struct ozx_json_range object, const char *key,
                         struct ozx_shape *out)
{
    struct ozx_json_range list, value;
    struct ozx_json_cursor cursor;

    out->count = 0;
    if (!ozx_json_find(r->text, object, key, &list))
        return false;
    cursor = ozx_json_within(r->text, list);
    if (!ozx_json_enter(&cursor, '['))
        return false;
    while (ozx_json_next_element(&cursor, &value) == OZX_JSON_ITEM) {
        if (out->count >= r->shape.count || !take_number(r->text, value, &out->sizes[out->count]))
            return false;
        out->count++;
    }
    return out->count == r->shape.count;
}

/* The text of a member; false: there is none, or it is no short text. */
static bool take_text(const char *text, struct ozx_json_range object, const char *key,
                      char out[NAME_SIZE])
{
    struct ozx_json_range value, string;
    size_t size;

    return ozx_json_find(text, object, key, &value) && ozx_json_string_of(text, value, &string) &&
           ozx_json_decode(text, string, out, NAME_SIZE, &size);
}

/* --- codecs ----------------------------------------------------------------------------------- */

static int read_list(const char *text, struct ozx_json_range list, const struct ozx_shape *shape,
                     unsigned depth, struct ozx_chain *chain, struct ozx_error *error);

static int take_transpose(struct reading *r, struct ozx_json_range configuration)
{
    uint8_t axes[OZX_DIMENSIONS_MAX] = {0};
    struct ozx_shape order, shape = r->shape;
    uint64_t seen = 0;

    if (r->has_bytes || !take_numbers(r, configuration, "order", &order))
        return wrong(r, "the codec 'transpose' has no valid order of dimensions");
    for (uint32_t i = 0; i < order.count; i++) {
        uint64_t from = order.sizes[i];
        if (from >= order.count || (seen >> from & 1))
            return wrong(r, "the codec 'transpose' has no valid order of dimensions");
        seen |= UINT64_C(1) << from;
        axes[i] = r->chain->axes[from];
        shape.sizes[i] = r->shape.sizes[from];
    }
    r->shape = shape;
    memcpy(r->chain->axes, axes, sizeof axes);
    return 0;
}

static int take_bytes(struct reading *r, struct ozx_json_range configuration)
{
    char endian[NAME_SIZE];

    if (r->has_bytes)
        return wrong(r, "the codecs have more than one step from array to bytes");
    r->has_bytes = true;
    if (take_text(r->text, configuration, "endian", endian)) {
        r->chain->big_endian = strcmp(endian, "big") == 0;
        if (!r->chain->big_endian && strcmp(endian, "little") != 0)
            return wrong(r, "the codec 'bytes' has an unknown endianness");
    }
    return 0;
}

static int size_up(const struct reading *r, struct ozx_chain_sharding *s)
{
    s->chunk_count = 1;
    for (uint32_t i = 0; i < r->shape.count; i++) {
        uint64_t size = s->chunk_shape.sizes[i];
        if (!size || r->shape.sizes[i] % size)
            return wrong(r, "the inner chunks do not divide the shard");
        if (!ozx_multiply(s->chunk_count, r->shape.sizes[i] / size, &s->chunk_count))
            return wrong(r, "a shard has more inner chunks than can be counted");
    }
    if (!ozx_multiply(s->chunk_count, RECORD_SIZE, &s->index_size_bytes) ||
        __builtin_add_overflow(s->index_size_bytes, s->index.behind_count * CRC_SIZE,
                               &s->index_size_bytes))
        return wrong(r, "a shard has more inner chunks than can be counted");
    return 0;
}

static int read_index_codecs(const struct reading *r, struct ozx_json_range list,
                             struct ozx_chain_sharding *s)
{
    const struct ozx_shape records = {.count = 1, .sizes = {1}};
    int failure = read_list(r->text, list, &records, OZX_CHAIN_DEPTH_MAX, &s->index, r->error);

    for (uint32_t i = 0; !failure && i < s->index.behind_count; i++)
        if (s->index.behind[i] != OZX_CHAIN_CRC32C)
            failure = wrong(r, "the index of shards is compressed");
    return failure;
}

static int take_sharding(struct reading *r, struct ozx_json_range configuration)
{
    struct ozx_chain_sharding *s;
    struct ozx_json_range list, index;
    char location[NAME_SIZE];
    int failure;

    if (r->has_bytes)
        return wrong(r, "the codecs have more than one step from array to bytes");
    if (r->depth >= OZX_CHAIN_DEPTH_MAX)
        return wrong(r, "shards are nested too deep");
    if (!ozx_json_find(r->text, configuration, "codecs", &list) ||
        !ozx_json_find(r->text, configuration, "index_codecs", &index))
        return wrong(r, "the codec 'sharding_indexed' lacks codecs or index_codecs");
    s = calloc(1, sizeof *s);
    if (!s)
        return ozx_error_memory(r->error);
    r->has_bytes = true;
    r->chain->sharding = s;
    if (!take_numbers(r, configuration, "chunk_shape", &s->chunk_shape))
        return wrong(r, "the codec 'sharding_indexed' has no valid chunk_shape");
    if (take_text(r->text, configuration, "index_location", location))
        s->index_at_start = strcmp(location, "start") == 0;
    failure = read_index_codecs(r, index, s);
    if (!failure)
        failure = size_up(r, s);
    return failure ? failure
                   : read_list(r->text, list, &s->chunk_shape, r->depth + 1, &s->inner, r->error);
}

static int take_behind(struct reading *r, const char *name)
{
    const char *plain = strncmp(name, "numcodecs.", 10) == 0 ? name + 10 : name;
    char shown[OZX_ESCAPED_SIZE];

    for (unsigned i = 0; i < OZX_CHAIN_CODEC_KINDS; i++) {
        if (strcmp(plain, names[i]) != 0)
            continue;
        if (!r->has_bytes)
            return wrong(r, "a codec of bytes stands in front of the step from array to bytes");
        if (r->chain->behind_count == OZX_CHAIN_CODECS_MAX)
            return wrong(r, "the list of codecs is too long");
        r->chain->behind[r->chain->behind_count++] = (enum ozx_chain_codec)i;
        return 0;
    }
    return ozx_error_set(r->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the codec '%s' is not supported",
                         ozx_escape(shown, sizeof shown, name, strlen(name)));
}

/* A codec is an object, or its name alone. */
static int take_codec(struct reading *r, struct ozx_json_range codec)
{
    struct ozx_json_range configuration, string;
    char name[NAME_SIZE];
    size_t size;

    if (ozx_json_string_of(r->text, codec, &string)) {
        if (!ozx_json_decode(r->text, string, name, sizeof name, &size))
            return wrong(r, "a codec has no valid name");
    } else if (!take_text(r->text, codec, "name", name)) {
        return wrong(r, "a codec has no valid name");
    }
    if (!ozx_json_find(r->text, codec, "configuration", &configuration))
        configuration = (struct ozx_json_range){codec.from, codec.from};
    if (strcmp(name, "transpose") == 0)
        return take_transpose(r, configuration);
    if (strcmp(name, "bytes") == 0)
        return take_bytes(r, configuration);
    if (strcmp(name, "sharding_indexed") == 0)
        return take_sharding(r, configuration);
    return take_behind(r, name);
}

static int read_list(const char *text, struct ozx_json_range list, const struct ozx_shape *shape,
                     unsigned depth, struct ozx_chain *chain, struct ozx_error *error)
{
    struct reading r = {
        .text = text, .shape = *shape, .chain = chain, .depth = depth, .error = error};
    struct ozx_json_cursor cursor = ozx_json_within(text, list);
    struct ozx_json_range codec;
    int failure = 0;

    chain->dimensions = shape->count;
    for (uint32_t i = 0; i < shape->count; i++)
        chain->axes[i] = (uint8_t)i;
    if (!ozx_json_enter(&cursor, '['))
        return wrong(&r, "codecs is not a list");
    while (!failure && ozx_json_next_element(&cursor, &codec) == OZX_JSON_ITEM)
        failure = take_codec(&r, codec);
    if (!failure && !r.has_bytes)
        failure = wrong(&r, "the codecs have no step from array to bytes");
    return failure;
}

int ozx_chain_parse(const char *text, size_t size_bytes, const struct ozx_shape *chunk_shape,
                    struct ozx_chain **out, struct ozx_error *error)
{
    struct ozx_json_cursor cursor = ozx_json_text(text, size_bytes);
    struct ozx_json_range all = {cursor.at, cursor.end}, list;
    struct ozx_chain *chain = calloc(1, sizeof *chain);
    int failure;

    if (!chain)
        return ozx_error_memory(error);
    if (!ozx_json_find(text, all, "codecs", &list))
        failure = ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL,
                                "codecs is missing");
    else
        failure = read_list(text, list, chunk_shape, 0, chain, error);
    if (failure)
        ozx_chain_free(chain);
    else
        *out = chain;
    return failure;
}

static void free_sharding(struct ozx_chain_sharding *sharding)
{
    /* Chains inside a sharding are part of it; only what they shard by is apart. */
    while (sharding) {
        struct ozx_chain_sharding *inner = sharding->inner.sharding;
        free(sharding->index.sharding);
        free(sharding);
        sharding = inner;
    }
}

void ozx_chain_free(struct ozx_chain *chain)
{
    if (!chain)
        return;
    free_sharding(chain->sharding);
    free(chain);
}
