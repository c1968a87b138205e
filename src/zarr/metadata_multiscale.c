/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiscales of the OME block: axes, datasets and what their coordinateTransformations come to.
 *
 * 0.1 and 0.2 have neither: their arrays are t c z y x. The axes of 0.3 are letters; those of 0.4
 * and 0.5 are objects, and each dataset has a scale. In the drafts of 0.6 (RFC-5) a multiscale has
 * `coordinateSystems`, each with its own axes, and the datasets' transformations name the one that
 * they map to as `output`.
 */
#include <math.h>
#include <string.h>

#include "zarr/metadata_parse.h"

#define DATASETS_MAX 1024
#define TRANSFORMS_MAX 64
#define SYSTEMS_MAX 1024
#define SEQUENCE_DEPTH_MAX 4

/* --- axes ------------------------------------------------------------------------------------- */

/* The axes up to 0.3: their letters are what they are. */
static const struct ozx_axis letters[] = {
    {"t", "time", NULL},  {"c", "channel", NULL}, {"z", "space", NULL},
    {"y", "space", NULL}, {"x", "space", NULL},
};
#define LETTER_COUNT (sizeof letters / sizeof letters[0])

/* An axis of 0.3; its place in t c z y x, or that many if it is none of them. */
static size_t read_letter(struct ozx_parse *p, const struct ozx_json_path *place,
                          const json_t *json, struct ozx_axis *out)
{
    const char *name = json_string_value(json);

    for (size_t i = 0; i < LETTER_COUNT; i++)
        if (strcmp(name, letters[i].name) == 0) {
            *out = letters[i];
            return i;
        }
    ozx_parse_defect(p, place, NULL, "is '%.40s', which is not one of t, c, z, y and x", name);
    out->name = ozx_parse_copy(p, name);
    return LETTER_COUNT;
}

static void read_axis(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *json,
                      struct ozx_axis *out)
{
    if (json_is_object(json)) {
        out->name = ozx_parse_text(p, place, json, "name", OZX_REQUIRED);
        out->type = ozx_parse_text(p, place, json, "type", OZX_OPTIONAL);
        out->unit = ozx_parse_text(p, place, json, "unit", OZX_OPTIONAL);
    } else {
        ozx_parse_defect(p, place, NULL, "is not an object");
        if (json_is_string(json)) /* what it is meant to be is plain all the same */
            out->name = ozx_parse_copy(p, json_string_value(json));
    }
}

static void read_axes(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *object,
                      enum ozx_multiscale_rules rules, struct ozx_multiscale *out)
{
    const struct ozx_json_path list_place = {.up = place, .key = "axes"};
    const json_t *list = ozx_parse_list(p, place, object, "axes", OZX_DIMENSIONS_MAX, OZX_REQUIRED);
    size_t count = json_array_size(list), last = 0;
    struct ozx_axis *axes = ozx_parse_alloc(p, count, sizeof *axes);

    for (size_t i = 0; axes && i < count; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        if (rules <= OZX_MULTISCALE_0_3 && json_is_string(one)) {
            size_t letter = read_letter(p, &here, one, &axes[i]);
            if (letter < LETTER_COUNT && letter < last)
                ozx_parse_defect(p, place, "axes", "are not in the order t, c, z, y, x");
            last = letter < LETTER_COUNT ? letter + 1 : last;
        } else {
            read_axis(p, &here, one, &axes[i]);
        }
        if (!axes[i].name)
            axes[i].name = "?"; /* its place counts: the shape has a size for it */
    }
    if (list && count == 0)
        ozx_parse_defect(p, place, "axes", "is empty");
    if (!axes)
        return;
    out->axes = axes;
    out->axis_count = count;
}

/* An axis has a rank in the order that 0.4 and 0.5 ask for: time, channel (or other), space. */
static int axis_rank(const struct ozx_axis *axis)
{
    if (!axis->type || strcmp(axis->type, "array") == 0) /* 0.6: pixels, not yet anything */
        return -1;
    return strcmp(axis->type, "time") == 0 ? 0 : strcmp(axis->type, "space") == 0 ? 2 : 1;
}

