/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The answer to mount/state.h.
 */
#include "mount/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/stat.h"
#include "mount/fuse/loop.h"
#include "mount/fuse/server.h"

/* Which file is served. Reading a byte of it tells whether it is still what it was. Not of one of
 * many: that may open it; nor of one on a server, which may take its time. */
static void look_at_file(const struct ozx_server *server, struct ozx_mount_state *state)
{
    struct ozx_archive *archive;
    struct ozx_source *source;
    struct stat st;
    char byte;

    if (!server->forest->only)
        return;
    archive = ozx_gate_enter_if_open(server->forest->only);
    if (!archive)
        return;
    source = ozx_archive_source(archive);
    if (ozx_source_fd(source) >= 0 && ozx_source_read(source, &byte, 1, 0) == -ESTALE)
        state->is_changed = true;
    if (ozx_source_fd(source) >= 0 && ozx_fstat(ozx_source_fd(source), &st) == 0) {
        state->device = st.st_dev;
        state->inode = st.st_ino;
    }
    ozx_gate_leave(server->forest->only);
}

void ozx_op_ioctl(fuse_req_t request, fuse_ino_t inode, unsigned command, void *argument,
                  struct fuse_file_info *file, unsigned flags, const void *in, size_t in_size,
                  size_t out_size)
{
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_mount_state state = {.requests = ozx_loop_requests()};
    struct ozx_error last;

    (void)argument, (void)file, (void)flags, (void)in, (void)in_size;
    if (inode != FUSE_ROOT_ID || command != OZX_MOUNT_STATE_IOCTL || out_size < sizeof state) {
        fuse_reply_err(request, ENOTTY);
        return;
    }
    ozx_server_last_error(server, &last);
    state.read_bytes = atomic_load_explicit(&server->read_bytes, memory_order_relaxed);
    state.is_changed = last.rule == OZX_RULE_CHANGED;
    look_at_file(server, &state);
    state.has_failed = last.code != 0;
    snprintf(state.text, sizeof state.text, "%s", last.text);
    if (server->options->subdir)
        snprintf(state.subdir, sizeof state.subdir, "%s", server->options->subdir);
    fuse_reply_ioctl(request, 0, &state, sizeof state);
}
