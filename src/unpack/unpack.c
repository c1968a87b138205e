/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of unpacking, in order. Prints nothing: every message goes through the caller's
 * functions.
 */
#include "unpack/unpack.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "archive/glob.h"
#include "unpack/unpack_chunks.h"
#include "unpack/unpack_left_out.h"
#include "zarr/metadata_files.h"

struct unpack {
    struct ozx_archive *archive; /* borrowed */
    const struct ozx_unpack_options *options;
    struct ozx_unpack_result *result;
    int root_fd;
    uint8_t *marks; /* owned */
    struct ozx_unpack_chunks chunks; /* owned */
    bool is_part;   /* something is not wanted */
};

static int tell(const struct unpack *unpack, enum ozx_unpack_about about,
                const struct ozx_error *error)
{
    unpack->options->problem(unpack->options->context, about, error);
    return error->code;
}

static int tell_memory(const struct unpack *unpack)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_memory(&error);
    return tell(unpack, OZX_UNPACK_OUTPUT, &error);
}

/* --- which entries ---------------------------------------------------------------------------- */

static void mark_node(const struct unpack *unpack, uint32_t node)
{
    unpack->marks[node] |= OZX_UNPACK_WANTED;
    while (node != OZX_NODE_ROOT) {
        node = ozx_archive_parent(unpack->archive, node);
        unpack->marks[node] |= OZX_UNPACK_ABOVE;
    }
}

static int mark_matches(const struct unpack *unpack, const char *pattern)
{
    OZX_AUTO_FREE uint32_t *nodes = NULL;
    uint32_t count = 0;
    int failure = ozx_archive_glob(unpack->archive, pattern, &nodes, &count);

    for (uint32_t i = 0; i < count; i++)
        mark_node(unpack, nodes[i]);
    return failure;
}

static int mark_path(const struct unpack *unpack, const char *path)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];
    uint32_t node;
    int failure;

    if (ozx_archive_is_pattern(unpack->archive, path)) {
        failure = mark_matches(unpack, path);
    } else {
        failure = ozx_archive_find(unpack->archive, path, &node);
        if (!failure)
            mark_node(unpack, node);
    }
    if (!failure)
        return 0;
    if (failure == -ENOMEM)
        return tell_memory(unpack);
    ozx_error_set(
        &error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, "'ozxfs ls -R' lists all entries",
        failure == -EINVAL ? "'%s' has too many components '**'" : "there is no '%s' in it",
        ozx_escape(name, sizeof name, path, strlen(path)));
    return tell(unpack, OZX_UNPACK_ARCHIVE, &error);
}

static int mark(struct unpack *unpack)
{
    uint32_t count = ozx_archive_node_count(unpack->archive);
    int first_failure = 0;

    unpack->marks = calloc(count, 1);
    if (!unpack->marks)
        return tell_memory(unpack);
    for (size_t i = 0; i < unpack->options->path_count; i++) {
        int failure = mark_path(unpack, unpack->options->paths[i]);
        if (!first_failure)
            first_failure = failure;
    }
    if (!unpack->options->path_count)
        unpack->marks[OZX_NODE_ROOT] |= OZX_UNPACK_WANTED;
    /* Parents have smaller numbers than their children. */
    for (uint32_t node = OZX_NODE_ROOT + 1; node < count; node++)
        unpack->marks[node] |=
            unpack->marks[ozx_archive_parent(unpack->archive, node)] & OZX_UNPACK_WANTED;
    return first_failure;
}

/* The reader says itself why it does not read the entry. */
static int judge_file(struct unpack *unpack, uint32_t node)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    size_t got;

    ozx_archive_entry(unpack->archive, node, &entry);
    if (!entry.eio_rule || !ozx_archive_read(unpack->archive, node, NULL, 0, 0, &got, &error))
        return 0;
    error.code = -EBADMSG;
    return tell(unpack, OZX_UNPACK_ARCHIVE, &error);
}

/* Counts what is to be made, and tells of every entry that cannot be read. */
static int judge(struct unpack *unpack)
{
    uint32_t count = ozx_archive_node_count(unpack->archive);
    int first_failure = 0;

    for (uint32_t node = OZX_NODE_ROOT + 1; node < count; node++) {
        struct ozx_node_stat stat;
        int failure;

        unpack->is_part |= !(unpack->marks[node] & OZX_UNPACK_WANTED);
        if (!unpack->marks[node])
            continue;
        ozx_archive_stat(unpack->archive, node, &stat);
        if (stat.is_directory) {
            unpack->result->directories++;
            continue;
        }
        unpack->result->shards += (unpack->marks[node] & OZX_UNPACK_SHARD) != 0;
        unpack->result->files++;
        unpack->result->data_bytes += stat.size_bytes;
        failure = judge_file(unpack, node);
        if (!first_failure)
            first_failure = failure;
    }
    return first_failure;
}

