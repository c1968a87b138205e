/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The nodes of the archive, each by its number in the archive's tree: whichever decoder is asked,
 * it is the same.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "info/summary.h"
#include "view/make.h"
#include "zarr/json.h"

#define NODES_MAX 5000         /* that are listed */
#define TEXT_MAX (4u << 20)    /* bytes of metadata that are shown of a node */
#define FIELDS_MAX (64u << 10) /* of all wells of a plate */

static void put_node(struct ozx_json_stream *s, const char *key, uint32_t node)
{
    ozx_json_stream_put(s, key, ozx_json_stream_number(node));
}

static void put_text(struct ozx_json_stream *s, const char *key, const char *value)
{
    ozx_json_stream_put(s, key, ozx_json_stream_text(value));
}

static void put_path(struct ozx_maker *maker, struct ozx_json_stream *s, uint32_t node)
{
    char path[OZX_PATH_SIZE];

    (void)ozx_archive_path(maker->archive, node, path);
    put_text(s, "path", path);
}

/* --- the tree --------------------------------------------------------------------------------- */

struct walk {
    struct ozx_maker *maker;
    struct ozx_json_stream *stream;
    struct {
        uint32_t node;
        int64_t parent;
    } queue[NODES_MAX];
    uint32_t first, count; /* of the queue */
    bool truncated;
};

static const char *kind_of(const struct ozx_metadata *metadata)
{
    enum ozx_summary_kind kind = metadata ? ozx_summary_kind_of(metadata) : OZX_SUMMARY_GROUP;

    if (kind == OZX_SUMMARY_IMAGE && metadata->ome->has_image_label)
        return "label";
    if (kind == OZX_SUMMARY_BIOFORMATS2RAW)
        kind = OZX_SUMMARY_SERIES;
    return ozx_summary_kind_name(kind == OZX_SUMMARY_UNREADABLE ? OZX_SUMMARY_GROUP : kind);
}

/* There is something to show of the node itself. */
static bool has_pixels(const struct ozx_metadata *metadata)
{
    return metadata &&
           (metadata->is_array || (metadata->ome && metadata->ome->multiscale_count != 0));
}

static void add_children(struct walk *w, uint32_t node)
{
    const struct ozx_archive *archive = w->maker->archive;
    struct ozx_node_stat stat;
    uint32_t first, count;

    ozx_archive_children(archive, node, &first, &count);
    for (uint32_t i = 0; i < count; i++) {
        ozx_archive_stat(archive, first + i, &stat);
        if (!stat.is_directory)
            continue;
        if (w->count == NODES_MAX) {
            w->truncated = true;
            return;
        }
        w->queue[w->count].node = first + i;
        w->queue[w->count++].parent = node;
    }
}

static int put_next(struct walk *w, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_archive *archive = w->maker->archive;
    const uint32_t node = w->queue[w->first].node;
    const int64_t parent = w->queue[w->first++].parent;
    char name[256] = "";
    const char *text;
    size_t size;
    uint32_t file;

    if (ozx_metadata_find(archive, node, &file) == 0) {
        int failure = ozx_effort_metadata(&w->maker->effort, archive, file, error);
        w->truncated |= failure != 0;
        if (!failure && ozx_metadata_load(archive, file, &metadata, error) == -ENOMEM)
            return -ENOMEM; /* what cannot be read is a group: the rest is shown */
    }
    text = ozx_archive_name(archive, node, &size);
    memcpy(name, text, size < sizeof name ? size : 0);
    ozx_json_stream_open(w->stream, NULL, '{');
    put_node(w->stream, "id", node);
    ozx_json_stream_put(w->stream, "parent", json_integer(parent));
    put_text(w->stream, "name", name);
    put_path(w->maker, w->stream, node);
    put_text(w->stream, "kind", kind_of(metadata));
    ozx_json_stream_put(w->stream, "image", json_boolean(has_pixels(metadata)));
    ozx_json_stream_close(w->stream, '}');
    if (!metadata || !metadata->is_array)
        add_children(w, node);
    return 0;
}

