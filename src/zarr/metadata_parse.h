/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the metadata parser share: memory that is freed in one go, the place in the
 * JSON that is being looked at, the list of defects, and fields fetched with their type checked.
 * For zarr/metadata*.c only.
 *
 * Memory failing is sticky: whoever gets NULL for it just leaves, and ozx_metadata_parse answers
 * -ENOMEM at the end.
 */
#ifndef OZX_ZARR_METADATA_PARSE_H
#define OZX_ZARR_METADATA_PARSE_H

#include <jansson.h>

#include "zarr/metadata.h"

/* A step on the way to a value: `key` of an object, or (key NULL) `index` of a list. A chain on the
 * stack, made into words only if there is a defect to tell. */
struct ozx_json_path {
    const struct ozx_json_path *up; /* NULL: the root of the file */
    const char *key;
    size_t index;
};

struct ozx_parse {
    struct ozx_metadata_memory *memory;
    enum ozx_metadata_part part; /* what defects found now belong to */
    const char *text;            /* the file's, for numbers that the parser rounds */
    size_t text_size_bytes;
    bool integers_are_real;      /* a number overflowed, so all were read as real */
    bool no_memory;              /* sticky */
    struct ozx_defect *defects;  /* OZX_DEFECTS_MAX */
    size_t defect_count;
    uint64_t defect_total;
};

/* Zeroed room for `count` elements (at least one), NULL and no_memory if there is none. */
void *ozx_parse_alloc(struct ozx_parse *p, size_t count, size_t size_bytes);
const char *ozx_parse_copy(struct ozx_parse *p, const char *text);
const char *ozx_parse_format(struct ozx_parse *p, const char *format, ...) OZX_PRINTF(2, 3);

/* `key` NULL: the defect is of `place` itself. */
void ozx_parse_defect(struct ozx_parse *p, const struct ozx_json_path *place, const char *key,
                      const char *format, ...) OZX_PRINTF(4, 5);

enum ozx_need { OZX_OPTIONAL, OZX_REQUIRED };

/* A member of `object` of that type (JSON_OBJECT, JSON_ARRAY, JSON_STRING), borrowed. NULL if it is
 * absent or null (a defect if required) or of another type (a defect). */
const json_t *ozx_parse_field(struct ozx_parse *p, const struct ozx_json_path *place,
                              const json_t *object, const char *key, json_type type,
                              enum ozx_need need);

/* The same for a list that may have `max` elements: longer is a defect, and NULL. */
const json_t *ozx_parse_list(struct ozx_parse *p, const struct ozx_json_path *place,
                             const json_t *object, const char *key, size_t max, enum ozx_need need);

/* The same for a text, copied. An empty one is NULL, and a defect if required. */
const char *ozx_parse_text(struct ozx_parse *p, const struct ozx_json_path *place,
                           const json_t *object, const char *key, enum ozx_need need);

/* An integer of 0 ... `max`; else false and a defect (none if absent and optional). */
bool ozx_parse_uint(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                    const char *key, uint64_t max, enum ozx_need need, uint64_t *out);

/* `json` as an integer, if it is one of at least 0. */
bool ozx_parse_number(const struct ozx_parse *p, const json_t *json, uint64_t *out);

/* A list of integers of `minimum` ... 2^63-1; required. */
bool ozx_parse_shape(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                     const char *key, uint64_t minimum, struct ozx_shape *out);

/* An array's metadata; NULL without memory. `place` is the file's root. */
const struct ozx_array *ozx_parse_array_v3(struct ozx_parse *p, const json_t *root);
const struct ozx_array *ozx_parse_array_v2(struct ozx_parse *p, const json_t *root);

/* fill_value, which every array has. `data_type` as it stands in the metadata of Zarr v3: what is
 * not a value of it is a defect; NULL (Zarr v2): not judged. */
void ozx_parse_fill_value(struct ozx_parse *p, const json_t *root, const json_t *data_type,
                          struct ozx_array *a);

/* The codecs of `object`'s list `key`, for chunks of `shape` (NULL: not known). `depth`: shards in
 * shards so far. */
void ozx_parse_codecs(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                      const char *key, const struct ozx_shape *shape, unsigned depth,
                      struct ozx_codecs *out);

/* The first sharding among them; NULL. */
const struct ozx_sharding *ozx_codecs_sharding(const struct ozx_codecs *codecs);

/* An OME block: `block` is attributes.ome, or the attributes of Zarr v2. NULL without memory. */
const struct ozx_ome *ozx_parse_ome(struct ozx_parse *p, const struct ozx_json_path *place,
                                    const json_t *block, bool is_v2);

/* What a multiscale has to have, by its version. */
enum ozx_multiscale_rules {
    OZX_MULTISCALE_0_1, /* and 0.2: neither axes nor transformations */
    OZX_MULTISCALE_0_3, /* axes are letters */
    /* and 0.5: axes are objects; a scale, and perhaps a translation behind it */
    OZX_MULTISCALE_0_4,
    OZX_MULTISCALE_0_6, /* coordinate systems */
};

/* A multiscale of it. Its `place` is the list's element. */
void ozx_parse_multiscale(struct ozx_parse *p, const struct ozx_json_path *place,
                          const json_t *json, enum ozx_multiscale_rules rules,
                          struct ozx_multiscale *out);

/* The names of `object`'s coordinateSystems, which may be absent. */
const char *const *ozx_parse_system_names(struct ozx_parse *p, const struct ozx_json_path *place,
                                          const json_t *object, size_t *count);

/* A scene of the block at `up`; NULL without memory. */
const struct ozx_scene *ozx_parse_scene(struct ozx_parse *p, const struct ozx_json_path *up,
                                        const json_t *json);

#endif
