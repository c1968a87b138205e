/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections that are open, and since when each has not asked for anything: who sends a
 * request one byte at a time, or none, does not keep others waiting. Of too many, the one that
 * has not asked for the longest time makes room for the next. Any number of threads.
 */
#ifndef OZX_VIEW_CONNECTIONS_H
#define OZX_VIEW_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define OZX_CONNECTIONS_MAX 256      /* threads */
#define OZX_VIEW_CONNECTIONS_KEPT 64 /* that are open for long */
#define OZX_REQUEST_S 5              /* from its first to its last byte; and between two requests */

struct ozx_connection {
    bool used, busy, ended; /* busy: it is being answered; ended: its socket is shut down */
    int socket;             /* borrowed */
    time_t since;           /* monotonic seconds: idle */
    uint64_t number;        /* order in which they became idle */
};

struct ozx_connections {
    pthread_mutex_t lock;
    uint64_t last; /* number */
    struct ozx_connection list[OZX_CONNECTIONS_MAX];
};

void ozx_connections_init(struct ozx_connections *connections);
/* NULL: there are too many. */
struct ozx_connection *ozx_connections_add(struct ozx_connections *connections, int socket);
void ozx_connections_remove(struct ozx_connections *connections, struct ozx_connection *one);
void ozx_connections_set_busy(struct ozx_connections *connections, struct ozx_connection *one,
                              bool busy);
/* Ends those that take too long. */
void ozx_connections_end_slow(struct ozx_connections *connections);

#endif
