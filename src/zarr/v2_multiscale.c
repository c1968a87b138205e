/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What versions before 0.4 leave to their readers is written out:
 *
 *           axes            scale of a level
 *     0.1   t c z y x       the shape of level 0 divided by its own
 *     0.2   t c z y x       as above
 *     0.3   ["z","y","x"]   as above
 *     0.4   objects         stated
 *
 * All else is copied.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zarr/v2_ome.h"

#define PATH_ROOM 4096

/* One multiscale while it is written. */
struct scaling {
    const struct ozx_v2_levels *levels;
    size_t index;
    bool is_old; /* its version leaves scales to the reader */
    bool has_axes, has_letters;
    struct ozx_shape level0; /* if it is old */
    struct ozx_text *out;
    struct ozx_v2_report *report;
    struct ozx_error *error;
};

static const struct letter {
    const char *name, *type;
} letters[] = {{"t", "time"}, {"c", "channel"}, {"z", "space"}, {"y", "space"}, {"x", "space"}};
#define LETTERS (sizeof letters / sizeof letters[0])

bool ozx_v2_put_members(const struct ozx_v2_value *object, const char *without, bool any,
                        struct ozx_text *out)
{
    struct ozx_json_cursor cursor = ozx_json_within(object->text, object->range);
    struct ozx_json_member member;

    if (!ozx_json_enter(&cursor, '{'))
        return any;
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        if (ozx_json_is(object->text, member.key, without))
            continue;
        ozx_text_put(out, any ? "," : "");
        ozx_text_add(out, object->text + member.start, member.value.to - member.start);
        any = true;
    }
    return any;
}

bool ozx_v2_first_level(const struct ozx_v2_value *multiscale, char *path, size_t room_bytes)
{
    struct ozx_v2_value list, first = {.text = multiscale->text}, value;
    struct ozx_json_cursor cursor;

    if (!ozx_v2_find(multiscale, "datasets", &list))
        return false;
    cursor = ozx_json_within(list.text, list.range);
    return ozx_json_enter(&cursor, '[') &&
           ozx_json_next_element(&cursor, &first.range) == OZX_JSON_ITEM &&
           ozx_v2_find(&first, "path", &value) && ozx_v2_string(&value, path, room_bytes);
}

/* --- axes ------------------------------------------------------------------------------------- */

static void put_axis(struct scaling *s, const struct letter *letter)
{
    ozx_text_format(s->out, "{\"name\":\"%s\",\"type\":\"%s\"}", letter->name, letter->type);
}

/* The last of t c z y x. */
static void put_implied_axes(struct scaling *s)
{
    ozx_text_put(s->out, ",\"axes\":[");
    for (size_t i = LETTERS - s->level0.count; i < LETTERS; i++) {
        put_axis(s, &letters[i]);
        ozx_text_put(s->out, i + 1 < LETTERS ? "," : "");
    }
    ozx_text_put(s->out, "]");
    s->report->said |= OZX_V2_AXES_IMPLIED;
}

static void put_typed_axes(struct scaling *s, const struct ozx_v2_value *axes)
{
    struct ozx_json_cursor cursor = ozx_json_within(axes->text, axes->range);
    struct ozx_v2_value axis = {.text = axes->text};
    bool any = false;

    ozx_text_put(s->out, "[");
    (void)ozx_json_enter(&cursor, '[');
    while (ozx_json_next_element(&cursor, &axis.range) == OZX_JSON_ITEM) {
        char name[8];
        size_t i = LETTERS;

        ozx_text_put(s->out, any ? "," : "");
        any = true;
        if (ozx_v2_string(&axis, name, sizeof name))
            for (i = 0; i < LETTERS && strcmp(letters[i].name, name) != 0; i++)
                ;
        if (i < LETTERS) {
            put_axis(s, &letters[i]);
        } else { /* a name of its own */
            ozx_text_put(s->out, "{\"name\":");
            ozx_v2_copy(s->out, &axis);
            ozx_text_put(s->out, "}");
        }
    }
    ozx_text_put(s->out, "]");
    s->report->said |= OZX_V2_AXES_TYPED;
}

/* True if `axes` is a list of strings; `*count` of them. */
static bool are_letters(const struct ozx_v2_value *axes, uint32_t *count)
{
    struct ozx_json_cursor cursor = ozx_json_within(axes->text, axes->range);
    struct ozx_v2_value axis = {.text = axes->text};

    *count = 0;
    if (!ozx_json_enter(&cursor, '['))
        return false;
    while (ozx_json_next_element(&cursor, &axis.range) == OZX_JSON_ITEM) {
        if (ozx_v2_first(&axis) != '"' || *count == OZX_DIMENSIONS_MAX)
            return false;
        ++*count;
    }
    return *count > 0;
}

/* --- levels ----------------------------------------------------------------------------------- */

static int find_level(const struct scaling *s, const char *path, size_t dataset,
                      struct ozx_shape *shape)
{
    char escaped[OZX_ESCAPED_SIZE];
    int found = s->levels->shape_of(s->levels->context, path, shape, s->error);

    if (found)
        return found < 0 ? found : 0;
    return OZX_V2_REFUSE(
        s->error,
        "multiscales[%zu].datasets[%zu]: there is no array '%s', whose shape would "
        "give its scale",
        s->index, dataset, ozx_escape(escaped, sizeof escaped, path, strlen(path)));
}