static void judge_axes(struct ozx_parse *p, const struct ozx_json_path *place,
                       const struct ozx_multiscale *m)
{
    int last = -1;
    size_t space_count = 0, untyped_count = 0;

    for (size_t i = 0; i < m->axis_count; i++) {
        int rank = axis_rank(&m->axes[i]);
        space_count += rank == 2;
        untyped_count += rank < 0;
        if (rank >= 0 && rank < last) {
            ozx_parse_defect(p, place, "axes", "are not in the order time, channel, space");
            return;
        }
        last = rank >= 0 ? rank : last;
        for (size_t j = 0; j < i; j++)
            if (strcmp(m->axes[i].name, m->axes[j].name) == 0) {
                ozx_parse_defect(p, place, "axes", "name '%.40s' twice", m->axes[i].name);
                return;
            }
    }
    if (m->axis_count < 2 || m->axis_count > 5)
        ozx_parse_defect(p, place, "axes", "are %zu; an image has 2 to 5", m->axis_count);
    else if (space_count > 3 || space_count == 1 || (space_count == 0 && untyped_count == 0))
        ozx_parse_defect(p, place, "axes", "of type 'space' are %zu; an image has 2 or 3",
                         space_count);
}

/* --- transformations -------------------------------------------------------------------------- */

/* What the transformations seen so far come to. */
struct sum {
    size_t axis_count;
    bool is_strict; /* 0.4, 0.5: one scale, at most one translation, nothing else */
    double scale[OZX_DIMENSIONS_MAX], translation[OZX_DIMENSIONS_MAX];
    bool has_scale, has_translation, has_other, has_identity;
};

/* As many finite numbers as there are axes. */
static bool read_numbers(struct ozx_parse *p, const struct ozx_json_path *place,
                         const json_t *object, const char *key, size_t count,
                         double out[OZX_DIMENSIONS_MAX])
{
    const json_t *list = ozx_parse_list(p, place, object, key, OZX_DIMENSIONS_MAX, OZX_REQUIRED);

    if (!list)
        return false;
    if (json_array_size(list) != count) {
        ozx_parse_defect(p, place, key, "has %zu numbers for %zu axes", json_array_size(list),
                         count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_number(number)) {
            ozx_parse_defect(p, place, key, "has an element that is not a number");
            return false;
        }
        out[i] = json_number_value(number);
    }
    return true;
}

static void add_scale(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *json,
                      struct sum *sum)
{
    double numbers[OZX_DIMENSIONS_MAX];

    if (sum->has_translation && !sum->has_scale)
        ozx_parse_defect(p, place, NULL,
                         "is a scale after the translation; the scale must come first");
    if (sum->has_scale && sum->is_strict)
        ozx_parse_defect(p, place, NULL, "is a second scale");
    if (!read_numbers(p, place, json, "scale", sum->axis_count, numbers)) {
        sum->has_other = true;
        return;
    }
    for (size_t i = 0; i < sum->axis_count; i++) {
        if (numbers[i] == 0)
            ozx_parse_defect(p, place, "scale", "has a 0");
        sum->scale[i] = sum->has_scale ? sum->scale[i] * numbers[i] : numbers[i];
        sum->translation[i] *= numbers[i];
        sum->has_other |= !isfinite(sum->scale[i]) || !isfinite(sum->translation[i]);
    }
    sum->has_scale = true;
}

static void add_translation(struct ozx_parse *p, const struct ozx_json_path *place,
                            const json_t *json, struct sum *sum)
{
    double numbers[OZX_DIMENSIONS_MAX];

    if (sum->has_translation && sum->is_strict)
        ozx_parse_defect(p, place, NULL, "is a second translation");
    if (!read_numbers(p, place, json, "translation", sum->axis_count, numbers)) {
        sum->has_other = true;
        return;
    }
    for (size_t i = 0; i < sum->axis_count; i++) {
        sum->translation[i] += numbers[i];
        sum->has_other |= !isfinite(sum->translation[i]);
    }
    sum->has_translation = true;
}

