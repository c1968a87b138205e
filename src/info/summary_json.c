/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The summary for programs. ozxfs-info(1) documents the fields; a field that changes its meaning or
 * goes away makes a new number of `schema`, one that is added does not.
 */
#include <math.h>
#include <string.h>

#include "info/summary.h"
#include "zarr/jansson.h"

#define SCHEMA 1

struct writer {
    const struct ozx_archive *archive;
    bool failed; /* sticky: no memory */
};

/* --- values ----------------------------------------------------------------------------------- */

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        w->failed = true;
}

static void append(struct writer *w, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) < 0)
        w->failed = true;
}

/* What does not fit JSON's usual integers is not a number of anything real. */
static json_t *number(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

/* A text of the metadata, or one of ours that may have been cut inside a character. */
static json_t *text(const char *value)
{
    char escaped[2048];

    if (!value)
        return json_null();
    if (ozx_utf8_valid(value, strlen(value)))
        return json_string(value);
    return json_string(ozx_escape_message(escaped, sizeof escaped, value));
}

static json_t *sizes(struct writer *w, const struct ozx_shape *shape)
{
    json_t *list = shape ? json_array() : json_null();

    for (uint32_t i = 0; shape && i < shape->count; i++)
        append(w, list, number(shape->sizes[i]));
    return list;
}

static json_t *texts(struct writer *w, const char *const *values, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        append(w, list, text(values[i]));
    return list;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted_texts(struct writer *w, const char *const *values, size_t count)
{
    OZX_AUTO_FREE const char **sorted = calloc(count + 1, sizeof *sorted);

    if (!sorted)
        return NULL;
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_texts);
    return texts(w, sorted, count);
}

/* --- arrays and levels ------------------------------------------------------------------------ */

static json_t *codec_labels(struct writer *w, const struct ozx_codecs *codecs)
{
    json_t *list = json_array();

    for (size_t i = 0; i < codecs->count; i++)
        append(w, list, text(codecs->list[i].label));
    return list;
}

/* Each level of sharding, from the file's on inwards. */
static json_t *shards_of(struct writer *w, const struct ozx_array *a)
{
    const struct ozx_shape *shape = a->has_grid ? &a->chunk_shape : NULL;
    const struct ozx_codecs *codecs = &a->codecs;
    json_t *list = json_array();

    for (const struct ozx_sharding *s = a->sharding; s; s = s->inner) {
        json_t *shard = json_object();
        set(w, shard, "shape", sizes(w, shape));
        set(w, shard, "codecs", codec_labels(w, codecs));
        set(w, shard, "index_codecs", codec_labels(w, &s->index_codecs));
        set(w, shard, "index_location", json_string(s->index_at_start ? "start" : "end"));
        append(w, list, shard);
        shape = &s->chunk_shape;
        codecs = &s->codecs;
    }
    return list;
}

static void set_array(struct writer *w, json_t *object, const struct ozx_metadata *metadata)
{
    const struct ozx_array *a = metadata->array;
    static const char *const encodings[] = {
        [OZX_KEYS_UNKNOWN] = NULL, [OZX_KEYS_DEFAULT] = "default", [OZX_KEYS_V2] = "v2"};

    set(w, object, "zarr_format", json_integer(metadata->zarr_format));
    set(w, object, "shape", sizes(w, a->has_shape ? &a->shape : NULL));
    set(w, object, "data_type", text(a->data_type));
    set(w, object, "chunk_shape", sizes(w, ozx_summary_chunk_shape(a)));
    set(w, object, "shard_shape", sizes(w, a->sharding && a->has_grid ? &a->chunk_shape : NULL));
    set(w, object, "shards", shards_of(w, a));
    set(w, object, "codecs", codec_labels(w, ozx_summary_chunk_codecs(a)));
    set(w, object, "fill_value", text(a->fill_value));
    set(w, object, "chunk_key_encoding", text(encodings[a->key_encoding]));
    set(w, object, "chunk_keys", number(ozx_array_chunk_count(a)));
    set(w, object, "dimension_names",
        a->dimension_names ? texts(w, a->dimension_names, a->shape.count) : json_null());
}

/* Both transformations together: first the dataset's, then that of all levels. */
static void set_transforms(struct writer *w, json_t *object, const struct ozx_multiscale *m,
                           size_t k)
{
    const struct ozx_transforms *own = &m->datasets[k].transforms, *all = &m->transforms;
    json_t *scale = json_array(), *translation = json_array();
    bool known = own->scale && !own->has_other && !all->has_other;

    for (size_t i = 0; known && i < m->axis_count; i++) {
        double size = ozx_summary_pixel_size(m, k, i);
        double offset = own->translation ? own->translation[i] : 0;
        if (all->scale)
            offset *= all->scale[i];
        if (all->translation)
            offset += all->translation[i];
        known = isfinite(size) && isfinite(offset);
        append(w, scale, json_real(known ? size : 0));
        append(w, translation, json_real(known ? offset : 0));
    }
    set(w, object, "scale", known ? json_incref(scale) : json_null());
    set(w, object, "translation", known ? json_incref(translation) : json_null());
    json_decref(scale);
    json_decref(translation);
}

static json_t *defects_of(struct writer *w, const struct ozx_metadata *metadata)
{
    json_t *list = json_array();

    for (size_t i = 0; i < metadata->defect_count; i++) {
        json_t *defect = json_object();
        set(w, defect, "part",
            json_string(metadata->defects[i].part == OZX_PART_OME ? "ome" : "zarr"));
        set(w, defect, "where", text(metadata->defects[i].where));
        set(w, defect, "text", text(metadata->defects[i].text));
        append(w, list, defect);
    }
    return list;
}

static json_t *level_of(struct writer *w, const struct ozx_multiscale *m, size_t k,
                        const struct ozx_summary_level *level)
{
    json_t *object = json_object();

    set(w, object, "path", text(m->datasets[k].path));
    set(w, object, "bytes", number(level->bytes));
    set(w, object, "chunk_files", number(level->chunk_files));
    set(w, object, "problem", text(level->problem));
    set(w, object, "missing", json_boolean(level->is_missing));
    set_transforms(w, object, m, k);
    set(w, object, "defects", level->metadata ? defects_of(w, level->metadata) : json_array());
    if (level->metadata)
        set_array(w, object, level->metadata);
    return object;
}

static json_t *axes_of(struct writer *w, const struct ozx_multiscale *m,
                       const struct ozx_summary_level *first)
{
    size_t count;
    const struct ozx_axis *axes = ozx_summary_axes(m, first, &count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *axis = json_object();
        set(w, axis, "name", text(axes[i].name));
        set(w, axis, "type", text(axes[i].type));
        set(w, axis, "unit", text(axes[i].unit));
        append(w, list, axis);
    }
    return list;
}

static json_t *multiscales_of(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;
    const struct ozx_summary_level *level = node->levels;
    json_t *list = json_array();

    for (size_t i = 0; i < ome->multiscale_count; i++) {
        const struct ozx_multiscale *m = &ome->multiscales[i];
        json_t *object = json_object(), *levels = json_array();
        set(w, object, "name", text(m->name));
        set(w, object, "type", text(m->type));
        set(w, object, "axes", axes_of(w, m, m->dataset_count ? level : NULL));
        for (size_t k = 0; k < m->dataset_count; k++)
            append(w, levels, level_of(w, m, k, level++));
        set(w, object, "levels", levels);
        append(w, list, object);
    }
    return list;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static json_t *channels_of(struct writer *w, const struct ozx_ome *ome)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ome->channel_count; i++) {
        json_t *channel = json_object();
        set(w, channel, "label", text(ome->channels[i].label));
        set(w, channel, "color", text(ome->channels[i].color));
        set(w, channel, "active", json_boolean(ome->channels[i].is_active));
        append(w, list, channel);
    }
    return list;
}