static int put_tree(struct ozx_maker *maker, struct ozx_json_stream *s, struct ozx_error *error)
{
    OZX_AUTO_FREE struct walk *w = calloc(1, sizeof *w);
    int failure = 0;

    if (!w)
        return ozx_error_memory(error);
    w->maker = maker;
    w->stream = s;
    w->queue[0].parent = -1;
    w->count = 1;
    ozx_json_stream_open(s, "nodes", '[');
    while (!failure && w->first < w->count)
        failure = put_next(w, error);
    ozx_json_stream_close(s, ']');
    ozx_json_stream_put(s, "truncated", json_boolean(w->truncated));
    return failure;
}

int ozx_make_tree(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *root = NULL;
    struct ozx_json_answer json;
    uint32_t file;
    int failure = ozx_json_answer_begin(&json, error);

    (void)ask;
    if (failure)
        return failure;
    if (ozx_metadata_find(maker->archive, OZX_NODE_ROOT, &file) == 0 &&
        ozx_metadata_load(maker->archive, file, &root, error))
        root = NULL;
    ozx_json_stream_open(&json.stream, NULL, '{');
    put_text(&json.stream, "file", maker->file);
    ozx_json_stream_put(
        &json.stream, "size",
        ozx_json_stream_number(ozx_source_size(ozx_archive_source(maker->archive))));
    put_text(&json.stream, "zarr", root && root->zarr_format == 2 ? "2" : "3");
    failure = put_tree(maker, &json.stream, error);
    ozx_json_stream_close(&json.stream, '}');
    return ozx_json_answer_end(&json, failure, out, error);
}

/* --- metadata of a node ----------------------------------------------------------------------- */

/* A text that every parser takes, as JSON; another one as a string. */
static int put_metadata(struct ozx_json_stream *s, const char *name, const char *text, size_t size,
                        struct ozx_error *error)
{
    OZX_AUTO_JSON json_t *parsed = NULL;
    struct ozx_json_problem problem = {.bound = NULL};
    bool is_plain = ozx_json_parse(text, size, &parsed, NULL, &problem) == 0;
    char *copy;

    for (int i = 0; is_plain && i < OZX_JSON_KINDS; i++)
        is_plain = !problem.defects[i].count;
    if (is_plain) {
        fprintf(s->out, "%s\n\"%s\": ", s->is_first ? "" : ",", name);
        fwrite(text, 1, size, s->out);
        s->is_first = false;
        return 0;
    }
    copy = malloc(size + 1);
    if (!copy)
        return ozx_error_memory(error);
    memcpy(copy, text, size);
    copy[size] = '\0';
    ozx_json_stream_put(s, "text", ozx_json_stream_text(copy));
    free(copy);
    return 0;
}

static int put_file(struct ozx_maker *maker, struct ozx_json_stream *s, uint32_t file,
                    const char *name, struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_node_stat stat;
    size_t size = 0;
    int failure;

    ozx_archive_stat(maker->archive, file, &stat);
    if (stat.size_bytes > TEXT_MAX)
        return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "there are more metadata than are shown (4 MiB)");
    failure = ozx_metadata_text(maker->archive, file, &text, &size, error);
    return failure ? failure : put_metadata(s, name, text, size, error);
}

static int put_files(struct ozx_maker *maker, struct ozx_json_stream *s, uint32_t node,
                     struct ozx_error *error)
{
    static const char *const v2[] = {".zgroup", ".zarray", ".zattrs"};
    uint32_t file;
    int failure = 0;

    if (ozx_archive_lookup(maker->archive, node, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON),
                           &file) == 0)
        return put_file(maker, s, file, "metadata", error);
    ozx_json_stream_open(s, "metadata", '{');
    for (size_t i = 0; i < sizeof v2 / sizeof v2[0] && !failure; i++)
        if (ozx_archive_lookup(maker->archive, node, v2[i], strlen(v2[i]), &file) == 0)
            failure = put_file(maker, s, file, v2[i], error);
    ozx_json_stream_close(s, '}');
    return failure;
}

