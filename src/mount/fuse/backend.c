/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A FUSE session from its start to its end. (libfuse tries to open /dev/null in fuse_session_mount
 * to fill descriptors 0 to 2; in the cage that fails, and they are filled.)
 */
#include "mount/fuse/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "mount/channel.h"
#include "mount/fuse/loop.h"
#include "mount/fuse/server.h"

#ifdef OZX_HAVE_FUSE_IO_URING
#define HAS_IO_URING true
#else
#define HAS_IO_URING false
#endif

struct ozx_served {
    struct ozx_server server;
};

const char *ozx_fuse_library_version(void)
{
    return fuse_pkgversion();
}

static int start(const struct ozx_mount_options *options, const struct ozx_forest *forest,
                 int socket, struct ozx_served **out)
{
    struct ozx_served *served = calloc(1, sizeof *served);
    int failure;

    if (!served)
        return -ENOMEM;
    served->server = (struct ozx_server){
        .forest = forest,
        .options = options,
        .notes = {.lock = PTHREAD_MUTEX_INITIALIZER, .socket = socket},
        .turns = {.lock = PTHREAD_MUTEX_INITIALIZER},
    };
    failure = -pthread_key_create(&served->server.buffer_key, free);
    if (failure) {
        free(served);
        return failure;
    }
    *out = served;
    return 0;
}

/* What libfuse says of its failures is said again by us, in one line. */
static void drop_words(enum fuse_log_level level, const char *format, va_list args)
{
    (void)level, (void)format, (void)args;
}

static struct fuse_session *make_session(struct ozx_server *server, int device)
{
    const struct ozx_mount_options *options = server->options;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_lowlevel_ops ops;
    struct fuse_session *session = NULL;
    char option[48], place[32];

    if (!options->debug)
        fuse_set_log_func(drop_words);
    errno = 0;
    ozx_ops_fill(&ops, server);
    /* libfuse wants the same max_read here, in the mount's options and in init. */
    snprintf(option, sizeof option, "-omax_read=%u", options->max_read_bytes);
    snprintf(place, sizeof place, "/dev/fd/%d", device);
    if (fuse_opt_add_arg(&args, "ozxfs") == 0 && fuse_opt_add_arg(&args, option) == 0 &&
        (!options->io_uring || !HAS_IO_URING || fuse_opt_add_arg(&args, "-oio_uring") == 0) &&
        (!options->debug || fuse_opt_add_arg(&args, "-d") == 0))
        session = fuse_session_new(&args, &ops, sizeof ops, server);
    fuse_opt_free_args(&args);
    if (session && fuse_session_mount(session, place) != 0) {
        fuse_session_destroy(session);
        session = NULL;
    }
    if (!session)
        close(device);
    return session;
}

static int fail(int code, const char *what, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

/* Each archive: a read that waits for the disk must not keep others waiting, one that decompresses
 * looks whether it is still wanted. */
static int watch(struct ozx_server *server)
{
    const struct ozx_forest *forest = server->forest;
    const struct ozx_requests_events events = {.context = server,
                                               .on_wait = ozx_loop_pass,
                                               .stopped = ozx_item_wait_stopped,
                                               .changed = ozx_item_changed,
                                               .let_go = ozx_item_let_go};
    int failure = ozx_gates_watch(forest->gates, ozx_loop_pass, ozx_read_stopped);

    return failure || !forest->requests ? failure : ozx_requests_start(forest->requests, &events);
}

static int serve(struct ozx_served *served, int device, struct ozx_error *error)
{
    struct ozx_server *server = &served->server;
    unsigned threads = server->options->threads ? server->options->threads : OZX_MOUNT_THREADS;
    struct fuse_session *session = make_session(server, device);
    int failure = errno ? -errno : -EINVAL;

    if (!session)
        return fail(failure, "cannot create a FUSE session", error);
    server->turns.places = threads > 1 ? threads - 1 : 1;
    server->session = session;
    failure = watch(server);
    if (!failure)
        failure = ozx_loop_run(session, threads, ozx_server_started, server);
    if (!failure)
        (void)!ozx_channel_send(server->notes.socket, OZX_MESSAGE_ENDED, 0, NULL, false);
    if (server->forest->requests)
        ozx_requests_stop(server->forest->requests);
    fuse_session_destroy(session);
    return failure ? fail(failure < 0 ? failure : -EIO, "the FUSE session failed", error) : 0;
}

static void stop(struct ozx_served *served)
{
    /* Only threads that end free their buffers themselves. */
    free(pthread_getspecific(served->server.buffer_key));
    pthread_key_delete(served->server.buffer_key);
    free(served);
}

const struct ozx_backend ozx_fuse_backend = {
    .name = "fuse", .has_io_uring = HAS_IO_URING, .start = start, .serve = serve, .stop = stop};
