/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walking the metadata of an archive from its root: each node is judged by its OME block, and what
 * the block does not name is found by looking into the directories.
 */
#include "info/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zarr/json.h"
#include "zarr/metadata_files.h"
#include "zarr/metadata_memory.h"

/* What all files below a node come to. */
struct total {
    uint64_t bytes, files, chunk_files;
};

struct walk {
    struct ozx_archive *archive;
    struct ozx_summary *summary;
    struct total *totals; /* of each node of the archive */
    bool *claimed;        /* directories that are a level of an image */
    uint64_t json_left_bytes;
    uint64_t memory_left_bytes;
    uint64_t nodes_left;
    struct ozx_error *error;
};

/* --- counting --------------------------------------------------------------------------------- */

static void count_file(struct walk *w, uint32_t node, struct total *total)
{
    struct ozx_node_entry entry;
    size_t size;
    const char *name = ozx_archive_name(w->archive, node, &size);

    ozx_archive_entry(w->archive, node, &entry);
    total->bytes = entry.compressed_size_bytes;
    total->files = 1;
    total->chunk_files = ozx_metadata_file_of(name, size) == OZX_METADATA_FILES;
    w->summary->file_count++;
    w->summary->data_bytes += entry.compressed_size_bytes;
    w->summary->compressed_count += entry.method != 0;
    w->summary->unreadable_count += entry.eio_rule != OZX_RULE_NONE;
}

/* Parents have smaller numbers than their children, so one pass from the end sums up everything. */
static void count_all(struct walk *w)
{
    for (uint32_t node = ozx_archive_node_count(w->archive); node-- > 0;) {
        struct total *total = &w->totals[node], *above;
        struct ozx_node_stat stat;
        ozx_archive_stat(w->archive, node, &stat);
        if (!stat.is_directory)
            count_file(w, node, total);
        if (node == OZX_NODE_ROOT)
            break;
        w->summary->directory_count += stat.is_directory;
        above = &w->totals[ozx_archive_parent(w->archive, node)];
        above->bytes += total->bytes;
        above->files += total->files;
        above->chunk_files += total->chunk_files;
    }
}

/* --- loading ---------------------------------------------------------------------------------- */

/* Lets go of what does not fit. */
static void keep_within_memory(struct walk *w, struct ozx_metadata **metadata)
{
    size_t taken_bytes = ozx_metadata_memory_size((*metadata)->memory);

    if (taken_bytes <= w->memory_left_bytes) {
        w->memory_left_bytes -= taken_bytes;
        return;
    }
    ozx_metadata_free(ozx_take(*metadata));
    w->summary->omitted_count++;
}

/* Parses the metadata file `node`. 0 with NULL: it cannot be parsed, and `*problem` says why, or
 * the bounds of a summary are reached (`*problem` NULL, counted as omitted). */
static int load(struct walk *w, uint32_t node, struct ozx_metadata **out, char **problem)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_stat stat;
    int failure;

    ozx_archive_stat(w->archive, node, &stat);
    if (stat.size_bytes > w->json_left_bytes && stat.size_bytes <= OZX_JSON_SIZE_MAX) {
        w->summary->omitted_count++;
        return 0;
    }
    failure = ozx_metadata_load(w->archive, node, out, &error);
    /* What is wrong with the file is told; that it could not be read at all (the disk, memory, an
     * archive that changes) is not a matter of the archive. */
    if (failure && failure != -EBADMSG && !(failure == -EIO && error.rule)) {
        *w->error = error;
        return failure;
    }
    if (!failure || stat.size_bytes <= OZX_JSON_SIZE_MAX)
        w->json_left_bytes -= stat.size_bytes;
    if (!failure) {
        keep_within_memory(w, out);
        return 0;
    }
    *problem = strdup(error.text);
    return *problem ? 0 : ozx_error_memory(w->error);
}

static bool take_budget(struct walk *w)
{
    if (w->nodes_left) {
        w->nodes_left--;
        return true;
    }
    w->summary->omitted_count++;
    return false;
}

/* --- levels ----------------------------------------------------------------------------------- */