static int put_scale(struct scaling *s, const struct ozx_v2_value *dataset, size_t number)
{
    char path[PATH_ROOM];
    struct ozx_v2_value value;
    struct ozx_shape shape;
    int failure;

    if (!ozx_v2_find(dataset, "path", &value) || !ozx_v2_string(&value, path, sizeof path))
        return OZX_V2_REFUSE(s->error, "multiscales[%zu].datasets[%zu].path: is missing", s->index,
                             number);
    failure = find_level(s, path, number, &shape);
    if (failure)
        return failure;
    if (shape.count != s->level0.count)
        return OZX_V2_REFUSE(
            s->error, "multiscales[%zu].datasets[%zu]: has %u dimensions, the first level %u",
            s->index, number, shape.count, s->level0.count);
    ozx_text_put(s->out, "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[");
    for (uint32_t i = 0; i < shape.count; i++) {
        double scale = shape.sizes[i] && s->level0.sizes[i]
                           ? (double)s->level0.sizes[i] / (double)shape.sizes[i]
                           : 1;
        ozx_text_put(s->out, i ? "," : "");
        ozx_text_number(s->out, scale);
    }
    ozx_text_put(s->out, "]}]");
    s->report->said |= OZX_V2_SCALES;
    return 0;
}

static int put_datasets(struct scaling *s, const struct ozx_v2_value *list)
{
    struct ozx_json_cursor cursor = ozx_json_within(list->text, list->range);
    struct ozx_v2_value dataset = {.text = list->text}, value;

    if (!ozx_json_enter(&cursor, '[')) {
        ozx_v2_copy(s->out, list);
        return 0;
    }
    ozx_text_put(s->out, "[");
    for (size_t i = 0; ozx_json_next_element(&cursor, &dataset.range) == OZX_JSON_ITEM; i++) {
        int failure;

        ozx_text_put(s->out, i ? "," : "");
        if (!s->is_old || ozx_v2_first(&dataset) != '{' ||
            ozx_v2_find(&dataset, "coordinateTransformations", &value)) {
            ozx_v2_copy(s->out, &dataset);
            continue;
        }
        ozx_text_put(s->out, "{");
        if (ozx_v2_put_members(&dataset, "coordinateTransformations", false, s->out))
            ozx_text_put(s->out, ",");
        failure = put_scale(s, &dataset, i);
        if (failure)
            return failure;
        ozx_text_put(s->out, "}");
    }
    ozx_text_put(s->out, "]");
    return 0;
}

/* --- a multiscale ----------------------------------------------------------------------------- */

/* What the version leaves open, and the first level's shape if that is needed. */
static int judge(struct scaling *s, const struct ozx_v2_value *multiscale)
{
    struct ozx_v2_value version, axes;
    char stated[16] = "", path[PATH_ROOM];
    uint32_t count = 0;
    int failure;

    if (ozx_v2_find(multiscale, "version", &version))
        (void)ozx_v2_string(&version, stated, sizeof stated);
    s->has_axes = ozx_v2_find(multiscale, "axes", &axes);
    s->has_letters = s->has_axes && are_letters(&axes, &count);
    s->is_old = s->has_letters || (!s->has_axes && (!stated[0] || strcmp(stated, "0.1") == 0 ||
                                                    strcmp(stated, "0.2") == 0));
    if (!s->is_old)
        return 0;
    if (!ozx_v2_first_level(multiscale, path, sizeof path))
        return OZX_V2_REFUSE(s->error, "multiscales[%zu].datasets: has no path of a first level",
                             s->index);
    failure = find_level(s, path, 0, &s->level0);
    if (failure)
        return failure;
    if (!s->has_axes && (s->level0.count < 2 || s->level0.count > LETTERS))
        return OZX_V2_REFUSE(s->error,
                             "multiscales[%zu]: states no axes, and its arrays have %u dimensions, "
                             "where t, c, z, y, x are 2 to 5",
                             s->index, s->level0.count);
    if (s->has_axes && count != s->level0.count)
        return OZX_V2_REFUSE(s->error,
                             "multiscales[%zu].axes: are %u, its arrays have %u dimensions",
                             s->index, count, s->level0.count);
    return 0;
}

int ozx_v2_put_multiscale(const struct ozx_v2_value *multiscale, size_t index,
                          const struct ozx_v2_levels *levels, struct ozx_text *out,
                          struct ozx_v2_report *report, struct ozx_error *error)
{
    struct scaling s = {
        .levels = levels, .index = index, .out = out, .report = report, .error = error};
    struct ozx_json_cursor cursor = ozx_json_within(multiscale->text, multiscale->range);
    struct ozx_json_member member;
    bool any = false;
    int failure = 0;

    if (!ozx_json_enter(&cursor, '{')) { /* nothing to anybody */
        ozx_v2_copy(out, multiscale);
        return 0;
    }
    failure = judge(&s, multiscale);
    ozx_text_put(out, "{");
    while (!failure && ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        const struct ozx_v2_value value = {multiscale->text, member.value};

        if (ozx_json_is(value.text, member.key, "version") ||
            (!s.has_axes && ozx_json_is(value.text, member.key, "axes"))) /* null */
            continue;
        ozx_text_put(out, any ? "," : "");
        any = true;
        ozx_text_add(out, value.text + member.start, member.value.from - member.start);
        if (s.has_letters && ozx_json_is(value.text, member.key, "axes"))
            put_typed_axes(&s, &value);
        else if (ozx_json_is(value.text, member.key, "datasets"))
            failure = put_datasets(&s, &value);
        else
            ozx_v2_copy(out, &value);
    }
    if (!failure && s.is_old && !s.has_axes)
        put_implied_axes(&s); /* behind `datasets`, at least */
    ozx_text_put(out, "}");
    return failure;
}
