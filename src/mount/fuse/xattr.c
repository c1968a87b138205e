/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extended attributes, with -o xattr only:
 *
 *     files   user.ozx.offset    where the entry's data starts in the archive, decimal
 *             user.ozx.crc32     of the contents, as the archive states it: 8 hexadecimal digits
 *             user.ozx.method    compression: stored, deflate, deflate64, bzip2, lzma, zstd, xz,
 *                                or else APPNOTE's number, decimal
 *     root    user.ozx.comment   the archive's comment as it stands, if there is one
 *             user.ozx.version   the OME-Zarr version in it, if it states one
 *             (of one of many they are not listed: that would open it)
 *     mount   user.ozx.state     "serving", or what the last I/O error was about
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mount/fuse/server.h"
#include "zip/method.h"

#define PREFIX "user.ozx."
#define STATE_SIZE 1024

/* Answers with a value as getxattr(2) and listxattr(2) want it: size 0 asks how much there is. */
static void reply_value(fuse_req_t request, const char *value, size_t value_size, size_t room)
{
    if (room == 0)
        fuse_reply_xattr(request, value_size);
    else if (value_size > room)
        fuse_reply_err(request, ERANGE);
    else
        fuse_reply_buf(request, value, value_size);
}

static void reply_offset(fuse_req_t request, const struct ozx_visit *visit, size_t room)
{
    struct ozx_error error = OZX_ERROR_INIT;
    uint64_t offset_bytes;
    char text[24];

    if (ozx_archive_data_offset(visit->archive, ozx_node_of(visit->inode), &offset_bytes, &error)) {
        ozx_server_fail(ozx_server_of(request), request, visit->inode, &error);
        return;
    }
    reply_value(request, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, offset_bytes), room);
}

static void get_of_file(fuse_req_t request, const struct ozx_visit *visit, const char *name,
                        size_t room)
{
    struct ozx_node_entry entry;
    char text[24];
    int size = -1;

    ozx_archive_entry(visit->archive, ozx_node_of(visit->inode), &entry);
    if (strcmp(name, PREFIX "offset") == 0) {
        reply_offset(request, visit, room);
        return;
    }
    if (strcmp(name, PREFIX "crc32") == 0)
        size = snprintf(text, sizeof text, "%08" PRIx32, entry.crc32);
    else if (strcmp(name, PREFIX "method") == 0 && ozx_zip_method_name(entry.method))
        size = snprintf(text, sizeof text, "%s", ozx_zip_method_name(entry.method));
    else if (strcmp(name, PREFIX "method") == 0)
        size = snprintf(text, sizeof text, "%u", entry.method);
    if (size < 0)
        fuse_reply_err(request, ENODATA);
    else
        reply_value(request, text, (size_t)size, room);
}

static void get_of_root(fuse_req_t request, const struct ozx_archive *archive, const char *name,
                        size_t room)
{
    const char *value = NULL;
    size_t size = 0;

    if (strcmp(name, PREFIX "comment") == 0) {
        value = ozx_archive_comment(archive, &size);
    } else if (strcmp(name, PREFIX "version") == 0) {
        value = ozx_archive_comment_version(archive);
        size = value ? strlen(value) : 0;
    }
    if (value)
        reply_value(request, value, size, room);
    else
        fuse_reply_err(request, ENODATA);
}

static void op_getxattr(fuse_req_t request, fuse_ino_t inode, const char *name, size_t room)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;
    struct ozx_node_stat st;

    /* First, as it is of use where the archive cannot be had. */
    if (inode == FUSE_ROOT_ID && strcmp(name, PREFIX "state") == 0) {
        char state[STATE_SIZE];
        reply_value(request, state, ozx_server_state(server, state, sizeof state), room);
        return;
    }
    /* Names that are not ours are asked for by whoever lists: no archive is opened for them. */
    if (ozx_is_item(server, inode) || strncmp(name, PREFIX, sizeof PREFIX - 1) != 0) {
        fuse_reply_err(request, ENODATA);
        return;
    }
    if (!ozx_server_enter(server, request, inode, &visit))
        return;
    ozx_archive_stat(visit.archive, ozx_node_of(inode), &st);
    if (!st.is_directory)
        get_of_file(request, &visit, name, room);
    else if (ozx_node_of(inode) == OZX_NODE_ROOT)
        get_of_root(request, visit.archive, name, room);
    else
        fuse_reply_err(request, ENODATA);
    ozx_server_leave(&visit);
}

static void list_of_root(fuse_req_t request, const struct ozx_visit *visit, size_t room)
{
    const struct ozx_archive *archive = visit->archive;
    static const char comment[] = PREFIX "comment", version[] = PREFIX "version";
    char names[sizeof comment + sizeof version + sizeof PREFIX "state"];
    size_t size = sizeof PREFIX "state";

    memcpy(names, PREFIX "state", size);
    if (ozx_archive_comment(archive, &(size_t){0})) {
        memcpy(names + size, comment, sizeof comment);
        size += sizeof comment;
    }
    if (ozx_archive_comment_version(archive)) {
        memcpy(names + size, version, sizeof version);
        size += sizeof version;
    }
    reply_value(request, names, size, room);
}

static void op_listxattr(fuse_req_t request, fuse_ino_t inode, size_t room)
{
    static const char of_mount[] = PREFIX "state";
    static const char of_file[] = PREFIX "offset\0" PREFIX "crc32\0" PREFIX "method";
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;
    struct ozx_node_stat st;

    if (ozx_is_shown_as_item(server, inode)) {
        reply_value(request, of_mount, inode == FUSE_ROOT_ID ? sizeof of_mount : 0, room);
        return;
    }
    if (!ozx_server_enter(server, request, inode, &visit))
        return;
    ozx_archive_stat(visit.archive, ozx_node_of(inode), &st);
    if (!st.is_directory)
        reply_value(request, of_file, sizeof of_file, room);
    else if (inode == FUSE_ROOT_ID)
        list_of_root(request, &visit, room);
    else
        reply_value(request, "", 0, room);
    ozx_server_leave(&visit);
}

void ozx_xattr_ops_fill(struct fuse_lowlevel_ops *ops)
{
    ops->getxattr = op_getxattr;
    ops->listxattr = op_listxattr;
}