static int set_problem(struct walk *w, char **problem, const char *text)
{
    *problem = strdup(text);
    return *problem ? 0 : ozx_error_memory(w->error);
}

static int load_level(struct walk *w, uint32_t group, const char *path,
                      struct ozx_summary_level *level)
{
    uint32_t file;
    int failure;

    level->directory = OZX_NODE_NONE;
    if (ozx_metadata_resolve(w->archive, group, path, &level->directory) ||
        ozx_metadata_find(w->archive, level->directory, &file)) {
        level->is_missing = true;
        return set_problem(w, &level->problem, "missing");
    }
    w->claimed[level->directory] = true;
    level->bytes = w->totals[level->directory].bytes;
    level->chunk_files = w->totals[level->directory].chunk_files;
    if (!take_budget(w))
        return 0;
    failure = load(w, file, &level->metadata, &level->problem);
    if (failure || !level->metadata || level->metadata->array)
        return failure;
    ozx_metadata_free(ozx_take(level->metadata));
    return set_problem(w, &level->problem, "it is not an array");
}

static int load_levels(struct walk *w, struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;
    size_t count = 0;

    for (size_t i = 0; i < ome->multiscale_count; i++)
        count += ome->multiscales[i].dataset_count;
    node->levels = calloc(count ? count : 1, sizeof *node->levels);
    if (!node->levels)
        return ozx_error_memory(w->error);
    for (size_t i = 0; i < ome->multiscale_count; i++)
        for (size_t k = 0; k < ome->multiscales[i].dataset_count; k++) {
            int failure = load_level(w, node->directory, ome->multiscales[i].datasets[k].path,
                                     &node->levels[node->level_count++]);
            if (failure)
                return failure;
        }
    return 0;
}

/* --- children --------------------------------------------------------------------------------- */

static int describe(struct walk *w, uint32_t directory, unsigned depth,
                    struct ozx_summary_node *node);

static void free_node(struct ozx_summary_node *node);

/* A group that is there only for the sake of a level's path ("scale0" of "scale0/image"). */
static bool is_scaffold(const struct ozx_summary_node *node)
{
    return node->kind == OZX_SUMMARY_GROUP && node->holds_levels && !node->child_count &&
           !node->metadata->ome && !node->metadata->defect_total;
}

static int add_child(struct walk *w, struct ozx_summary_node *node, uint32_t directory,
                     unsigned depth)
{
    size_t count = node->child_count;
    int failure;

    if (!take_budget(w))
        return 0;
    if ((count & (count - 1)) == 0) { /* room for a power of two, always */
        size_t room = count ? count * 2 : 1;
        struct ozx_summary_node *more = realloc(node->children, room * sizeof *more);
        if (!more)
            return ozx_error_memory(w->error);
        node->children = more;
    }
    memset(&node->children[count], 0, sizeof *node->children);
    node->child_count++;
    failure = describe(w, directory, depth + 1, &node->children[count]);
    if (!failure && is_scaffold(&node->children[count]))
        free_node(&node->children[--node->child_count]);
    return failure;
}

/* Everything with metadata below `directory` that is no level; directories without are looked into.
 */
static int find_children(struct walk *w, uint32_t directory, unsigned depth,
                         struct ozx_summary_node *node)
{
    uint32_t first, count, file;

    if (depth >= OZX_SUMMARY_DEPTH_MAX) {
        w->summary->omitted_count++;
        return 0;
    }
    ozx_archive_children(w->archive, directory, &first, &count);
    for (uint32_t i = first; i < first + count; i++) {
        struct ozx_node_stat stat;
        int failure;
        ozx_archive_stat(w->archive, i, &stat);
        if (!stat.is_directory)
            continue;
        if (w->claimed[i]) {
            node->holds_levels = true;
            continue;
        }
        if (ozx_metadata_find(w->archive, i, &file) == 0)
            failure = add_child(w, node, i, depth);
        else
            failure = find_children(w, i, depth + 1, node);
        if (failure)
            return failure;
    }
    return 0;
}

