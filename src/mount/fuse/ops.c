/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The callbacks of the file system. The trees never change, so everything is cached by the kernel
 * for ever and nothing here takes a lock. Nodes live until unmount, so forget has nothing to do and
 * is not there; but of a directory of archives, which come and go.
 *
 * Not implemented on purpose: lseek (the kernel's own is right for files without holes), flush,
 * fsync, release, and xattrs unless asked for: the kernel remembers the ENOSYS and asks no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "mount/fuse/loop.h"
#include "mount/fuse/server.h"

/* The kernel holds back reads, of whatever file, while so many that readahead asked for are not
 * answered. Its own 12 are reached by a dozen compressed entries that take long. */
#define BACKGROUND_MAX 1024

static void fill_stat(const struct ozx_visit *visit, fuse_ino_t inode, struct stat *st)
{
    struct ozx_node_stat from;

    ozx_archive_stat(visit->archive, ozx_node_of(inode), &from);
    *st = (struct stat){
        .st_ino = inode,
        .st_nlink = from.nlink,
        .st_uid = visit->uid,
        .st_gid = visit->gid,
        .st_size = (off_t)from.size_bytes,
        .st_blksize = OZX_IO_SIZE,
        .st_blocks = ozx_blocks(from.size_bytes),
        .st_mode = from.is_directory ? S_IFDIR | visit->directory_mode : S_IFREG | visit->file_mode,
        .st_atim.tv_sec = from.mtime_s,
        .st_mtim.tv_sec = from.mtime_s,
        .st_ctim.tv_sec = from.mtime_s,
    };
}

static void fill_entry(const struct ozx_visit *visit, fuse_ino_t inode,
                       struct fuse_entry_param *entry)
{
    *entry = (struct fuse_entry_param){
        .ino = inode, .attr_timeout = OZX_FOREVER_S, .entry_timeout = OZX_FOREVER_S};
    fill_stat(visit, inode, &entry->attr);
}

/* libfuse makes the rings after init, and does without where it cannot. */
static void tell_io_uring(const struct ozx_server *server, const struct fuse_conn_info *connection)
{
#ifdef OZX_HAVE_FUSE_IO_URING
    ozx_server_tell(server,
                    connection->capable_ext & FUSE_CAP_OVER_IO_URING
                        ? "io_uring is supported by the kernel"
                        : "no io_uring: this kernel does not support it (fuse.enable_uring)");
#else
    (void)connection;
    ozx_server_tell(server, "no io_uring: built with a libfuse older than 3.18");
#endif
}

/* Wants only what the kernel offers. auto_inval_data would ask for attributes again before reads;
 * atomic_o_trunc lets the kernel empty a cached file by itself when open is not sent. readdirplus
 * always, not automatic: du and find read a directory to its end before they stat its files, so the
 * automatic sends a lookup for each of 100,000 chunks (6 to 10 times slower), while a listing alone
 * loses less than a second on them. */
static void op_init(void *userdata, struct fuse_conn_info *connection)
{
    struct ozx_server *server = userdata;
    unsigned on = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS;
    unsigned off = FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS_AUTO |
                   FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE;

    connection->want = (connection->want & ~off) | (connection->capable & on);
    connection->max_read = server->options->max_read_bytes;
    connection->max_background = BACKGROUND_MAX;
    /* A mount that we did not make may be writable: then each open has to be asked for, or an open
     * for writing would succeed. An empty file is opened and never read. */
    server->no_open = (connection->capable & FUSE_CAP_NO_OPEN_SUPPORT) &&
                      server->options->handed_fd < 0 && !server->options->all_files &&
                      !server->forest->checks_opens;
    server->checks_empty = server->no_open && server->forest->requests;
    /* The kernel keeps the listing of a directory that it need not open: not where it changes. */
    server->no_opendir =
        (connection->capable & FUSE_CAP_NO_OPENDIR_SUPPORT) && !server->forest->requests;
    if (server->options->io_uring)
        tell_io_uring(server, connection);
    /* The worker's last step before requests come: it is only now that the tree is served. */
    ozx_server_serving(server);
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct ozx_server *server = ozx_server_of(request);
    struct fuse_entry_param entry = {.entry_timeout = OZX_FOREVER_S};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_visit visit;
    uint32_t node = 0;
    int failure;

    if (strlen(name) > NAME_MAX) {
        fuse_reply_err(request, ENAMETOOLONG);
        return;
    }
    if (ozx_is_item(server, parent)) {
        ozx_item_lookup(request, parent, name);
        return;
    }
    if (!ozx_server_enter_path(server, request, parent, &visit))
        return;
    failure = ozx_archive_lookup(visit.archive, ozx_node_of(parent), name, strlen(name), &node);
    if (!failure && server->checks_empty && ozx_archive_is_empty_file(visit.archive, node))
        failure = ozx_check_empty(visit.archive, node, &error);
    /* Inode 0 with a timeout: a miss that the kernel may remember. */
    if (!failure) {
        fill_entry(&visit, ozx_inode_beside(parent, node), &entry);
        ozx_item_hold(server, parent, 1);
    }
    ozx_server_leave(&visit);
    if (error.code)
        ozx_server_fail(server, request, ozx_inode_beside(parent, node), &error);
    else if (failure && failure != -ENOENT)
        fuse_reply_err(request, -failure);
    else
        fuse_reply_entry(request, &entry);
}

/* What a stat of the inode shows. False: the request was answered with an error. */
static bool find_stat(fuse_req_t request, fuse_ino_t inode, struct stat *st)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;

    if (ozx_is_shown_as_item(server, inode)) {
        if (ozx_item_stat(server, inode, st))
            return true;
        fuse_reply_err(request, ESTALE);
        return false;
    }
    if (!ozx_server_enter_path(server, request, inode, &visit))
        return false;
    fill_stat(&visit, inode, st);
    ozx_server_leave(&visit);
    return true;
}

