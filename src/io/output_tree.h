/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory tree that appears whole under its name, or not at all: it is filled under a temporary
 * name beside it (`.ozxfs-XXXXXXXX.partial`), and gets its own in one atomic step:
 *
 *     nothing there          renameat2 NOREPLACE; where that is missing, mkdir takes the name and
 *                            rename replaces the empty directory
 *     an empty directory     rename, which replaces nothing but an empty directory
 *     a tree to be replaced  renameat2 EXCHANGE; the old tree is then removed under the temporary
 *                            name
 *
 * A kill leaves at most the temporary name behind, with the new tree or with the old one.
 */
#ifndef OZX_IO_OUTPUT_TREE_H
#define OZX_IO_OUTPUT_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

struct ozx_output_tree {
    int fd;          /* of the temporary directory, to make things below; owned */
    int parent_fd;   /* owned */
    int old_fd;      /* of the directory that is to be replaced, -1 without one; owned */
    struct stat old; /* what stands under the name now; st_nlink 0: nothing */
    char *name;      /* last component; owned */
    bool exchange;   /* `old` is not empty */
    const char *proof;
    char temporary[32]; /* "" while, or once, there is none */
};

#define OZX_OUTPUT_TREE_INIT                                                                       \
    {                                                                                              \
        .fd = -1, .parent_fd = -1, .old_fd = -1                                                    \
    }

/* Looks at the parent directory and at what stands under the name; nothing is made. An empty
 * directory there is fine. -EEXIST: something else is, and `replace` is false, or it is no
 * directory that holds a regular file named `proof` (borrowed): only such a tree is ever replaced.
 */
int ozx_output_tree_prepare(struct ozx_output_tree *tree, const char *path, bool replace,
                            const char *proof, struct ozx_error *error) OZX_CHECKED;

/* True if the directory `path` is the tree to be replaced or lies in it. */
bool ozx_output_tree_would_remove(const struct ozx_output_tree *tree, const char *path);

/* Makes the temporary directory, open only to the user until it is committed. */
int ozx_output_tree_create(struct ozx_output_tree *tree, struct ozx_error *error) OZX_CHECKED;

/* Brings all that was written to the disk, if `sync`, and gives the tree its name; then the old
 * one, if any, is removed. The mode is 0777 less the umask, or it gets the access of the
 * directory it replaces (io/access.h). -EEXIST: somebody else made or filled the directory
 * meanwhile. `*leftover` (a result) is set, and 0 returned, if the new tree stands but the old one
 * could not be removed wholly: `error` says where it is. */
int ozx_output_tree_commit(struct ozx_output_tree *tree, bool sync, bool *leftover,
                           struct ozx_error *error) OZX_CHECKED;

/* Closes all; a tree that was not committed is removed. At any stage, and twice, is fine. */
void ozx_output_tree_close(struct ozx_output_tree *tree);

#define OZX_AUTO_OUTPUT_TREE OZX_CLEANUP(ozx_output_tree_close)

#endif