/* A well with its number in the metadata, to be sorted by path. */
struct numbered {
    const struct ozx_well_reference *well;
    uint32_t fields;
};

static int compare_wells(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    return strcmp(x->well->path, y->well->path);
}

static json_t *wells_of(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_plate *plate = node->metadata->ome->plate;
    OZX_AUTO_FREE struct numbered *wells = calloc(plate->well_count + 1, sizeof *wells);
    json_t *list = json_array();

    w->failed |= !wells;
    for (size_t i = 0; wells && i < plate->well_count; i++)
        wells[i] = (struct numbered){&plate->wells[i], node->well_fields[i]};
    if (wells)
        qsort(wells, plate->well_count, sizeof *wells, compare_wells);
    for (size_t i = 0; wells && i < plate->well_count; i++) {
        json_t *well = json_object();
        set(w, well, "path", text(wells[i].well->path));
        set(w, well, "row",
            number(wells[i].well->row == UINT32_MAX ? UINT64_MAX : wells[i].well->row));
        set(w, well, "column",
            number(wells[i].well->column == UINT32_MAX ? UINT64_MAX : wells[i].well->column));
        set(w, well, "fields",
            number(wells[i].fields == OZX_FIELDS_UNKNOWN ? UINT64_MAX : wells[i].fields));
        append(w, list, well);
    }
    return list;
}