/* --- plates ----------------------------------------------------------------------------------- */

/* Is `node` below `directory`? Paths in metadata may lead anywhere. */
static bool is_below(const struct ozx_archive *archive, uint32_t node, uint32_t directory)
{
    while (node > directory)
        node = ozx_archive_parent(archive, node);
    return node == directory;
}

/* The number of fields of a well; its first one becomes the plate's child, if it has none yet. */
static int load_well(struct walk *w, struct ozx_summary_node *plate, const char *path,
                     unsigned depth, uint32_t *fields)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    OZX_AUTO_FREE char *problem = NULL;
    const struct ozx_well *well;
    uint32_t directory, file, field;
    int failure;

    *fields = OZX_FIELDS_UNKNOWN;
    if (ozx_metadata_resolve(w->archive, plate->directory, path, &directory) ||
        ozx_metadata_find(w->archive, directory, &file))
        return 0;
    plate->wells_present++;
    failure = load(w, file, &metadata, &problem);
    well = metadata && metadata->ome ? metadata->ome->well : NULL;
    if (failure || !well)
        return failure;
    *fields = (uint32_t)well->image_count;
    plate->field_count += well->image_count;
    for (size_t i = 0; i < well->image_count; i++)
        plate->fields_missing +=
            ozx_metadata_resolve(w->archive, directory, well->images[i], &field) != 0 ||
            ozx_metadata_find(w->archive, field, &file) != 0;
    if (plate->child_count || !well->image_count ||
        ozx_metadata_resolve(w->archive, directory, well->images[0], &field) ||
        field == plate->directory || !is_below(w->archive, field, plate->directory) ||
        ozx_metadata_find(w->archive, field, &file))
        return 0;
    return add_child(w, plate, field, depth);
}

static int load_wells(struct walk *w, struct ozx_summary_node *plate, unsigned depth)
{
    const struct ozx_plate *described = plate->metadata->ome->plate;

    plate->well_fields = calloc(described->well_count + 1, sizeof *plate->well_fields);
    if (!plate->well_fields)
        return ozx_error_memory(w->error);
    for (size_t i = 0; i < described->well_count; i++) {
        int failure = load_well(w, plate, described->wells[i].path, depth, &plate->well_fields[i]);
        if (failure)
            return failure;
    }
    return 0;
}

/* --- nodes ------------------------------------------------------------------------------------ */

enum ozx_summary_kind ozx_summary_kind_of(const struct ozx_metadata *metadata)
{
    const struct ozx_ome *ome = metadata->ome;

    if (metadata->is_array)
        return OZX_SUMMARY_ARRAY;
    if (!ome)
        return metadata->is_group ? OZX_SUMMARY_GROUP : OZX_SUMMARY_UNREADABLE;
    return ome->plate                ? OZX_SUMMARY_PLATE
           : ome->well               ? OZX_SUMMARY_WELL
           : ome->multiscale_count   ? OZX_SUMMARY_IMAGE
           : ome->scene              ? OZX_SUMMARY_SCENE
           : ome->has_bioformats2raw ? OZX_SUMMARY_BIOFORMATS2RAW
           : ome->has_labels         ? OZX_SUMMARY_LABELS
           : ome->has_series         ? OZX_SUMMARY_SERIES
                                     : OZX_SUMMARY_GROUP;
}

/* What is neither group nor array has said why among its defects: the first that is about a field.
 */
static int refuse_node(struct walk *w, struct ozx_summary_node *node)
{
    const struct ozx_metadata *m = node->metadata;
    char text[512] = "it is neither a group nor an array";
    int failure;

    for (size_t i = m->defect_count; i-- > 0;)
        if (m->defects[i].where[0])
            snprintf(text, sizeof text, "%s %s", m->defects[i].where, m->defects[i].text);
    failure = set_problem(w, &node->problem, text);
    ozx_metadata_free(ozx_take(node->metadata));
    return failure;
}

static void note_version(struct walk *w, const struct ozx_metadata *metadata)
{
    if (!w->summary->metadata_version && metadata->ome)
        w->summary->metadata_version = metadata->ome->version;
}