/* --- the output ------------------------------------------------------------------------------- */

static int tell_output(const struct ozx_unpack_options *options, enum ozx_unpack_about about,
                       const struct ozx_error *error)
{
    options->problem(options->context, about, error);
    return error->code;
}

/* An archive that lies in the tree to be replaced would be removed with it. */
static int check_outside(const struct ozx_unpack_options *options,
                         const struct ozx_output_tree *output_tree)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char path[PATH_MAX], *slash;

    if (!output_tree->exchange)
        return 0;
    if (!realpath(options->archive_path, path))
        snprintf(path, sizeof path, "%s", options->archive_path);
    slash = strrchr(path, '/');
    if (slash == path)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    if (!ozx_output_tree_would_remove(output_tree, slash ? path : "."))
        return 0;
    ozx_error_set(&error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "move the archive out of it first",
                  "holds the archive, which would be removed with it");
    return tell_output(options, OZX_UNPACK_OUTPUT_CREATE, &error);
}

int ozx_unpack_begin(const struct ozx_unpack_options *options, struct ozx_output_tree *output_tree)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_output_tree_prepare(output_tree, options->output, options->force,
                                          OZX_NAME_ZARR_JSON, &error);

    if (failure)
        return tell_output(options, OZX_UNPACK_OUTPUT_CREATE, &error);
    failure = check_outside(options, output_tree);
    if (!failure && ozx_output_tree_create(output_tree, &error))
        failure = tell_output(options, OZX_UNPACK_OUTPUT_CREATE, &error);
    return failure;
}

int ozx_unpack_commit(const struct ozx_unpack_options *options, struct ozx_output_tree *output_tree)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool leftover = false;

    if (ozx_output_tree_commit(output_tree, options->sync, &leftover, &error))
        return tell_output(
            options, error.code == -EEXIST ? OZX_UNPACK_OUTPUT_CREATE : OZX_UNPACK_OUTPUT, &error);
    if (leftover)
        options->warning(options->context, OZX_UNPACK_OUTPUT, &error);
    return 0;
}

static int fill(struct unpack *unpack)
{
    const struct ozx_unpack_files files = {
        .archive = unpack->archive,
        .options = unpack->options,
        .root_fd = unpack->root_fd,
        .marks = unpack->marks,
        .chunks = &unpack->chunks,
        .files_total = unpack->result->files,
        .bytes_total = unpack->result->data_bytes,
    };
    struct ozx_error error = OZX_ERROR_INIT;
    bool output;
    int failure = ozx_unpack_files(&files, unpack->result, &output, &error);

    if (!failure && unpack->is_part) {
        output = true;
        failure = ozx_unpack_judge_left_out(&files, &error);
    }
    if (!failure && unpack->chunks.count) {
        failure = ozx_unpack_chunks_rewrite(&files, &error);
        output = failure != -EBADMSG;
    }
    if (!failure)
        return 0;
    /* What a mount answers with EIO is a defect of the archive, not of the disk. */
    if (!output && error.code == -EIO && error.rule)
        error.code = -EBADMSG;
    return tell(unpack, output ? OZX_UNPACK_OUTPUT : OZX_UNPACK_ARCHIVE, &error);
}

static int run(struct unpack *unpack)
{
    int failure = mark(unpack);

    if (!failure && unpack->options->chunks)
        failure = ozx_unpack_chunks_find(unpack->archive, unpack->options, unpack->marks,
                                         &unpack->chunks);
    if (!failure)
        failure = judge(unpack);
    return failure ? failure : fill(unpack);
}

int ozx_unpack(struct ozx_archive *archive, const struct ozx_unpack_options *options, int root_fd,
               struct ozx_unpack_result *result)
{
    struct unpack unpack = {
        .archive = archive, .options = options, .result = result, .root_fd = root_fd};
    int failure;

    memset(result, 0, sizeof *result);
    failure = run(&unpack);
    ozx_unpack_chunks_free(&unpack.chunks);
    free(unpack.marks);
    return failure;
}