static void op_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    struct stat st;

    (void)file;
    if (find_stat(request, inode, &st))
        fuse_reply_attr(request, &st, ozx_item_attr_timeout_s(ozx_server_of(request), inode));
}

/* Only sent where the kernel does not check permissions itself (a mount that we did not make). */
static void op_access(fuse_req_t request, fuse_ino_t inode, int mask)
{
    struct stat st;

    if (!find_stat(request, inode, &st))
        return;
    if (mask & W_OK)
        fuse_reply_err(request, EROFS);
    else
        fuse_reply_err(request, (mask & X_OK) && !(st.st_mode & 0111) ? EACCES : 0);
}

static void op_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    const struct ozx_server *server = ozx_server_of(request);

    if ((file->flags & O_ACCMODE) != O_RDONLY || (file->flags & O_TRUNC)) {
        fuse_reply_err(request, EROFS);
    } else if (ozx_is_item(server, inode)) {
        ozx_item_open(request, inode, file);
    } else if (server->no_open) {
        fuse_reply_err(request, ENOSYS); /* and never asked again */
    } else {
        ozx_open_file(request, inode);
    }
}

static void op_opendir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    const struct ozx_server *server = ozx_server_of(request);

    if (server->no_opendir) {
        fuse_reply_err(request, ENOSYS);
        return;
    }
    if (!server->forest->requests || !ozx_is_item(server, inode)) {
        file->keep_cache = 1;
        file->cache_readdir = 1;
    }
    fuse_reply_open(request, file);
}

/* The n-th name of a directory: 0 is ".", 1 is "..", then the children in their order. So a
 * position is an index, and seekdir is exact. */
static uint32_t list_name(const struct ozx_archive *archive, uint32_t directory, uint32_t first,
                          uint64_t n, char name[256])
{
    size_t size_bytes;
    const char *stored;
    uint32_t node;

    if (n < 2) {
        strcpy(name, n == 0 ? "." : "..");
        return n == 0 ? directory : ozx_archive_parent(archive, directory);
    }
    node = first + (uint32_t)(n - 2);
    stored = ozx_archive_name(archive, node, &size_bytes);
    memcpy(name, stored, size_bytes);
    name[size_bytes] = '\0';
    return node;
}

