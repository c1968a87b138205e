/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Does the root's metadata name what is not there? As far as the tree and very few files tell: for a
 * mount, which must be fast. Looked at are
 *
 *     the root's zarr.json    its datasets, wells, fields, labels, series, consolidated metadata
 *     labels/zarr.json        the label images of an image at the root
 *     OME/zarr.json           the series of a bioformats2raw collection
 *
 * if they have at most OZX_PROMISES_SIZE_MAX bytes. What images below the root name is not asked:
 * verify reads all metadata.
 */
#ifndef OZX_ARCHIVE_PROMISES_H
#define OZX_ARCHIVE_PROMISES_H

#include "archive/archive.h"

#define OZX_PROMISES_SIZE_MAX (1u << 20) /* parsed in some milliseconds */

/* Calls `tell` with a warning at most once for datasets, once for other references, and once for
 * consolidated metadata. What cannot be read is passed over. */
void ozx_promises_check(struct ozx_archive *archive,
                        void (*tell)(void *context, const struct ozx_error *warning),
                        void *context);

#endif
