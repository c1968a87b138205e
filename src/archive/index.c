/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking in the central directory: each entry becomes a draft node below its (implied) directories,
 * and leaves its extent in the file, so that overlaps show when all are known.
 */
#include "archive/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/dirtable.h"
#include "archive/extents.h"
#include "base/array.h"
#include "zarr/metadata_files.h"
#include "zip/decompress.h"
#include "zip/directory.h"
#include "zip/format.h"

#define HINT_REWRITE "recreate the archive with another tool"

/* Deflate cannot do better than this (RFC 1951: 258 bytes from two bits, and a header). */
#define DEFLATE_RATIO_MAX 1032

/* A directory costs two bytes of a name but some hundred bytes of memory: implied directories are
 * let in in proportion to the entries, and more than any image has. */
#define DIRECTORIES_FREE 500000
#define DIRECTORIES_PER_ENTRY 16

#define FAR_BYTES (OZX_WHERE_OFFSET - (1 << 20)) /* data end before it: a node can say where */

/* Names that were met before: those of chunks are mostly the same in each directory. */
#define KNOWN_NAMES 4096
#define KNOWN_NAME_MAX 8 /* bytes */

struct known_name {
    uint32_t offset;
    uint32_t size_bytes; /* 0: none */
};

struct build {
    struct ozx_draft draft;
    struct ozx_dirtable directories;
    struct ozx_extents extents;
    uint64_t directory_count, entries_seen;
    uint64_t header_offset_bytes; /* of the entry that is being taken in */
    enum ozx_names names;
    int64_t mtime_s;
    struct ozx_index_facts facts;
    bool seen_data; /* an entry that is no zarr.json */
    struct ozx_warnings *warnings;
    struct ozx_error *error;
    char last_path[OZX_NAME_PATH_MAX + 1]; /* directory part of the last entry, and its draft */
    size_t last_path_size;
    uint32_t last_directory;
    struct known_name known[KNOWN_NAMES]; /* by hash; a newer one takes the place */
};

static struct known_name *known_name(struct build *b, const char *name, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, name, size);
    return &b->known[(word * UINT64_C(0x9E3779B97F4A7C15)) >> 52];
}

static int add_name(struct build *b, const char *name, size_t size, uint32_t *offset)
{
    struct ozx_draft *d = &b->draft;
    struct known_name *known = size && size <= KNOWN_NAME_MAX ? known_name(b, name, size) : NULL;

    if (known && known->size_bytes == size &&
        memcmp(d->names + known->offset + 1, name, size) == 0) {
        *offset = known->offset;
        return 0;
    }
    if (size >= UINT32_MAX - d->names_size)
        return -ENOMEM;
    if (size >= d->names_room - d->names_size) {
        uint64_t larger = (uint64_t)d->names_room + d->names_room / 2 + 65536;
        char *moved;
        if (larger > UINT32_MAX)
            larger = UINT32_MAX;
        moved = realloc(d->names, (size_t)larger);
        if (!moved)
            return -ENOMEM;
        d->names = moved;
        d->names_room = (uint32_t)larger;
    }
    d->names[d->names_size] = (char)size;
    memcpy(d->names + d->names_size + 1, name, size);
    *offset = d->names_size;
    if (known)
        *known = (struct known_name){.offset = d->names_size, .size_bytes = (uint32_t)size};
    d->names_size += (uint32_t)size + 1;
    return 0;
}

/* A new node below `parent`; the rest of it is the caller's. */
static int add_node(struct build *b, uint32_t parent, const char *name, size_t name_size,
                    uint32_t *added)
{
    struct ozx_draft *d = &b->draft;
    struct ozx_node *node;
    uint32_t name_offset;

    if (add_name(b, name, name_size, &name_offset) ||
        ozx_array_grow(d->nodes, d->node_count, &d->node_room))
        return ozx_error_memory(b->error);
    node = &d->nodes[d->node_count];
    memset(node, 0, sizeof *node);
    node->parent = parent;
    node->name_offset = name_offset;
    ozx_node_set_mtime(node, b->mtime_s);
    *added = d->node_count++;
    return 0;
}

