/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads. What is stored is read at once, by whichever thread took the request. What is compressed
 * may take any time, by the will of who made the archive, so such reads have turns: all threads but
 * one may be busy with them, the others stand in a queue, and the thread that is left goes on
 * listening. (Where there is one thread only it does both.)
 *
 * A read that takes long looks up every few milliseconds: it ends when the mount has ended or when
 * its time is up, soon if its request was interrupted. Not at once: what interrupts may be any
 * signal, and few programs expect EINTR from a file. Interrupts come for a thread that waits for
 * its page alone; readahead goes on after its process was killed, so without a limit it could go on
 * for hours. The stream keeps its place, so who reads again gets further.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mount/fuse/loop.h"
#include "mount/fuse/server.h"

#define LARGE_BYTES ((size_t)64 << 10) /* of a read that takes longer than to wake a thread */
#define LOOK_UP_MS 5
#define LIMIT_MS 10000
#define INTERRUPTED_MS 1000 /* what is left of it then */

struct ozx_turn {
    fuse_req_t request;
    fuse_ino_t inode;
    size_t size_bytes;
    off_t offset_bytes;
    bool is_open; /* of an empty file: reads nothing, and is answered as an open */
    struct ozx_turn *next;
};

/* What this thread decompresses for. */
static _Thread_local struct {
    fuse_req_t request; /* NULL: nothing */
    bool interrupted;
    int64_t until_ms, looked_up_ms;
} work;

int ozx_read_stopped(void)
{
    int64_t now;

    if (!work.request)
        return 0;
    now = ozx_clock_ms();
    if (now - work.looked_up_ms < LOOK_UP_MS)
        return 0;
    work.looked_up_ms = now;
    if (ozx_loop_ended())
        return -EINTR;
    if (!work.interrupted && fuse_req_interrupted(work.request)) {
        work.interrupted = true;
        if (work.until_ms > now + INTERRUPTED_MS)
            work.until_ms = now + INTERRUPTED_MS;
    }
    if (now <= work.until_ms)
        return 0;
    return work.interrupted ? -EINTR : -ETIMEDOUT;
}

static void reply(struct ozx_server *server, fuse_req_t request, const char *buffer, size_t size)
{
    atomic_fetch_add_explicit(&server->read_bytes, size, memory_order_relaxed);
    fuse_reply_buf(request, buffer, size);
}

static void reply_open(fuse_req_t request)
{
    const struct fuse_file_info file = {.keep_cache = 1};

    fuse_reply_open(request, &file);
}

static void answer(struct ozx_archive *archive, const struct ozx_turn *turn)
{
    struct ozx_server *server = ozx_server_of(turn->request);
    struct ozx_error error = OZX_ERROR_INIT;
    char *buffer = ozx_server_buffer(server, turn->size_bytes);
    size_t got;

    if (!buffer)
        fuse_reply_err(turn->request, ENOMEM);
    else if (ozx_archive_read(archive, ozx_node_of(turn->inode), buffer, turn->size_bytes,
                              (uint64_t)turn->offset_bytes, &got, &error))
        ozx_server_fail(server, turn->request, turn->inode, &error);
    else if (turn->is_open)
        reply_open(turn->request);
    else
        reply(server, turn->request, buffer, got);
}

static void take_turn(struct ozx_server *server, const struct ozx_turn *turn)
{
    struct ozx_visit visit;

    if (ozx_loop_ended()) {
        fuse_reply_err(turn->request, EINTR);
        return;
    }
    if (!ozx_server_enter(server, turn->request, turn->inode, &visit))
        return;
    work.request = turn->request;
    work.interrupted = false;
    work.looked_up_ms = ozx_clock_ms();
    work.until_ms = work.looked_up_ms + LIMIT_MS;
    answer(visit.archive, turn);
    work.request = NULL;
    ozx_server_leave(&visit);
}

/* The first of the queue, the caller's; NULL: there is none, and the caller gives up its place. */
static struct ozx_turn *next_turn(struct ozx_turns *turns)
{
    struct ozx_turn *turn;

    pthread_mutex_lock(&turns->lock);
    turn = turns->first;
    if (turn)
        turns->first = turn->next;
    else
        turns->taken--;
    pthread_mutex_unlock(&turns->lock);
    return turn;
}

/* Puts a copy at the end of the queue. False: there is a place for the caller, taken now. */
static bool queue(struct ozx_turns *turns, struct ozx_turn *turn)
{
    struct ozx_turn **end = &turns->first;
    bool queued;

    pthread_mutex_lock(&turns->lock);
    queued = turns->taken >= turns->places;
    if (queued) {
        while (*end)
            end = &(*end)->next;
        *end = turn;
    } else {
        turns->taken++;
    }
    pthread_mutex_unlock(&turns->lock);
    return queued;
}

static void read_in_turn(struct ozx_server *server, const struct ozx_turn *wanted)
{
    struct ozx_turn *turn = malloc(sizeof *turn);

    if (!turn) {
        fuse_reply_err(wanted->request, ENOMEM);
        return;
    }
    *turn = *wanted;
    if (queue(&server->turns, turn))
        return;
    ozx_loop_pass();
    do {
        take_turn(server, turn);
        free(turn);
    } while ((turn = next_turn(&server->turns)));
}

/* In the midst of a visit, which ends. */
static void read_file(struct ozx_server *server, struct ozx_visit *visit,
                      const struct ozx_turn *wanted)
{
    bool compressed = ozx_archive_is_compressed(visit->archive, ozx_node_of(wanted->inode));

    if (!compressed)
        answer(visit->archive, wanted);
    ozx_server_leave(visit);
    if (compressed)
        read_in_turn(server, wanted);
}

void ozx_open_file(fuse_req_t request, fuse_ino_t inode)
{
    const struct ozx_turn wanted = {.request = request, .inode = inode, .is_open = true};
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;

    if (!ozx_server_enter(server, request, inode, &visit))
        return;
    if (ozx_archive_is_empty_file(visit.archive, ozx_node_of(inode))) {
        read_file(server, &visit, &wanted);
        return;
    }
    ozx_server_leave(&visit);
    reply_open(request);
}

int ozx_check_empty(struct ozx_archive *archive, uint32_t node, struct ozx_error *error)
{
    uint64_t offset_bytes;
    size_t got;
    char byte;

    if (ozx_archive_is_compressed(archive, node)) /* which may take its time */
        return ozx_archive_data_offset(archive, node, &offset_bytes, error);
    return ozx_archive_read(archive, node, &byte, 0, 0, &got, error);
}

void ozx_op_read(fuse_req_t request, fuse_ino_t inode, size_t size_bytes, off_t offset,
                 struct fuse_file_info *file)
{
    const struct ozx_turn wanted = {
        .request = request, .inode = inode, .size_bytes = size_bytes, .offset_bytes = offset};
    struct ozx_server *server = ozx_server_of(request);
    struct ozx_visit visit;

    if (ozx_is_item(server, inode)) {
        ozx_item_read(request, size_bytes, offset, file);
        return;
    }
    if (size_bytes >= LARGE_BYTES)
        ozx_loop_pass_if_asked();
    if (!ozx_server_enter(server, request, inode, &visit))
        return;
    read_file(server, &visit, &wanted);
}