struct list {
    fuse_req_t request;
    const struct ozx_visit *visit;
    bool plus;
    char *buffer;
    size_t size_bytes, used;
};

/* The bytes that it takes: it is in the buffer if they fit. */
static size_t add_name(const struct list *l, fuse_ino_t inode, const char *name, uint64_t next,
                       bool is_given)
{
    const struct ozx_visit *visit = l->visit;
    char *to = l->buffer + l->used;
    size_t room = l->size_bytes - l->used;
    struct fuse_entry_param entry;
    struct stat above;

    fill_entry(visit, inode, &entry);
    if (!is_given)
        entry.ino = 0; /* the kernel looks it up when it is asked for it */
    /* ".." of an archive's root leads out of it. */
    if (strcmp(name, "..") == 0 && ozx_item_above(ozx_server_of(l->request), visit->inode, &above))
        entry.attr = above;
    if (l->plus)
        return fuse_add_direntry_plus(l->request, to, room, name, &entry, (off_t)next);
    return fuse_add_direntry(l->request, to, room, name, &entry.attr, (off_t)next);
}

/* As many names as fit, from the `from`-th on. */
static void list_from(struct list *l, uint64_t from)
{
    const struct ozx_server *server = ozx_server_of(l->request);
    const struct ozx_archive *archive = l->visit->archive;
    const fuse_ino_t inode = l->visit->inode;
    uint32_t directory = ozx_node_of(inode), first, count;
    char name[256];
    uint64_t given = 0;

    ozx_archive_children(archive, directory, &first, &count);
    for (uint64_t n = from; n < (uint64_t)count + 2; n++) {
        uint32_t node = list_name(archive, directory, first, n, name);
        bool is_given = !server->checks_empty || !ozx_archive_is_empty_file(archive, node);
        size_t added = add_name(l, ozx_inode_beside(inode, node), name, n + 1, is_given);
        if (added > l->size_bytes - l->used)
            break;
        l->used += added;
        given += l->plus && n >= 2 && is_given;
    }
    ozx_item_hold(server, inode, given);
}

static void reply_directory(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                            bool plus)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;
    struct list list;
    char *buffer;

    /* Fewer names than there is room for are no end: who lists asks again. */
    if (size_bytes > server->options->max_read_bytes)
        size_bytes = server->options->max_read_bytes;
    buffer = ozx_server_buffer(server, size_bytes);
    if (!buffer || offset < 0) {
        fuse_reply_err(request, buffer ? EINVAL : ENOMEM);
        return;
    }
    ozx_loop_pass_if_asked();
    if (ozx_is_item(server, inode)) {
        ozx_item_list(request, inode, buffer, size_bytes, (uint64_t)offset, plus);
        return;
    }
    if (!ozx_server_enter(server, request, inode, &visit))
        return;
    list = (struct list){.request = request,
                         .visit = &visit,
                         .plus = plus,
                         .buffer = buffer,
                         .size_bytes = size_bytes};
    list_from(&list, (uint64_t)offset);
    ozx_server_leave(&visit);
    fuse_reply_buf(request, buffer, list.used);
}

static void op_readdir(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                       struct fuse_file_info *file)
{
    (void)file;
    reply_directory(request, inode, size_bytes, offset, false);
}

static void op_readdirplus(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                           struct fuse_file_info *file)
{
    (void)file;
    reply_directory(request, inode, size_bytes, offset, true);
}

/* Blocks are those of the archive: what it takes on the disk under it, full as it is. */
static void op_statfs(fuse_req_t request, fuse_ino_t inode)
{
    const struct ozx_server *server = ozx_server_of(request);
    const struct ozx_forest *forest = server->forest;
    struct ozx_catalog_sum sum = {.item_count = forest->node_count};
    struct statvfs st = {
        .f_bsize = OZX_IO_SIZE,
        .f_frsize = OZX_IO_SIZE,
        .f_namemax = 255,
        .f_flag = ST_RDONLY,
    };

    (void)inode;
    if (forest->catalog)
        ozx_catalog_sum(forest->catalog, &sum);
    else
        sum.size_bytes = ozx_source_size(ozx_gate_source(forest->only));
    st.f_files = sum.item_count;
    st.f_blocks = sum.size_bytes / OZX_IO_SIZE + (sum.size_bytes % OZX_IO_SIZE != 0);
    fuse_reply_statfs(request, &st);
}

