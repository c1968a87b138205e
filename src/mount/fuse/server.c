/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the callbacks share: a thread's buffer, the answer to a failure, and the words to the
 * supervisor.
 */
#include "mount/fuse/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mount/channel.h"

#define BUFFER_STEP_BYTES ((size_t)128 << 10) /* the usual size of a read */

struct ozx_buffer {
    size_t room_bytes;
    char bytes[];
};

char *ozx_server_buffer(struct ozx_server *server, size_t size_bytes)
{
    struct ozx_buffer *buffer = pthread_getspecific(server->buffer_key);
    size_t room_bytes = size_bytes < BUFFER_STEP_BYTES ? BUFFER_STEP_BYTES : size_bytes;

    if (size_bytes > server->options->max_read_bytes)
        return NULL;
    if (buffer && buffer->room_bytes >= size_bytes)
        return buffer->bytes;
    free(buffer);
    buffer = malloc(sizeof *buffer + room_bytes);
    if (buffer)
        buffer->room_bytes = room_bytes;
    if (pthread_setspecific(server->buffer_key, buffer)) {
        free(buffer);
        return NULL;
    }
    return buffer ? buffer->bytes : NULL;
}

void ozx_server_tell(const struct ozx_server *server, const char *text)
{
    struct ozx_error info = OZX_ERROR_INIT;

    snprintf(info.text, sizeof info.text, "%s", text);
    (void)!ozx_channel_send(server->notes.socket, OZX_MESSAGE_INFO, 0, &info, false);
}

void ozx_server_serving(struct ozx_server *server)
{
    server->initialized = true;
    /* Without a supervisor the tree is served all the same. */
    (void)!ozx_channel_send(server->notes.socket, OZX_MESSAGE_SERVING, 0, NULL, false);
}

int ozx_server_started(void *userdata)
{
    const struct ozx_server *server = userdata;

    if (!server->initialized)
        return -ENOMEM;
    (void)!ozx_channel_send(server->notes.socket, OZX_MESSAGE_STARTED, 0, NULL, false);
    return 0;
}

/* True the first time for each rule, and each of many archives. */
static bool is_new(struct ozx_server *server, fuse_ino_t inode, enum ozx_rule rule)
{
    struct ozx_notes *notes = &server->notes;
    bool told;

    if (server->forest->catalog)
        return ozx_catalog_is_news(server->forest->catalog,
                                   ozx_forest_archive(inode - FUSE_ROOT_ID), rule);
    pthread_mutex_lock(&notes->lock);
    told = notes->told[rule];
    notes->told[rule] = true;
    pthread_mutex_unlock(&notes->lock);
    return !told;
}

/* The gate, and whose the archive is: that of all, or of an item its own. */
static bool find_gate(const struct ozx_server *server, fuse_ino_t inode, struct ozx_visit *visit)
{
    const struct ozx_mount_options *options = server->options;
    const struct ozx_forest *forest = server->forest;
    struct ozx_item item;

    *visit = (struct ozx_visit){.inode = inode,
                                .uid = options->uid,
                                .gid = options->gid,
                                .file_mode = options->file_mode,
                                .directory_mode = options->directory_mode};
    if (!forest->catalog) {
        visit->gate = forest->only;
        return true;
    }
    visit->gate =
        ozx_catalog_archive(forest->catalog, ozx_forest_archive(inode - FUSE_ROOT_ID), &item);
    if (!visit->gate)
        return false;
    visit->uid = item.uid;
    visit->gid = item.gid;
    visit->directory_mode = item.mode;
    visit->file_mode = item.file_mode;
    return true;
}

static bool enter(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode, bool path,
                  struct ozx_visit *visit)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!find_gate(server, inode, visit)) {
        fuse_reply_err(request, path ? ESTALE : EIO);
        return false;
    }
    visit->archive = ozx_gate_enter(visit->gate, &error);
    if (!visit->archive && path && error.code == -ESTALE && server->forest->requests)
        fuse_reply_err(request, ESTALE);
    else if (!visit->archive)
        ozx_server_fail(server, request, inode, &error);
    return visit->archive;
}

bool ozx_server_enter(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                      struct ozx_visit *visit)
{
    return enter(server, request, inode, false, visit);
}

bool ozx_server_enter_path(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                           struct ozx_visit *visit)
{
    return enter(server, request, inode, true, visit);
}

static void remember(struct ozx_notes *notes, const struct ozx_error *error)
{
    pthread_mutex_lock(&notes->lock);
    if (notes->last.rule != OZX_RULE_CHANGED)
        notes->last = *error;
    pthread_mutex_unlock(&notes->lock);
}

void ozx_server_last_error(struct ozx_server *server, struct ozx_error *out)
{
    pthread_mutex_lock(&server->notes.lock);
    *out = server->notes.last;
    pthread_mutex_unlock(&server->notes.lock);
}

size_t ozx_server_state(struct ozx_server *server, char *text, size_t size_bytes)
{
    struct ozx_error last;
    int size;

    ozx_server_last_error(server, &last);
    if (!last.code)
        size = snprintf(text, size_bytes, "serving");
    else if (last.offset_bytes == OZX_OFFSET_NONE)
        size = snprintf(text, size_bytes, "%s: %s",
                        last.rule == OZX_RULE_CHANGED ? "changed" : "error", last.text);
    else
        size = snprintf(text, size_bytes, "%s: %s (at byte %llu)",
                        last.rule == OZX_RULE_CHANGED ? "changed" : "error", last.text,
                        (unsigned long long)last.offset_bytes);
    return (size_t)size < size_bytes ? (size_t)size : size_bytes - 1;
}

/* The error, with what the archive is called where there are many. */
static void name_error(const struct ozx_server *server, fuse_ino_t inode, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];

    if (server->forest->catalog)
        ozx_error_put_name(error,
                           ozx_catalog_describe(server->forest->catalog,
                                                ozx_forest_archive(inode - FUSE_ROOT_ID), name));
}

void ozx_server_fail(struct ozx_server *server, fuse_req_t request, fuse_ino_t inode,
                     const struct ozx_error *error)
{
    struct ozx_error named = *error;

    /* "The archive changed" is no errno that a reader of a file expects. */
    /* Nor is what the archive's own file system may answer: ENOTCONN would look like our own death.
     */
    int code = error->code == -ENOMEM || error->code == -EISDIR || error->code == -EINTR
                   ? -error->code
                   : EIO;

    if (code == EIO) {
        name_error(server, inode, &named);
        remember(&server->notes, &named);
    }
    fuse_reply_err(request, code);
    if (code == EIO && is_new(server, inode, error->rule) && ozx_forest_may_note(server->forest)) {
        /* Dropped when the supervisor is gone or does not keep up: a read never waits for it. */
        int failure = ozx_channel_send(server->notes.socket, OZX_MESSAGE_NOTE, 0, &named, true);
        (void)failure;
    }
}
