/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All gates: who is inside, what is given back when.
 */
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wait.h"
#include "mount/gate_state.h"

#define STEPS 4 /* the time is looked at so often before it is up */
#define STEP_MAX_MS 60000

int ozx_gates_open(const struct ozx_gates_options *options, struct ozx_gates **out)
{
    struct ozx_gates *gates = calloc(1, sizeof *gates);

    if (!gates)
        return -ENOMEM;
    if (pthread_key_create(&gates->visitor_key, NULL)) {
        free(gates);
        return -EAGAIN;
    }
    gates->options = *options;
    pthread_mutex_init(&gates->lock, NULL);
    ozx_wait_condition_init(&gates->news);
    *out = gates;
    return 0;
}

void ozx_gates_close(struct ozx_gates *gates)
{
    if (!gates)
        return;
    if (gates->watched) {
        pthread_mutex_lock(&gates->lock);
        gates->ended = true;
        pthread_cond_signal(&gates->news);
        pthread_mutex_unlock(&gates->lock);
        pthread_join(gates->watcher, NULL);
    }
    for (struct ozx_visitor *next, *v = atomic_load(&gates->visitors); v; v = next) {
        next = v->next;
        free(v);
    }
    pthread_key_delete(gates->visitor_key);
    pthread_cond_destroy(&gates->news);
    pthread_mutex_destroy(&gates->lock);
    free(gates);
}

struct ozx_visitor *ozx_gates_visitor(struct ozx_gates *gates)
{
    struct ozx_visitor *visitor = pthread_getspecific(gates->visitor_key);

    if (visitor)
        return visitor;
    visitor = aligned_alloc(OZX_CACHE_LINE, sizeof *visitor);
    if (!visitor)
        return NULL;
    atomic_init(&visitor->inside, NULL);
    if (pthread_setspecific(gates->visitor_key, visitor)) {
        free(visitor);
        return NULL;
    }
    visitor->next = atomic_load(&gates->visitors);
    while (!atomic_compare_exchange_weak(&gates->visitors, &visitor->next, visitor))
        ;
    return visitor;
}

static bool has_visitor(const struct ozx_gate *gate)
{
    for (const struct ozx_visitor *v = atomic_load(&gate->gates->visitors); v; v = v->next)
        if (atomic_load(&v->inside) == gate)
            return true;
    return false;
}

void ozx_gates_list(struct ozx_gate *gate)
{
    struct ozx_gates *gates = gate->gates;

    gate->next = gates->first;
    if (gate->next)
        gate->next->link = &gate->next;
    gate->link = &gates->first;
    gates->first = gate;
    gate->seen = atomic_load(&gate->used);
    gate->quiet_since_ms = ozx_clock_ms();
    pthread_cond_signal(&gates->news);
}

void ozx_gates_unlist(struct ozx_gate *gate)
{
    if (!gate->link)
        return;
    *gate->link = gate->next;
    if (gate->next)
        gate->next->link = gate->link;
    gate->link = NULL;
    if (gate->reopens) {
        gate->gates->open_count--;
        gate->gates->node_count -= gate->nodes;
    }
}

/* --- giving back ------------------------------------------------------------------------------ */

bool ozx_gates_drop(struct ozx_gate *gate)
{
    struct ozx_archive *archive = atomic_exchange(&gate->archive, NULL);

    if (!archive)
        return true;
    if (has_visitor(gate)) {
        atomic_store(&gate->archive, archive);
        return false;
    }
    ozx_archive_dissolve(archive);
    if (gate->reopens) {
        ozx_source_close(gate->source);
        gate->source = NULL;
    }
    ozx_gates_unlist(gate);
    return true;
}

/* With the lock of all gates. */
static bool try_drop(struct ozx_gate *gate)
{
    bool dropped;

    if (pthread_mutex_trylock(&gate->lock))
        return false; /* it is just being opened */
    dropped = ozx_gates_drop(gate);
    pthread_mutex_unlock(&gate->lock);
    return dropped;
}

/* With the lock of all gates: closes the one that was not used for the longest time, but for
 * `mine`. False: somebody is inside of each. */
static bool drop_oldest(struct ozx_gates *gates, const struct ozx_gate *mine)
{
    unsigned long before = ULONG_MAX;

    for (;;) {
        struct ozx_gate *oldest = NULL;
        unsigned long age = 0, now = atomic_load(&gates->tick);

        for (struct ozx_gate *gate = gates->first; gate; gate = gate->next) {
            unsigned long quiet = now - atomic_load(&gate->used);
            if (gate->reopens && gate != mine && quiet < before && (!oldest || quiet >= age)) {
                oldest = gate;
                age = quiet;
            }
        }
        if (!oldest || try_drop(oldest))
            return oldest;
        before = age; /* next, a younger one */
    }
}

void ozx_gates_make_room(struct ozx_gates *gates, const struct ozx_gate *mine)
{
    const struct ozx_gates_options *options = &gates->options;

    while (gates->open_count > options->open_max || gates->node_count > options->nodes_max)
        if (!drop_oldest(gates, mine))
            break;
}

/* --- time ------------------------------------------------------------------------------------- */

/* With the lock, which is open while it waits. */
static void wait_step(struct ozx_gates *gates)
{
    uint64_t step_ms = gates->options.idle_ms / STEPS;
    struct timespec until;

    if (!gates->first) {
        pthread_cond_wait(&gates->news,
                          &gates->lock); /* nothing to give back: sleeps until there is */
        return;
    }
    step_ms = step_ms < 1 ? 1 : step_ms > STEP_MAX_MS ? STEP_MAX_MS : step_ms;
    until = ozx_wait_end((int64_t)step_ms);
    while (!gates->ended && pthread_cond_timedwait(&gates->news, &gates->lock, &until) == 0)
        ;
}

/* With the lock. Gives back what nobody has used for long enough; true: something. */
static bool look(struct ozx_gates *gates)
{
    const int64_t now_ms = ozx_clock_ms();
    bool dropped = false;

    for (struct ozx_gate *next, *gate = gates->first; gate; gate = next) {
        unsigned long used = atomic_load(&gate->used);

        next = gate->next;
        if (used != gate->seen || has_visitor(gate)) {
            gate->seen = used;
            gate->quiet_since_ms = now_ms;
        } else if (!atomic_load(&gate->kept) &&
                   (uint64_t)(now_ms - gate->quiet_since_ms) >= gates->options.idle_ms) {
            dropped |= try_drop(gate);
        }
    }
    atomic_fetch_add(&gates->tick, 1);
    return dropped;
}

static void *watch(void *context)
{
    struct ozx_gates *gates = context;

    pthread_mutex_lock(&gates->lock);
    while (!gates->ended) {
        if (look(gates))
            malloc_trim(0);
        wait_step(gates);
    }
    pthread_mutex_unlock(&gates->lock);
    return NULL;
}

int ozx_gates_watch(struct ozx_gates *gates, void (*on_wait)(void), int (*stopped)(void))
{
    gates->on_wait = on_wait;
    gates->stopped = stopped;
    for (struct ozx_gate *gate = gates->first; gate; gate = gate->next) {
        ozx_source_on_wait(gate->source, on_wait);
        ozx_source_on_work(gate->source, stopped);
    }
    if (!gates->options.idle_ms)
        return 0;
    if (pthread_create(&gates->watcher, NULL, watch, gates))
        return -EAGAIN;
    gates->watched = true;
    return 0;
}
