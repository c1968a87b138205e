/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A socket over which something went wrong is not used again: what stands in it belongs to nobody.
 */
#include "view/pool.h"

#include <poll.h>
#include <string.h>

#include "base/wait.h"
#include "io/wire.h"

void ozx_pool_init(struct ozx_pool *pool)
{
    *pool = (struct ozx_pool){.count = 0};
    pthread_mutex_init(&pool->lock, NULL);
    ozx_wait_condition_init(&pool->changed);
}

static void put(struct ozx_pool *pool, int socket)
{
    if (pool->count == OZX_ASK_SOCKETS_MAX) {
        close(socket);
        return;
    }
    pool->sockets[pool->count++] = socket;
    pthread_cond_signal(&pool->changed);
}

void ozx_pool_begin(struct ozx_pool *pool, int socket)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count)
        close(pool->sockets[--pool->count]);
    pool->generation++;
    pool->stuck = false;
    put(pool, socket);
    pthread_mutex_unlock(&pool->lock);
}

void ozx_pool_add(struct ozx_pool *pool, int socket)
{
    pthread_mutex_lock(&pool->lock);
    put(pool, socket);
    pthread_mutex_unlock(&pool->lock);
}

bool ozx_pool_take_stuck(struct ozx_pool *pool)
{
    bool stuck;

    pthread_mutex_lock(&pool->lock);
    stuck = pool->stuck;
    pool->stuck = false;
    pthread_mutex_unlock(&pool->lock);
    return stuck;
}

/* The socket that waited last: an image may still be open at its other end. */
static int take(struct ozx_pool *pool, uint32_t *generation)
{
    const struct timespec until = ozx_wait_end(OZX_POOL_WAIT_S * INT64_C(1000));
    int socket = -1, waited = 0;

    pthread_mutex_lock(&pool->lock);
    while (!pool->count && !waited)
        waited = pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    if (pool->count)
        socket = pool->sockets[--pool->count];
    *generation = pool->generation;
    pthread_mutex_unlock(&pool->lock);
    return socket;
}

static void give_back(struct ozx_pool *pool, int socket, uint32_t generation, int failure)
{
    pthread_mutex_lock(&pool->lock);
    if (failure || generation != pool->generation)
        close(socket);
    else
        put(pool, socket);
    if (failure == -ETIMEDOUT && generation == pool->generation)
        pool->stuck = true;
    pthread_mutex_unlock(&pool->lock);
}

static int wait_for_answer(int socket)
{
    struct pollfd readable = {.fd = socket, .events = POLLIN};
    int ready;

    do
        ready = poll(&readable, 1, OZX_POOL_ANSWER_S * 1000);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? 0 : ready ? -errno : -ETIMEDOUT;
}

static int exchange(int socket, const struct ozx_ask *ask, const char *path,
                    struct ozx_reply *reply, char **bytes)
{
    OZX_AUTO_FREE char *received = NULL;
    int failure = ozx_wire_send(socket, ask, sizeof *ask);

    if (!failure && path)
        failure = ozx_wire_send(socket, path, ask->path_size_bytes);
    if (!failure)
        failure = wait_for_answer(socket);
    if (!failure)
        failure = ozx_wire_receive(socket, reply, sizeof *reply);
    if (!failure && !ozx_reply_check(reply, ask))
        failure = -EPROTO;
    if (failure)
        return failure;
    received = malloc((size_t)reply->size_bytes + 1);
    if (!received)
        return -ENOMEM;
    failure = ozx_wire_receive(socket, received, reply->size_bytes);
    if (!failure)
        *bytes = ozx_take(received);
    return failure;
}

int ozx_pool_ask(struct ozx_pool *pool, const struct ozx_ask *ask, const char *path,
                 struct ozx_reply *reply, char **bytes)
{
    uint32_t generation;
    int socket = take(pool, &generation), failure;

    if (socket < 0)
        return -EAGAIN;
    failure = exchange(socket, ask, path, reply, bytes);
    give_back(pool, socket, generation, failure);
    return failure == -ECONNRESET ? -EPIPE : failure;
}
