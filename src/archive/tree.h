/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The immutable tree of an archive: 40 bytes a node, breadth-first, the children of a directory
 * contiguous and sorted by the bytes of their names. Built once by index.c and layout.c; after that
 * only `where` of a file changes, once, from the local header's offset to the data's (atomically, so
 * readers take no locks).
 *
 * Knows what a directory says of an entry, not how to read it: that is archive.c.
 */
#ifndef OZX_ARCHIVE_TREE_H
#define OZX_ARCHIVE_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/archive.h"
#include "base/error.h"

#define OZX_WHERE_RESOLVED (UINT64_C(1) << 63) /* the offset is the data's */
#define OZX_WHERE_OFFSET (OZX_WHERE_RESOLVED - 1)

enum ozx_node_kind {
    OZX_KIND_DIRECTORY = 1,
    OZX_KIND_EXPLICIT = 2, /* a directory that has an entry of its own */
    OZX_KIND_CP437 = 4,    /* the name was decoded from CP437 */
    OZX_KIND_COMPRESSED =
        8, /* a file with a struct ozx_compressed: its bytes are not stored as is */
};

/* Why every read of an entry fails (policy table, verdict EIO). */
enum ozx_eio {
    OZX_EIO_NONE,
    OZX_EIO_ENCRYPTED,
    OZX_EIO_METHOD,
    OZX_EIO_SPECIAL,
    OZX_EIO_RATIO,
};

struct ozx_node {
    _Atomic uint64_t where; /* file: offset in the archive, OZX_WHERE_RESOLVED */
    union {
        uint64_t size_bytes; /* file: uncompressed */
        struct {
            uint32_t first_child, child_count;
        };
    };
    union {
        uint32_t crc32;              /* file */
        uint32_t subdirectory_count; /* directory */
    };
    uint32_t name_offset; /* in the names */
    uint32_t parent;
    uint32_t mtime_low;   /* seconds since 1901 (ozx_node_mtime), 40 bits */
    uint16_t flags;       /* general purpose bit flag */
    uint16_t slack_bytes; /* room for the local extra field before what follows, at most 65535 */
    uint8_t mtime_high;
    uint8_t name_size;
    uint8_t kind; /* enum ozx_node_kind */
    uint8_t eio;  /* enum ozx_eio */
};

/* What the node has no room for, of entries that are compressed, encrypted ...; sorted by node. */
struct ozx_compressed {
    uint32_t node;
    uint16_t method;
    uint64_t compressed_size_bytes;
};

struct ozx_tree {
    struct ozx_node *nodes; /* owned */
    uint32_t node_count;
    struct ozx_compressed *compressed; /* owned */
    uint32_t compressed_count;
    char *names;  /* owned; nodes borrow from it */
    char *prefix; /* owned; path of the root in the archive, "" or a subdir without its final '/' */
};

void ozx_tree_free(struct ozx_tree *tree); /* what it owns, not the struct itself */

static inline void ozx_node_set_mtime(struct ozx_node *node, int64_t mtime_s)
{
    uint64_t biased = (uint64_t)(mtime_s + INT64_C(0x80000000));

    node->mtime_low = (uint32_t)biased;
    node->mtime_high = (uint8_t)(biased >> 32);
}

static inline int64_t ozx_node_mtime(const struct ozx_node *node)
{
    return (int64_t)((uint64_t)node->mtime_high << 32 | node->mtime_low) - INT64_C(0x80000000);
}

/* Bytes by value, then the shorter first: the order of names everywhere in ozxfs. */
int ozx_name_compare(const char *a, size_t a_size, const char *b, size_t b_size);

/* -ENOENT, -ENOTDIR */
int ozx_tree_lookup(const struct ozx_tree *tree, uint32_t directory, const char *name,
                    size_t name_size_bytes, uint32_t *node) OZX_CHECKED;

/* A path that a user typed, past '/' and components '.': no name in a tree is one of those. */
const char *ozx_tree_next_component(const char *path);

size_t ozx_tree_path(const struct ozx_tree *tree, uint32_t node, char path[OZX_PATH_SIZE]);

/* The number of the record of `node` among `records`, which are sorted by node and have one for it. */
uint32_t ozx_compressed_find(const struct ozx_compressed *records, uint32_t count, uint32_t node);

/* The node's record; only for OZX_KIND_COMPRESSED. */
const struct ozx_compressed *ozx_tree_compressed(const struct ozx_tree *tree, uint32_t node);

/* The rule by which every read of the node fails, or OZX_RULE_NONE. */
enum ozx_rule ozx_node_eio_rule(const struct ozx_node *node);

#endif
