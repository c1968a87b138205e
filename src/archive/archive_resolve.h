/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All local headers of an archive at once: for who has to know where every file's data are before
 * the first of them is read.
 */
#ifndef OZX_ARCHIVE_ARCHIVE_RESOLVE_H
#define OZX_ARCHIVE_ARCHIVE_RESOLVE_H

#include "archive/archive.h"

/* Reads and checks the local header of every file, in the order in which they stand in the archive;
 * after it ozx_archive_data_offset() reads nothing. -EIO: there is a file that cannot be read (the
 * error says which and why), -ETIME: it would take longer than `limit_ms`, as far as the first ones
 * tell (0: it may take as long as it likes); -ESTALE, -ENOMEM, the disk's own. */
int ozx_archive_resolve_all(struct ozx_archive *archive, int64_t limit_ms,
                            struct ozx_error *error) OZX_CHECKED;

#endif
