/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Junk: what operating systems, network file systems and interrupted writers leave in directories,
 * and no reader of Zarr asks for. One list for all that writes archives (ozxfs-pack(1) has it).
 *
 * Safe by construction: a file of the list is never named like metadata or a chunk key, and a
 * directory of the list counts as junk only where nothing in it is a Zarr node (whoever asks, asks
 * for that: ozx_junk_is_node_file).
 *
 * Sources: zarr-python 2 and 3 (LocalStore, DirectoryStore), TensorStore (file key-value store),
 * Linux (nfs, fuse), freedesktop.org's trash specification.
 */
#ifndef OZX_PACK_JUNK_H
#define OZX_PACK_JUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ozx_archive;

enum ozx_junk {
    OZX_JUNK_DS_STORE,
    OZX_JUNK_APPLE_DOUBLE,
    OZX_JUNK_THUMBS,
    OZX_JUNK_DESKTOP_INI,
    OZX_JUNK_PARTIAL, /* a file that a writer did not live to rename */
    OZX_JUNK_LOCK,
    OZX_JUNK_SILLY_RENAME, /* removed while it was open */
    OZX_JUNK_MACOSX,
    OZX_JUNK_TRASH,
    OZX_JUNK_VOLUME, /* what is kept at the root of a volume, or in each folder of a NAS */
    OZX_JUNK_KINDS,
    OZX_JUNK_NONE = OZX_JUNK_KINDS
};

/* How many of each kind. */
struct ozx_junk_counts {
    uint64_t of[OZX_JUNK_KINDS];
};

/* The kind that a last component (terminated, without '/') is by its name alone. */
enum ozx_junk ozx_junk_of_name(const char *name, bool is_directory);

/* True for the names that make the directory with them a node of Zarr (v3 or v2). */
bool ozx_junk_is_node_file(const char *name, size_t size_bytes);

#define OZX_JUNK_BELOW 0xFF /* in marks: in a directory that is junk */

/* Of each node of an archive: 0, or 1 + the kind of junk that it is, or OZX_JUNK_BELOW. A directory
 * that holds a Zarr node is none. NULL without memory; the caller frees it. */
uint8_t *ozx_junk_mark(const struct ozx_archive *archive);

/* "2 .DS_Store, 1 __MACOSX/": all that are not 0, into `text`; their sum. */
uint64_t ozx_junk_describe(const struct ozx_junk_counts *counts, char *text, size_t size);

#endif
