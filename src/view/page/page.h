/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of the page that `ozxfs view` serves, compiled into the program: what stands in this
 * folder, byte for byte. embed.py writes the C source.
 */
#ifndef OZX_VIEW_PAGE_PAGE_H
#define OZX_VIEW_PAGE_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct ozx_page_file {
    const char *name;       /* "view.js" */
    const char *media_type; /* for Content-Type */
    const uint8_t *data;
    size_t size_bytes;
};

/* The file of that name, or NULL. "" is the page itself, view.html. Valid for ever, from any
 * thread. */
const struct ozx_page_file *ozx_page_find(const char *name);

#endif
