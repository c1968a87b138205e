/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All parts of an archive opened together, and what is in it. Knows which floor answers what;
 * parses nothing itself.
 */
#include "archive/archive_state.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zarr/jansson.h"
#include "zarr/metadata_files.h"
#include "zip/crc.h"
#include "zip/format.h"
#include "zip/prefix.h"

static int read_comment(struct ozx_archive *a, struct ozx_error *error)
{
    uint32_t size = a->records.comment_size_bytes;
    int failure;

    a->comment_text = malloc(size + (size_t)1);
    if (!a->comment_text)
        return ozx_error_memory(error);
    failure = ozx_source_read(a->source, a->comment_text, size, a->records.comment_offset_bytes);
    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, a->records.comment_offset_bytes, NULL,
                             "cannot read the archive comment: %s", ozx_source_reason(failure));
    a->comment_text[size] = '\0';
    return ozx_comment_parse(a->comment_text, size, &a->comment) ? ozx_error_memory(error) : 0;
}

static bool has_file(const struct ozx_archive *a, const char *path)
{
    struct ozx_node_stat stat;
    uint32_t node;

    if (ozx_archive_find(a, path, &node))
        return false;
    ozx_archive_stat(a, node, &stat);
    return !stat.is_directory;
}

/* The root's only child, if it is a directory with a zarr.json: the archive was packed one up. */
static bool only_top_folder(const struct ozx_archive *a, const char **name, size_t *size)
{
    struct ozx_node_stat stat;
    uint32_t first, count, node;

    ozx_archive_children(a, OZX_NODE_ROOT, &first, &count);
    if (count != 1)
        return false;
    ozx_archive_stat(a, first, &stat);
    if (!stat.is_directory)
        return false;
    *name = ozx_archive_name(a, first, size);
    return ozx_archive_lookup(a, first, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON), &node) ==
               0 ||
           ozx_archive_lookup(a, first, OZX_NAME_ZGROUP, strlen(OZX_NAME_ZGROUP), &node) == 0;
}

/* Rule no-root: say what the archive is instead. */
static void judge_root(struct ozx_archive *a, const char *subdir_hint)
{
    char text[512], escaped[OZX_ESCAPED_SIZE];
    const char *name;
    size_t size;

    if (has_file(a, OZX_NAME_ZARR_JSON))
        return;
    if (has_file(a, OZX_NAME_ZGROUP) || has_file(a, OZX_NAME_ZARRAY) ||
        has_file(a, OZX_NAME_ZATTRS))
        snprintf(text, sizeof text,
                 "no zarr.json at the root, this is Zarr v2: readable, but not a .ozx");
    else if (only_top_folder(a, &name, &size))
        snprintf(text, sizeof text, "no zarr.json at the root, all is below one folder: %s%s",
                 subdir_hint ? subdir_hint : "'ozxfs repack' makes an .ozx of it, with --subdir ",
                 ozx_escape(escaped, sizeof escaped, name, size));
    else
        snprintf(text, sizeof text, "no zarr.json at the root: a plain ZIP, not an OME-Zarr image");
    ozx_warnings_add(&a->warnings, OZX_RULE_NO_ROOT, OZX_WARNING_MAJOR, OZX_OFFSET_NONE, NULL, 0,
                     text);
}

static void judge_end_records(struct ozx_archive *a)
{
    char text[256];

    if (a->records.padding_bytes) {
        snprintf(text, sizeof text, "%" PRIu32 " NUL byte%s after the end record",
                 a->records.padding_bytes, OZX_S(a->records.padding_bytes));
        ozx_warnings_add(&a->warnings, OZX_RULE_TAIL_PADDING, OZX_WARNING_MINOR,
                         a->records.comment_offset_bytes + a->records.comment_size_bytes, NULL, 0,
                         text);
    }
    if (a->comment.defect[0]) {
        snprintf(text, sizeof text, "the archive comment does not follow RFC-9: %s",
                 a->comment.defect);
        ozx_warnings_add(&a->warnings, OZX_RULE_COMMENT, OZX_WARNING_MINOR,
                         a->records.comment_offset_bytes, NULL, 0, text);
    }
    if (a->comment.json_first && a->facts.late_json_count)
        ozx_warnings_add(&a->warnings, OZX_RULE_JSON_FIRST, OZX_WARNING_MINOR,
                         a->facts.late_json_offset_bytes, NULL, 0,
                         "the comment says jsonFirst, but a zarr.json comes after other entries");
}

