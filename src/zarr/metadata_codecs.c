/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of codecs, and sharding_indexed with the lists inside it.
 */
#include <string.h>

#include "zarr/metadata_parse.h"

/* What the codecs of a list do, in their order: array to array, one array to bytes, bytes to bytes.
 * Of a codec that is not known nothing is said. */
enum stage { UNKNOWN, SAME_SHAPE, TO_BYTES, BYTES_TO_BYTES };

static const struct {
    const char *name; /* without "numcodecs." in front */
    enum stage stage;
    bool varies; /* the size of what it makes depends on the data */
} known[] = {
    {"transpose", SAME_SHAPE, false}, /* permuted: see below */
    {"bitround", SAME_SHAPE, false},
    {"cast_value", SAME_SHAPE, false},
    {"scale_offset", SAME_SHAPE, false},
    {"delta", SAME_SHAPE, false},
    {"fixedscaleoffset", SAME_SHAPE, false},
    {"quantize", SAME_SHAPE, false},
    {"astype", SAME_SHAPE, false},
    {"bytes", TO_BYTES, false},
    {"sharding_indexed", TO_BYTES, true},
    {"vlen-utf8", TO_BYTES, true},
    {"vlen-bytes", TO_BYTES, true},
    {"vlen-array", TO_BYTES, true},
    {"zfp", TO_BYTES, true},
    {"zfpy", TO_BYTES, true},
    {"pcodec", TO_BYTES, true},
    {"blosc", BYTES_TO_BYTES, true},
    {"gzip", BYTES_TO_BYTES, true},
    {"zstd", BYTES_TO_BYTES, true},
    {"zlib", BYTES_TO_BYTES, true},
    {"bz2", BYTES_TO_BYTES, true},
    {"lz4", BYTES_TO_BYTES, true},
    {"lzma", BYTES_TO_BYTES, true},
    {"crc32c", BYTES_TO_BYTES, false},
    {"crc32", BYTES_TO_BYTES, false},
    {"adler32", BYTES_TO_BYTES, false},
    {"fletcher32", BYTES_TO_BYTES, false},
    {"jenkins_lookup3", BYTES_TO_BYTES, false},
    {"shuffle", BYTES_TO_BYTES, false},
};

static enum stage stage_of(const char *name, bool *varies)
{
    *varies = false;
    if (strncmp(name, "numcodecs.", 10) == 0)
        name += 10;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0) {
            *varies = known[i].varies;
            return known[i].stage;
        }
    return UNKNOWN;
}

#define CODECS_MAX 64
#define CHECKSUM_SIZE 4                          /* of crc32c, behind what it sums up */
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

/* transpose: the shape that the codecs behind it see. False, and a defect, if its order is no
 * permutation. */
static bool permute(struct ozx_parse *p, const struct ozx_json_path *place,
                    const json_t *configuration, struct ozx_shape *shape)
{
    const json_t *order = json_object_get(configuration, "order");
    const char *text = json_string_value(order); /* "C", "F": of drafts */
    struct ozx_shape permuted = *shape;
    uint64_t seen = 0;
    bool valid = text ? strcmp(text, "C") == 0 || strcmp(text, "F") == 0
                      : json_array_size(order) == shape->count && json_is_array(order);

    for (uint32_t i = 0; valid && i < shape->count; i++) {
        uint64_t from = text && text[0] == 'F' ? shape->count - 1 - i : i;
        valid = text || (ozx_parse_number(p, json_array_get(order, i), &from) &&
                         from < shape->count && !(seen >> from & 1));
        if (!valid)
            break;
        seen |= UINT64_C(1) << from;
        permuted.sizes[i] = shape->sizes[from];
    }
    if (valid)
        *shape = permuted;
    else
        ozx_parse_defect(p, place, "order", "is not a permutation of the %u dimensions",
                         shape->count);
    return valid;
}

/* The number of inner chunks in a shard of `outer`; 0 and a defect if they do not divide it. */
static uint64_t count_chunks(struct ozx_parse *p, const struct ozx_json_path *place,
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
            ozx_parse_defect(p, place, "chunk_shape", "results in too many chunks in a shard");
            return 0;
        }
    }
    return count;
}

/* The index is found by its size, so that must not depend on the data. */
static void judge_index_sizes(struct ozx_parse *p, const struct ozx_json_path *place,
                              const struct ozx_codecs *codecs)
{
    const struct ozx_json_path list_place = {.up = place, .key = "index_codecs"};

    for (size_t i = 0; i < codecs->count; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        bool varies;
        (void)stage_of(codecs->list[i].name, &varies);
        if (varies)
            ozx_parse_defect(p, &here, NULL,
                             "is '%.40s', whose size varies: an index codec must have a fixed size",
                             codecs->list[i].name);
    }
}

