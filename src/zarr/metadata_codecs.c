/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of codecs, and sharding_indexed with the lists inside it.
 */
#include <string.h>

#include "zarr/metadata_parse.h"

#define CODECS_MAX 64
#define SHARDING_DEPTH_MAX 4                     /* shards in shards */
#define CHUNKS_PER_SHARD_MAX (UINT64_C(1) << 40) /* an index of 16 TiB */

/* What tells codecs of one name apart: the compressor in blosc, a level, a byte order. */
static const char *make_label(struct ozx_parse *p, const char *name, const json_t *configuration)
{
    const char *inner = json_string_value(json_object_get(configuration, "cname"));
    const char *endian = json_string_value(json_object_get(configuration, "endian"));
    const json_t *level = json_object_get(configuration, "level");

    if (inner)
        return ozx_parse_format(p, "%s(%s)", name, inner);
    if (endian && strcmp(endian, "little") != 0)
        return ozx_parse_format(p, "%s(%s)", name, endian);
    if (json_is_integer(level))
        return ozx_parse_format(p, "%s(%lld)", name, (long long)json_integer_value(level));
    return name;
}

/* transpose: the shape that the codecs behind it see. Anything else in the way leaves it as it is. */
static void permute(const json_t *configuration, struct ozx_shape *shape)
{
    const json_t *order = json_object_get(configuration, "order");
    struct ozx_shape permuted = *shape;
    bool reversed = json_is_string(order) && strcmp(json_string_value(order), "F") == 0;

    if (!reversed && json_array_size(order) != shape->count)
        return;
    for (uint32_t i = 0; i < shape->count; i++) {
        json_int_t from = reversed ? (json_int_t)(shape->count - 1 - i)
                                   : json_integer_value(json_array_get(order, i));
        if (from < 0 || from >= shape->count)
            return;
        permuted.sizes[i] = shape->sizes[from];
    }
    *shape = permuted;
}

/* The number of inner chunks in a shard of `outer`; 0 and a defect if they do not divide it. */
static uint64_t count_chunks(struct ozx_parse *p, const struct ozx_place *place,
                             const struct ozx_shape *outer, const struct ozx_shape *inner)
{
    uint64_t count = 1;

    if (inner->count != outer->count) {
        ozx_parse_defect(p, place, "chunk_shape", "has %u sizes, the shard has %u", inner->count,
                         outer->count);
        return 0;
    }
    for (uint32_t i = 0; i < inner->count; i++) {
        if (outer->sizes[i] % inner->sizes[i]) {
            ozx_parse_defect(p, place, "chunk_shape", "does not divide the shape of the shard");
            return 0;
        }
        if (__builtin_mul_overflow(count, outer->sizes[i] / inner->sizes[i], &count) ||
            count > CHUNKS_PER_SHARD_MAX) {
            ozx_parse_defect(p, place, "chunk_shape", "makes too many chunks of a shard");
            return 0;
        }
    }
    return count;
}

/* The index can be read if it is plain numbers, at most with a checksum behind them. */
static void judge_index(struct ozx_sharding *s, const json_t *list)
{
    const json_t *bytes = json_object_get(json_array_get(list, 0), "configuration");
    const char *endian = json_string_value(json_object_get(bytes, "endian"));

    if (s->index_codecs.count < 1 || s->index_codecs.count > 2 ||
        s->index_codecs.count != json_array_size(list) ||
        strcmp(s->index_codecs.list[0].name, "bytes") != 0)
        return;
    s->index_crc32c = s->index_codecs.count == 2;
    if (s->index_crc32c && strcmp(s->index_codecs.list[1].name, "crc32c") != 0)
        return;
    s->index_readable = true;
    s->index_big_endian = endian && strcmp(endian, "big") == 0;
    s->index_size_bytes = 16 * s->chunks_per_shard + (s->index_crc32c ? 4 : 0);
}