/* Whatever would change something. The kernel refuses by itself where the mount is read-only; a
 * mount that we did not make may not be. */
static void op_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *st, int set,
                       struct fuse_file_info *file)
{
    (void)inode, (void)st, (void)set, (void)file;
    fuse_reply_err(request, EROFS);
}

static void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                     dev_t device)
{
    (void)parent, (void)name, (void)mode, (void)device;
    fuse_reply_err(request, EROFS);
}

static void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)parent, (void)name, (void)mode;
    fuse_reply_err(request, EROFS);
}

static void op_remove(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    (void)parent, (void)name;
    fuse_reply_err(request, EROFS);
}

static void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target, (void)parent, (void)name;
    fuse_reply_err(request, EROFS);
}

static void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
                      fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
    (void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
    fuse_reply_err(request, EROFS);
}

static void op_link(fuse_req_t request, fuse_ino_t inode, fuse_ino_t parent, const char *name)
{
    (void)inode, (void)parent, (void)name;
    fuse_reply_err(request, EROFS);
}

static void op_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size_bytes,
                     off_t offset, struct fuse_file_info *file)
{
    (void)inode, (void)data, (void)size_bytes, (void)offset, (void)file;
    fuse_reply_err(request, EROFS);
}

static void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *file)
{
    (void)parent, (void)name, (void)mode, (void)file;
    fuse_reply_err(request, EROFS);
}

static void op_setxattr(fuse_req_t request, fuse_ino_t inode, const char *name, const char *value,
                        size_t size_bytes, int flags)
{
    (void)inode, (void)name, (void)value, (void)size_bytes, (void)flags;
    fuse_reply_err(request, EROFS);
}

static void op_removexattr(fuse_req_t request, fuse_ino_t inode, const char *name)
{
    (void)inode, (void)name;
    fuse_reply_err(request, EROFS);
}

static void op_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length,
                         struct fuse_file_info *file)
{
    (void)inode, (void)mode, (void)offset, (void)length, (void)file;
    fuse_reply_err(request, EROFS);
}

static void op_forget(fuse_req_t request, fuse_ino_t inode, uint64_t times)
{
    ozx_item_forget(ozx_server_of(request), inode, times);
    fuse_reply_none(request);
}

static void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        ozx_item_forget(ozx_server_of(request), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

static void op_release(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    if (ozx_is_item(ozx_server_of(request), inode))
        close((int)file->fh);
    fuse_reply_err(request, 0);
}

static void fill_refusals(struct fuse_lowlevel_ops *ops)
{
    ops->setattr = op_setattr;
    ops->mknod = op_mknod;
    ops->mkdir = op_mkdir;
    ops->unlink = op_remove;
    ops->rmdir = op_remove;
    ops->symlink = op_symlink;
    ops->rename = op_rename;
    ops->link = op_link;
    ops->write = op_write;
    ops->create = op_create;
    ops->setxattr = op_setxattr;
    ops->removexattr = op_removexattr;
    ops->fallocate = op_fallocate;
}

void ozx_ops_fill(struct fuse_lowlevel_ops *ops, const struct ozx_server *server)
{
    *ops = (struct fuse_lowlevel_ops){
        .init = op_init,
        .lookup = op_lookup,
        .getattr = op_getattr,
        .access = op_access,
        .open = op_open,
        .opendir = op_opendir,
        .read = ozx_op_read,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .statfs = op_statfs,
        .ioctl = ozx_op_ioctl,
    };
    fill_refusals(ops);
    if (server->forest->requests) {
        ops->forget = op_forget;
        ops->forget_multi = op_forget_multi;
        ops->release = op_release;
    }
    if (server->options->xattr)
        ozx_xattr_ops_fill(ops);
}
