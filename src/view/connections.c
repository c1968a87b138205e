/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A socket is shut down, and closed by whom it belongs to.
 */
#include "view/connections.h"

#include <sys/socket.h>

#include "base/clock.h"

void ozx_connections_init(struct ozx_connections *connections)
{
    *connections = (struct ozx_connections){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static void end(struct ozx_connection *one)
{
    one->ended = true;
    shutdown(one->socket, SHUT_RDWR);
}

static void make_room(struct ozx_connections *connections)
{
    struct ozx_connection *oldest = NULL;
    unsigned count = 0;

    for (size_t i = 0; i < OZX_CONNECTIONS_MAX; i++) {
        struct ozx_connection *one = &connections->list[i];
        count += one->used && !one->ended;
        if (one->used && !one->ended && !one->busy && (!oldest || one->number < oldest->number))
            oldest = one;
    }
    if (count > OZX_VIEW_CONNECTIONS_KEPT && oldest)
        end(oldest);
}

struct ozx_connection *ozx_connections_add(struct ozx_connections *connections, int socket)
{
    struct ozx_connection *found = NULL;

    pthread_mutex_lock(&connections->lock);
    for (size_t i = 0; i < OZX_CONNECTIONS_MAX && !found; i++)
        if (!connections->list[i].used)
            found = &connections->list[i];
    if (found)
        *found = (struct ozx_connection){.used = true,
                                         .socket = socket,
                                         .since = (time_t)ozx_clock_s(),
                                         .number = ++connections->last};
    make_room(connections);
    pthread_mutex_unlock(&connections->lock);
    return found;
}

void ozx_connections_remove(struct ozx_connections *connections, struct ozx_connection *one)
{
    pthread_mutex_lock(&connections->lock);
    one->used = false;
    pthread_mutex_unlock(&connections->lock);
}

void ozx_connections_set_busy(struct ozx_connections *connections, struct ozx_connection *one,
                              bool busy)
{
    pthread_mutex_lock(&connections->lock);
    one->busy = busy;
    one->number = ++connections->last;
    one->since = (time_t)ozx_clock_s();
    pthread_mutex_unlock(&connections->lock);
}

void ozx_connections_end_slow(struct ozx_connections *connections)
{
    const time_t now = (time_t)ozx_clock_s();

    pthread_mutex_lock(&connections->lock);
    for (size_t i = 0; i < OZX_CONNECTIONS_MAX; i++) {
        struct ozx_connection *one = &connections->list[i];
        if (one->used && !one->ended && !one->busy && now - one->since >= OZX_REQUEST_S)
            end(one);
    }
    pthread_mutex_unlock(&connections->lock);
}
