/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Removing a directory tree, of any depth, without following a symbolic link and without leaving
 * it: one directory is open at a time, and on the way up each is compared with the one that was
 * left, so that nobody who moves directories about can send the removal elsewhere.
 */
#ifndef OZX_IO_REMOVAL_H
#define OZX_IO_REMOVAL_H

#include "base/cleanup.h"

/* Removes the directory `name` (one component) of `parent_fd` and all in it. Goes on past what
 * cannot be removed, so that as little as possible stays. 0, or the first failure as -errno;
 * -ESTALE if directories were moved meanwhile. */
int ozx_remove_tree(int parent_fd, const char *name) OZX_CHECKED;

#endif
