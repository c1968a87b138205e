/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive shown in a browser: a server of HTTP, and a decoder that it asks, each a process
 * that has given up its rights (cage/cage.h). This one starts them, starts the decoder again when
 * it ends, and ends both.
 *
 *     browser --HTTP, 127.0.0.1--> server --numbers--> decoder --> archive
 *                                     \                 /
 *                                      \-this process--/
 */
#ifndef OZX_VIEW_VIEW_H
#define OZX_VIEW_VIEW_H

#include "io/source.h"

#define OZX_VIEW_ADDRESS_SIZE 128

struct ozx_view_options {
    const char *file;    /* for messages and the page */
    unsigned port;       /* 0: any that is free */
    bool ends_when_left; /* 15 seconds after the last page was closed */
    void *context;
    /* The archive, for a decoder: NULL in `source` is to be opened. On failure the exit status. The
     * source is closed when the decoder has it, and opened again for the next one. */
    int (*open)(void *context, struct ozx_source **source);
    /* In the decoder: reads the archive and runs ozx_decoder_run(). The exit status. */
    int (*decode)(void *context, struct ozx_source *source, const int *sockets, size_t count);
    /* Once, when both are there: the address of the page, with its token; and one that leads there
     * once, for who is started with it. */
    void (*ready)(void *context, const char *address, const char *once);
};

struct ozx_view_end {
    int status;      /* that the first decoder ended with before the archive was open; 0 else */
    bool is_decoder; /* what failed is the decoder, and has been told */
};

/* Until a signal that ends a process (INT, TERM, HUP, QUIT), or the last page is closed: 0. -errno:
 * it could not begin, or a process of it ended that cannot be started again; unless `end` says that
 * all was told. For a process with one thread. */
int ozx_view_run(const struct ozx_view_options *options, struct ozx_view_end *end,
                 struct ozx_error *error) OZX_CHECKED;

#endif