static int add_directory(struct build *b, uint32_t parent, const char *name, size_t name_size,
                         uint32_t *added)
{
    int failure;

    if (b->directory_count >= DIRECTORIES_FREE + DIRECTORIES_PER_ENTRY * b->entries_seen)
        return ozx_error_set(
            b->error, -EBADMSG, OZX_RULE_NAME, b->header_offset_bytes, HINT_REWRITE,
            "%" PRIu64 " entries imply more than %" PRIu64 " directories: no image is that large",
            b->entries_seen, b->directory_count);
    failure = add_node(b, parent, name, name_size, added);
    if (failure)
        return failure;
    b->directory_count++;
    ozx_node_add_kind(&b->draft.nodes[*added], OZX_KIND_DIRECTORY);
    if (ozx_dirtable_add(&b->directories, &b->draft, *added))
        return ozx_error_memory(b->error);
    return 0;
}

/* The draft of the directory `path`, made if it is not there. */
static int find_directory(struct build *b, const char *path, size_t size, uint32_t *found)
{
    uint32_t at = 0;

    if (size == b->last_path_size && memcmp(path, b->last_path, size) == 0) {
        *found = b->last_directory;
        return 0;
    }
    for (size_t start = 0; start < size;) {
        const char *slash = memchr(path + start, '/', size - start);
        size_t end = slash ? (size_t)(slash - path) : size;
        uint32_t child =
            ozx_dirtable_find(&b->directories, &b->draft, at, path + start, end - start);
        if (child == OZX_DIRTABLE_NONE) {
            int failure = add_directory(b, at, path + start, end - start, &child);
            if (failure)
                return failure;
        }
        at = child;
        start = end + 1;
    }
    memcpy(b->last_path, path, size);
    b->last_path_size = size;
    b->last_directory = *found = at;
    return 0;
}

static int add_extent(struct build *b, const struct ozx_zip_entry *e, uint32_t node)
{
    int failure = ozx_extents_add(&b->extents, e, node);

    return failure == -ENOMEM ? ozx_error_memory(b->error) : failure;
}

static void warn_entry(struct build *b, const struct ozx_zip_entry *e, enum ozx_rule rule,
                       enum ozx_warning_level level, const char *text)
{
    ozx_warnings_add(b->warnings, rule, level, e->header_offset_bytes, e->path, e->path_size_bytes,
                     text);
}

enum ozx_eio ozx_entry_eio(const struct ozx_zip_entry *e)
{
    const uint16_t encrypted = OZX_FLAG_ENCRYPTED | OZX_FLAG_STRONG_ENCRYPTION | OZX_FLAG_MASKED;

    if (e->flags & encrypted)
        return OZX_EIO_ENCRYPTED;
    if (e->is_special)
        return OZX_EIO_SPECIAL;
    if (e->method == OZX_METHOD_STORED)
        return OZX_EIO_NONE;
    if (!ozx_zip_method_supported(e->method))
        return OZX_EIO_METHOD;
    if (e->method == OZX_METHOD_DEFLATE &&
        e->uncompressed_size_bytes / DEFLATE_RATIO_MAX +
                (e->uncompressed_size_bytes % DEFLATE_RATIO_MAX != 0) >
            e->compressed_size_bytes)
        return OZX_EIO_RATIO;
    return OZX_EIO_NONE;
}

/* The same, and the warning for it. */
static enum ozx_eio judge_reading(struct build *b, const struct ozx_zip_entry *e)
{
    enum ozx_eio eio = ozx_entry_eio(e);
    char text[80];

