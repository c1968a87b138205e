/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The OME block but for its multiscales and scenes: labels, omero, plate, well, bioformats2raw.
 */
#include <string.h>

#include "zarr/metadata_parse.h"

#define MULTISCALES_MAX 1024
#define CHANNELS_MAX 65536
#define PATHS_MAX (1u << 20) /* of wells, fields, labels, series */

/* --- lists ------------------------------------------------------------------------------------ */

/* The texts of a list; an element may be the text, or (member not NULL) an object that has it. */
static const char *const *read_texts(struct ozx_parse *p, const struct ozx_json_path *place,
                                     const json_t *object, const char *key, const char *member,
                                     size_t *count)
{
    const struct ozx_json_path list_place = {.up = place, .key = key};
    const json_t *list = ozx_parse_list(p, place, object, key, PATHS_MAX, OZX_REQUIRED);
    size_t size = json_array_size(list), kept = 0;
    const char **texts = ozx_parse_alloc(p, size, sizeof *texts);

    for (size_t i = 0; texts && i < size; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        if (member && json_is_object(one))
            texts[kept] = ozx_parse_text(p, &here, one, member, OZX_REQUIRED);
        else if (!member && json_string_length(one))
            texts[kept] = ozx_parse_copy(p, json_string_value(one));
        else
            ozx_parse_defect(p, &here, NULL, member ? "is not an object" : "is not a string");
        kept += texts[kept] != NULL;
    }
    *count = kept;
    return texts;
}

/* --- plate and well --------------------------------------------------------------------------- */

static uint32_t read_index(struct ozx_parse *p, const struct ozx_json_path *place,
                           const json_t *json, const char *key, size_t count)
{
    uint64_t index;

    if (!ozx_parse_uint(p, place, json, key, UINT32_MAX - 1, OZX_REQUIRED, &index))
        return UINT32_MAX;
    if (index >= count) {
        ozx_parse_defect(p, place, key, "is %llu, there are %zu", (unsigned long long)index, count);
        return UINT32_MAX;
    }
    return (uint32_t)index;
}

static void read_wells(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *json,
                       bool has_indices, struct ozx_plate *plate)
{
    const struct ozx_json_path list_place = {.up = place, .key = "wells"};
    const json_t *list = ozx_parse_list(p, place, json, "wells", PATHS_MAX, OZX_REQUIRED);
    size_t size = json_array_size(list);
    struct ozx_well_reference *wells = ozx_parse_alloc(p, size, sizeof *wells);

    for (size_t i = 0; wells && i < size; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        struct ozx_well_reference *well = &wells[plate->well_count];
        if (!json_is_object(one)) {
            ozx_parse_defect(p, &here, NULL, "is not an object");
            continue;
        }
        well->path = ozx_parse_text(p, &here, one, "path", OZX_REQUIRED);
        well->row = well->column = UINT32_MAX;
        if (has_indices) { /* they came with 0.4 */
            well->row = read_index(p, &here, one, "rowIndex", plate->row_count);
            well->column = read_index(p, &here, one, "columnIndex", plate->column_count);
        }
        plate->well_count += well->path != NULL;
    }
    plate->wells = wells;
}

static const struct ozx_plate *read_plate(struct ozx_parse *p, const struct ozx_json_path *up,
                                          const json_t *json, bool has_indices)
{
    const struct ozx_json_path place = {.up = up, .key = "plate"};
    struct ozx_plate *plate = ozx_parse_alloc(p, 1, sizeof *plate);

    if (!plate)
        return NULL;
    plate->name = ozx_parse_text(p, &place, json, "name", OZX_OPTIONAL);
    plate->rows = read_texts(p, &place, json, "rows", "name", &plate->row_count);
    plate->columns = read_texts(p, &place, json, "columns", "name", &plate->column_count);
    plate->acquisition_count =
        json_array_size(ozx_parse_list(p, &place, json, "acquisitions", PATHS_MAX, OZX_OPTIONAL));
    plate->has_field_count = ozx_parse_uint(p, &place, json, "field_count", INT64_MAX, OZX_OPTIONAL,
                                            &plate->field_count);
    read_wells(p, &place, json, has_indices, plate);
    return plate;
}

static const struct ozx_well *read_well(struct ozx_parse *p, const struct ozx_json_path *up,
                                        const json_t *json)
{
    const struct ozx_json_path place = {.up = up, .key = "well"};
    struct ozx_well *well = ozx_parse_alloc(p, 1, sizeof *well);

    if (well)
        well->images = read_texts(p, &place, json, "images", "path", &well->image_count);
    return well;
}

/* --- omero ------------------------------------------------------------------------------------ */

static const char *read_color(struct ozx_parse *p, const struct ozx_json_path *place,
                              const json_t *json)
{
    const char *color = ozx_parse_text(p, place, json, "color", OZX_REQUIRED);

    if (color && (strlen(color) != 6 || strspn(color, "0123456789abcdefABCDEF") != 6)) {
        ozx_parse_defect(p, place, "color", "is not six hexadecimal digits");
        return NULL;
    }
    return color;
}

static void read_omero(struct ozx_parse *p, const struct ozx_json_path *up, const json_t *json,
                       struct ozx_ome *ome)
{
    const struct ozx_json_path place = {.up = up, .key = "omero"};
    const struct ozx_json_path list_place = {.up = &place, .key = "channels"};
    const json_t *list = ozx_parse_list(p, &place, json, "channels", CHANNELS_MAX, OZX_REQUIRED);
    size_t size = json_array_size(list);
    struct ozx_channel *channels = ozx_parse_alloc(p, size, sizeof *channels);

