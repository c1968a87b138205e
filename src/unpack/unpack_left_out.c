/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every zarr.json that was unpacked is looked at once more, in the archive; where it names nodes
 * that are in the archive and were not wanted, the file is written again without them.
 */
#include "unpack/unpack_left_out.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "unpack/unpack_rewrite.h"
#include "zarr/consolidated.h"
#include "zarr/left_out.h"
#include "zarr/metadata_files.h"

struct judge {
    const struct ozx_unpack_files *files;
    struct ozx_archive *archive;
    struct ozx_left_out_tally tally;

    /* The metadata at hand: */
    uint32_t file, directory;
    char path[OZX_PATH_SIZE];  /* of the file, from the root of what is unpacked */
    char group[OZX_PATH_SIZE]; /* of its directory */
    char *text;                /* owned */
    size_t size_bytes;
    char *out; /* owned; NULL until something is cut */
    size_t out_size, done;
    struct ozx_error *error;
};

static void count(struct judge *j, enum ozx_left_out_kind kind, const char *name)
{
    ozx_left_out_add(&j->tally, kind, j->path, name, strlen(name));
}

static bool is_wanted(const struct judge *j, uint32_t node)
{
    return j->files->marks[node] & OZX_UNPACK_WANTED;
}

/* A node of the archive that is not unpacked. */
static bool is_left_out(const struct judge *j, const char *path)
{
    uint32_t directory, file;

    return ozx_archive_find(j->archive, path, &directory) == 0 &&
           ozx_metadata_find(j->archive, directory, &file) == 0 && !is_wanted(j, file);
}

/* --- consolidated metadata -------------------------------------------------------------------- */

static bool is_gone(void *context, const char *path)
{
    return is_left_out(context, path);
}

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct judge *j = context;
    bool keep = j->files->options->keep_consolidated;
    bool gone =
        node->path && (is_left_out(j, node->path) || ozx_consolidated_is_cut_off(node, is_gone, j));

    if (gone)
        count(j, keep ? OZX_LEFT_OUT_KEPT : OZX_LEFT_OUT_REMOVED, node->path);
    return gone && !keep;
}

static void copy(struct judge *j, size_t to)
{
    memcpy(j->out + j->out_size, j->text + j->done, to - j->done);
    j->out_size += to - j->done;
    j->done = to;
}

static int cut(void *context, struct ozx_json_range bytes)
{
    struct judge *j = context;

    if (!j->out)
        j->out = malloc(j->size_bytes);
    if (!j->out)
        return -ENOMEM;
    copy(j, bytes.from);
    j->done = bytes.to;
    return 0;
}

static int judge_consolidated(struct judge *j)
{
    const struct ozx_consolidated_walk walk = {.text = j->text,
                                               .size_bytes = j->size_bytes,
                                               .directory = j->group,
                                               .context = j,
                                               .listed = listed,
                                               .cut = cut};
    const struct ozx_left_out_tally before = j->tally;
    struct ozx_consolidated_facts facts;
    int failure;

    free(ozx_take(j->out));
    j->out_size = j->done = 0;
    failure = ozx_consolidated_each(&walk, &facts);
    if (failure)
        return ozx_error_memory(j->error);
    if (facts.is_there && (facts.is_wrong || facts.is_other_kind)) {
        j->tally = before;
        count(j, facts.is_wrong ? OZX_LEFT_OUT_WRONG : OZX_LEFT_OUT_OTHER_KIND, "");
        return 0;
    }
    if (!j->out)
        return 0;
    copy(j, j->size_bytes);
    return ozx_unpack_rewrite(j->files, j->file, j->out, j->out_size, j->error);
}

/* Of Zarr v2: the keys are the paths of files. */
static void judge_v2(struct judge *j)
{
    struct ozx_json_cursor cursor = ozx_json_text(j->text, j->size_bytes);
    struct ozx_json_range nodes;
    struct ozx_json_member member;
    char key[OZX_PATH_SIZE], path[OZX_PATH_SIZE];
    uint32_t node;
    size_t size;

    if (!ozx_json_find(j->text, (struct ozx_json_range){cursor.at, cursor.end}, "metadata", &nodes))
        return;
    cursor = ozx_json_within(j->text, nodes);
    if (!ozx_json_enter(&cursor, '{'))
        return;
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM)
        if (ozx_json_decode(j->text, member.key, key, sizeof key, &size) &&
            ozx_consolidated_join(j->group, key, path, NULL) &&
            ozx_archive_find(j->archive, path, &node) == 0 && !is_wanted(j, node)) {
            count(j, OZX_LEFT_OUT_V2, "");
            return;
        }
}

/* --- OME metadata ----------------------------------------------------------------------------- */