    switch (eio) {
    case OZX_EIO_ENCRYPTED:
        warn_entry(b, e, OZX_RULE_ENCRYPTED, OZX_WARNING_EIO, "is encrypted");
        break;
    case OZX_EIO_SPECIAL:
        warn_entry(b, e, OZX_RULE_SPECIAL, OZX_WARNING_EIO, "is a symbolic link or a special file");
        break;
    case OZX_EIO_METHOD:
        snprintf(text, sizeof text, "has the compression method %u, which is not supported",
                 e->method);
        warn_entry(b, e, OZX_RULE_METHOD, OZX_WARNING_EIO, text);
        break;
    case OZX_EIO_RATIO:
        warn_entry(b, e, OZX_RULE_COMPRESSED, OZX_WARNING_EIO,
                   "claims a size that deflate cannot reach");
        break;
    case OZX_EIO_NONE:
        if (e->method != OZX_METHOD_STORED)
            warn_entry(b, e, OZX_RULE_COMPRESSED, OZX_WARNING_MINOR,
                       "is compressed: reads are slow");
        break;
    }
    return eio;
}

static int add_oddity(struct build *b, const struct ozx_zip_entry *e, uint32_t draft,
                      enum ozx_eio eio)
{
    struct ozx_draft *d = &b->draft;

    if (ozx_array_grow(d->oddities, d->oddity_count, &d->oddity_room))
        return ozx_error_memory(b->error);
    d->oddities[d->oddity_count++] =
        (struct ozx_oddity){.size_bytes = e->uncompressed_size_bytes,
                            .compressed_size_bytes = e->compressed_size_bytes & OZX_WHERE_OFFSET,
                            .eio = (uint64_t)eio & 0xFF,
                            .node = draft,
                            .method = e->method,
                            .flags = e->flags};
    return 0;
}

/* What few files are, or none. */
static enum ozx_node_kind kind_of(const struct ozx_zip_entry *e, enum ozx_eio eio)
{
    bool compressed =
        e->method != OZX_METHOD_STORED || e->compressed_size_bytes != e->uncompressed_size_bytes;
    bool odd = compressed || eio || e->uncompressed_size_bytes >= OZX_SIZE_ODD ||
               e->flags & ~(OZX_FLAG_UTF8 | OZX_FLAG_DESCRIPTOR);

    return (compressed ? OZX_KIND_COMPRESSED : 0) | (odd ? OZX_KIND_ODD : 0) |
           (e->name_cp437 ? OZX_KIND_CP437 : 0) | (e->flags & OZX_FLAG_UTF8 ? OZX_KIND_UTF8 : 0) |
           (e->flags & OZX_FLAG_DESCRIPTOR ? OZX_KIND_DESCRIPTOR : 0);
}

static int refuse_far(struct build *b, const struct ozx_zip_entry *e)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(b->error, -EBADMSG, OZX_RULE_BOUNDS, e->header_offset_bytes, NULL,
                         "the entry '%s' ends beyond the first 256 TiB of the archive",
                         ozx_escape(name, sizeof name, e->path, e->path_size_bytes));
}

static int take_file(struct build *b, const struct ozx_zip_entry *e, uint32_t directory,
                     const char *name, size_t name_size)
{
    const uint64_t size = e->uncompressed_size_bytes;
    struct ozx_node *node;
    uint32_t draft = 0;
    enum ozx_eio eio;
    int failure;

    if (e->local_offset_bytes > FAR_BYTES ||
        e->compressed_size_bytes > FAR_BYTES - e->local_offset_bytes)
        return refuse_far(b, e);
    failure = add_node(b, directory, name, name_size, &draft);
    if (failure)
        return failure;
    eio = judge_reading(b, e);
    node = &b->draft.nodes[draft];
    atomic_init(&node->where, ozx_node_where(node) | e->local_offset_bytes);
    ozx_node_add_kind(node, kind_of(e, eio));
    node->size_bytes = (size < OZX_SIZE_ODD ? size : UINT64_MAX) & OZX_SIZE_ODD;
    b->facts.empty_count += !size;
    node->crc32 = e->crc32;
    if (e->mtime_known)
        ozx_node_set_mtime(node, e->mtime_s);
    failure = add_extent(b, e, draft);
    return failure || !(ozx_node_kind(node) & OZX_KIND_ODD) ? failure
                                                            : add_oddity(b, e, draft, eio);
}

