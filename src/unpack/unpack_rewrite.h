/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A metadata file that was unpacked, written again with another text. Private to unpack.
 */
#ifndef OZX_UNPACK_UNPACK_REWRITE_H
#define OZX_UNPACK_UNPACK_REWRITE_H

#include "unpack/unpack_files.h"

/* The node's path below the root of what is unpacked. */
void ozx_unpack_rewrite_path(const struct ozx_archive *archive, uint32_t node,
                             char path[OZX_PATH_SIZE]);

/* The file keeps the time that the archive states. -errno with the error, which is about the
 * output. */
int ozx_unpack_rewrite(const struct ozx_unpack_files *files, uint32_t file, const char *text,
                       size_t size_bytes, struct ozx_error *error) OZX_CHECKED;

#endif