static int judge_reference(void *context, const struct ozx_reference *reference)
{
    struct judge *j = context;
    uint32_t from = j->directory, target, file;

    if (reference->from_above)
        from = ozx_archive_parent(j->archive, from);
    if (ozx_metadata_resolve(j->archive, from, reference->path, &target) == 0 &&
        ozx_metadata_find(j->archive, target, &file) == 0 && !is_wanted(j, file))
        count(j, OZX_LEFT_OUT_REFERENCE + (unsigned)reference->kind, reference->path);
    return 0;
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* Is a file below the array's directory, which is no other node's, not wanted? Names that chunk
 * keys do not begin with are passed over. */
static bool lacks_chunk(const struct judge *j, uint32_t directory, bool at_top)
{
    uint32_t first, child_count, metadata;

    ozx_archive_children(j->archive, directory, &first, &child_count);
    for (uint32_t node = first; node < first + child_count; node++) {
        struct ozx_node_stat stat;
        size_t size;
        const char *name = ozx_archive_name(j->archive, node, &size);

        if (at_top && !(name[0] == 'c' && (size == 1 || name[1] == '.')) &&
            !(name[0] >= '0' && name[0] <= '9'))
            continue;
        ozx_archive_stat(j->archive, node, &stat);
        if (stat.is_directory
                ? ozx_metadata_find(j->archive, node, &metadata) != 0 && lacks_chunk(j, node, false)
                : !is_wanted(j, node))
            return true;
    }
    return false;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int judge_metadata(struct judge *j)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_metadata_load(j->archive, j->file, &metadata, &error);

    if (failure == -ENOMEM)
        return ozx_error_memory(j->error);
    if (failure) /* it is told by verify */
        return 0;
    if (metadata->is_array && lacks_chunk(j, j->directory, true))
        count(j, OZX_LEFT_OUT_CHUNKS, j->group[0] ? j->group : "/");
    return metadata->ome ? ozx_references_each(metadata->ome, judge_reference, j) : 0;
}

/* The text of the file, NULL if it cannot be read; -ENOMEM. */
static int read_text(struct judge *j)
{
    struct ozx_error error = OZX_ERROR_INIT;

    free(ozx_take(j->text));
    if (ozx_metadata_text(j->archive, j->file, &j->text, &j->size_bytes, &error) == -ENOMEM)
        return ozx_error_memory(j->error);
    if (!j->text)
        count(j, OZX_LEFT_OUT_LARGE, "");
    return 0;
}

static bool is_zarr_json(const struct judge *j, uint32_t file)
{
    size_t size;
    const char *name = ozx_archive_name(j->archive, file, &size);

    return ozx_metadata_file_of(name, size) == OZX_METADATA_ZARR_JSON;
}

static int judge_directory(struct judge *j, uint32_t directory)
{
    int failure = 0;

    j->directory = directory;
    ozx_unpack_rewrite_path(j->archive, directory, j->group);
    if (ozx_metadata_find(j->archive, directory, &j->file) == 0 && is_wanted(j, j->file)) {
        j->tally.file++;
        ozx_unpack_rewrite_path(j->archive, j->file, j->path);
        if (is_zarr_json(j, j->file)) {
            failure = read_text(j);
            if (!failure && j->text)
                failure = judge_consolidated(j);
        }
        if (!failure)
            failure = judge_metadata(j);
    }
    if (!failure &&
        ozx_archive_lookup(j->archive, directory, OZX_NAME_ZMETADATA, strlen(OZX_NAME_ZMETADATA),
                           &j->file) == 0 &&
        is_wanted(j, j->file)) {
        ozx_unpack_rewrite_path(j->archive, j->file, j->path);
        failure = read_text(j);
        if (!failure && j->text)
            judge_v2(j);
    }
    return failure;
}

static void tell(const struct judge *j)
{
    const struct ozx_unpack_options *options = j->files->options;

    for (enum ozx_left_out_kind kind = 0; kind < OZX_LEFT_OUT_KINDS; kind++) {
        struct ozx_error error = OZX_ERROR_INIT;
        bool is_note;

        if (ozx_left_out_say(&j->tally, kind, &error, &is_note))
            (is_note ? options->note : options->left_out)(options->context, &error);
    }
}

int ozx_unpack_judge_left_out(const struct ozx_unpack_files *files, struct ozx_error *error)
{
    uint32_t node_count = ozx_archive_node_count(files->archive);
    struct judge *j = calloc(1, sizeof *j);
    int failure = 0;

    if (!j)
        return ozx_error_memory(error);
    j->files = files;
    j->archive = files->archive;
    j->error = error;
    for (uint32_t node = 0; node < node_count && !failure; node++) {
        struct ozx_node_stat stat;

        ozx_archive_stat(files->archive, node, &stat);
        if (stat.is_directory && (files->marks[node] || node == OZX_NODE_ROOT))
            failure = judge_directory(j, node);
        if (!failure && files->options->cancel && *files->options->cancel)
            failure = ozx_error_interrupted(error);
    }
    if (!failure)
        tell(j);
    free(j->text);
    free(j->out);
    free(j);
    return failure;
}
