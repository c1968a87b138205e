/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What gates are made of. Private to gate.c and gates.c.
 *
 * Locks: a gate's own first, then that of all gates; who has the latter and wants the former only
 * tries.
 */
#ifndef OZX_MOUNT_GATE_STATE_H
#define OZX_MOUNT_GATE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "mount/gate.h"

#define OZX_CACHE_LINE 64

/* A thread that was ever inside. On a cache line of its own. */
struct ozx_visitor {
    _Alignas(OZX_CACHE_LINE) _Atomic(struct ozx_gate *) inside;
    struct ozx_visitor *next;
};

struct ozx_gates {
    struct ozx_gates_options options;
    void (*on_wait)(void);
    int (*stopped)(void);
    pthread_key_t visitor_key;
    _Atomic(struct ozx_visitor *) visitors; /* only ever added to */
    atomic_ulong tick; /* moves on with each archive that is opened, and each look at the time */
    pthread_t watcher;
    bool watched;
    pthread_mutex_t lock;   /* of all below */
    pthread_cond_t news;    /* an archive is there, or `ended` */
    struct ozx_gate *first; /* of those whose archive is there */
    uint32_t open_count;    /* of those that can be opened again, and are or will be in a moment */
    uint64_t node_count;    /* theirs */
    bool ended;
};

struct ozx_gate {
    struct ozx_gates *gates;               /* borrowed */
    _Atomic(struct ozx_archive *) archive; /* owned; NULL: given back, or never there */
    atomic_ulong used;                     /* the tick of the last visit, about */
    _Atomic uint64_t held;
    atomic_bool kept;
    bool reopens;
    uint32_t number;           /* what the opener knows it by */
    pthread_mutex_t lock;      /* of what follows, and of setting `archive` */
    struct ozx_source *source; /* the archive's; ours while there is none. Never another file */
    struct ozx_error *refusal; /* owned; for good */
    bool known;                /* it was there before, with this: */
    uint32_t fingerprint;
    /* With the lock of all gates: */
    struct ozx_gate *next, **link; /* link: NULL while not in the list */
    uint64_t nodes;
    unsigned long seen;
    int64_t quiet_since_ms;
};

/* The thread's own; NULL without memory. */
struct ozx_visitor *ozx_gates_visitor(struct ozx_gates *gates);

/* With both locks. */
void ozx_gates_list(struct ozx_gate *gate);
void ozx_gates_unlist(struct ozx_gate *gate);
/* True: the archive is not there any more; false: somebody is inside. */
bool ozx_gates_drop(struct ozx_gate *gate);

/* With the lock of all gates, and that of `mine`. Before an archive is opened, for its file, and
 * after it, for its nodes: closes others. */
void ozx_gates_make_room(struct ozx_gates *gates, const struct ozx_gate *mine);

#endif
