/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the zarr.json files say, and whether it is so: references that lead somewhere, one version,
 * one hierarchy. Each is read and forgotten before the next, so memory does not follow their
 * number.
 *
 * One hierarchy (RFC-9) is taken to mean: every zarr.json hangs below the root's by groups that
 * have one each. A directory without zarr.json between two that have it breaks the chain; if OME
 * metadata lead across it (a plate without row groups), that is a warning, otherwise it is a second
 * hierarchy.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "verify/verify_parts.h"
#include "zarr/metadata_files.h"

#define SCENE_JSON_MAX (256u << 20)

struct metadata {
    struct ozx_verify *v;
    uint16_t *states; /* enum ozx_verify_state, of each node of the tree */
    uint32_t node_count;
    char *root_version; /* of OME-Zarr, NULL */
    bool is_v2;         /* the root has metadata of Zarr v2 only */
};

static bool find_file(const struct ozx_verify *v, uint32_t directory, const char *name,
                      uint32_t *node)
{
    struct ozx_node_stat stat;

    if (ozx_archive_lookup(v->archive, directory, name, strlen(name), node))
        return false;
    ozx_archive_stat(v->archive, *node, &stat);
    return !stat.is_directory;
}

static bool is_directory(const struct ozx_verify *v, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(v->archive, node, &stat);
    return stat.is_directory;
}

/* --- loading ---------------------------------------------------------------------------------- */

/* The text of an error that names the entry in front, without that. */
static const char *without_entry(const struct ozx_error *error)
{
    const char *end = strncmp(error->text, "entry '", 7) == 0 ? strstr(error->text, "': ") : NULL;

    return end ? end + 3 : error->text;
}

/* Loads a zarr.json; `*out` is NULL, and the reason was told, if it cannot be used. `told` false:
 * not by us. Any failure is one of the machine, not of the archive. */
static int load(struct metadata *m, uint32_t zarr_json, bool tell, struct ozx_metadata **out,
                struct ozx_error *error)
{
    bool root = ozx_archive_parent(m->v->archive, zarr_json) == OZX_NODE_ROOT;
    struct ozx_error wrong = OZX_ERROR_INIT;
    int failure = ozx_metadata_load(m->v->archive, zarr_json, out, &wrong);

    if (!failure)
        return 0;
    *out = NULL;
    if (failure != -EBADMSG && !(failure == -EIO && wrong.rule)) {
        *error = wrong;
        return failure;
    }
    if (!tell)
        return 0;
    if (root) {
        ozx_verify_find_node(m->v, OZX_RULE_ROOT_ZARR_JSON, OZX_VERDICT_FAIL, zarr_json, "%s",
                             without_entry(&wrong));
        ozx_verify_find_node(m->v, OZX_RULE_NO_ROOT, OZX_VERDICT_FAIL, zarr_json,
                             "readers cannot open an image whose root metadata cannot be read");
    } else {
        /* Beyond our bounds, or told by another rule already: other readers may do better. */
        ozx_verify_find_node(m->v, OZX_RULE_ZARR_JSON,
                             wrong.rule == OZX_RULE_ZARR_JSON ? OZX_VERDICT_FAIL : OZX_VERDICT_WARN,
                             zarr_json, "%s", without_entry(&wrong));
    }
    return 0;
}

/* --- the OME block ---------------------------------------------------------------------------- */

/* The directory that `path` leads to, if that is a node; tells if it is not. `what`: "dataset",
 * without which there is no image; the others may have been left out. */
