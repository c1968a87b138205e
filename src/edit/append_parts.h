/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What append.c and settle.c share (append_disk.c).
 */
#ifndef OZX_EDIT_APPEND_PARTS_H
#define OZX_EDIT_APPEND_PARTS_H

#include "base/error.h"
#include "zip/append_mark.h"

/* All of it, at that offset. */
int ozx_append_put(int fd, const void *data, size_t size_bytes, uint64_t offset_bytes,
                   struct ozx_error *error) OZX_CHECKED;
int ozx_append_sync(int fd, struct ozx_error *error) OZX_CHECKED;
/* The file has that size, and that is on the disk. */
int ozx_append_cut(int fd, uint64_t size_bytes, struct ozx_error *error) OZX_CHECKED;
/* Steps 4 and 5 of append.h; may be done again. */
int ozx_append_finish(int fd, const struct ozx_append_mark *mark,
                      struct ozx_error *error) OZX_CHECKED;

#endif