/* The index can be read if it is plain numbers, at most with a checksum behind them. */
static void judge_index(struct ozx_sharding *s, const json_t *list)
{
    const json_t *bytes = json_object_get(json_array_get(list, 0), "configuration");
    const char *endian = json_string_value(json_object_get(bytes, "endian"));

    if (s->index_codecs.count < 1 || s->index_codecs.count > 2 || !s->chunks_per_shard ||
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

/* What the codecs behind the one at `at` make of the shard. */
static void judge_behind(struct ozx_parse *p, const json_t *list, size_t at, struct ozx_sharding *s)
{
    for (size_t i = at + 1; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name =
            json_string_value(json_is_object(one) ? json_object_get(one, "name") : one);
        if (name && strcmp(name, "crc32c") == 0)
            s->trailer_size_bytes += CHECKSUM_SIZE;
        else if (!s->behind)
            s->behind = ozx_parse_copy(p, name && *name ? name : "?");
    }
}

static void read_index_location(struct ozx_parse *p, const struct ozx_json_path *place,
                                const json_t *configuration, struct ozx_sharding *s)
{
    const char *text = ozx_parse_text(p, place, configuration, "index_location", OZX_OPTIONAL);

    s->index_at_start = text && strcmp(text, "start") == 0;
    if (text && !s->index_at_start && strcmp(text, "end") != 0)
        ozx_parse_defect(p, place, "index_location", "is neither 'start' nor 'end'");
}

static const struct ozx_sharding *read_sharding(struct ozx_parse *p,
                                                const struct ozx_json_path *place,
                                                const json_t *list, size_t at,
                                                const struct ozx_shape *outer, unsigned depth)
{
    const json_t *configuration = json_object_get(json_array_get(list, at), "configuration");
    struct ozx_sharding *s;

    if (depth >= SHARDING_DEPTH_MAX) {
        ozx_parse_defect(p, place, NULL, "is sharding inside sharding, too deep");
        return NULL;
    }
    if (!json_is_object(configuration)) {
        if (!configuration || json_is_null(configuration)) /* else a defect already */
            ozx_parse_defect(p, place, NULL, "is missing");
        return NULL;
    }
    s = ozx_parse_alloc(p, 1, sizeof *s);
    if (!s || !ozx_parse_shape(p, place, configuration, "chunk_shape", 1, &s->chunk_shape))
        return NULL;
    if (outer) {
        s->chunks_per_shard = count_chunks(p, place, outer, &s->chunk_shape);
        if (!s->chunks_per_shard)
            return NULL;
    }
    ozx_parse_codecs(p, place, configuration, "codecs", &s->chunk_shape, depth + 1, &s->codecs);
    ozx_parse_codecs(p, place, configuration, "index_codecs", NULL, SHARDING_DEPTH_MAX,
                     &s->index_codecs);
    s->inner = ozx_codecs_sharding(&s->codecs);
    read_index_location(p, place, configuration, s);
    judge_index_sizes(p, place, &s->index_codecs);
    judge_index(s, json_object_get(configuration, "index_codecs"));
    judge_behind(p, list, at, s);
    return s;
}

/* The name, and the configuration if there is one. */
static const json_t *read_name(struct ozx_parse *p, const struct ozx_json_path *place,
                               const json_t *json, struct ozx_codec *out)
{
    if (json_is_string(json) && json_string_length(json)) { /* nothing to configure */
        out->name = ozx_parse_copy(p, json_string_value(json));
        return NULL;
    }
    if (!json_is_object(json)) {
        ozx_parse_defect(p, place, NULL, "is not an object");
        return NULL;
    }
    out->name = ozx_parse_text(p, place, json, "name", OZX_REQUIRED);
    return ozx_parse_field(p, place, json, "configuration", JSON_OBJECT, OZX_OPTIONAL);
}

/* The shape that the codecs of a list are given, as far as it is known. */
struct seen {
    struct ozx_shape shape;
    bool known;
};

/* One codec; false if it has no name. */
static bool read_codec(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *list,
                       size_t at, struct seen *seen, unsigned depth, struct ozx_codec *out)
{
    const struct ozx_json_path below = {.up = place, .key = "configuration"};
    const json_t *configuration = read_name(p, place, json_array_get(list, at), out);
    bool varies;

    if (!out->name) {
        seen->known = false;
        return false;
    }
    out->label = make_label(p, out->name, configuration);
    if (strcmp(out->name, "sharding_indexed") == 0)
        out->sharding =
            read_sharding(p, &below, list, at, seen->known ? &seen->shape : NULL, depth);
    if (strcmp(out->name, "transpose") == 0)
        seen->known = seen->known && permute(p, &below, configuration, &seen->shape);
    else if (stage_of(out->name, &varies) != SAME_SHAPE)
        seen->known = false;
    return out->label != NULL;
}

/* One codec of the list has to make bytes of the array. */
static void judge_list(struct ozx_parse *p, const struct ozx_json_path *place, const char *key,
                       const struct ozx_codecs *codecs)
{
    bool varies;

    for (size_t i = 0; i < codecs->count; i++) {
        enum stage stage = stage_of(codecs->list[i].name, &varies);
        if (stage == UNKNOWN || stage == TO_BYTES)
            return;
    }
    ozx_parse_defect(p, place, key, "has no array-to-bytes codec");
}

void ozx_parse_codecs(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                      const char *key, const struct ozx_shape *shape, unsigned depth,
                      struct ozx_codecs *out)
{
    const struct ozx_json_path list_place = {.up = place, .key = key};
    const json_t *list = ozx_parse_list(p, place, object, key, CODECS_MAX, OZX_REQUIRED);
    size_t count = json_array_size(list);
    struct ozx_codec *codecs = ozx_parse_alloc(p, count, sizeof *codecs);
    struct seen seen = {.known = shape != NULL};

    if (shape)
        seen.shape = *shape;
    out->list = codecs;
    for (size_t i = 0; codecs && i < count; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        if (read_codec(p, &here, list, i, &seen, depth, &codecs[out->count]))
            out->count++;
    }
    if (list && count == 0)
        ozx_parse_defect(p, place, key, "is empty");
    else if (codecs && out->count == count && list)
        judge_list(p, place, key, out);
}

/* Finds the codec that makes bytes of the array: sharding only counts as that. */
const struct ozx_sharding *ozx_codecs_sharding(const struct ozx_codecs *codecs)
{
    for (size_t i = 0; i < codecs->count; i++)
        if (codecs->list[i].sharding)
            return codecs->list[i].sharding;
    return NULL;
}
