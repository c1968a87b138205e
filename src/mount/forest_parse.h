/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the archives that were opened to the forest that is served. In the worker, locked in.
 */
#ifndef OZX_MOUNT_FOREST_PARSE_H
#define OZX_MOUNT_FOREST_PARSE_H

#include "mount/forest.h"
#include "mount/mount.h"

/* Where archives will be opened: makes this process's table of descriptors as large as it may
 * become. With several threads each time that the table grows it waits for all processors to let go
 * of the old one, 10 to 30 ms in which who opens an archive waits, too. To be called while there is
 * one thread. */
void ozx_forest_prepare(const struct ozx_mount_contents *contents);

/* Parses all of `contents`, whose sources it takes over, into a zeroed forest. What is to be warned
 * of, and what was refused, is said over `socket` (mount/channel.h); `table`: mount/worker.h. The
 * forest is to be closed in any case. */
int ozx_forest_parse(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                     int socket, int table, struct ozx_forest *forest) OZX_CHECKED;

/* Nobody is inside any more. */
void ozx_forest_close(struct ozx_forest *forest);

#endif
