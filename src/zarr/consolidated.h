/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Consolidated metadata: a zarr.json of a group may hold those of the nodes below it once more, as
 * zarr-python 3 writes them (kind "inline"):
 *
 *     "consolidated_metadata": {"kind": "inline", "must_understand": false,
 *                               "metadata": {"s0": {...}, "labels": {...}, "labels/cells": {...}}}
 *
 * A reader that takes them asks for no other zarr.json, and what is listed and not there is an
 * array of fill values to it. Here they are walked over in the text, wherever they stand: the
 * root's, a group's, and those inside of a listed group (whose keys start at that group). Memory:
 * none but the caller's text.
 */
#ifndef OZX_ZARR_CONSOLIDATED_H
#define OZX_ZARR_CONSOLIDATED_H

#include "zarr/json_text.h"

#define OZX_CONSOLIDATED_DEPTH_MAX 8    /* blocks inside each other */
#define OZX_CONSOLIDATED_PATH_SIZE 4096 /* a buffer for any path of an archive, with its NUL */

/* A node that a block lists. */
struct ozx_consolidated_node {
    /* The directory that it means, from the root, in its shortest form ("" is the root); NULL if
     * the key can mean none ("..", NUL, no text). */
    const char *path;
    const char *group; /* the directory of the group that lists it, in the same form */
    bool is_plain;     /* the key has no needless '/' or '.': readers find it by its path */
    struct ozx_json_range key, value;
};

struct ozx_consolidated_walk {
    const char *text; /* of the zarr.json */
    size_t size_bytes;
    const char *directory; /* of the zarr.json, from the root, "" for it */
    void *context;
    /* Called for each listed node. True: it is to be taken out, and what it lists is not asked for.
     */
    bool (*listed)(void *context, const struct ozx_consolidated_node *node);
    /* May be NULL. These bytes are to go, with a comma: in the order of the text, never next to
     * each other. 0 or -errno, which ends the walk. */
    int (*cut)(void *context, struct ozx_json_range bytes);
};

struct ozx_consolidated_facts {
    bool is_there;      /* consolidated_metadata, and not null */
    bool is_other_kind; /* a block is not "inline": what it lists is not known */
    bool is_wrong; /* a block, or the text, is not as it should be: it was not walked to its end */
};

/* 0, or what `cut` failed with. */
int ozx_consolidated_each(const struct ozx_consolidated_walk *walk,
                          struct ozx_consolidated_facts *facts) OZX_CHECKED;

/* Appends `relative` to `directory`: no empty components, no '.'. False: it leads above the root,
 * or is too long. `path` has OZX_CONSOLIDATED_PATH_SIZE. `*is_plain` (may be NULL): it was so
 * already. */
bool ozx_consolidated_join(const char *directory, const char *relative, char *path, bool *is_plain);

/* True if no group leads to the node: `is_left_out` of one above it, below the group that lists it.
 */
bool ozx_consolidated_is_cut_off(const struct ozx_consolidated_node *node,
                                 bool (*is_left_out)(void *context, const char *path),
                                 void *context);

#endif
