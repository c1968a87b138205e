/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is above the archives, where there are many: answered from the catalog, without opening one.
 * How many directories are in a directory is not counted, which a link count of 1 says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mount/fuse/loop.h"
#include "mount/fuse/server.h"

#define LET_GO_MAX 1000
#define CHANGING_S 0.5 /* timeouts, where what is shown changes */

static fuse_ino_t inode_of(const struct ozx_item *item)
{
    return ozx_forest_item_id(item) + FUSE_ROOT_ID;
}

static void fill_stat(const struct ozx_item *item, struct stat *st)
{
    uint64_t size_bytes = item->kind == OZX_ITEM_FILE ? item->size_bytes : 0;

    *st = (struct stat){
        .st_ino = inode_of(item),
        .st_nlink = 1,
        .st_uid = item->uid,
        .st_gid = item->gid,
        .st_size = (off_t)size_bytes,
        .st_blksize = OZX_IO_SIZE,
        .st_blocks = ozx_blocks(size_bytes),
        .st_mode = (item->kind == OZX_ITEM_FILE ? S_IFREG : S_IFDIR) | item->mode,
        .st_atim = item->mtime,
        .st_mtim = item->mtime,
        .st_ctim = item->mtime,
    };
}

double ozx_item_attr_timeout_s(const struct ozx_server *server, fuse_ino_t inode)
{
    return ozx_is_item(server, inode) && server->forest->requests ? CHANGING_S : OZX_FOREVER_S;
}

/* The kernel is told when a name comes to mean something else; what it learned a moment before,
 * from an answer that was on its way, it forgets by itself. */
static double name_timeout_s(const struct ozx_server *server)
{
    return server->forest->requests ? CHANGING_S : OZX_FOREVER_S;
}

static void fill_entry(const struct ozx_server *server, const struct ozx_item *item,
                       struct fuse_entry_param *entry)
{
    *entry = (struct fuse_entry_param){
        .ino = inode_of(item),
        .attr_timeout = ozx_item_attr_timeout_s(server, inode_of(item)),
        .entry_timeout = name_timeout_s(server),
    };
    fill_stat(item, &entry->attr);
}

/* The item of an inode that is one, or the root of an archive. */
static bool find_item(const struct ozx_server *server, fuse_ino_t inode, struct ozx_item *item)
{
    uint64_t id = inode - FUSE_ROOT_ID;

    return ozx_catalog_item(server->forest->catalog,
                            ozx_forest_archive(id) ? ozx_forest_archive(id) : ozx_forest_node(id),
                            item);
}

bool ozx_item_stat(const struct ozx_server *server, fuse_ino_t inode, struct stat *st)
{
    struct ozx_item item;

    if (!find_item(server, inode, &item))
        return false;
    fill_stat(&item, st);
    return true;
}

bool ozx_item_above(const struct ozx_server *server, fuse_ino_t inode, struct stat *st)
{
    struct ozx_item item;

    if (!server->forest->catalog || ozx_node_of(inode) != OZX_NODE_ROOT ||
        !find_item(server, inode, &item) ||
        !ozx_catalog_item(server->forest->catalog, item.parent, &item))
        return false;
    fill_stat(&item, st);
    return true;
}

/* All that is in the directory is in the catalog. False: the request was answered with the reason.
 */
static bool wait_for_listing(struct ozx_server *server, fuse_req_t request, fuse_ino_t directory)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    if (server->forest->requests)
        failure = ozx_requests_list(server->forest->requests, ozx_node_of(directory), &error);
    if (failure == -ESTALE || failure == -EACCES || failure == -EINTR || failure == -ENOMEM)
        fuse_reply_err(request, -failure);
    else if (failure)
        fuse_reply_err(request, EIO);
    return !failure;
}

void ozx_item_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct ozx_server *server = ozx_server_of(request);
    struct fuse_entry_param entry = {.entry_timeout = name_timeout_s(server)};
    struct ozx_item item;

    if (!wait_for_listing(server, request, parent))
        return;
    /* Inode 0 with a timeout: a miss that the kernel may remember. */
    if (ozx_catalog_lookup(server->forest->catalog, ozx_node_of(parent), name, strlen(name), &item))
        fill_entry(server, &item, &entry);
    fuse_reply_entry(request, &entry);
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Positions: 1 behind ".", 2 behind "..", and 2 + the number behind an item. So who lists goes on
 * at the right place whatever was added or removed meanwhile. */
struct listing {
    fuse_req_t request;
    char *buffer;
    size_t size_bytes, used;
    bool plus;
};

/* False: it is full. */
static bool add_name(struct listing *l, const char *name, const struct ozx_item *item,
                     uint64_t next)
{
    struct fuse_entry_param entry;
    size_t room = l->size_bytes - l->used, added;

    fill_entry(ozx_server_of(l->request), item, &entry);
    if (l->plus)
        added = fuse_add_direntry_plus(l->request, l->buffer + l->used, room, name, &entry,
                                       (off_t)next);
    else
        added = fuse_add_direntry(l->request, l->buffer + l->used, room, name, &entry.attr,
                                  (off_t)next);
    if (added > room)
        return false;
    l->used += added;
    return true;
}