int ozx_make_node(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error)
{
    struct ozx_json_answer json;
    int failure = ozx_json_answer_begin_node(&json, maker, ask->node, error);

    if (failure)
        return failure;
    put_path(maker, &json.stream, ask->node);
    failure = put_files(maker, &json.stream, ask->node, error);
    ozx_json_stream_close(&json.stream, '}');
    return ozx_json_answer_end(&json, failure, out, error);
}

/* --- plates ----------------------------------------------------------------------------------- */

static void put_names(struct ozx_json_stream *s, const char *key, const char *const *names,
                      size_t count)
{
    ozx_json_stream_open(s, key, '[');
    for (size_t i = 0; i < count; i++)
        put_text(s, NULL, names[i]);
    ozx_json_stream_close(s, ']');
}

static int put_fields(struct ozx_maker *maker, struct ozx_json_stream *s, uint32_t well,
                      uint32_t *left, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    const struct ozx_well *fields = NULL;
    uint32_t file, node;
    int64_t first = -1;

    if (ozx_metadata_find(maker->archive, well, &file) == 0 &&
        ozx_effort_metadata(&maker->effort, maker->archive, file, error) == 0 &&
        ozx_metadata_load(maker->archive, file, &metadata, error) == -ENOMEM)
        return -ENOMEM;
    if (metadata && metadata->ome)
        fields = metadata->ome->well;
    ozx_json_stream_open(s, "fields", '[');
    for (size_t i = 0; fields && i < fields->image_count && *left; i++) {
        if (ozx_metadata_resolve(maker->archive, well, fields->images[i], &node))
            continue;
        if (first < 0)
            first = node;
        (*left)--;
        put_node(s, NULL, node);
    }
    ozx_json_stream_close(s, ']');
    ozx_json_stream_put(s, "image", first < 0 ? json_null() : json_integer(first));
    return 0;
}

static int put_plate(struct ozx_maker *maker, uint32_t directory, const struct ozx_plate *plate,
                     struct ozx_json_stream *s, struct ozx_error *error)
{
    uint32_t left = FIELDS_MAX, node;
    int failure = 0;

    put_names(s, "rows", plate->rows, plate->row_count);
    put_names(s, "columns", plate->columns, plate->column_count);
    ozx_json_stream_open(s, "wells", '[');
    for (size_t i = 0; i < plate->well_count && !failure && left; i++) {
        const struct ozx_well_reference *well = &plate->wells[i];
        if (well->row == UINT32_MAX || well->column == UINT32_MAX ||
            ozx_metadata_resolve(maker->archive, directory, well->path, &node))
            continue;
        ozx_json_stream_open(s, NULL, '{');
        ozx_json_stream_put(s, "row", ozx_json_stream_number(well->row));
        ozx_json_stream_put(s, "column", ozx_json_stream_number(well->column));
        put_node(s, "id", node);
        failure = put_fields(maker, s, node, &left, error);
        ozx_json_stream_close(s, '}');
    }
    ozx_json_stream_close(s, ']');
    return failure;
}

int ozx_make_plate(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    const struct ozx_plate *plate = NULL;
    struct ozx_json_answer json;
    uint32_t file;
    int failure = ozx_make_check_directory(maker, ask->node, error);

    if (!failure && ozx_metadata_find(maker->archive, ask->node, &file) == 0)
        failure = ozx_metadata_load(maker->archive, file, &metadata, error);
    if (!failure && metadata && metadata->ome)
        plate = metadata->ome->plate;
    if (!failure && !plate)
        failure = ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "it is not a plate");
    if (!failure)
        failure = ozx_json_answer_begin(&json, error);
    if (failure || !plate)
        return failure;
    ozx_json_stream_open(&json.stream, NULL, '{');
    failure = put_plate(maker, ask->node, plate, &json.stream, error);
    ozx_json_stream_close(&json.stream, '}');
    return ozx_json_answer_end(&json, failure, out, error);
}