/* Fills `node` (zeroed) with what hangs at `directory`. */
static int describe(struct walk *w, uint32_t directory, unsigned depth,
                    struct ozx_summary_node *node)
{
    uint32_t file;
    int failure;

    node->directory = directory;
    node->bytes = w->totals[directory].bytes;
    node->files = w->totals[directory].files;
    node->chunk_files = w->totals[directory].chunk_files;
    if (ozx_metadata_find(w->archive, directory, &file))
        return find_children(w, directory, depth, node);
    node->kind = OZX_SUMMARY_UNREADABLE;
    failure = load(w, file, &node->metadata, &node->problem);
    if (failure || !node->metadata)
        return failure;
    node->kind = ozx_summary_kind_of(node->metadata);
    note_version(w, node->metadata);
    if (node->kind == OZX_SUMMARY_UNREADABLE)
        return refuse_node(w, node);
    if (node->kind == OZX_SUMMARY_ARRAY)
        return 0;
    if (node->kind == OZX_SUMMARY_PLATE)
        return load_wells(w, node, depth);
    if (node->kind == OZX_SUMMARY_IMAGE)
        failure = load_levels(w, node);
    return failure ? failure : find_children(w, directory, depth, node);
}

/* --- the contract ----------------------------------------------------------------------------- */

int ozx_summary_make(struct ozx_archive *archive, struct ozx_summary **out, struct ozx_error *error)
{
    uint32_t count = ozx_archive_node_count(archive);
    struct ozx_summary *summary = calloc(1, sizeof *summary);
    struct walk w = {.archive = archive,
                     .summary = summary,
                     .totals = calloc(count, sizeof *w.totals),
                     .claimed = calloc(count, sizeof *w.claimed),
                     .json_left_bytes = OZX_SUMMARY_JSON_MAX,
                     .memory_left_bytes = OZX_SUMMARY_MEMORY_MAX,
                     .nodes_left = OZX_SUMMARY_NODES_MAX,
                     .error = error};
    int failure;

    if (!summary || !w.totals || !w.claimed) {
        failure = ozx_error_memory(error);
    } else {
        ozx_archive_facts(archive, &summary->facts);
        summary->size_bytes = ozx_source_size(ozx_archive_source(archive));
        summary->comment_version = ozx_archive_comment_version(archive);
        count_all(&w);
        failure = describe(&w, OZX_NODE_ROOT, 0, &summary->root);
    }
    free(w.totals);
    free(w.claimed);
    if (failure)
        ozx_summary_free(summary);
    else
        *out = summary;
    return failure;
}

static void free_node(struct ozx_summary_node *node)
{
    for (size_t i = 0; i < node->level_count; i++) {
        ozx_metadata_free(node->levels[i].metadata);
        free(node->levels[i].problem);
    }
    for (size_t i = 0; i < node->child_count; i++)
        free_node(&node->children[i]);
    ozx_metadata_free(node->metadata);
    free(node->problem);
    free(node->levels);
    free(node->children);
    free(node->well_fields);
}

void ozx_summary_free(struct ozx_summary *summary)
{
    if (!summary)
        return;
    free_node(&summary->root);
    free(summary);
}

const char *ozx_summary_kind_name(enum ozx_summary_kind kind)
{
    static const char *const names[] = {
        [OZX_SUMMARY_PLAIN] = "plain",
        [OZX_SUMMARY_UNREADABLE] = "unreadable",
        [OZX_SUMMARY_ARRAY] = "array",
        [OZX_SUMMARY_GROUP] = "group",
        [OZX_SUMMARY_IMAGE] = "image",
        [OZX_SUMMARY_LABELS] = "labels",
        [OZX_SUMMARY_PLATE] = "plate",
        [OZX_SUMMARY_WELL] = "well",
        [OZX_SUMMARY_BIOFORMATS2RAW] = "bioformats2raw",
        [OZX_SUMMARY_SERIES] = "series",
        [OZX_SUMMARY_SCENE] = "scene",
    };

    return names[kind];
}
