/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The porter: the process of a mount of a directory of archives that may open files. It has the
 * rights of who mounts, reads no byte of an archive, and does two things: says what there is in the
 * directories that the worker asks for, and from then on what changes there (inotify; where that
 * tells nothing, it looks once a second), and hands over descriptors of what it has listed itself.
 *
 * It is not the supervisor, so that a disk that does not answer does not keep the mount from being
 * ended.
 */
#ifndef OZX_MOUNT_MANY_PORTER_H
#define OZX_MOUNT_MANY_PORTER_H

#include "mount/mount.h"

/* Starts it for the directory of `contents`, if that has one: then `contents->requests` is the
 * worker's end of the channel (mount/many/requests.h), and the directory is closed here. It ends
 * with the worker. -errno. */
int ozx_porter_start(const struct ozx_mount_options *options,
                     struct ozx_mount_contents *contents) OZX_CHECKED;

#endif
