/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two children and a loop: signals, the server's words, the first byte of a decoder that begins.
 */
#include "view/view.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/crew.h"
#include "base/descriptors.h"
#include "base/wait.h"
#include "cage/cage.h"
#include "view/listen.h"
#include "view/server.h"

#define SERVER_DATA_MAX (UINT64_C(128) << 20) /* bytes; what it uses is 5 MiB */
#define LATER_MS 5000 /* an archive that could not be opened again is tried after as long */
#define SOON_MS 1000  /* a decoder that ended sooner is started again only after as long */

struct view {
    const struct ozx_view_options *options;
    struct ozx_error *error;
    int signals, listener, control; /* control: this end */
    sigset_t before;
    struct ozx_server_options server_options;
    pid_t server, decoder; /* 0: none */
    bool server_is_ready, decoder_is_ready, was_ready;
    struct ozx_source *source;
    int sockets[OZX_ASK_SOCKETS_MAX]; /* the server's ends, until it has them */
    size_t socket_count;
    int64_t started_ms, not_before_ms; /* of the decoder */
    int status; /* of a decoder that ended before it had opened the archive */
    bool over;
};

static int fail(struct view *v, int code, const char *what)
{
    return ozx_error_set(v->error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

/* --- the server ------------------------------------------------------------------------------- */

static int run_server(void *context)
{
    if (ozx_cage_is_there())
        ozx_sandbox_limit_data(SERVER_DATA_MAX);
    return ozx_server_run(context) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int start_server(struct view *v)
{
    int ends[2];
    int kept[2], failure;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail(v, -errno, "cannot start the server");
    kept[0] = v->server_options.listener = v->listener;
    kept[1] = v->server_options.control = ends[1];
    failure = ozx_cage_start(&(struct ozx_cage){.allowed = OZX_SANDBOX_HTTP,
                                                .archive = -1,
                                                .sockets = kept,
                                                .socket_count = 2,
                                                .tree = -1,
                                                .file = -1,
                                                .output = -1,
                                                .work = run_server,
                                                .context = &v->server_options},
                             &v->server, v->error);
    close(ends[1]);
    v->control = ends[0];
    close(ozx_take_fd(&v->listener)); /* with the server the port is closed */
    return failure;
}

/* --- the decoder ------------------------------------------------------------------------------ */

struct decoding {
    const struct ozx_view_options *options;
    struct ozx_source *source;
    int sockets[OZX_ASK_SOCKETS_MAX];
    size_t count;
};

static int run_decoder(void *context)
{
    const struct decoding *d = context;

    return d->options->decode(d->options->context, d->source, d->sockets, d->count);
}

static void close_sockets(int *sockets, size_t *count)
{
    while (*count)
        close(sockets[--*count]);
}

static int make_sockets(struct view *v, struct decoding *d)
{
    const size_t wanted = ozx_processor_count() < 3 ? 3 : 4;

    while (d->count < wanted) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
            int failure = fail(v, -errno, "cannot start a process");
            close_sockets(d->sockets, &d->count);
            close_sockets(v->sockets, &v->socket_count);
            return failure;
        }
        v->sockets[v->socket_count++] = ends[0];
        d->sockets[d->count++] = ends[1];
    }
    return 0;
}

static int cage_decoder(struct view *v, struct decoding *d)
{
    int channels[OZX_SOURCE_DESCRIPTORS_MAX];
    const bool is_remote = ozx_source_fd(v->source) < 0;
    int failure;

    d->source = v->source;
    failure = ozx_cage_start(
        &(struct ozx_cage){.allowed = OZX_SANDBOX_READ,
                           .archive = ozx_source_fd(v->source),
                           .channels = channels,
                           .channel_count =
                               is_remote ? ozx_source_descriptors(v->source, channels) : 0,
                           .sockets = d->sockets,
                           .socket_count = d->count,
                           .tree = -1,
                           .file = -1,
                           .output = -1,
                           .work = run_decoder,
                           .context = d},
        &v->decoder, v->error);
    close_sockets(d->sockets, &d->count);
    /* Of an archive at a URL half an answer may be under way when a decoder ends: the next one has
     * its own. */
    if (is_remote)
        ozx_source_close(ozx_take(v->source));
    return failure;
}

/* A server that was there may be there again; one that never was is told once. */
static int try_later(struct view *v)
{
    if (!v->was_ready)
        return -EIO;
    v->status = 0;
    v->not_before_ms = ozx_clock_ms() + LATER_MS;
    return 0;
}

static int start_decoder(struct view *v)
{
    struct decoding d = {.options = v->options};
    int failure;

    if (!v->source) {
        v->status = v->options->open(v->options->context, &v->source);
        if (v->status)
            return try_later(v);
    }
    v->decoder_is_ready = false;
    v->started_ms = ozx_clock_ms();
    failure = make_sockets(v, &d);
    return failure ? failure : cage_decoder(v, &d);
}

/* The archive is open: the server gets the sockets. */
static void hand_over(struct view *v)
{
    for (size_t i = 0; i < v->socket_count; i++) {
        const char word = i ? OZX_SERVER_SOCKET : OZX_SERVER_BEGIN;
        (void)!ozx_descriptors_send(v->control, &word, 1, v->sockets[i], 0);
    }
    close_sockets(v->sockets, &v->socket_count);
    v->decoder_is_ready = true;
}

static void end_child(pid_t *child)
{
    if (!*child)
        return;
    kill(*child, SIGKILL);
    (void)ozx_wait_child(*child);
    *child = 0;
}

/* --- what happens ----------------------------------------------------------------------------- */

static int on_decoder_end(struct view *v, int status)
{
    v->decoder = 0;
    close_sockets(v->sockets, &v->socket_count);
    if (!v->was_ready) {
        v->status = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : -1;
        return v->status > 0
                   ? -EIO
                   : ozx_error_set(v->error, -EFAULT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                   "this is a bug in ozxfs: please report it, with the archive",
                                   "the process that was reading it crashed");
    }
    v->not_before_ms = ozx_clock_ms() - v->started_ms < SOON_MS ? ozx_clock_ms() + SOON_MS : 0;
    return 0;
}

static int on_children(struct view *v)
{
    int status, failure = 0;
    pid_t gone;

    while (!failure && (gone = waitpid(-1, &status, WNOHANG)) > 0) {
        if (gone == v->decoder)
            failure = on_decoder_end(v, status);
        if (gone == v->server) {
            v->server = 0;
            failure = ozx_error_set(v->error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                    "the server's process ended");
        }
    }
    return failure;
}

static int on_signal(struct view *v)
{
    struct signalfd_siginfo info;

    if (read(v->signals, &info, sizeof info) != sizeof info)
        return 0;
    if (info.ssi_signo == SIGCHLD)
        return on_children(v);
    v->over = true;
    return 0;
}

static int on_server_word(struct view *v)
{
    char word = 0;
    ssize_t got = ozx_descriptors_receive(v->control, &word, 1, 0, NULL);

    if (got <= 0)
        return 0; /* its end is told by a signal */
    if (word == OZX_SERVER_READY)
        v->server_is_ready = true;
    else if (word == OZX_SERVER_STUCK && v->decoder)
        kill(v->decoder, SIGKILL);
    else if (word == OZX_SERVER_LEFT)
        v->over = v->options->ends_when_left;
    return 0;
}

static void tell_when_ready(struct view *v)
{
    char address[OZX_VIEW_ADDRESS_SIZE], once[OZX_VIEW_ADDRESS_SIZE];
    const struct ozx_server_options *o = &v->server_options;

    if (v->was_ready || !v->server_is_ready || !v->decoder_is_ready)
        return;
    v->was_ready = true;
    snprintf(address, sizeof address, "http://127.0.0.1:%u/%s/", o->port, o->token);
    snprintf(once, sizeof once, "http://127.0.0.1:%u/%s/", o->port, o->once);
    v->options->ready(v->options->context, address, once);
}

static int step(struct view *v)
{
    struct pollfd waits[] = {
        {.fd = v->signals, .events = POLLIN},
        {.fd = v->server ? v->control : -1, .events = POLLIN},
        {.fd = v->decoder && !v->decoder_is_ready ? v->sockets[0] : -1, .events = POLLIN},
    };
    const int64_t left_ms = v->not_before_ms - ozx_clock_ms();
    char byte;

    if (!v->decoder && left_ms <= 0)
        return start_decoder(v);
    if (poll(waits, 3, v->decoder ? -1 : (int)left_ms) < 0)
        return errno == EINTR ? 0 : fail(v, -errno, "cannot wait");
    if (waits[2].revents && recv(v->sockets[0], &byte, 1, MSG_DONTWAIT) == 1)
        hand_over(v);
    else if (waits[2].revents && !waits[0].revents)
        (void)!poll(waits, 1, 100); /* it is ending: that is told by a signal */
    if (waits[1].revents && on_server_word(v))
        return -EIO;
    tell_when_ready(v);
    return waits[0].revents ? on_signal(v) : 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int catch_signals(struct view *v)
{
    sigset_t caught;

    signal(SIGCHLD, SIG_DFL); /* an ignored one would leave no child to wait for */
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGHUP);
    sigaddset(&caught, SIGQUIT);
    sigaddset(&caught, SIGCHLD);
    sigprocmask(SIG_BLOCK, &caught, &v->before);
    v->signals = signalfd(-1, &caught, SFD_CLOEXEC);
    return v->signals < 0 ? fail(v, -errno, "cannot catch signals") : 0;
}

static void finish(struct view *v)
{
    end_child(&v->server);
    end_child(&v->decoder);
    close_sockets(v->sockets, &v->socket_count);
    ozx_source_close(v->source);
    if (v->listener >= 0)
        close(v->listener);
    if (v->control >= 0)
        close(v->control);
    if (v->signals >= 0)
        close(v->signals);
    sigprocmask(SIG_SETMASK, &v->before, NULL);
}

int ozx_view_run(const struct ozx_view_options *options, struct ozx_view_end *end,
                 struct ozx_error *error)
{
    struct view v = {
        .options = options, .error = error, .signals = -1, .listener = -1, .control = -1};
    int failure;

    *end = (struct ozx_view_end){.status = 0};
    v.server_options.port = options->port;
    sigprocmask(SIG_BLOCK, NULL, &v.before);
    failure = ozx_token_make(v.server_options.token, error);
    if (!failure)
        failure = ozx_token_make(v.server_options.once, error);
    v.status = failure ? 0 : options->open(options->context, &v.source);
    if (!failure && !v.status)
        failure = ozx_listen(&v.server_options.port, &v.listener, error);
    if (!failure && !v.status)
        failure = catch_signals(&v);
    if (!failure && !v.status)
        failure = start_decoder(&v);
    if (!failure && !v.status)
        failure = start_server(&v);
    while (!failure && !v.status && !v.over)
        failure = step(&v);
    finish(&v);
    if (v.status > 0)
        *end = (struct ozx_view_end){.status = v.status, .is_decoder = true};
    return v.status > 0 ? -EIO : failure;
}
