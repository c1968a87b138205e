/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The summary for programs. ozxfs-info(1) documents the fields; a field that changes its meaning or
 * goes away makes a new number of `schema`, one that is added does not.
 */
#include <math.h>
#include <string.h>

#include "info/json_stream.h"
#include "info/summary.h"
#include "zarr/jansson.h"
#include "zarr/metadata_files.h"

#define SCHEMA 1

struct writer {
    const struct ozx_archive *archive;
    struct ozx_json_stream json;
    bool failed; /* sticky: no memory */
};

static void open_with(struct writer *w, const char *key, char bracket)
{
    ozx_json_stream_open(&w->json, key, bracket);
}

static void close_with(struct writer *w, char bracket)
{
    ozx_json_stream_close(&w->json, bracket);
}

static void put(struct writer *w, const char *key, json_t *value)
{
    ozx_json_stream_put(&w->json, key, value);
}

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

static json_t *sizes(struct writer *w, const struct ozx_shape *shape)
{
    json_t *list = shape ? json_array() : json_null();

    for (uint32_t i = 0; shape && i < shape->count; i++)
        append(w, list, ozx_json_stream_number(shape->sizes[i]));
    return list;
}

static json_t *texts(struct writer *w, const char *const *values, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        append(w, list, ozx_json_stream_text(values[i]));
    return list;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_texts(struct writer *w, const char *key, const char *const *values, size_t count)
{
    open_with(w, key, '[');
    for (size_t i = 0; i < count; i++)
        put(w, NULL, ozx_json_stream_text(values[i]));
    close_with(w, ']');
}

static void put_sorted(struct writer *w, const char *key, const char *const *values, size_t count)
{
    OZX_AUTO_FREE const char **sorted = calloc(count + 1, sizeof *sorted);

    if (!sorted) {
        w->failed = true;
        return;
    }
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_texts);
    put_texts(w, key, sorted, count);
}

/* --- arrays and levels ------------------------------------------------------------------------ */

static json_t *codec_labels(struct writer *w, const struct ozx_codecs *codecs)
{
    json_t *list = json_array();

    for (size_t i = 0; i < codecs->count; i++)
        append(w, list, ozx_json_stream_text(codecs->list[i].label));
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

static void set_array(struct writer *w, json_t *object, const struct ozx_array *a)
{
    static const char *const encodings[] = {
        [OZX_KEYS_UNKNOWN] = NULL, [OZX_KEYS_DEFAULT] = "default", [OZX_KEYS_V2] = "v2"};

    set(w, object, "shape", sizes(w, a->has_shape ? &a->shape : NULL));
    set(w, object, "data_type", ozx_json_stream_text(a->data_type));
    set(w, object, "chunk_shape", sizes(w, ozx_summary_chunk_shape(a)));
    set(w, object, "shard_shape", sizes(w, a->sharding && a->has_grid ? &a->chunk_shape : NULL));
    set(w, object, "shards", shards_of(w, a));
    set(w, object, "codecs", codec_labels(w, ozx_summary_chunk_codecs(a)));
    set(w, object, "fill_value", ozx_json_stream_text(a->fill_value));
    set(w, object, "chunk_key_encoding", ozx_json_stream_text(encodings[a->key_encoding]));
    set(w, object, "chunk_keys", ozx_json_stream_number(ozx_array_chunk_count(a)));
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
        set(w, defect, "where", ozx_json_stream_text(metadata->defects[i].where));
        set(w, defect, "text", ozx_json_stream_text(metadata->defects[i].text));
        append(w, list, defect);
    }
    return list;
}

static json_t *level_of(struct writer *w, const struct ozx_multiscale *m, size_t k,
                        const struct ozx_summary_level *level)
{
    json_t *object = json_object();

    set(w, object, "path", ozx_json_stream_text(m->datasets[k].path));
    set(w, object, "bytes", ozx_json_stream_number(level->bytes));
    set(w, object, "chunk_files", ozx_json_stream_number(level->chunk_files));
    set(w, object, "problem", ozx_json_stream_text(level->problem));
    set(w, object, "missing", json_boolean(level->is_missing));
    set_transforms(w, object, m, k);
    set(w, object, "defects", level->metadata ? defects_of(w, level->metadata) : json_array());
    if (level->metadata) {
        int format = level->metadata->zarr_format;
        set(w, object, "zarr_format", format ? json_integer(format) : json_null());
        set_array(w, object, level->metadata->array);
    }
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
        set(w, axis, "name", ozx_json_stream_text(axes[i].name));
        set(w, axis, "type", ozx_json_stream_text(axes[i].type));
        set(w, axis, "unit", ozx_json_stream_text(axes[i].unit));
        append(w, list, axis);
    }
    return list;
}

