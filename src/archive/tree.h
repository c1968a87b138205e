/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The immutable tree of an archive: 32 bytes a node, breadth-first, the children of a directory
 * contiguous and sorted by the bytes of their names. Built once by index.c and layout.c; after that
 * only `where` of a file changes, once, from the local header's offset to the data's (atomically,
 * so readers take no locks).
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

/* What a node's `where` holds:
 *
 *     bit 63 ... 56   upper 8 bits of the mtime
 *         55 ... 49   enum ozx_node_kind
 *         48          the offset is the data's
 *         47 ...  0   offset in the archive: a file of 256 TiB is addressed
 */
#define OZX_WHERE_BITS 48
#define OZX_WHERE_RESOLVED (UINT64_C(1) << OZX_WHERE_BITS)
#define OZX_WHERE_OFFSET (OZX_WHERE_RESOLVED - 1)
#define OZX_WHERE_KIND_SHIFT 49
#define OZX_WHERE_MTIME_SHIFT 56

enum ozx_node_kind {
    OZX_KIND_DIRECTORY = 1,
    OZX_KIND_EXPLICIT = 2, /* a directory that has an entry of its own */
    OZX_KIND_CP437 = 4,    /* the name was decoded from CP437 */
    OZX_KIND_COMPRESSED =
        8, /* a file whose bytes are not stored as is: it has a struct ozx_oddity, too */
    OZX_KIND_ODD = 16,        /* it has a struct ozx_oddity */
    OZX_KIND_UTF8 = 32,       /* of the general purpose bit flag: OZX_FLAG_UTF8, */
    OZX_KIND_DESCRIPTOR = 64, /* OZX_FLAG_DESCRIPTOR; an oddity has all of it */
};

/* Why every read of an entry fails (policy table, verdict EIO). */
enum ozx_eio {
    OZX_EIO_NONE,
    OZX_EIO_ENCRYPTED,
    OZX_EIO_METHOD,
    OZX_EIO_SPECIAL,
    OZX_EIO_RATIO,
};

#define OZX_SIZE_ODD OZX_WHERE_OFFSET /* the oddity has it */

struct ozx_node {
    _Atomic uint64_t where; /* see above; a directory has no offset */
    union {
        struct { /* file */
            uint64_t size_bytes
                : OZX_WHERE_BITS; /* uncompressed, or OZX_SIZE_ODD; use ozx_tree_size */
            uint64_t
                /* room for the local extra field before what follows, at most 65535 */
                slack_bytes : 16;
        };
        struct {
            uint32_t first_child, child_count;
        };
    };
    union {
        uint32_t crc32;              /* file */
        uint32_t subdirectory_count; /* directory */
    };
    uint32_t name_offset; /* in the names: a byte that says how many follow (ozx_node_name) */
    uint32_t parent;
    uint32_t mtime_low; /* seconds since 1901 (ozx_node_mtime), 40 bits */
};

/* What the node has no room for, of entries that are compressed, encrypted ...; sorted by node. */
struct ozx_oddity {
    uint64_t size_bytes;
    uint64_t compressed_size_bytes : OZX_WHERE_BITS;
    uint64_t eio : 16; /* enum ozx_eio */
    uint32_t node;
    uint16_t method, flags; /* general purpose bit flag */
};

struct ozx_tree {
    struct ozx_node *nodes; /* owned */
    uint32_t node_count;
    struct ozx_oddity *oddities; /* owned */
    uint32_t oddity_count;
    char *names;  /* owned; nodes borrow from it */
    char *prefix; /* owned; path of the root in the archive, "" or a subdir without its final '/' */
};

void ozx_tree_free(struct ozx_tree *tree); /* what it owns, not the struct itself */

static inline uint64_t ozx_node_where(const struct ozx_node *node)
{
    return atomic_load_explicit(&node->where, memory_order_relaxed);
}

static inline uint64_t ozx_node_offset(const struct ozx_node *node)
{
    return ozx_node_where(node) & OZX_WHERE_OFFSET;
}

/* enum ozx_node_kind */
static inline uint8_t ozx_node_kind(const struct ozx_node *node)
{
    return ozx_node_where(node) >> OZX_WHERE_KIND_SHIFT & 0x7F;
}

static inline bool ozx_node_is_directory(const struct ozx_node *node)
{
    return ozx_node_kind(node) & OZX_KIND_DIRECTORY;
}

static inline int64_t ozx_node_mtime(const struct ozx_node *node)
{
    return (int64_t)(ozx_node_where(node) >> OZX_WHERE_MTIME_SHIFT << 32 | node->mtime_low) -
           INT64_C(0x80000000);
}

/* While the tree is built, by one thread: */
static inline void ozx_node_add_kind(struct ozx_node *node, enum ozx_node_kind kind)
{
    atomic_init(&node->where, ozx_node_where(node) | (uint64_t)kind << OZX_WHERE_KIND_SHIFT);
}

static inline void ozx_node_set_mtime(struct ozx_node *node, int64_t mtime_s)
{
    const uint64_t others = (UINT64_C(1) << OZX_WHERE_MTIME_SHIFT) - 1;
    uint64_t biased = (uint64_t)(mtime_s + INT64_C(0x80000000));

    node->mtime_low = (uint32_t)biased;
    atomic_init(&node->where,
                (ozx_node_where(node) & others) | biased >> 32 << OZX_WHERE_MTIME_SHIFT);
}

/* Borrowed, not terminated. */
static inline const char *ozx_node_name(const char *names, const struct ozx_node *node,
                                        size_t *size_bytes)
{
    *size_bytes = (uint8_t)names[node->name_offset];
    return names + node->name_offset + 1;
}

/* Bytes by value, then the shorter first: the order of names everywhere in ozxfs. */
int ozx_name_compare(const char *a, size_t a_size, const char *b, size_t b_size);

/* -ENOENT, -ENOTDIR */
int ozx_tree_lookup(const struct ozx_tree *tree, uint32_t directory, const char *name,
                    size_t name_size_bytes, uint32_t *node) OZX_CHECKED;

/* A path that a user typed, past '/' and components '.': no name in a tree is one of those. */
const char *ozx_tree_next_component(const char *path);

size_t ozx_tree_path(const struct ozx_tree *tree, uint32_t node, char path[OZX_PATH_SIZE]);

/* The number of the record of `node` among `records`, which are sorted by node and have one for it.
 */
uint32_t ozx_oddity_find(const struct ozx_oddity *records, uint32_t count, uint32_t node);

/* The node's record; NULL if it has none. */
const struct ozx_oddity *ozx_tree_oddity(const struct ozx_tree *tree, uint32_t node);

uint64_t ozx_tree_size(const struct ozx_tree *tree, uint32_t file);  /* uncompressed, in bytes */
uint16_t ozx_tree_flags(const struct ozx_tree *tree, uint32_t file); /* general purpose bit flag */
enum ozx_eio ozx_tree_eio(const struct ozx_tree *tree, uint32_t file);

/* The rule by which every read of the file fails, or OZX_RULE_NONE. */
enum ozx_rule ozx_tree_eio_rule(const struct ozx_tree *tree, uint32_t file);

#endif
