/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the callbacks work with: the forest and how to show it. Private to mount/fuse. Made before
 * the first request and not changed after it, but for what says otherwise.
 *
 *     inode number    the node's id in the forest + 1 (FUSE_ROOT_ID)
 */
#ifndef OZX_MOUNT_FUSE_SERVER_H
#define OZX_MOUNT_FUSE_SERVER_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "mount/forest.h"
#include "mount/mount.h"

#define OZX_FOREVER_S 1.0e9 /* timeouts: 31 years */
#define OZX_IO_SIZE 4096

/* st_blocks: as on a disk with blocks of OZX_IO_SIZE, and as EROFS has them. */
static inline blkcnt_t ozx_blocks(uint64_t size_bytes)
{
    return (blkcnt_t)((size_bytes + OZX_IO_SIZE - 1) / OZX_IO_SIZE * (OZX_IO_SIZE / 512));
}

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
    struct fuse_session *session; /* borrowed, while it serves */
    bool no_open;             /* set in init: the kernel can do without open, opendir */
    bool no_opendir;
    bool checks_empty; /* of files of 0 bytes it is known at lookup whether they can be read */
    bool initialized; /* init was called */
    _Atomic uint64_t read_bytes; /* of files, that were answered; changes with each read */
};

/* A thread's buffer, at least `size_bytes`; NULL without memory, and for more than the mount's
 * max_read. Borrowed until the thread's next call. */
char *ozx_server_buffer(struct ozx_server *server, size_t size_bytes);

/* A request that is answered from an archive. */
struct ozx_visit {
    struct ozx_archive *archive;
    struct ozx_gate *gate;
    fuse_ino_t inode;
    uid_t uid; /* whose all in it is, and with what modes */
    gid_t gid;
    mode_t file_mode, directory_mode;
};

/* Goes to the archive of the inode, until the thread leaves it; false: it cannot be had, and the
 * request was answered with the reason. Not for inodes of the catalog. */
bool ozx_server_enter(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                      struct ozx_visit *visit) OZX_CHECKED;
/* The same for what is asked of a path: if it is not there any more, the answer has the kernel walk
 * the path again, to what is there now. */
bool ozx_server_enter_path(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                           struct ozx_visit *visit) OZX_CHECKED;

/* Answers a request with an error of the floors below. `error` is what they said: each kind of EIO
 * is reported once, of each archive. */
void ozx_server_fail(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                     const struct ozx_error *error);

/* What user.ozx.state says: "serving", or what the last EIO was about. Returns its length. */
size_t ozx_server_state(struct ozx_server *server, char *text, size_t size_bytes);

/* What the last EIO was about; code 0: there was none. */
void ozx_server_last_error(struct ozx_server *server, struct ozx_error *out);

/* For -v. */
void ozx_server_tell(const struct ozx_server *server, const char *text);

/* The kernel's INIT is being answered: tells the supervisor, before anybody can see the tree. */
void ozx_server_serving(struct ozx_server *server);

/* INIT is answered: tells the supervisor that, too. `server` is a struct ozx_server. -ENOMEM if
 * libfuse could not take it in: then the kernel has been refused, and asks no more. */
int ozx_server_started(void *server) OZX_CHECKED;

/* read.c: the callback, and what it has the archive's source ask (ozx_source_on_work). */
/* Opens a file of an archive. The kernel reads nothing of an empty one, so whether that can be read
 * is found out here. */
void ozx_open_file(fuse_req_t request, fuse_ino_t inode);
/* The same as at opening, but that compressed data are not looked at. */
int ozx_check_empty(struct ozx_archive *archive, uint32_t node,
                    struct ozx_error *error) OZX_CHECKED;
void ozx_op_read(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                 struct fuse_file_info *file);
int ozx_read_stopped(void);

/* state.c: mount/state.h. */
void ozx_op_ioctl(fuse_req_t request, fuse_ino_t inode, unsigned command, void *argument,
                  struct fuse_file_info *file, unsigned flags, const void *in, size_t in_size,
                  size_t out_size);

/* items.c: what is above the archives. Lookup and listing wait for the porter, where a directory
 * was not listed yet. */
void ozx_item_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void ozx_item_list(fuse_req_t request, fuse_ino_t inode, char *buffer, size_t size_bytes,
                   uint64_t from, bool plus);
/* What a stat of an inode shows that is one of them, or the root of an archive. False: there is
 * none (any more). */
bool ozx_item_stat(const struct ozx_server *server, fuse_ino_t inode, struct stat *st);
/* What a stat of the directory shows that an archive's root is in; false for any other inode. */
bool ozx_item_above(const struct ozx_server *server, fuse_ino_t inode, struct stat *st);

void ozx_item_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file);
void ozx_item_read(fuse_req_t request, size_t size_bytes, off_t offset,
                   const struct fuse_file_info *file);
/* What the kernel holds, where it is counted: it was given so many nodes of an archive, it gives
 * them back. */
void ozx_item_hold(const struct ozx_server *server, fuse_ino_t inode, uint64_t times);
void ozx_item_forget(const struct ozx_server *server, fuse_ino_t inode, uint64_t times);
/* How long the kernel may keep a stat. */
double ozx_item_attr_timeout_s(const struct ozx_server *server, fuse_ino_t inode);
/* For the requests to the porter (mount/many/requests.h). */
int ozx_item_wait_stopped(void);
void ozx_item_changed(void *server, uint32_t directory, const char *name);
void ozx_item_let_go(void *server, uint32_t archive);

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

static inline void ozx_server_leave(const struct ozx_visit *visit)
{
    ozx_gate_leave(visit->gate);
}

/* True for what is above the archives (items.c). */
static inline bool ozx_is_item(const struct ozx_server *server, fuse_ino_t inode)
{
    return ozx_forest_is_catalog(server->forest, inode - FUSE_ROOT_ID);
}

/* True also for the root of an archive that is one of many: it is shown without being opened. */
static inline bool ozx_is_shown_as_item(const struct ozx_server *server, fuse_ino_t inode)
{
    return server->forest->catalog &&
           (ozx_is_item(server, inode) || ozx_node_of(inode) == OZX_NODE_ROOT);
}

static inline struct ozx_server *ozx_server_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

#endif
