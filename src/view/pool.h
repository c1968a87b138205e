/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's ends of the sockets to the decoder: whoever has something to ask takes one, for as
 * long as it takes. A decoder that ends takes its sockets with it; the next one brings new ones.
 * Any number of threads.
 */
#ifndef OZX_VIEW_POOL_H
#define OZX_VIEW_POOL_H

#include <pthread.h>

#include "view/ask.h"

#define OZX_POOL_WAIT_S 30   /* for a free socket */
#define OZX_POOL_ANSWER_S 60 /* for an answer */

struct ozx_pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int sockets[OZX_ASK_SOCKETS_MAX]; /* free ones, owned */
    size_t count;
    uint32_t generation; /* of the decoder */
    bool stuck;          /* this decoder gave no answer in time */
};

void ozx_pool_init(struct ozx_pool *pool);

/* A socket of a new decoder, which takes the place of the one before; or one more of the same.
 * Owned by the pool. */
void ozx_pool_begin(struct ozx_pool *pool, int socket);
void ozx_pool_add(struct ozx_pool *pool, int socket);

/* True once for a decoder that gave no answer: it is to be ended. */
bool ozx_pool_take_stuck(struct ozx_pool *pool);

/* Asks, and waits. `path` is that of OZX_ASK_FIND, else NULL. The caller frees `*bytes`. -EPIPE:
 * the decoder ended; -ETIMEDOUT: there is no answer; -EAGAIN: no socket was free; -EPROTO,
 * -ENOMEM. */
int ozx_pool_ask(struct ozx_pool *pool, const struct ozx_ask *ask, const char *path,
                 struct ozx_reply *reply, char **bytes) OZX_CHECKED;

#endif
