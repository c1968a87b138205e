/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory, defects and checked fields for the metadata parser.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zarr/metadata_memory.h"
#include "zarr/metadata_parse.h"

/* --- memory ----------------------------------------------------------------------------------- */

void *ozx_parse_alloc(struct ozx_parse *p, size_t count, size_t size_bytes)
{
    void *room = ozx_metadata_memory_get(p->memory, count ? count : 1, size_bytes);

    if (!room)
        p->no_memory = true;
    return room;
}

const char *ozx_parse_copy(struct ozx_parse *p, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = ozx_parse_alloc(p, size, 1);

    return copy ? memcpy(copy, text, size) : NULL;
}

const char *ozx_parse_format(struct ozx_parse *p, const char *format, ...)
{
    OZX_AUTO_FREE char *text = NULL;
    va_list args;
    int size;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        text = NULL;
        p->no_memory = true;
        return NULL;
    }
    return ozx_parse_copy(p, text);
}

/* --- defects ---------------------------------------------------------------------------------- */

/* Writes the place from its root on; keys are untrusted where a caller put them there. */
static size_t write_place(const struct ozx_json_path *place, char *out, size_t size)
{
    char key[64];
    size_t used;
    int put;

    if (!place)
        return 0;
    used = write_place(place->up, out, size);
    if (place->key)
        put = snprintf(out + used, size - used, "%s%s", used ? "." : "",
                       ozx_escape(key, sizeof key, place->key, strlen(place->key)));
    else
        put = snprintf(out + used, size - used, "[%zu]", place->index);
    return put < 0 || (size_t)put >= size - used ? size - 1 : used + (size_t)put;
}

void ozx_parse_defect(struct ozx_parse *p, const struct ozx_json_path *place, const char *key,
                      const char *format, ...)
{
    const struct ozx_json_path last = {.up = place, .key = key};
    char where[192] = "", text[192], escaped[OZX_ESCAPED_SIZE];
    struct ozx_defect *defect;
    va_list args;

    p->defect_total++;
    if (p->defect_count == OZX_DEFECTS_MAX)
        return;
    if (!p->defects) /* most files have none */
        p->defects = ozx_parse_alloc(p, OZX_DEFECTS_MAX, sizeof *p->defects);
    if (!p->defects)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ozx_escape(escaped, sizeof escaped, text, strlen(text));
    write_place(key ? &last : place, where, sizeof where);
    defect = &p->defects[p->defect_count];
    defect->part = p->part;
    defect->where = ozx_parse_copy(p, where);
    defect->text = ozx_parse_copy(p, escaped);
    if (defect->where && defect->text)
        p->defect_count++;
}

/* --- fields ----------------------------------------------------------------------------------- */

static const char *type_name(json_type type)
{
    return type == JSON_OBJECT  ? "not an object"
           : type == JSON_ARRAY ? "not a list"
                                : "not a string";
}

const json_t *ozx_parse_field(struct ozx_parse *p, const struct ozx_json_path *place,
                              const json_t *object, const char *key, json_type type,
                              enum ozx_need need)
{
    const json_t *field = json_object_get(object, key);

    if (!field || json_is_null(field)) {
        if (need == OZX_REQUIRED)
            ozx_parse_defect(p, place, key, "is missing");
        return NULL;
    }
    if (json_typeof(field) != type) {
        ozx_parse_defect(p, place, key, "is %s", type_name(type));
        return NULL;
    }
    return field;
}

const json_t *ozx_parse_list(struct ozx_parse *p, const struct ozx_json_path *place,
                             const json_t *object, const char *key, size_t max, enum ozx_need need)
{
    const json_t *list = ozx_parse_field(p, place, object, key, JSON_ARRAY, need);

    if (json_array_size(list) > max) {
        ozx_parse_defect(p, place, key, "has %zu elements, more than %zu", json_array_size(list),
                         max);
        return NULL;
    }
    return list;
}

const char *ozx_parse_text(struct ozx_parse *p, const struct ozx_json_path *place,
                           const json_t *object, const char *key, enum ozx_need need)
{
    const char *text = json_string_value(ozx_parse_field(p, place, object, key, JSON_STRING, need));

    if (text && !*text) {
        if (need == OZX_REQUIRED)
            ozx_parse_defect(p, place, key, "is empty");
        return NULL;
    }
    return text ? ozx_parse_copy(p, text) : NULL;
}

bool ozx_parse_number(const struct ozx_parse *p, const json_t *json, uint64_t *out)
{
    double real = json_real_value(json);

    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        *out = (uint64_t)json_integer_value(json);
        return true;
    }
    /* Up to 2^53 a real is exact. */
    if (p->integers_are_real && json_is_real(json) && real >= 0 && real <= 0x1p53 &&
        (double)(uint64_t)real == real) {
        *out = (uint64_t)real;
        return true;
    }
    return false;
}

bool ozx_parse_uint(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                    const char *key, uint64_t max, enum ozx_need need, uint64_t *out)
{
    const json_t *field = json_object_get(object, key);
    uint64_t value;

    if (!field || json_is_null(field)) {
        if (need == OZX_REQUIRED)
            ozx_parse_defect(p, place, key, "is missing");
        return false;
    }
    if (!ozx_parse_number(p, field, &value) || value > max) {
        ozx_parse_defect(p, place, key, "is not a non-negative integer in the valid range");
        return false;
    }
    *out = value;
    return true;
}

bool ozx_parse_shape(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                     const char *key, uint64_t minimum, struct ozx_shape *out)
{
    const json_t *list = ozx_parse_list(p, place, object, key, OZX_DIMENSIONS_MAX, OZX_REQUIRED);
    struct ozx_shape shape = {.count = (uint32_t)json_array_size(list)};

    if (!list)
        return false;
    for (uint32_t i = 0; i < shape.count; i++)
        if (!ozx_parse_number(p, json_array_get(list, i), &shape.sizes[i]) ||
            shape.sizes[i] < minimum) {
            ozx_parse_defect(p, place, key, "has a size that is not an integer of %d or more",
                             (int)minimum);
            return false;
        }
    *out = shape;
    return true;
}