static void put_multiscales(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;
    const struct ozx_summary_level *level = node->levels;

    open_with(w, "multiscales", '[');
    for (size_t i = 0; i < ome->multiscale_count; i++) {
        const struct ozx_multiscale *m = &ome->multiscales[i];
        open_with(w, NULL, '{');
        put(w, "name", ozx_json_stream_text(m->name));
        put(w, "type", ozx_json_stream_text(m->type));
        put(w, "axes", axes_of(w, m, m->dataset_count ? level : NULL));
        open_with(w, "levels", '[');
        for (size_t k = 0; k < m->dataset_count; k++)
            put(w, NULL, level_of(w, m, k, level++));
        close_with(w, ']');
        close_with(w, '}');
    }
    close_with(w, ']');
}

/* --- nodes ------------------------------------------------------------------------------------ */

static void put_channels(struct writer *w, const struct ozx_ome *ome)
{
    open_with(w, "channels", '[');
    for (size_t i = 0; i < ome->channel_count; i++) {
        json_t *channel = json_object();
        set(w, channel, "label", ozx_json_stream_text(ome->channels[i].label));
        set(w, channel, "color", ozx_json_stream_text(ome->channels[i].color));
        set(w, channel, "active", json_boolean(ome->channels[i].is_active));
        put(w, NULL, channel);
    }
    close_with(w, ']');
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

static void put_wells(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_plate *plate = node->metadata->ome->plate;
    OZX_AUTO_FREE struct numbered *wells = calloc(plate->well_count + 1, sizeof *wells);

    w->failed |= !wells;
    open_with(w, "wells", '[');
    for (size_t i = 0; wells && i < plate->well_count; i++)
        wells[i] = (struct numbered){&plate->wells[i], node->well_fields[i]};
    if (wells)
        qsort(wells, plate->well_count, sizeof *wells, compare_wells);
    for (size_t i = 0; wells && i < plate->well_count; i++) {
        json_t *well = json_object();
        set(w, well, "path", ozx_json_stream_text(wells[i].well->path));
        set(w, well, "row",
            ozx_json_stream_number(wells[i].well->row == UINT32_MAX ? UINT64_MAX
                                                                    : wells[i].well->row));
        set(w, well, "column",
            ozx_json_stream_number(wells[i].well->column == UINT32_MAX ? UINT64_MAX
                                                                       : wells[i].well->column));
        set(w, well, "fields",
            ozx_json_stream_number(wells[i].fields == OZX_FIELDS_UNKNOWN ? UINT64_MAX
                                                                         : wells[i].fields));
        put(w, NULL, well);
    }
    close_with(w, ']');
}

static void put_plate(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_plate *plate = node->metadata->ome->plate;

    open_with(w, "plate", '{');
    put(w, "name", ozx_json_stream_text(plate->name));
    put_texts(w, "rows", plate->rows, plate->row_count);
    put_texts(w, "columns", plate->columns, plate->column_count);
    put(w, "acquisitions", ozx_json_stream_number(plate->acquisition_count));
    put(w, "field_count",
        plate->has_field_count ? ozx_json_stream_number(plate->field_count) : json_null());
    put(w, "fields", ozx_json_stream_number(node->field_count));
    put(w, "wells_present", ozx_json_stream_number(node->wells_present));
    put(w, "fields_missing", ozx_json_stream_number(node->fields_missing));
    put_wells(w, node);
    close_with(w, '}');
}

static json_t *scene_end(struct writer *w, const struct ozx_scene_end *end)
{
    json_t *object = json_object();

    set(w, object, "path", ozx_json_stream_text(end->path));
    set(w, object, "name", ozx_json_stream_text(end->name));
    return object;
}

static void put_scene(struct writer *w, const struct ozx_scene *scene)
{
    open_with(w, "scene", '{');
    put_texts(w, "coordinate_systems", scene->systems, scene->system_count);
    open_with(w, "transformations", '[');
    for (size_t i = 0; i < scene->transform_count; i++) {
        json_t *transform = json_object();
        set(w, transform, "type", ozx_json_stream_text(scene->transforms[i].type));
        set(w, transform, "input", scene_end(w, &scene->transforms[i].input));
        set(w, transform, "output", scene_end(w, &scene->transforms[i].output));
        put(w, NULL, transform);
    }
    close_with(w, ']');
    close_with(w, '}');
}

/* What the OME block says, by what there is of it. */
static void put_ome(struct writer *w, const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;

    if (node->kind == OZX_SUMMARY_IMAGE) {
        put_multiscales(w, node);
        put(w, "image_label", json_boolean(ome->has_image_label));
    }
    if (ome->has_omero)
        put_channels(w, ome);
    if (node->kind == OZX_SUMMARY_PLATE)
        put_plate(w, node);
    if (ome->well)
        put_sorted(w, "well_images", ome->well->images, ome->well->image_count);
    if (ome->scene)
        put_scene(w, ome->scene);
    if (ome->has_labels)
        put_sorted(w, "labels", ome->labels, ome->label_count);
    if (ome->has_series)
        put_sorted(w, "series", ome->series, ome->series_count);
    if (ome->has_bioformats2raw)
        put(w, "bioformats2raw_layout", json_integer(ome->bioformats2raw));
}

static int put_missing(void *context, const struct ozx_reference *reference)
{
    struct writer *w = context;
    json_t *object = json_object();

    set(w, object, "kind", json_string(ozx_reference_name(reference->kind)));
    set(w, object, "path", ozx_json_stream_text(reference->path));
    put(w, NULL, object);
    return 0;
}

static void put_node(struct writer *w, const char *key, const struct ozx_summary_node *node)
{
    const struct ozx_metadata *m = node->metadata;
    char path[OZX_PATH_SIZE];

    ozx_archive_path(w->archive, node->directory, path);
    open_with(w, key, '{');
    put(w, "path", ozx_json_stream_text(path));
    put(w, "kind", json_string(ozx_summary_kind_name(node->kind)));
    put(w, "zarr_format", m && m->zarr_format ? json_integer(m->zarr_format) : json_null());
    put(w, "ome_version", ozx_json_stream_text(m && m->ome ? m->ome->version : NULL));
    put(w, "bytes", ozx_json_stream_number(node->bytes));
    put(w, "files", ozx_json_stream_number(node->files));
    put(w, "chunk_files", ozx_json_stream_number(node->chunk_files));
    put(w, "problem", ozx_json_stream_text(node->problem));
    open_with(w, "missing", '[');
    w->failed |= ozx_summary_missing(w->archive, node, put_missing, w) != 0;
    close_with(w, ']');
    put(w, "defects", m ? defects_of(w, m) : json_array());
    if (m && m->array) {
        json_t *array = json_object();
        set_array(w, array, m->array);
        ozx_json_stream_put_members(&w->json, array);
    }
    if (m && m->ome)
        put_ome(w, node);
    open_with(w, "children", '[');
    for (size_t i = 0; i < node->child_count; i++)
        put_node(w, NULL, &node->children[i]);
    close_with(w, ']');
    close_with(w, '}');
}

/* --- the archive ------------------------------------------------------------------------------ */

static json_t *zip_of(struct writer *w, const struct ozx_summary *s)
{
    json_t *object = json_object();

    set(w, object, "entries", ozx_json_stream_number(s->facts.entry_count));
    set(w, object, "files", ozx_json_stream_number(s->file_count));
    set(w, object, "directories", ozx_json_stream_number(s->directory_count));
    set(w, object, "zip64", json_boolean(s->facts.zip64));
    set(w, object, "data_bytes", ozx_json_stream_number(s->data_bytes));
    set(w, object, "central_directory_bytes",
        ozx_json_stream_number(s->facts.directory_size_bytes));
    set(w, object, "compressed_files", ozx_json_stream_number(s->compressed_count));
    set(w, object, "unreadable_files", ozx_json_stream_number(s->unreadable_count));
    set(w, object, "replaced_entries", ozx_json_stream_number(s->facts.replaced_count));
    set(w, object, "reclaimable_bytes",
        ozx_json_stream_number(s->facts.replaced_bytes + s->facts.gap_bytes));
    return object;
}

static json_t *rfc9_of(struct writer *w, const struct ozx_summary *s)
{
    const char *defect = s->facts.comment_defect;
    json_t *object = json_object();
    uint32_t node;

    set(w, object, "root_zarr_json",
        json_boolean(ozx_archive_lookup(w->archive, OZX_NODE_ROOT, OZX_NAME_ZARR_JSON,
                                        strlen(OZX_NAME_ZARR_JSON), &node) == 0));
    set(w, object, "comment_version", ozx_json_stream_text(s->comment_version));
    set(w, object, "comment_defect", ozx_json_stream_text(defect[0] ? defect : NULL));
    set(w, object, "metadata_version", ozx_json_stream_text(s->metadata_version));
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
        set(w, object, "count", ozx_json_stream_number(sorted[i]->count));
        set(w, object, "unreadable", json_boolean(sorted[i]->eio));
        set(w, object, "text", ozx_json_stream_text(sorted[i]->first.text));
        append(w, list, object);
    }
    return list;
}

int ozx_summary_json(const struct ozx_archive *archive, const struct ozx_summary *summary,
                     const char *file, FILE *out)
{
    struct writer w = {.archive = archive, .json = {.out = out, .is_first = true}};

    open_with(&w, NULL, '{');
    put(&w, "schema", json_integer(SCHEMA));
    put(&w, "file", ozx_jansson_file_name(file));
    put(&w, "size_bytes", ozx_json_stream_number(summary->size_bytes));
    put(&w, "zip", zip_of(&w, summary));
    put(&w, "rfc9", rfc9_of(&w, summary));
    put(&w, "warnings", warnings_of(&w));
    put_node(&w, "root", &summary->root);
    put(&w, "omitted", ozx_json_stream_number(summary->omitted_count));
    close_with(&w, '}');
    fputc('\n', out);
    return w.failed || w.json.failed ? -ENOMEM : 0;
}