static void add_list(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *list,
                     unsigned depth, struct sum *sum);

static void add_one(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *json,
                    unsigned depth, struct sum *sum)
{
    const struct ozx_json_path below = {.up = place, .key = "transformations"};
    const char *type =
        json_is_object(json) ? ozx_parse_text(p, place, json, "type", OZX_REQUIRED) : NULL;

    if (!json_is_object(json))
        ozx_parse_defect(p, place, NULL, "is not an object");
    if (type && strcmp(type, "scale") == 0 && !json_object_get(json, "path"))
        add_scale(p, place, json, sum);
    else if (type && strcmp(type, "translation") == 0 && !json_object_get(json, "path"))
        add_translation(p, place, json, sum);
    else if (type && strcmp(type, "sequence") == 0 && depth < SEQUENCE_DEPTH_MAX)
        add_list(p, &below,
                 ozx_parse_list(p, place, json, "transformations", TRANSFORMS_MAX, OZX_REQUIRED),
                 depth + 1, sum);
    else if (type && strcmp(type, "identity") == 0)
        sum->has_identity = true;
    else
        sum->has_other =
            true; /* a file of numbers, a matrix, a field, or no transformation at all */
    if (type && sum->is_strict && strcmp(type, "scale") != 0 && strcmp(type, "translation") != 0)
        ozx_parse_defect(p, place, "type", "is '%.40s', neither 'scale' nor 'translation'", type);
}

static void add_list(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *list,
                     unsigned depth, struct sum *sum)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct ozx_json_path here = {.up = place, .index = i};
        add_one(p, &here, json_array_get(list, i), depth, sum);
    }
}

static const double *keep(struct ozx_parse *p, const double *numbers, size_t count)
{
    double *kept = ozx_parse_alloc(p, count, sizeof *kept);

    return kept ? memcpy(kept, numbers, count * sizeof *kept) : NULL;
}

static void read_transforms(struct ozx_parse *p, const struct ozx_json_path *place,
                            const json_t *object, enum ozx_multiscale_rules rules,
                            size_t axis_count, enum ozx_need need, struct ozx_transforms *out)
{
    const struct ozx_json_path list_place = {.up = place, .key = "coordinateTransformations"};
    const json_t *list =
        ozx_parse_list(p, place, object, "coordinateTransformations", TRANSFORMS_MAX, need);
    struct sum sum = {.axis_count = axis_count, .is_strict = rules == OZX_MULTISCALE_0_4};

    out->count = json_array_size(list);
    if (!axis_count) { /* a defect already; no number can be held against the axes */
        out->has_other = out->count > 0;
        return;
    }
    add_list(p, &list_place, list, 0, &sum);
    out->has_other = sum.has_other;
    if (sum.has_scale && !sum.has_other)
        out->scale = keep(p, sum.scale, axis_count);
    if (sum.has_translation && !sum.has_other)
        out->translation = keep(p, sum.translation, axis_count);
    if (need == OZX_REQUIRED && list && !sum.has_scale && !sum.has_other &&
        !(rules == OZX_MULTISCALE_0_6 && sum.has_identity))
        ozx_parse_defect(p, place, "coordinateTransformations", "has no scale");
}

/* --- a multiscale ----------------------------------------------------------------------------- */

/* The name of the coordinate system that the first dataset is mapped to; NULL. In later drafts that
 * is an object with the name in it. */
static const char *output_of(const json_t *multiscale)
{
    const json_t *first = json_array_get(json_object_get(multiscale, "datasets"), 0);
    const json_t *transform =
        json_array_get(json_object_get(first, "coordinateTransformations"), 0);
    const json_t *output = json_object_get(transform, "output");

    return json_string_value(json_is_object(output) ? json_object_get(output, "name") : output);
}

