/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The groups above a tree that is added: what they become. Private to the room.
 */
#ifndef OZX_EDIT_ADD_PARENTS_H
#define OZX_EDIT_ADD_PARENTS_H

#include "edit/add.h"
#include "edit/change.h"

/* Where something is left to the user. */
#define OZX_ADD_HINT "'man ozxfs-add' shows how to list it"

struct ozx_add_parent {
    size_t path_size_bytes; /* of the directory: so many bytes of the tree's path */
    bool is_new;            /* there is no such group yet */
    bool has_consolidated;
    struct ozx_metadata *metadata; /* owned; NULL: it is new */
    struct ozx_change_text text;   /* of its zarr.json; NULL: it stays as it is */
    char *file;                    /* the path of that; owned */
    size_t field_count;            /* of a well that is made or gets one more; else 0 */
};

struct ozx_add_parents {
    struct ozx_add_parent *list; /* owned; the root first, each below the one before */
    uint32_t count, room;
};

/* --- add_parts.c --- */

/* What the tree's root is, or another of its nodes. */
struct ozx_add_kind {
    bool is_image, is_well;
    size_t field_count; /* of a well */
    char version[OZX_VERSION_TEXT_MAX];
};

/* -EBADMSG: it is no node of Zarr v3. */
int ozx_add_kind_of(const struct ozx_add_node *node, struct ozx_add_kind *out,
                    struct ozx_error *error) OZX_CHECKED;

/* A warning about `path`, with `detail` behind it. */
void ozx_add_warn(const struct ozx_add_options *options, const char *path, const char *hint,
                  const char *text, const char *detail);

/* The text of the group, if it has none yet. */
int ozx_add_parent_load(struct ozx_archive *archive, struct ozx_add_parent *parent,
                        struct ozx_error *error) OZX_CHECKED;

/* -EBADMSG if what stands at one of `parts` ("attributes.ome.labels"; lists, NULL behind the last)
 * of the group is not what it is to be, so that it would be lost, or counted wrong. What is not
 * there can be made. */
int ozx_add_judge(const struct ozx_add_options *options, const struct ozx_add_parent *group,
                  const char *const *parts, struct ozx_error *error) OZX_CHECKED;

/* --- add_parents.c --- */

/* Finds them: -EBADMSG if nothing can stand below one of them, -EEXIST if something is at `path`
 * already. */
int ozx_add_parents_find(struct ozx_archive *archive, const char *path,
                         struct ozx_add_parents *parents, struct ozx_error *error) OZX_CHECKED;

/* Makes their texts. `tree`: what its root is. */
int ozx_add_parents_change(struct ozx_archive *archive, const struct ozx_add_options *options,
                           const struct ozx_add_kind *tree, struct ozx_add_parents *parents,
                           struct ozx_error *error) OZX_CHECKED;

/* --- add_plate.c --- */

/* The tree is an image, and the last group is a well, or becomes one as it is made in a plate: the
 * field's name; else NULL, and if it looks like one, that was told. */
const char *ozx_add_field_of(const struct ozx_add_options *options,
                             const struct ozx_add_parents *parents,
                             const struct ozx_add_kind *tree);

/* Lists the field in the well, which is there. */
int ozx_add_list_field(struct ozx_archive *archive, const struct ozx_add_options *options,
                       struct ozx_add_parent *well, const char *name,
                       struct ozx_error *error) OZX_CHECKED;

/* Lists in the plate, the group `number`, the wells that are new. What the plate has no place for
 * is told. */
int ozx_add_list_wells(struct ozx_archive *archive, const struct ozx_add_options *options,
                       const struct ozx_add_parents *parents, uint32_t number,
                       const struct ozx_add_kind *tree, struct ozx_error *error) OZX_CHECKED;

/* add_consolidated.c: what is new, in the consolidated metadata of the group `number`, whose text
 * is there. */
int ozx_add_consolidated(const struct ozx_add_options *options,
                         const struct ozx_add_parents *parents, uint32_t number,
                         struct ozx_error *error) OZX_CHECKED;

/* --- add_series.c --- */

/* Tells it if the tree, an image in the group of a bioformats2raw layout, is none of its series. */
int ozx_add_judge_series(struct ozx_archive *archive, const struct ozx_add_options *options,
                         const struct ozx_add_parent *group, struct ozx_error *error) OZX_CHECKED;

void ozx_add_parents_free(struct ozx_add_parents *parents);

#endif