static bool follow(struct metadata *m, uint32_t zarr_json, uint32_t directory, const char *what,
                   const char *path, uint32_t *node)
{
    char escaped[OZX_ESCAPED_SIZE];
    const char *wrong = NULL;
    uint32_t file;

    if (ozx_metadata_resolve(m->v->archive, directory, path, node))
        wrong = "is not there";
    else if (m->is_v2 ? ozx_metadata_find(m->v->archive, *node, &file)
                      : !is_directory(m->v, *node) || !(m->states[*node] & OZX_VERIFY_NODE))
        wrong = m->is_v2 ? "has no metadata" : "has no zarr.json";
    if (wrong)
        ozx_verify_find_node(m->v, OZX_RULE_OME_PATH,
                             strcmp(what, "dataset") == 0 ? OZX_VERDICT_FAIL : OZX_VERDICT_WARN,
                             zarr_json, "the %s '%s' %s", what,
                             ozx_escape(escaped, sizeof escaped, path, strlen(path)), wrong);
    else
        m->states[*node] |= OZX_VERIFY_REFERENCED;
    return !wrong;
}

static void follow_all(struct metadata *m, uint32_t zarr_json, uint32_t directory, const char *what,
                       const char *const *paths, size_t count)
{
    uint32_t node;

    for (size_t i = 0; i < count; i++)
        (void)follow(m, zarr_json, directory, what, paths[i], &node);
}

static double item_count(const struct ozx_shape *shape)
{
    double count = 1;

    for (uint32_t i = 0; i < shape->count; i++)
        count *= (double)shape->sizes[i];
    return count;
}

/* A dataset is an array of as many dimensions as there are axes, and no larger than the one in
 * front, which has `*items` (negative: not known). */
static int judge_dataset(struct metadata *m, uint32_t zarr_json, uint32_t directory,
                         const struct ozx_multiscale *multiscale, const char *path, double *items,
                         struct ozx_error *error)
{
    double items_before = *items;
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    char escaped[OZX_ESCAPED_SIZE];
    uint32_t node, file;
    int failure;

    *items = -1;
    if (!follow(m, zarr_json, directory, "dataset", path, &node) ||
        !find_file(m->v, node, OZX_NAME_ZARR_JSON, &file))
        return 0;
    failure = load(m, file, false, &metadata, error);
    if (failure || !metadata)
        return failure;
    ozx_escape(escaped, sizeof escaped, path, strlen(path));
    if (!metadata->is_array)
        ozx_verify_find_node(m->v, OZX_RULE_OME_PATH, OZX_VERDICT_FAIL, zarr_json,
                             "the dataset '%s' is not an array", escaped);
    else if (metadata->array->has_shape && multiscale->axis_count &&
             metadata->array->shape.count != multiscale->axis_count)
        ozx_verify_find_node(m->v, OZX_RULE_OME_BLOCK, OZX_VERDICT_WARN, zarr_json,
                             "the dataset '%s' has %u dimensions, there are %zu axes", escaped,
                             metadata->array->shape.count, multiscale->axis_count);
    if (!metadata->is_array || !metadata->array->has_shape)
        return 0;
    *items = item_count(&metadata->array->shape);
    if (items_before >= 0 && *items > items_before)
        ozx_verify_find_node(m->v, OZX_RULE_OME_BLOCK, OZX_VERDICT_WARN, zarr_json,
                             "the dataset '%s' is larger than the one before it: datasets must go "
                             "from the largest to the smallest",
                             escaped);
    return 0;
}

static int judge_datasets(struct metadata *m, uint32_t zarr_json, uint32_t directory,
                          const struct ozx_multiscale *multiscale, struct ozx_error *error)
{
    double items = -1;

    for (size_t k = 0; k < multiscale->dataset_count; k++) {
        int failure = judge_dataset(m, zarr_json, directory, multiscale,
                                    multiscale->datasets[k].path, &items, error);
        if (failure)
            return failure;
    }
    return 0;
}

/* What both ends of a scene's transformations have in common. */
struct scene {
    uint32_t zarr_json, directory;
    uint64_t bytes_left; /* of metadata to be read: a scene may name one image a thousand times */
};

