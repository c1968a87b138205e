/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local headers that are checked while the index is still being built, by a thread of its own: for
 * who is going to need all of them (archive_resolve.h). It reads the central directory for itself,
 * and of the entries only what is in memory already; it stops at the first one that is not, or
 * where entries do not come in the order of the file. Of what it did not find sound it says
 * nothing: who reads that header the ordinary way finds what is wrong.
 *
 *     ozx_headers_ahead_begin -> the index is built -> ozx_headers_ahead_end -> ..._size
 */
#ifndef OZX_ARCHIVE_HEADERS_AHEAD_H
#define OZX_ARCHIVE_HEADERS_AHEAD_H

#include "archive/archive.h"
#include "zip/end_records.h"

struct ozx_headers_ahead;

/* NULL: it is not worth it, or there is no memory or no thread. All is borrowed; of the options it
 * calls `counted` when it has done its work. */
struct ozx_headers_ahead *ozx_headers_ahead_begin(struct ozx_source *source,
                                                  const struct ozx_zip_end_records *records,
                                                  const struct ozx_archive_options *options);

/* Stops it, as soon as it has done what it has in hand. NULL and a second time are fine. */
void ozx_headers_ahead_end(struct ozx_headers_ahead *ahead);

/* The size of the local header, with name and extra field, of the directory's file number `file`
 * (entries of directories are not counted), which was found to say what the central header says; 0:
 * not known. After the end. */
uint32_t ozx_headers_ahead_size(const struct ozx_headers_ahead *ahead, uint64_t file);

void ozx_headers_ahead_free(struct ozx_headers_ahead *ahead); /* NULL is fine */

#endif
