/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Array metadata: what a zarr.json says of an array, and .zarray of Zarr v2. Chunk keys are judged
 * in metadata_keys.c, codecs are read in metadata_codecs.c, the fill value in metadata_fill.c.
 */
#include <stdio.h>
#include <string.h>

#include "zarr/metadata_parse.h"

#define TRANSFORMERS_MAX 64

/* --- data types ------------------------------------------------------------------------------- */

/* Bytes of one item of a core data type ("uint16", "complex64", "r24"), 0 for others. */
static uint32_t item_size(const char *type)
{
    static const char *const kinds[] = {"int", "uint", "float", "complex", "bfloat", "r"};
    char *end;

    if (strcmp(type, "bool") == 0)
        return 1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t size = strlen(kinds[i]);
        unsigned long bits;
        if (strncmp(type, kinds[i], size) != 0 || type[size] < '1' || type[size] > '9')
            continue;
        bits = strtoul(type + size, &end, 10);
        if (*end == '\0' && bits % 8 == 0 && bits <= 1u << 16)
            return (uint32_t)(bits / 8);
    }
    return 0;
}

/* A name, or an object with a name (extension types). */
static const char *read_data_type(struct ozx_parse *p, const json_t *root)
{
    const json_t *type = json_object_get(root, "data_type");
    const struct ozx_json_path place = {.key = "data_type"};

    if (json_is_object(type))
        return ozx_parse_text(p, &place, type, "name", OZX_REQUIRED);
    return ozx_parse_text(p, NULL, root, "data_type", OZX_REQUIRED);
}

/* "<u2" of Zarr v2 in the words of v3; what is not so simple (structures, strings) as it is. */
static const char *data_type_v2(struct ozx_parse *p, const json_t *root)
{
    static const struct {
        char letter;
        const char *name;
    } kinds[] = {{'i', "int"}, {'u', "uint"}, {'f', "float"}, {'c', "complex"}};
    const json_t *type = json_object_get(root, "dtype");
    const char *text = json_string_value(type);
    char name[32];

    if (json_is_array(type))
        return ozx_parse_copy(p, "structured");
    if (!text || strlen(text) < 3 || strlen(text) > 8)
        return ozx_parse_text(p, NULL, root, "dtype", OZX_REQUIRED);
    if (strcmp(text + 1, "b1") == 0)
        return ozx_parse_copy(p, "bool");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned bytes = (unsigned)strtoul(text + 2, NULL, 10);
        if (text[1] != kinds[i].letter || bytes < 1 || bytes > 32)
            continue;
        snprintf(name, sizeof name, "%s%u", kinds[i].name, bytes * 8);
        return ozx_parse_copy(p, name);
    }
    return ozx_parse_copy(p, text);
}

/* --- the other fields ------------------------------------------------------------------------- */

/* The sizes of a grid of `object`'s list `key`; they must be as many as the shape's. */
static void read_chunk_shape(struct ozx_parse *p, const struct ozx_json_path *place,
                             const json_t *object, const char *key, struct ozx_array *a)
{
    if (!ozx_parse_shape(p, place, object, key, 1, &a->chunk_shape))
        return;
    if (!a->has_shape || a->chunk_shape.count == a->shape.count)
        a->has_grid = a->has_shape;
    else
        ozx_parse_defect(p, place, key, "has %u sizes, the shape has %u", a->chunk_shape.count,
                         a->shape.count);
}

/* Chunks of many shapes: a list of sizes for each dimension. Which chunks there are is not judged.
 */
static void judge_rectilinear(struct ozx_parse *p, const struct ozx_json_path *place,
                              const json_t *configuration, const struct ozx_array *a)
{
    const json_t *list = ozx_parse_list(p, place, configuration, "chunk_shapes",
                                        OZX_DIMENSIONS_MAX, OZX_REQUIRED);

    if (list && a->has_shape && json_array_size(list) != a->shape.count)
        ozx_parse_defect(p, place, "chunk_shapes", "has %zu elements, the shape has %u",
                         json_array_size(list), a->shape.count);
}