/* An end that is an image has the coordinate system that is named. */
static int judge_scene_end(struct metadata *m, struct scene *scene, const struct ozx_scene_end *end,
                           struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    char path[OZX_ESCAPED_SIZE], name[OZX_ESCAPED_SIZE];
    struct ozx_node_stat stat;
    uint32_t node, file;
    int failure;

    if (!end->path || !follow(m, scene->zarr_json, scene->directory, "image", end->path, &node) ||
        !end->name || !find_file(m->v, node, OZX_NAME_ZARR_JSON, &file))
        return 0;
    ozx_archive_stat(m->v->archive, file, &stat);
    if (stat.size_bytes > scene->bytes_left)
        return 0;
    scene->bytes_left -= stat.size_bytes;
    failure = load(m, file, false, &metadata, error);
    if (failure || !metadata)
        return failure;
    for (size_t i = 0; metadata->ome && i < metadata->ome->multiscale_count; i++)
        if (ozx_has_text(metadata->ome->multiscales[i].systems,
                         metadata->ome->multiscales[i].system_count, end->name))
            return 0;
    ozx_verify_find_node(m->v, OZX_RULE_OME_PATH, OZX_VERDICT_WARN, scene->zarr_json,
                         "the image '%s' has no coordinate system '%s'",
                         ozx_escape(path, sizeof path, end->path, strlen(end->path)),
                         ozx_escape(name, sizeof name, end->name, strlen(end->name)));
    return 0;
}

static int judge_scene(struct metadata *m, uint32_t zarr_json, const struct ozx_scene *block,
                       struct ozx_error *error)
{
    struct scene scene = {.zarr_json = zarr_json,
                          .directory = ozx_archive_parent(m->v->archive, zarr_json),
                          .bytes_left = SCENE_JSON_MAX};
    int failure = 0;

    for (size_t i = 0; i < block->transform_count && !failure; i++) {
        failure = judge_scene_end(m, &scene, &block->transforms[i].input, error);
        if (!failure)
            failure = judge_scene_end(m, &scene, &block->transforms[i].output, error);
    }
    return failure;
}

static int judge_references(struct metadata *m, uint32_t zarr_json, const struct ozx_ome *ome,
                            struct ozx_error *error)
{
    uint32_t directory = ozx_archive_parent(m->v->archive, zarr_json), node;

    for (size_t i = 0; i < ome->multiscale_count; i++) {
        int failure = judge_datasets(m, zarr_json, directory, &ome->multiscales[i], error);
        if (failure)
            return failure;
    }
    for (size_t i = 0; ome->plate && i < ome->plate->well_count; i++)
        (void)follow(m, zarr_json, directory, "well", ome->plate->wells[i].path, &node);
    if (ome->well)
        follow_all(m, zarr_json, directory, "image", ome->well->images, ome->well->image_count);
    if (ome->has_labels)
        follow_all(m, zarr_json, directory, "label image", ome->labels, ome->label_count);
    if (ome->scene) {
        int failure = judge_scene(m, zarr_json, ome->scene, error);
        if (failure)
            return failure;
    }
    if (ome->has_series) /* this is OME/: the images are beside it */
        follow_all(m, zarr_json, ozx_archive_parent(m->v->archive, directory), "image", ome->series,
                   ome->series_count);
    return 0;
}

static void judge_version(struct metadata *m, uint32_t zarr_json, bool root, const char *version,
                          struct ozx_error *error)
{
    char mine[OZX_ESCAPED_SIZE], other[OZX_ESCAPED_SIZE];
    const char *stated = m->v->comment.version;