    ome->has_omero = true;
    for (size_t i = 0; channels && i < size; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        if (!json_is_object(one)) {
            ozx_parse_defect(p, &here, NULL, "is not an object");
            continue; /* the channel is there, with nothing known of it */
        }
        channels[i].label = ozx_parse_text(p, &here, one, "label", OZX_OPTIONAL);
        channels[i].color = read_color(p, &here, one);
        channels[i].is_active = json_is_true(json_object_get(one, "active"));
    }
    ome->channels = channels;
    ome->channel_count = channels ? size : 0;
}

/* --- the block -------------------------------------------------------------------------------- */

/* Zarr v2 came with 0.1 to 0.4, and a multiscale has a version of its own; one that has none goes
 * by what it has. Zarr v3 came with 0.5. */
static enum ozx_multiscale_rules rules_of(const json_t *multiscale, const struct ozx_ome *ome,
                                          bool is_v2)
{
    const char *own = json_string_value(json_object_get(multiscale, "version"));
    const char *version = is_v2 && own && *own ? own : ome->version;
    const json_t *axes = json_object_get(multiscale, "axes");

    if (!is_v2)
        return version && strncmp(version, "0.", 2) == 0 && strtoul(version + 2, NULL, 10) >= 6
                   ? OZX_MULTISCALE_0_6
                   : OZX_MULTISCALE_0_4;
    if (!version)
        return !axes                                     ? OZX_MULTISCALE_0_1
               : json_is_string(json_array_get(axes, 0)) ? OZX_MULTISCALE_0_3
                                                         : OZX_MULTISCALE_0_4;
    return strcmp(version, "0.1") == 0 || strcmp(version, "0.2") == 0 ? OZX_MULTISCALE_0_1
           : strcmp(version, "0.3") == 0                              ? OZX_MULTISCALE_0_3
                                                                      : OZX_MULTISCALE_0_4;
}

static void read_multiscales(struct ozx_parse *p, const struct ozx_json_path *place,
                             const json_t *block, bool is_v2, struct ozx_ome *ome)
{
    const struct ozx_json_path list_place = {.up = place, .key = "multiscales"};
    const json_t *list =
        ozx_parse_list(p, place, block, "multiscales", MULTISCALES_MAX, OZX_REQUIRED);
    size_t size = json_array_size(list);
    struct ozx_multiscale *multiscales = ozx_parse_alloc(p, size, sizeof *multiscales);

    if (list && size == 0)
        ozx_parse_defect(p, place, "multiscales", "is empty");
    for (size_t i = 0; multiscales && i < size; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        if (json_is_object(one))
            ozx_parse_multiscale(p, &here, one, rules_of(one, ome, is_v2),
                                 &multiscales[ome->multiscale_count++]);
        else
            ozx_parse_defect(p, &here, NULL, "is not an object");
    }
    ome->multiscales = multiscales;
}

/* Zarr v2 has no version of the block: each part has its own. */
static const char *version_v2(struct ozx_parse *p, const json_t *block)
{
    const json_t *parts[] = {json_array_get(json_object_get(block, "multiscales"), 0),
                             json_object_get(block, "plate"), json_object_get(block, "well"),
                             json_object_get(block, "image-label")};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *version = json_string_value(json_object_get(parts[i], "version"));
        if (version && *version)
            return ozx_parse_copy(p, version);
    }
    return NULL;
}

static void read_bioformats2raw(struct ozx_parse *p, const struct ozx_json_path *place,
                                const json_t *block, struct ozx_ome *ome)
{
    uint64_t layout;

    ome->has_bioformats2raw =
        ozx_parse_uint(p, place, block, "bioformats2raw.layout", INT32_MAX, OZX_REQUIRED, &layout);
    if (!ome->has_bioformats2raw)
        return;
    ome->bioformats2raw = (int64_t)layout;
    if (layout != 3)
        ozx_parse_defect(p, place, "bioformats2raw.layout", "is %lld; only 3 is supported",
                         (long long)layout);
}

static void read_paths(struct ozx_parse *p, const struct ozx_json_path *place, const json_t *block,
                       struct ozx_ome *ome)
{
    ome->has_labels = json_is_array(json_object_get(block, "labels"));
    if (json_object_get(block, "labels"))
        ome->labels = read_texts(p, place, block, "labels", NULL, &ome->label_count);
    ome->has_series = json_is_array(json_object_get(block, "series"));
    if (json_object_get(block, "series"))
        ome->series = read_texts(p, place, block, "series", NULL, &ome->series_count);
}

const struct ozx_ome *ozx_parse_ome(struct ozx_parse *p, const struct ozx_json_path *place,
                                    const json_t *block, bool is_v2)
{
    struct ozx_ome *ome = ozx_parse_alloc(p, 1, sizeof *ome);
    const json_t *part;

    if (!ome)
        return NULL;
    ome->version =
        is_v2 ? version_v2(p, block) : ozx_parse_text(p, place, block, "version", OZX_REQUIRED);
    if (json_object_get(block, "multiscales"))
        read_multiscales(p, place, block, is_v2, ome);
    if ((part = json_object_get(block, "omero")) != NULL && !json_is_null(part))
        read_omero(p, place, part, ome);
    if ((part = json_object_get(block, "plate")) != NULL && !json_is_null(part))
        ome->plate =
            read_plate(p, place, part, !is_v2 || !ome->version || strcmp(ome->version, "0.4") >= 0);
    if ((part = json_object_get(block, "well")) != NULL && !json_is_null(part))
        ome->well = read_well(p, place, part);
    if ((part = json_object_get(block, "scene")) != NULL && !json_is_null(part))
        ome->scene = ozx_parse_scene(p, place, part);
    ome->has_image_label = json_is_object(json_object_get(block, "image-label"));
    if (json_object_get(block, "bioformats2raw.layout"))
        read_bioformats2raw(p, place, block, ome);
    read_paths(p, place, block, ome);
    return ome;
}