static void read_grid(struct ozx_parse *p, const json_t *root, struct ozx_array *a)
{
    const struct ozx_json_path grid_place = {.key = "chunk_grid"};
    const struct ozx_json_path place = {.up = &grid_place, .key = "configuration"};
    const json_t *grid = ozx_parse_field(p, NULL, root, "chunk_grid", JSON_OBJECT, OZX_REQUIRED);
    const char *name;

    if (!grid)
        return;
    name = ozx_parse_text(p, &grid_place, grid, "name", OZX_REQUIRED);
    if (!name)
        return;
    if (strcmp(name, "regular") != 0 && strcmp(name, "rectilinear") != 0) {
        ozx_parse_defect(p, &grid_place, "name", "is '%.40s', which is not supported", name);
        return;
    }
    grid = ozx_parse_field(p, &grid_place, grid, "configuration", JSON_OBJECT, OZX_REQUIRED);
    if (grid && strcmp(name, "regular") == 0)
        read_chunk_shape(p, &place, grid, "chunk_shape", a);
    else if (grid)
        judge_rectilinear(p, &place, grid, a);
}

/* The separator of `object`, `otherwise` if it says none. False if it is neither '/' nor '.'. */
static bool read_separator(struct ozx_parse *p, const struct ozx_json_path *place,
                           const json_t *object, const char *key, char otherwise, char *out)
{
    const json_t *field = json_object_get(object, key);
    const char *text = json_string_value(field);

    *out = otherwise;
    if (!field || json_is_null(field))
        return true;
    if (text && (strcmp(text, "/") == 0 || strcmp(text, ".") == 0)) {
        *out = text[0];
        return true;
    }
    ozx_parse_defect(p, place, key, "is neither '/' nor '.'");
    return false;
}

static void read_key_encoding(struct ozx_parse *p, const json_t *root, struct ozx_array *a)
{
    const struct ozx_json_path place = {.key = "chunk_key_encoding"};
    const struct ozx_json_path below = {.up = &place, .key = "configuration"};
    const json_t *encoding = json_object_get(root, "chunk_key_encoding"), *configuration = NULL;
    enum ozx_key_encoding kind = OZX_KEYS_UNKNOWN;
    const char *name = json_string_value(encoding); /* the short form of an extension */

    if (!name) {
        encoding = ozx_parse_field(p, NULL, root, "chunk_key_encoding", JSON_OBJECT, OZX_REQUIRED);
        if (!encoding)
            return;
        name = ozx_parse_text(p, &place, encoding, "name", OZX_REQUIRED);
        configuration =
            ozx_parse_field(p, &place, encoding, "configuration", JSON_OBJECT, OZX_OPTIONAL);
        if (!name)
            return;
    }
    if (strcmp(name, "default") == 0)
        kind = OZX_KEYS_DEFAULT;
    else if (strcmp(name, "v2") == 0)
        kind = OZX_KEYS_V2;
    else
        ozx_parse_defect(p, &place, "name", "is '%.40s', which is not supported", name);
    if (read_separator(p, &below, configuration, "separator", kind == OZX_KEYS_V2 ? '.' : '/',
                       &a->separator))
        a->key_encoding = kind;
}

static void read_dimension_names(struct ozx_parse *p, const json_t *root, struct ozx_array *a)
{
    const json_t *list =
        ozx_parse_list(p, NULL, root, "dimension_names", OZX_DIMENSIONS_MAX, OZX_OPTIONAL);
    const char **names;

    if (!list || !a->has_shape)
        return;
    if (json_array_size(list) != a->shape.count) {
        ozx_parse_defect(p, NULL, "dimension_names", "has %zu names, the shape has %u sizes",
                         json_array_size(list), a->shape.count);
        return;
    }
    names = ozx_parse_alloc(p, a->shape.count, sizeof *names);
    for (uint32_t i = 0; names && i < a->shape.count; i++) {
        const json_t *name = json_array_get(list, i);
        if (json_is_string(name))
            names[i] = ozx_parse_copy(p, json_string_value(name));
        else if (!json_is_null(name))
            ozx_parse_defect(p, NULL, "dimension_names", "has an element that is not a string");
    }
    a->dimension_names = names;
}

