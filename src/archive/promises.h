/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Do the metadata name what is not there? As far as the tree and a few files tell: for a mount,
 * which must be fast. Looked at are
 *
 *     the root's zarr.json    its datasets, wells, fields, labels, series, consolidated metadata
 *     what it leads to        the wells of a plate, their fields, OME/ and its series, labels/ and
 *                             its label images, of each image
 *
 * one level after the other, OZX_PROMISES_FILES_MAX files at most, and OZX_PROMISES_SIZE_MAX bytes
 * of all of them. Verify reads all metadata.
 */
#ifndef OZX_ARCHIVE_PROMISES_H
#define OZX_ARCHIVE_PROMISES_H

#include "archive/archive.h"

#define OZX_PROMISES_SIZE_MAX (1u << 20) /* parsed in some milliseconds */
#define OZX_PROMISES_FILES_MAX 64        /* one read each, of a slow disk perhaps */

/* Calls `tell` with a warning at most once for files whose CRC-32 is wrong, once for datasets, once
 * for other references, and once for consolidated metadata. What else cannot be read is passed
 * over. */
void ozx_promises_check(struct ozx_archive *archive,
                        void (*tell)(void *context, const struct ozx_error *warning),
                        void *context);

#endif