/* The axes of the coordinate system that the levels live in (RFC-5). */
static void read_systems(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *json,
                         struct ozx_multiscale *out)
{
    const struct ozx_json_path list_place = {.up = place, .key = "coordinateSystems"};
    const json_t *list =
        ozx_parse_list(p, place, json, "coordinateSystems", SYSTEMS_MAX, OZX_REQUIRED);
    const char *wanted = output_of(json);
    struct ozx_json_path here = {.up = &list_place};

    if (json_array_size(list) == 0) {
        if (list)
            ozx_parse_defect(p, place, "coordinateSystems", "is empty");
        return;
    }
    for (size_t i = 0; wanted && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (name && strcmp(name, wanted) == 0) {
            here.index = i;
            break;
        }
    }
    read_axes(p, &here, json_array_get(list, here.index), OZX_MULTISCALE_0_6, out);
    if (out->axis_count)
        judge_axes(p, &here, out);
}

static void read_datasets(struct ozx_parse *p, const struct ozx_json_path *place,
                          const json_t *json, enum ozx_multiscale_rules rules,
                          struct ozx_multiscale *out)
{
    const struct ozx_json_path list_place = {.up = place, .key = "datasets"};
    const json_t *list = ozx_parse_list(p, place, json, "datasets", DATASETS_MAX, OZX_REQUIRED);
    size_t count = json_array_size(list);
    struct ozx_dataset *datasets = ozx_parse_alloc(p, count, sizeof *datasets);

    for (size_t i = 0; datasets && i < count; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        struct ozx_dataset *to = &datasets[out->dataset_count];
        if (!json_is_object(one)) {
            ozx_parse_defect(p, &here, NULL, "is not an object");
            continue;
        }
        to->path = ozx_parse_text(p, &here, one, "path", OZX_REQUIRED);
        if (!to->path)
            continue;
        read_transforms(p, &here, one, rules, out->axis_count,
                        rules >= OZX_MULTISCALE_0_4 ? OZX_REQUIRED : OZX_OPTIONAL, &to->transforms);
        out->dataset_count++;
    }
    if (list && count == 0)
        ozx_parse_defect(p, place, "datasets", "is empty");
    out->datasets = datasets;
}

void ozx_parse_multiscale(struct ozx_parse *p, const struct ozx_json_path *place,
                          const json_t *json, enum ozx_multiscale_rules rules,
                          struct ozx_multiscale *out)
{
    bool has_axes = json_object_get(json, "axes") != NULL;

    out->name = ozx_parse_text(p, place, json, "name", OZX_OPTIONAL);
    out->type = ozx_parse_text(p, place, json, "type", OZX_OPTIONAL);
    /* Drafts of 0.6 were written as 0.5, and as 0.6 there are multiscales that are still of 0.5. */
    if (json_object_get(json, "coordinateSystems") || (rules == OZX_MULTISCALE_0_6 && !has_axes)) {
        out->systems = ozx_parse_system_names(p, place, json, &out->system_count);
        read_systems(p, place, json, out);
        read_datasets(p, place, json, OZX_MULTISCALE_0_6, out);
        return; /* what else is there maps between systems: not all levels together */
    }
    if (rules == OZX_MULTISCALE_0_6)
        rules = OZX_MULTISCALE_0_4;
    if (rules == OZX_MULTISCALE_0_1 && !has_axes) {
        out->axes = letters;
        out->axis_count = LETTER_COUNT;
        out->axes_implied = true;
    } else {
        read_axes(p, place, json, rules, out);
    }
    if (out->axis_count && rules == OZX_MULTISCALE_0_4)
        judge_axes(p, place, out);
    read_datasets(p, place, json, rules, out);
    read_transforms(p, place, json, rules, out->axis_count, OZX_OPTIONAL, &out->transforms);
}