static json_t *plate_of(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_plate *plate = node->metadata->ome->plate;
    json_t *object = json_object();

    set(w, object, "name", text(plate->name));
    set(w, object, "rows", texts(w, plate->rows, plate->row_count));
    set(w, object, "columns", texts(w, plate->columns, plate->column_count));
    set(w, object, "acquisitions", number(plate->acquisition_count));
    set(w, object, "field_count",
        plate->has_field_count ? number(plate->field_count) : json_null());
    set(w, object, "fields", number(node->field_count));
    set(w, object, "wells_present", number(node->wells_present));
    set(w, object, "fields_missing", number(node->fields_missing));
    set(w, object, "wells", wells_of(w, node));
    return object;
}

static json_t *scene_end(struct writer *w, const struct ozx_scene_end *end)
{
    json_t *object = json_object();

    set(w, object, "path", text(end->path));
    set(w, object, "name", text(end->name));
    return object;
}

static json_t *scene_of(struct writer *w, const struct ozx_scene *scene)
{
    json_t *object = json_object(), *list = json_array();

    for (size_t i = 0; i < scene->transform_count; i++) {
        json_t *transform = json_object();
        set(w, transform, "type", text(scene->transforms[i].type));
        set(w, transform, "input", scene_end(w, &scene->transforms[i].input));
        set(w, transform, "output", scene_end(w, &scene->transforms[i].output));
        append(w, list, transform);
    }
    set(w, object, "coordinate_systems", texts(w, scene->systems, scene->system_count));
    set(w, object, "transformations", list);
    return object;
}

/* What the OME block says, by what there is of it. */
static void set_ome(struct writer *w, json_t *object, const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;

    if (node->kind == OZX_SUMMARY_IMAGE) {
        set(w, object, "multiscales", multiscales_of(w, node));
        set(w, object, "image_label", json_boolean(ome->has_image_label));
    }
    if (ome->has_omero)
        set(w, object, "channels", channels_of(w, ome));
    if (node->kind == OZX_SUMMARY_PLATE)
        set(w, object, "plate", plate_of(w, node));
    if (ome->well)
        set(w, object, "well_images", sorted_texts(w, ome->well->images, ome->well->image_count));
    if (ome->scene)
        set(w, object, "scene", scene_of(w, ome->scene));
    if (ome->has_labels)
        set(w, object, "labels", sorted_texts(w, ome->labels, ome->label_count));
    if (ome->has_series)
        set(w, object, "series", sorted_texts(w, ome->series, ome->series_count));
    if (ome->has_bioformats2raw)
        set(w, object, "bioformats2raw_layout", json_integer(ome->bioformats2raw));
}

struct missing {
    struct writer *writer;
    json_t *list;
};

static int append_missing(void *context, const struct ozx_reference *reference)
{
    const struct missing *missing = context;
    json_t *object = json_object();

    set(missing->writer, object, "kind", json_string(ozx_reference_name(reference->kind)));
    set(missing->writer, object, "path", text(reference->path));
    append(missing->writer, missing->list, object);
    return 0;
}

static json_t *missing_of(struct writer *w, const struct ozx_summary_node *node)
{
    struct missing missing = {w, json_array()};

    (void)!ozx_summary_missing(w->archive, node, append_missing, &missing);
    return missing.list;
}