    (void)error;
    if (!version)
        return; /* a defect of the block where one is required */
    ozx_escape(mine, sizeof mine, version, strlen(version));
    if (root) {
        m->root_version = strdup(version);
        if (*stated && strcmp(stated, version) != 0)
            ozx_verify_find(m->v, OZX_RULE_COMMENT, OZX_VERDICT_WARN, NULL,
                            m->v->records.comment_offset_bytes,
                            "the comment states OME-Zarr version '%s', the root zarr.json '%s'",
                            ozx_escape(other, sizeof other, stated, strlen(stated)), mine);
    } else if (m->root_version && strcmp(m->root_version, version) != 0) {
        ozx_verify_find_node(
            m->v, OZX_RULE_OME_BLOCK, OZX_VERDICT_WARN, zarr_json,
            "states OME-Zarr version '%s', the root '%s'", mine,
            ozx_escape(other, sizeof other, m->root_version, strlen(m->root_version)));
    }
}

/* --- a node ----------------------------------------------------------------------------------- */

static void judge_defects(struct metadata *m, uint32_t zarr_json,
                          const struct ozx_metadata *metadata)
{
    for (size_t i = 0; i < metadata->defect_count; i++) {
        const struct ozx_defect *defect = &metadata->defects[i];
        ozx_verify_find_node(m->v,
                             defect->part == OZX_PART_OME ? OZX_RULE_OME_BLOCK : OZX_RULE_ZARR_JSON,
                             OZX_VERDICT_WARN, zarr_json, "%s%s%s", defect->where,
                             defect->where[0] ? " " : "", defect->text);
    }
    if (metadata->defect_total > metadata->defect_count)
        ozx_verify_find_node(m->v, OZX_RULE_ZARR_JSON, OZX_VERDICT_WARN, zarr_json,
                             "and %llu more of this kind",
                             (unsigned long long)(metadata->defect_total - metadata->defect_count));
}

/* What other nodes it may be expected to list, or to be listed by. */
static uint16_t lists_of(const struct ozx_ome *ome)
{
    if (!ome)
        return 0;
    return (uint16_t)((ome->multiscale_count ? OZX_VERIFY_IMAGE : 0) |
                      (ome->has_labels ? OZX_VERIFY_LABELS : 0) |
                      (ome->plate ? OZX_VERIFY_PLATE : 0) | (ome->well ? OZX_VERIFY_WELL : 0) |
                      (ome->has_series ? OZX_VERIFY_SERIES : 0));
}

static int judge_node(struct metadata *m, uint32_t directory, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    bool root = directory == OZX_NODE_ROOT;
    uint32_t zarr_json = 0;
    int failure;

    if (!find_file(m->v, directory, OZX_NAME_ZARR_JSON, &zarr_json))
        return 0;
    failure = load(m, zarr_json, true, &metadata, error);
    if (!metadata || metadata->has_consolidated)
        m->states[directory] |= OZX_VERIFY_CONSOLIDATED;
    if (failure || !metadata)
        return failure;
    if (metadata->is_array)
        m->states[directory] |= OZX_VERIFY_ARRAY;
    m->states[directory] |= lists_of(metadata->ome);
    judge_defects(m, zarr_json, metadata);
    if (metadata->ome) {
        judge_version(m, zarr_json, root, metadata->ome->version, error);
        failure = judge_references(m, zarr_json, metadata->ome, error);
    } else if (root) {
        ozx_verify_find_node(m->v, OZX_RULE_OME_BLOCK, OZX_VERDICT_WARN, zarr_json,
                             "the root has no OME metadata: Zarr, but not OME-Zarr");
    }
    if (!failure && metadata->array)
        failure = ozx_verify_chunks(m->v, zarr_json, metadata->array, m->states, error);
    return failure;
}

/* Of Zarr v2, which is no .ozx, this only: whether what the OME metadata name is there. */
static int judge_v2_node(struct metadata *m, uint32_t directory, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    uint32_t file, attributes;
    int failure;

    if (!find_file(m->v, directory, OZX_NAME_ZATTRS, &attributes) ||
        ozx_metadata_find(m->v->archive, directory, &file))
        return 0;
    failure = load(m, file, false, &metadata, error);
    if (failure || !metadata || !metadata->ome)
        return failure;
    return judge_references(m, attributes, metadata->ome, error);
}

