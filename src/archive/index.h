/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the central directory to the tree. index.c takes the entries as they come and judges what
 * only shows between them (rules overlap, conflict, duplicate); layout.c puts the result into its
 * final order. Memory follows the directory bytes that were read; no step is quadratic, whatever
 * the names.
 */
#ifndef OZX_ARCHIVE_INDEX_H
#define OZX_ARCHIVE_INDEX_H

#include "archive/headers_ahead.h"
#include "archive/tree.h"
#include "archive/warnings.h"
#include "zip/directory.h"

/* Facts about the directory's order and contents that the tree does not keep. */
struct ozx_index_facts {
    uint64_t late_json_count;        /* zarr.json entries behind an entry that is none */
    uint64_t late_json_offset_bytes; /* central header of the first of them */
    uint64_t
        replaced_count; /* entries that a later one of the same name replaced (rule duplicate) */
    uint64_t replaced_bytes; /* their data in the archive */
    uint64_t empty_count;    /* files of 0 bytes */
    uint64_t gap_bytes; /* in front of and between entries, more than a local header can take */
};

struct ozx_index_options {
    const char *subdir;   /* the directory that becomes the root; may be NULL */
    enum ozx_names names; /* how they are taken */
    int64_t mtime_s;      /* for what has none of its own */
    struct ozx_headers_ahead
        *ahead; /* has looked at local headers meanwhile and is ended, or NULL */
};

/* The caller frees the tree. -EBADMSG refused; -ENOENT, -ENOTDIR: no such subdir. */
int ozx_index_build(struct ozx_source *source, const struct ozx_zip_end_records *records,
                    const struct ozx_index_options *options, struct ozx_tree *out,
                    struct ozx_index_facts *facts, struct ozx_warnings *warnings,
                    struct ozx_error *error) OZX_CHECKED;

/* What every read of the entry comes to (rules encrypted, special, method, compressed); a
 * directory's entry is not asked. */
enum ozx_eio ozx_entry_eio(const struct ozx_zip_entry *entry);

/* The tree before it is laid out: nodes in the order of their making, the root first, children
 * found by their `parent` only. Owned by index.c. */
struct ozx_draft {
    struct ozx_node *nodes;
    uint32_t node_count, node_room;
    char *names;
    uint32_t names_size, names_room;
    struct ozx_oddity *oddities; /* .node is a draft's number */
    uint32_t oddity_count, oddity_room;
    uint64_t replaced_count, replaced_bytes; /* as in the facts */
    struct ozx_headers_ahead *ahead;         /* borrowed; NULL: no header was looked at */
};

/* Lays the draft out below `root` (a draft's number). Takes the draft's nodes, names and
 * oddities unless it fails. Finds duplicates (the last stays) and conflicts. */
int ozx_layout(struct ozx_draft *draft, uint32_t root, struct ozx_tree *out,
               struct ozx_warnings *warnings, struct ozx_error *error) OZX_CHECKED;

#endif
