/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a change would let be read that cannot be read now.
 *
 * The data of an entry may not reach beyond the next local header or the central directory (rule
 * overlap): an entry whose local extra field pushes its data there is -EIO. An append makes gaps of
 * the old central directory and of the entries that it replaces, and then the same bytes would be
 * taken for data.
 */
#ifndef OZX_EDIT_NEIGHBOURS_H
#define OZX_EDIT_NEIGHBOURS_H

#include "archive/archive.h"
#include "edit/append.h"

/* Reads the local headers of the entries in front of these gaps. -EBADMSG if one cannot be read;
 * the errors of reading otherwise. Looks at every node. */
int ozx_neighbours_check(struct ozx_archive *archive, const struct ozx_append_entry *entries,
                         uint32_t count, struct ozx_error *error) OZX_CHECKED;

#endif
