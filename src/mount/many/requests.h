/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worker's end of the channel to the porter (mount/many/porter.h): asks for what it may not
 * open or list itself, and takes into the catalog what it is told.
 *
 * Two threads of its own. One receives, and never waits for anything else, so that who asks is
 * answered whatever the kernel is doing. The other tells the kernel what changed, for which it may
 * have to wait until requests are answered that hold the directory.
 *
 * Threads: who asks may be any that answers requests.
 */
#ifndef OZX_MOUNT_MANY_REQUESTS_H
#define OZX_MOUNT_MANY_REQUESTS_H

#include "mount/many/catalog.h"

struct ozx_requests;

struct ozx_requests_events {
    void *context;
    void (*on_wait)(void); /* called by who asks, before it waits; not NULL */
    int (*stopped)(void);  /* asked while it waits: -EINTR ends it; not NULL */
    /* What the name in the directory stands for is another thing now. */
    void (*changed)(void *context, uint32_t directory, const char *name);
    /* The archive was removed: what is held of it only because it was once looked at need not be.
     * Called again and again, until all is given back. */
    void (*let_go)(void *context, uint32_t archive);
};

/* `socket` is owned from success on; the catalog is borrowed, as are the gates, in which gates for
 * archives that are added are made. */
int ozx_requests_open(int socket, struct ozx_catalog *catalog, struct ozx_gates *gates,
                      struct ozx_requests **out) OZX_CHECKED;
void ozx_requests_close(struct ozx_requests *requests); /* NULL is fine */

/* Starts the threads; once, after the last fork, before anything is asked for. */
int ozx_requests_start(struct ozx_requests *requests,
                       const struct ozx_requests_events *events) OZX_CHECKED;
/* Ends them: nobody asks any more. */
void ozx_requests_stop(struct ozx_requests *requests);

/* All that is in a directory is in the catalog. -errno with the reason: -ESTALE, it is not there
 * any more. */
int ozx_requests_list(struct ozx_requests *requests, uint32_t number,
                      struct ozx_error *error) OZX_CHECKED;

/* A descriptor for reading, the caller's. -ESTALE: not there any more, or another one. */
int ozx_requests_descriptor(struct ozx_requests *requests, uint32_t number, int *fd,
                            struct ozx_error *error) OZX_CHECKED;

#endif