static int open_parts(struct ozx_archive *a, const struct ozx_archive_options *options,
                      struct ozx_error *error)
{
    int64_t mtime_s = options->mtime_s ? *options->mtime_s : ozx_source_mtime(a->source);
    struct ozx_headers_ahead *ahead = NULL;
    int failure = options->own_end_records
                      ? ozx_zip_end_records_read_own(a->source, &a->records, error)
                      : ozx_zip_end_records_read(a->source, &a->records, error);

    if (failure)
        return ozx_zip_prefix_explain(a->source, failure, error);
    a->names = options->names;
    a->crcs_unknown = options->crcs_unknown;
    if (!failure)
        failure = read_comment(a, error);
    if (!failure && options->headers_ahead && options->names == OZX_NAMES_STRICT)
        ahead = ozx_headers_ahead_begin(a->source, &a->records, options);
    if (!failure && !ahead && options->counted)
        options->counted(options->context, a->records.entry_count);
    if (!failure)
        failure = ozx_index_build(a->source, &a->records,
                                  &(struct ozx_index_options){.subdir = options->subdir,
                                                              .names = options->names,
                                                              .mtime_s = mtime_s,
                                                              .ahead = ahead},
                                  &a->tree, &a->facts, &a->warnings, error);
    ozx_headers_ahead_free(ahead);
    if (!failure && a->tree.oddity_count && ozx_zip_streams_open(a->source, &a->streams))
        failure = ozx_error_memory(error);
    if (failure)
        return failure;
    judge_root(a, options->subdir_hint);
    judge_end_records(a);
    ozx_warnings_finish(&a->warnings);
    return 0;
}

void ozx_archive_prepare(void)
{
    ozx_jansson_seed();
    /* libzip turns DOS times into local ones, of no interest here, and without TZ that would look
     * into /etc/localtime each time. */
    setenv("TZ", "UTC0", 1);
    tzset();
}

int ozx_archive_open(struct ozx_source *source, const struct ozx_archive_options *options,
                     struct ozx_archive **out, struct ozx_error *error)
{
    struct ozx_archive *a = calloc(1, sizeof *a);
    int failure;

    if (!a)
        return ozx_error_memory(error);
    a->source = source;
    failure =
        open_parts(a, options ? options : &(struct ozx_archive_options){.subdir = NULL}, error);
    if (failure) {
        a->source = NULL; /* still the caller's */
        ozx_archive_close(a);
        return failure;
    }
    malloc_trim(0); /* the index was built in more memory than it needs from here on */
    *out = a;
    return 0;
}

void ozx_archive_close(struct ozx_archive *archive)
{
    if (!archive)
        return;
    ozx_zip_streams_close(archive->streams);
    ozx_tree_free(&archive->tree);
    ozx_source_close(archive->source);
    free(archive->comment_text);
    free(archive);
}

void ozx_archive_dissolve(struct ozx_archive *archive)
{
    archive->source = NULL;
    ozx_archive_close(archive);
}

uint32_t ozx_archive_fingerprint(const struct ozx_archive *archive)
{
    const struct ozx_tree *tree = &archive->tree;
    /* All but the offset, which is another one once an entry was read. */
    const size_t from = offsetof(struct ozx_node, where) + sizeof tree->nodes->where;
    uint32_t crc = 0;

    for (uint32_t i = 0; i < tree->node_count; i++) {
        const struct ozx_node *n = &tree->nodes[i];
        const uint64_t about = ozx_node_where(n) >> OZX_WHERE_KIND_SHIFT;
        size_t size;
        const char *name = ozx_node_name(tree->names, n, &size);
        crc = ozx_crc32(crc, &about, sizeof about);
        crc = ozx_crc32(crc, (const char *)n + from, sizeof *n - from);
        crc = ozx_crc32(crc, name, size);
    }
    if (tree->oddity_count)
        crc = ozx_crc32(crc, tree->oddities, tree->oddity_count * sizeof *tree->oddities);
    return crc;
}

struct ozx_source *ozx_archive_source(const struct ozx_archive *archive)
{
    return archive->source;
}