/* How chunks are stored is theirs to say, and none is known here. */
static void read_storage_transformers(struct ozx_parse *p, const json_t *root, struct ozx_array *a)
{
    a->has_storage_transformers =
        json_array_size(ozx_parse_list(p, NULL, root, "storage_transformers", TRANSFORMERS_MAX,
                                       OZX_OPTIONAL)) > 0;
}

const struct ozx_array *ozx_parse_array_v3(struct ozx_parse *p, const json_t *root)
{
    struct ozx_array *a = ozx_parse_alloc(p, 1, sizeof *a);

    if (!a)
        return NULL;
    a->has_shape = ozx_parse_shape(p, NULL, root, "shape", 0, &a->shape);
    a->data_type = read_data_type(p, root);
    if (a->data_type)
        a->item_size_bytes = item_size(a->data_type);
    read_grid(p, root, a);
    read_key_encoding(p, root, a);
    ozx_parse_fill_value(p, root, json_object_get(root, "data_type"), a);
    ozx_parse_codecs(p, NULL, root, "codecs", a->has_grid ? &a->chunk_shape : NULL, 0, &a->codecs);
    a->sharding = ozx_codecs_sharding(&a->codecs);
    read_storage_transformers(p, root, a);
    read_dimension_names(p, root, a);
    return a;
}

/* --- Zarr v2 ---------------------------------------------------------------------------------- */

/* The filters and the compressor, in the order in which they are applied. */
static void read_codecs_v2(struct ozx_parse *p, const json_t *root, struct ozx_array *a)
{
    const json_t *filters = ozx_parse_list(p, NULL, root, "filters", 32, OZX_OPTIONAL);
    const json_t *compressor =
        ozx_parse_field(p, NULL, root, "compressor", JSON_OBJECT, OZX_OPTIONAL);
    size_t filter_count = json_array_size(filters);
    struct ozx_codec *list = ozx_parse_alloc(p, filter_count + 1, sizeof *list);

    for (size_t i = 0; list && i <= filter_count; i++) {
        const json_t *one = i < filter_count ? json_array_get(filters, i) : compressor;
        const char *name = json_string_value(json_object_get(one, "id"));
        const char *inner = json_string_value(json_object_get(one, "cname"));
        if (!name || !*name)
            continue;
        list[a->codecs.count].name = ozx_parse_copy(p, name);
        list[a->codecs.count].label =
            inner ? ozx_parse_format(p, "%s(%s)", name, inner) : ozx_parse_copy(p, name);
        if (list[a->codecs.count].name && list[a->codecs.count].label)
            a->codecs.count++;
    }
    a->codecs.list = list;
}

const struct ozx_array *ozx_parse_array_v2(struct ozx_parse *p, const json_t *root)
{
    struct ozx_array *a = ozx_parse_alloc(p, 1, sizeof *a);

    if (!a)
        return NULL;
    a->has_shape = ozx_parse_shape(p, NULL, root, "shape", 0, &a->shape);
    read_chunk_shape(p, NULL, root, "chunks", a);
    a->data_type = data_type_v2(p, root);
    if (a->data_type)
        a->item_size_bytes = item_size(a->data_type);
    if (read_separator(p, NULL, root, "dimension_separator", '.', &a->separator))
        a->key_encoding = OZX_KEYS_V2;
    ozx_parse_fill_value(p, root, NULL, a);
    read_codecs_v2(p, root, a);
    return a;
}