static bool see(void *context, const struct ozx_item *item, const char *name)
{
    return add_name(context, name, item, (uint64_t)item->number + 2);
}

void ozx_item_list(fuse_req_t request, fuse_ino_t inode, char *buffer, size_t size_bytes,
                   uint64_t from, bool plus)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_catalog *catalog = server->forest->catalog;
    struct listing listing = {
        .request = request, .buffer = buffer, .size_bytes = size_bytes, .plus = plus};
    struct ozx_item item, parent;
    bool more = true;

    if (!wait_for_listing(server, request, inode))
        return;
    if (!ozx_catalog_item(catalog, ozx_node_of(inode), &item) ||
        !ozx_catalog_item(catalog, item.parent, &parent)) {
        fuse_reply_err(request, ESTALE);
        return;
    }
    if (from == 0)
        more = add_name(&listing, ".", &item, 1);
    if (from <= 1 && more)
        more = add_name(&listing, "..", &parent, 2);
    if (more && (from <= 2 || from - 2 < UINT32_MAX))
        ozx_catalog_list(catalog, item.number, from <= 2 ? 0 : (uint32_t)(from - 2), plus, see,
                         &listing);
    fuse_reply_buf(request, buffer, listing.used);
}

/* --- other files ------------------------------------------------------------------------------ */

void ozx_item_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure, fd;

    if (!server->forest->requests) {
        fuse_reply_err(request, ESTALE);
        return;
    }
    failure = ozx_requests_descriptor(server->forest->requests, ozx_node_of(inode), &fd, &error);
    if (failure == -ESTALE || failure == -EACCES || failure == -EINTR || failure == -ENOMEM)
        fuse_reply_err(request, -failure);
    else if (failure)
        fuse_reply_err(request, EIO);
    if (failure)
        return;
    file->fh = (uint64_t)fd;
    if (fuse_reply_open(request, file))
        close(fd);
}

void ozx_item_read(fuse_req_t request, size_t size_bytes, off_t offset,
                   const struct fuse_file_info *file)
{
    struct ozx_server *server = ozx_server_of(request);
    char *buffer = ozx_server_buffer(server, size_bytes);
    ssize_t got;

    if (!buffer) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    ozx_loop_pass();
    do
        got = pread((int)file->fh, buffer, size_bytes, offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        fuse_reply_err(request, EIO);
    else
        fuse_reply_buf(request, buffer, (size_t)got);
}

/* --- what the kernel holds, and is told ------------------------------------------------------- */

void ozx_item_hold(const struct ozx_server *server, fuse_ino_t inode, uint64_t times)
{
    if (server->forest->requests && !ozx_is_item(server, inode))
        ozx_catalog_hold(server->forest->catalog, ozx_forest_archive(inode - FUSE_ROOT_ID), times);
}

void ozx_item_forget(const struct ozx_server *server, fuse_ino_t inode, uint64_t times)
{
    if (server->forest->requests && !ozx_is_item(server, inode))
        ozx_catalog_forget(server->forest->catalog, ozx_forest_archive(inode - FUSE_ROOT_ID),
                           times);
}

int ozx_item_wait_stopped(void)
{
    return ozx_loop_ended() ? -EINTR : 0;
}

void ozx_item_changed(void *context, uint32_t directory, const char *name)
{
    const struct ozx_server *server = context;

    /* -ENOENT: the kernel does not know the name. */
    (void)!fuse_lowlevel_notify_inval_entry(
        server->session, ozx_forest_id(0, directory) + FUSE_ROOT_ID, name, strlen(name));
}

/* The kernel keeps names of what nobody has open any more, below a directory that it cannot find
 * again, until memory is short. Those in the archive's root are taken from it, and all that is
 * below them and not in use. */
void ozx_item_let_go(void *context, uint32_t archive)
{
    const struct ozx_server *server = context;
    const fuse_ino_t root = ozx_forest_id(archive, OZX_NODE_ROOT) + FUSE_ROOT_ID;
    const struct ozx_archive *tree;
    uint32_t first = 0, count = 0;
    struct ozx_item item;
    struct ozx_gate *gate;

    ozx_catalog_hold(server->forest->catalog, archive, 1); /* or it would go by what is done here */
    gate = ozx_catalog_archive(server->forest->catalog, archive, &item);
    tree = gate ? ozx_gate_enter_if_open(gate) : NULL;
    if (tree)
        ozx_archive_children(tree, OZX_NODE_ROOT, &first, &count);
    for (uint32_t i = 0; i < count && i < LET_GO_MAX; i++) {
        size_t size;
        const char *name = ozx_archive_name(tree, first + i, &size);

        (void)!fuse_lowlevel_notify_inval_entry(server->session, root, name, size);
    }
    if (tree)
        ozx_gate_leave(gate);
    ozx_catalog_forget(server->forest->catalog, archive, 1);
}