uint32_t ozx_archive_node_count(const struct ozx_archive *archive)
{
    return archive->tree.node_count;
}

const struct ozx_warning *ozx_archive_warnings(const struct ozx_archive *archive, size_t *count)
{
    *count = archive->warnings.count;
    return archive->warnings.list;
}

const char *ozx_archive_comment(const struct ozx_archive *archive, size_t *size_bytes)
{
    *size_bytes = archive->records.comment_size_bytes;
    return *size_bytes ? archive->comment_text : NULL;
}

const char *ozx_archive_comment_version(const struct ozx_archive *archive)
{
    return archive->comment.version[0] ? archive->comment.version : NULL;
}

void ozx_archive_facts(const struct ozx_archive *archive, struct ozx_archive_facts *out)
{
    *out = (struct ozx_archive_facts){
        .entry_count = archive->records.entry_count,
        .directory_size_bytes = archive->records.directory_size_bytes,
        .replaced_count = archive->facts.replaced_count,
        .replaced_bytes = archive->facts.replaced_bytes,
        .empty_count = archive->facts.empty_count,
        .gap_bytes = archive->facts.gap_bytes,
        .zip64 = archive->records.zip64,
        .json_first_claimed = archive->comment.json_first,
        .json_first_true = archive->facts.late_json_count == 0,
        .comment_defect = archive->comment.defect,
    };
}

int ozx_archive_lookup(const struct ozx_archive *archive, uint32_t directory, const char *name,
                       size_t name_size_bytes, uint32_t *node)
{
    return ozx_tree_lookup(&archive->tree, directory, name, name_size_bytes, node);
}

int ozx_archive_find(const struct ozx_archive *archive, const char *path, uint32_t *node)
{
    uint32_t at = OZX_NODE_ROOT;

    while (*(path = ozx_tree_next_component(path))) {
        const char *slash = strchrnul(path, '/');
        int failure = ozx_tree_lookup(&archive->tree, at, path, (size_t)(slash - path), &at);
        if (failure)
            return failure;
        if (*slash && !ozx_node_is_directory(&archive->tree.nodes[at]))
            return -ENOTDIR;
        path = slash;
    }
    *node = at;
    return 0;
}

void ozx_archive_stat(const struct ozx_archive *archive, uint32_t node, struct ozx_node_stat *out)
{
    const struct ozx_node *n = &archive->tree.nodes[node];

    out->is_directory = ozx_node_is_directory(n);
    out->nlink = out->is_directory ? 2 + n->subdirectory_count : 1;
    out->size_bytes = out->is_directory ? 0 : ozx_tree_size(&archive->tree, node);
    out->mtime_s = ozx_node_mtime(n);
}

void ozx_archive_children(const struct ozx_archive *archive, uint32_t directory, uint32_t *first,
                          uint32_t *count)
{
    const struct ozx_node *n = &archive->tree.nodes[directory];

    *first = ozx_node_is_directory(n) ? n->first_child : 0;
    *count = ozx_node_is_directory(n) ? n->child_count : 0;
}

uint32_t ozx_archive_parent(const struct ozx_archive *archive, uint32_t node)
{
    return archive->tree.nodes[node].parent;
}

const char *ozx_archive_name(const struct ozx_archive *archive, uint32_t node, size_t *size_bytes)
{
    return ozx_node_name(archive->tree.names, &archive->tree.nodes[node], size_bytes);
}

size_t ozx_archive_path(const struct ozx_archive *archive, uint32_t node, char path[OZX_PATH_SIZE])
{
    return ozx_tree_path(&archive->tree, node, path);
}

void ozx_archive_entry(const struct ozx_archive *archive, uint32_t node, struct ozx_node_entry *out)
{
    const struct ozx_oddity *oddity = ozx_tree_oddity(&archive->tree, node);

    *out = (struct ozx_node_entry){.compressed_size_bytes =
                                       oddity ? oddity->compressed_size_bytes
                                              : archive->tree.nodes[node].size_bytes,
                                   .crc32 = archive->tree.nodes[node].crc32,
                                   .method = oddity ? oddity->method : OZX_METHOD_STORED,
                                   .eio_rule = ozx_tree_eio_rule(&archive->tree, node)};
}
