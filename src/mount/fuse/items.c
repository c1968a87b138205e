/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is above the archives, where there are many: answered from the catalog, without opening one. How
 * many directories are in a directory is not counted, which a link count of 1 says.
 */
#include <errno.h>
#include <string.h>

#include "mount/fuse/server.h"

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
        .st_blocks = (blkcnt_t)((size_bytes + OZX_BLOCK_SIZE - 1) / OZX_BLOCK_SIZE),
        .st_mode = (item->kind == OZX_ITEM_FILE ? S_IFREG : S_IFDIR) | item->mode,
        .st_atim = item->mtime,
        .st_mtim = item->mtime,
        .st_ctim = item->mtime,
    };
}

static void fill_entry(const struct ozx_item *item, struct fuse_entry_param *entry)
{
    *entry = (struct fuse_entry_param){
        .ino = inode_of(item), .attr_timeout = OZX_FOREVER_S, .entry_timeout = OZX_FOREVER_S};
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

void ozx_item_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    const struct ozx_server *server = ozx_server_of(request);
    struct fuse_entry_param entry = {.entry_timeout = OZX_FOREVER_S};
    struct ozx_item item;

    /* Inode 0 with a timeout: a miss that the kernel may remember. */
    if (ozx_catalog_lookup(server->forest->catalog, ozx_node_of(parent), name, strlen(name), &item))
        fill_entry(&item, &entry);
    fuse_reply_entry(request, &entry);
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Positions: 1 behind ".", 2 behind "..", and 2 + the number behind an item. So who lists goes on at the
 * right place whatever was added or removed meanwhile. */
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

    fill_entry(item, &entry);
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
    struct ozx_catalog *catalog = ozx_server_of(request)->forest->catalog;
    struct listing listing = {
        .request = request, .buffer = buffer, .size_bytes = size_bytes, .plus = plus};
    struct ozx_item item, parent;
    bool more = true;

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
        ozx_catalog_list(catalog, item.number, from <= 2 ? 0 : (uint32_t)(from - 2), see, &listing);
    fuse_reply_buf(request, buffer, listing.used);
}