static json_t *node_of(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_metadata *m = node->metadata;
    json_t *object = json_object(), *children = json_array();
    char path[OZX_PATH_SIZE];

    ozx_archive_path(w->archive, node->directory, path);
    set(w, object, "path", text(path));
    set(w, object, "kind", json_string(ozx_summary_kind_name(node)));
    set(w, object, "zarr_format", m ? json_integer(m->zarr_format) : json_null());
    set(w, object, "ome_version", text(m && m->ome ? m->ome->version : NULL));
    set(w, object, "bytes", number(node->bytes));
    set(w, object, "files", number(node->files));
    set(w, object, "chunk_files", number(node->chunk_files));
    set(w, object, "problem", text(node->problem));
    set(w, object, "missing", missing_of(w, node));
    set(w, object, "defects", m ? defects_of(w, m) : json_array());
    if (m && m->array)
        set_array(w, object, m);
    if (m && m->ome)
        set_ome(w, object, node);
    for (size_t i = 0; i < node->child_count; i++)
        append(w, children, node_of(w, &node->children[i]));
    set(w, object, "children", children);
    return object;
}

/* --- the archive ------------------------------------------------------------------------------ */

static json_t *zip_of(struct writer *w, const struct ozx_summary *s)
{
    json_t *object = json_object();

    set(w, object, "entries", number(s->facts.entry_count));
    set(w, object, "files", number(s->file_count));
    set(w, object, "directories", number(s->directory_count));
    set(w, object, "zip64", json_boolean(s->facts.zip64));
    set(w, object, "data_bytes", number(s->data_bytes));
    set(w, object, "central_directory_bytes", number(s->facts.directory_size_bytes));
    set(w, object, "compressed_files", number(s->compressed_count));
    set(w, object, "unreadable_files", number(s->unreadable_count));
    set(w, object, "replaced_entries", number(s->facts.replaced_count));
    set(w, object, "reclaimable_bytes", number(s->facts.replaced_bytes + s->facts.gap_bytes));
    return object;
}

static json_t *rfc9_of(struct writer *w, const struct ozx_summary *s)
{
    const char *defect = s->facts.comment_defect;
    json_t *object = json_object();
    uint32_t node;

    set(w, object, "root_zarr_json",
        json_boolean(ozx_archive_lookup(w->archive, OZX_NODE_ROOT, "zarr.json", 9, &node) == 0));
    set(w, object, "comment_version", text(s->comment_version));
    set(w, object, "comment_defect", text(defect[0] ? defect : NULL));
    set(w, object, "metadata_version", text(s->metadata_version));
    set(w, object, "versions_agree", json_boolean(ozx_summary_versions_agree(s)));
    set(w, object, "json_first_claimed", json_boolean(s->facts.json_first_claimed));
    set(w, object, "json_first_true", json_boolean(s->facts.json_first_true));
    return object;
}

static int compare_warnings(const void *a, const void *b)
{
    const struct ozx_warning *x = *(const struct ozx_warning *const *)a;
    const struct ozx_warning *y = *(const struct ozx_warning *const *)b;
    int order = strcmp(ozx_rule_id(x->rule), ozx_rule_id(y->rule));

    return order ? order : x->eio - y->eio;
}

static json_t *warnings_of(struct writer *w)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(w->archive, &count);
    OZX_AUTO_FREE const struct ozx_warning **sorted = calloc(count + 1, sizeof *sorted);
    json_t *list = json_array();

    w->failed |= !sorted;
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = &warnings[i];
    if (sorted)
        qsort(sorted, count, sizeof *sorted, compare_warnings);
    for (size_t i = 0; sorted && i < count; i++) {
        json_t *object = json_object();
        set(w, object, "rule", json_string(ozx_rule_id(sorted[i]->rule)));
        set(w, object, "count", number(sorted[i]->count));
        set(w, object, "unreadable", json_boolean(sorted[i]->eio));
        set(w, object, "text", text(sorted[i]->first.text));
        append(w, list, object);
    }
    return list;
}

int ozx_summary_json(const struct ozx_archive *archive, const struct ozx_summary *summary,
                     const char *file, char **out)
{
    struct writer w = {.archive = archive};
    json_t *object = json_object();
    int failure;

    set(&w, object, "schema", json_integer(SCHEMA));
    set(&w, object, "file", ozx_jansson_file_name(file));
    set(&w, object, "size_bytes", number(summary->size_bytes));
    set(&w, object, "zip", zip_of(&w, summary));
    set(&w, object, "rfc9", rfc9_of(&w, summary));
    set(&w, object, "warnings", warnings_of(&w));
    set(&w, object, "root", node_of(&w, &summary->root));
    set(&w, object, "omitted", number(summary->omitted_count));
    failure = w.failed ? -ENOMEM : ozx_jansson_format(object, JSON_INDENT(2), out);
    json_decref(object);
    return failure;
}