static int take_directory(struct build *b, const struct ozx_zip_entry *e)
{
    struct ozx_node *node;
    uint32_t draft;
    int failure = find_directory(b, e->path, e->path_size_bytes, &draft);

    if (failure)
        return failure;
    node = &b->draft.nodes[draft];
    if (ozx_node_kind(node) & OZX_KIND_EXPLICIT) {
        warn_entry(b, e, OZX_RULE_DUPLICATE, OZX_WARNING_MAJOR,
                   "appears more than once; the last one is served");
        b->draft.replaced_count++;
    }
    ozx_node_add_kind(node, OZX_KIND_EXPLICIT);
    if (e->mtime_known)
        ozx_node_set_mtime(node, e->mtime_s);
    return add_extent(b, e, OZX_EXTENT_NO_NODE);
}

static void note_order(struct build *b, const struct ozx_zip_entry *e, const char *name,
                       size_t size)
{
    if (e->is_directory)
        return;
    if (ozx_metadata_file_of(name, size) != OZX_METADATA_ZARR_JSON)
        b->seen_data = true;
    else if (b->seen_data && b->facts.late_json_count++ == 0)
        b->facts.late_json_offset_bytes = e->header_offset_bytes;
}

static int take_entry(void *context, const struct ozx_zip_entry *e, struct ozx_error *error)
{
    struct build *b = context;
    const char *slash = memrchr(e->path, '/', e->path_size_bytes);
    const char *name = slash ? slash + 1 : e->path;
    size_t name_size = e->path_size_bytes - (size_t)(name - e->path);
    uint32_t directory;
    int failure;

    (void)error; /* the same as b->error */
    b->entries_seen++;
    b->header_offset_bytes = e->header_offset_bytes;
    note_order(b, e, name, name_size);
    if (e->extra_odd)
        warn_entry(b, e, OZX_RULE_EXTRA_ODD, OZX_WARNING_MINOR, "has an unneeded extra field");
    if (e->name_cp437)
        warn_entry(b, e, OZX_RULE_NAME_CHARSET, OZX_WARNING_MINOR, "has a name in CP437");
    if (e->is_directory)
        return take_directory(b, e);
    if (e->flags & OZX_FLAG_DESCRIPTOR)
        warn_entry(b, e, OZX_RULE_DESCRIPTOR, OZX_WARNING_MINOR, "has a data descriptor");
    failure = find_directory(b, e->path, slash ? (size_t)(slash - e->path) : 0, &directory);
    return failure ? failure : take_file(b, e, directory, name, name_size);
}

/* The draft of the directory that is to be the root. */
static int find_subdir(struct build *b, const char *subdir, char **prefix, uint32_t *root)
{
    char escaped[OZX_ESCAPED_SIZE];
    char *end = *prefix = malloc(strlen(subdir) + 1);
    uint32_t at = 0;

    if (!end)
        return ozx_error_memory(b->error);
    for (const char *name = subdir; *(name = ozx_tree_next_component(name));) {
        size_t size = strcspn(name, "/");
        at = ozx_dirtable_find(&b->directories, &b->draft, at, name, size);
        if (at == OZX_DIRTABLE_NONE)
            return ozx_error_set(b->error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 "'ozxfs ls -R' lists what is in it",
                                 "there is no directory '%s' in the archive",
                                 ozx_escape(escaped, sizeof escaped, subdir, strlen(subdir)));
        if (end != *prefix)
            *end++ = '/';
        end = mempcpy(end, name, size);
        name += size;
    }
    *end = '\0';
    *root = at;
    return 0;
}

/* Rule conflict where layout.c does not look: with a subdir, what lies beside it is judged here. */
static int check_conflicts(struct build *b)
{
    const struct ozx_draft *d = &b->draft;

    for (uint32_t i = 1; i < d->node_count; i++) {
        const struct ozx_node *n = &d->nodes[i];
        char escaped[OZX_ESCAPED_SIZE];
        size_t size;
        const char *name = ozx_node_name(d->names, n, &size);
        if (ozx_node_is_directory(n) ||
            ozx_dirtable_find(&b->directories, d, n->parent, name, size) == OZX_DIRTABLE_NONE)
            continue;
        return ozx_error_set(b->error, -EBADMSG, OZX_RULE_CONFLICT, ozx_node_offset(n),
                             HINT_REWRITE, "'%s' is both a file and a directory",
                             ozx_escape(escaped, sizeof escaped, name, size));
    }
    return 0;
}

