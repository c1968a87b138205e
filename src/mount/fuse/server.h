/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the callbacks work with: the forest and how to show it. Private to mount/fuse. Made before the
 * first request and not changed after it, but for what says otherwise.
 *
 *     inode number    the node's id in the forest + 1 (FUSE_ROOT_ID)
 */
#ifndef OZX_MOUNT_FUSE_SERVER_H
#define OZX_MOUNT_FUSE_SERVER_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <pthread.h>

#include "mount/forest.h"
#include "mount/mount.h"

/* The kinds of EIO that were reported already (locked). */
struct ozx_notes {
    pthread_mutex_t lock;
    int socket; /* to the supervisor, borrowed */
    bool told[OZX_RULE_END];
    struct ozx_error last; /* of the EIOs; one that the archive changed stays. Code 0: none */
};

/* Reads of compressed entries, see read.c (locked, but for `places`). */
struct ozx_turns {
    pthread_mutex_t lock;
    unsigned places, taken;
    struct ozx_turn *first;
};

struct ozx_server {
    const struct ozx_forest *forest;
    const struct ozx_mount_options *options;
    struct ozx_notes notes;
    struct ozx_turns turns;
    pthread_key_t buffer_key; /* one ozx_buffer for each thread */
    bool no_open;             /* set in init: the kernel can do without open, opendir */
    bool no_opendir;
    bool initialized; /* init was called */
};

/* A thread's buffer, at least `size_bytes`; NULL without memory, and for more than the mount's
 * max_read. Borrowed until the thread's next call. */
char *ozx_server_buffer(struct ozx_server *server, size_t size_bytes);

/* The archive of the inode, for the answer to one request, until the thread leaves it; NULL: it
 * cannot be had, and the request was answered with the reason. */
struct ozx_archive *ozx_server_enter(struct ozx_server *server, fuse_req_t request,
                                     fuse_ino_t inode);

/* Answers a request with an error of the floors below. `error` is what they said: each kind of EIO
 * is reported once. */
void ozx_server_fail(struct ozx_server *server, fuse_req_t request, const struct ozx_error *error);

/* What user.ozx.state says: "serving", or what the last EIO was about. Returns its length. */
size_t ozx_server_state(struct ozx_server *server, char *text, size_t size_bytes);

/* For -v. */
void ozx_server_tell(const struct ozx_server *server, const char *text);

/* The kernel's INIT is being answered: tells the supervisor, before anybody can see the tree. */
void ozx_server_serving(struct ozx_server *server);

/* INIT is answered: tells the supervisor that, too. `server` is a struct ozx_server. -ENOMEM if
 * libfuse could not take it in: then the kernel has been refused, and asks no more. */
int ozx_server_started(void *server) OZX_CHECKED;

/* read.c: the callback, and what it has the archive's source ask (ozx_source_on_work). */
void ozx_op_read(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                 struct fuse_file_info *file);
int ozx_read_stopped(void);

/* ops.c and xattr.c: the callbacks for a server; what is not wanted stays NULL. */
void ozx_ops_fill(struct fuse_lowlevel_ops *ops, const struct ozx_server *server);
void ozx_xattr_ops_fill(struct fuse_lowlevel_ops *ops);

/* An inode number that the kernel sent, and its node; one of another node of the same archive. */
static inline uint32_t ozx_node_of(fuse_ino_t inode)
{
    return ozx_forest_node(inode - FUSE_ROOT_ID);
}

static inline fuse_ino_t ozx_inode_beside(fuse_ino_t inode, uint32_t node)
{
    return ozx_forest_id(ozx_forest_archive(inode - FUSE_ROOT_ID), node) + FUSE_ROOT_ID;
}

static inline void ozx_server_leave(struct ozx_server *server, fuse_ino_t inode)
{
    ozx_gate_leave(ozx_forest_gate(server->forest, inode - FUSE_ROOT_ID));
}

static inline struct ozx_server *ozx_server_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

#endif
