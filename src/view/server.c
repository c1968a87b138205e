/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's threads: one for each connection, and one that hears what the parent says and ends
 * what takes too long. Answers are made in server_answer.c.
 */
#include "view/server.h"

#include "base/clock.h"
#include "config.h"

#ifdef OZX_HAVE_VIEW

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/descriptors.h"
#include "view/server_state.h"

#define HEADERS_MAX ((size_t)32 << 10) /* bytes of a request, and of the headers of its answer */
#define STACK_SIZE ((size_t)128 << 10)
#define IDLE_S 15U /* a connection over which nothing moves */

bool ozx_server_is_built_in(void)
{
    return true;
}

static void say_nothing(void *context, const char *format, va_list arguments)
{
    (void)context, (void)format, (void)arguments;
}

/* Addresses are decoded by who knows what they may be (view/route.h). */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **mark,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ozx_view_server *server = context;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *mark = info ? ozx_connections_add(&server->connections, info->connect_fd) : NULL;
    } else if (*mark) {
        ozx_connections_remove(&server->connections, *mark);
    }
}

static void on_completed(void *context, struct MHD_Connection *connection, void **mark,
                         enum MHD_RequestTerminationCode code)
{
    (void)mark, (void)code;
    ozx_server_mark_busy(context, connection, false);
}

static struct MHD_Daemon *start(struct ozx_view_server *server)
{
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                           MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, ozx_server_answer, server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing,
        NULL, MHD_OPTION_LISTEN_SOCKET, server->options->listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)OZX_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_END);
}

static void say(const struct ozx_view_server *server, enum ozx_server_word word)
{
    const char byte = (char)word;

    (void)!ozx_descriptors_send(server->options->control, &byte, 1, -1, 0);
}

/* False: the parent is gone. */
static bool hear(struct ozx_view_server *server)
{
    char word = 0;
    int socket = -1;
    ssize_t got = ozx_descriptors_receive(server->options->control, &word, 1, 0, &socket);

    if (got <= 0)
        return false;
    if (socket < 0)
        return true;
    if (word == OZX_SERVER_BEGIN)
        ozx_pool_begin(&server->pool, socket);
    else
        ozx_pool_add(&server->pool, socket);
    return true;
}

static bool is_left(const struct ozx_view_server *server)
{
    const int64_t last = atomic_load(&server->last_sign_s);

    return last && (int64_t)ozx_clock_s() - last >= OZX_SERVER_LEFT_S;
}

int ozx_server_run(const struct ozx_server_options *options)
{
    struct ozx_view_server server = {.options = options};
    struct pollfd control = {.fd = options->control, .events = POLLIN};
    struct MHD_Daemon *daemon;

    server.started_s = (int64_t)ozx_clock_s();
    ozx_pool_init(&server.pool);
    ozx_connections_init(&server.connections);
    daemon = start(&server);
    if (!daemon)
        return -EIO;
    say(&server, OZX_SERVER_READY);
    for (;;) {
        if (poll(&control, 1, 1000) > 0 && !hear(&server))
            break;
        ozx_connections_end_slow(&server.connections);
        if (ozx_pool_take_stuck(&server.pool))
            say(&server, OZX_SERVER_STUCK);
        if (is_left(&server)) {
            atomic_store(&server.last_sign_s, 0);
            say(&server, OZX_SERVER_LEFT);
        }
    }
    return 0; /* the process ends, and what its threads were doing with it */
}

#else

bool ozx_server_is_built_in(void)
{
    return false;
}

int ozx_server_run(const struct ozx_server_options *options)
{
    (void)options;
    return -ENOTSUP;
}

#endif