static void warn_of_prefix(struct build *b, uint64_t size_bytes)
{
    char text[128];

    snprintf(text, sizeof text,
             "%" PRIu64
             " byte%s before the first entry, as in a self-extracting archive or in one that was "
             "changed in place",
             size_bytes, OZX_S(size_bytes));
    ozx_warnings_add(b->warnings, OZX_RULE_LEADING, OZX_WARNING_MINOR, 0, NULL, 0, text);
}

static int build_tree(struct build *b, struct ozx_source *source,
                      const struct ozx_zip_end_records *records, const char *subdir,
                      struct ozx_tree *out)
{
    OZX_AUTO_FREE char *prefix = NULL;
    uint32_t root = 0;
    int failure = add_node(b, 0, "", 0, &root);

    if (failure)
        return failure;
    ozx_node_add_kind(&b->draft.nodes[root], OZX_KIND_DIRECTORY);
    failure = ozx_zip_directory_walk_names(source, records, b->names, take_entry, b, b->error);
    if (!failure)
        failure = ozx_extents_check(&b->extents, records->directory_offset_bytes, b->error);
    if (!failure && b->extents.count && b->extents.first_offset_bytes)
        warn_of_prefix(b, b->extents.first_offset_bytes);
    free(ozx_take(b->extents.list));
    if (!failure)
        failure = find_subdir(b, subdir ? subdir : "", &prefix, &root);
    if (!failure && root)
        failure = check_conflicts(b);
    ozx_dirtable_free(&b->directories);
    if (!failure)
        failure = ozx_layout(&b->draft, root, out, b->warnings, b->error);
    if (!failure)
        out->prefix = ozx_take(prefix);
    return failure;
}

/* With a list of all extents, or without: -EAGAIN if one is needed. */
static int build_index(const struct build *wanted, struct ozx_source *source,
                       const struct ozx_zip_end_records *records, const char *subdir,
                       struct ozx_tree *out, struct ozx_index_facts *facts)
{
    OZX_AUTO_FREE struct build *b = malloc(sizeof *b);
    int failure;

    if (!b)
        return ozx_error_memory(wanted->error);
    *b = *wanted;
    b->extents.source = source;
    b->extents.draft = &b->draft;
    b->extents.facts = &b->facts;
    failure = ozx_dirtable_init(&b->directories);
    if (failure)
        return ozx_error_memory(b->error);
    failure = build_tree(b, source, records, subdir, out);
    b->facts.replaced_count = b->draft.replaced_count;
    b->facts.replaced_bytes = b->draft.replaced_bytes;
    if (!failure)
        *facts = b->facts;
    ozx_dirtable_free(&b->directories);
    free(b->extents.list);
    free(b->draft.nodes);
    free(b->draft.names);
    free(b->draft.oddities);
    return failure;
}

int ozx_index_build(struct ozx_source *source, const struct ozx_zip_end_records *records,
                    const struct ozx_index_options *options, struct ozx_tree *out,
                    struct ozx_index_facts *facts, struct ozx_warnings *warnings,
                    struct ozx_error *error)
{
    OZX_AUTO_FREE struct build *b = calloc(1, sizeof *b);
    const struct ozx_warnings before = *warnings;
    int failure;

    if (!b)
        return ozx_error_memory(error);
    b->names = options->names;
    b->mtime_s = options->mtime_s;
    b->warnings = warnings;
    b->error = error;
    b->draft.ahead = options->ahead;
    failure = build_index(b, source, records, options->subdir, out, facts);
    ozx_headers_ahead_end(options->ahead);
    if (failure != -EAGAIN)
        return failure;
    *warnings = before;
    b->draft.ahead = NULL; /* it took the next entry for what comes next in the file */
    b->extents.has_list = true;
    return build_index(b, source, records, options->subdir, out, facts);
}