/* --- the hierarchy ---------------------------------------------------------------------------- */

static void judge_second(struct metadata *m, uint32_t directory)
{
    uint32_t parent = ozx_archive_parent(m->v->archive, directory);

    if (!(m->states[OZX_NODE_ROOT] & OZX_VERIFY_NODE))
        ozx_verify_find_node(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_FAIL, directory,
                             "a hierarchy starts here, not at the root");
    else if (m->states[parent] & OZX_VERIFY_ARRAY)
        ozx_verify_find_node(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_FAIL, directory,
                             "lies within an array, where no reader looks for it");
    else if (m->states[directory] & OZX_VERIFY_REFERENCED)
        ozx_verify_find_node(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_WARN, directory,
                             "only OME metadata refer to it: the directory above has no zarr.json");
    else
        ozx_verify_find_node(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_FAIL, directory,
                             "no group contains it: a second hierarchy");
}

static void judge_hierarchy(struct metadata *m)
{
    uint64_t nodes = 0;

    for (uint32_t node = 0; node < m->node_count; node++) {
        uint16_t state = m->states[node];
        uint32_t parent = ozx_archive_parent(m->v->archive, node);
        uint16_t above = m->states[parent];
        nodes += state & OZX_VERIFY_NODE;
        if (node != OZX_NODE_ROOT && (state & OZX_VERIFY_NODE) &&
            (!(above & OZX_VERIFY_NODE) || (above & OZX_VERIFY_ARRAY)))
            judge_second(m, node);
        if ((state & OZX_VERIFY_V2) && (m->states[OZX_NODE_ROOT] & OZX_VERIFY_NODE))
            ozx_verify_find_node(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_WARN, node,
                                 "also has Zarr v2 metadata: readers of v2 see another hierarchy");
    }
    if (!nodes)
        ozx_verify_find(m->v, OZX_RULE_ONE_HIERARCHY, OZX_VERDICT_FAIL, NULL, OZX_OFFSET_NONE,
                        "there is no Zarr v3 hierarchy at all");
}

int ozx_verify_metadata(struct ozx_verify *v, struct ozx_error *error)
{
    struct metadata m = {.v = v, .node_count = ozx_archive_node_count(v->archive)};
    uint32_t file;
    int failure = 0;

    m.states = calloc(m.node_count, sizeof *m.states);
    if (!m.states)
        return ozx_error_memory(error);
    for (uint32_t node = 0; node < m.node_count; node++) {
        if (!is_directory(v, node))
            continue;
        if (find_file(v, node, OZX_NAME_ZARR_JSON, &file))
            m.states[node] |= OZX_VERIFY_NODE;
        if (find_file(v, node, OZX_NAME_ZGROUP, &file) ||
            find_file(v, node, OZX_NAME_ZARRAY, &file))
            m.states[node] |= OZX_VERIFY_V2;
    }
    m.is_v2 = (m.states[OZX_NODE_ROOT] & (OZX_VERIFY_NODE | OZX_VERIFY_V2)) == OZX_VERIFY_V2;
    for (uint32_t node = 0; node < m.node_count && !failure; node++) {
        if (m.states[node] & OZX_VERIFY_NODE)
            failure = judge_node(&m, node, error);
        else if (m.is_v2 && is_directory(v, node))
            failure = judge_v2_node(&m, node, error);
        if (!failure && v->options->cancel && *v->options->cancel)
            failure = ozx_error_interrupted(error);
    }
    if (!failure)
        ozx_verify_listed(v, m.states);
    if (!failure)
        judge_hierarchy(&m);
    if (!failure)
        failure = ozx_verify_consolidated(v, m.states, error);
    if (v->options->quick)
        ozx_verify_leave_out(v, OZX_RULE_SHARD_INDEX);
    free(m.root_version);
    free(m.states);
    return failure;
}
