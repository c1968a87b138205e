/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stream of stdio whose bytes are kept in memory. Unlike that of open_memstream(3), which shows
 * no error where an allocation failed in the middle, it never gives less than what was written.
 */
#ifndef OZX_BASE_MEMORY_STREAM_H
#define OZX_BASE_MEMORY_STREAM_H

#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"

/* Stays where it is while it is open. */
struct ozx_memory_stream {
    FILE *out;         /* to be written to; NULL when it is not open */
    char *bytes;       /* after the end: the caller's, to be freed; not a string */
    size_t size_bytes; /* of them */
    size_t room_bytes;
    bool failed;
};

/* -ENOMEM */
int ozx_memory_stream_begin(struct ozx_memory_stream *memory) OZX_CHECKED;

/* -ENOMEM: not all of it is there, and nothing is kept. */
int ozx_memory_stream_end(struct ozx_memory_stream *memory) OZX_CHECKED;

#endif
