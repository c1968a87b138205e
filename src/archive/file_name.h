/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the name of a file says: that it is an archive, and how its image is called. Case does not
 * count.
 */
#ifndef OZX_ARCHIVE_FILE_NAME_H
#define OZX_ARCHIVE_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* True for names, and paths, that end in .ozx or .zip. */
bool ozx_file_name_is_archive(const char *path);

/* Bytes of a file's name without what says that it is an archive: .ozx, .zip, .zarr.ozx,
 * .ome.zarr.zip ... */
size_t ozx_file_name_stem_size(const char *name);

#endif