static void read_index_location(struct ozx_parse *p, const struct ozx_place *place,
                                const json_t *configuration, struct ozx_sharding *s)
{
    const char *text = ozx_parse_text(p, place, configuration, "index_location", OZX_OPTIONAL);

    s->index_at_start = text && strcmp(text, "start") == 0;
    if (text && !s->index_at_start && strcmp(text, "end") != 0)
        ozx_parse_defect(p, place, "index_location", "is neither 'start' nor 'end'");
}

static const struct ozx_sharding *read_sharding(struct ozx_parse *p, const struct ozx_place *place,
                                                const json_t *configuration,
                                                const struct ozx_shape *outer, unsigned depth)
{
    struct ozx_sharding *s;

    if (depth >= SHARDING_DEPTH_MAX) {
        ozx_parse_defect(p, place, NULL, "is sharding inside sharding, too deep");
        return NULL;
    }
    if (!configuration) {
        ozx_parse_defect(p, place, NULL, "is missing");
        return NULL;
    }
    s = ozx_parse_alloc(p, 1, sizeof *s);
    if (!s || !ozx_parse_shape(p, place, configuration, "chunk_shape", 1, &s->chunk_shape) ||
        !outer)
        return NULL;
    s->chunks_per_shard = count_chunks(p, place, outer, &s->chunk_shape);
    if (!s->chunks_per_shard)
        return NULL;
    ozx_parse_codecs(p, place, configuration, "codecs", &s->chunk_shape, depth + 1, &s->codecs);
    ozx_parse_codecs(p, place, configuration, "index_codecs", NULL, SHARDING_DEPTH_MAX,
                     &s->index_codecs);
    read_index_location(p, place, configuration, s);
    judge_index(s, json_object_get(configuration, "index_codecs"));
    return s;
}

/* One codec; false if it has no name. `shape` follows what transposes do. */
static bool read_codec(struct ozx_parse *p, const struct ozx_place *place, const json_t *json,
                       struct ozx_shape *shape, unsigned depth, struct ozx_codec *out)
{
    const struct ozx_place below = {.up = place, .key = "configuration"};
    const json_t *configuration = NULL;

    if (json_is_string(json) && json_string_length(json)) {
        out->name =
            ozx_parse_copy(p, json_string_value(json)); /* short form, nothing to configure */
    } else if (json_is_object(json)) {
        out->name = ozx_parse_text(p, place, json, "name", OZX_REQUIRED);
        configuration = ozx_parse_field(p, place, json, "configuration", JSON_OBJECT, OZX_OPTIONAL);
    } else {
        ozx_parse_defect(p, place, NULL, "is no object");
    }
    if (!out->name)
        return false;
    out->label = make_label(p, out->name, configuration);
    if (strcmp(out->name, "transpose") == 0 && shape)
        permute(configuration, shape);
    else if (strcmp(out->name, "sharding_indexed") == 0)
        out->sharding = read_sharding(p, &below, configuration, shape, depth);
    return out->label != NULL;
}

void ozx_parse_codecs(struct ozx_parse *p, const struct ozx_place *place, const json_t *object,
                      const char *key, const struct ozx_shape *shape, unsigned depth,
                      struct ozx_codecs *out)
{
    const struct ozx_place list_place = {.up = place, .key = key};
    const json_t *list = ozx_parse_list(p, place, object, key, CODECS_MAX, OZX_REQUIRED);
    size_t count = json_array_size(list);
    struct ozx_codec *codecs = ozx_parse_alloc(p, count, sizeof *codecs);
    struct ozx_shape seen;

    if (shape)
        seen = *shape;
    out->list = codecs;
    for (size_t i = 0; codecs && i < count; i++) {
        const struct ozx_place here = {.up = &list_place, .index = i};
        if (read_codec(p, &here, json_array_get(list, i), shape ? &seen : NULL, depth,
                       &codecs[out->count]))
            out->count++;
    }
    if (list && count == 0)
        ozx_parse_defect(p, place, key, "is empty");
}
