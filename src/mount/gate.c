/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the tree can go while threads come: each thread has a count of its own, odd while it is
 * inside. It makes it odd, then looks for the archive; who takes the archive away looks at the
 * counts after that. One of the two sees the other (both orders are sequentially consistent):
 *
 *     thread                              who gives it back
 *     count = odd                         archive = NULL
 *     archive? NULL: read it again        a count is odd: archive = what it was
 *
 * Who gives back never waits for a thread, and threads wait for one another only where the tree has
 * to be read again.
 */
#include "mount/gate.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define CACHE_LINE 64
#define STEPS 4 /* the time is looked at so often before it is up */
#define STEP_MAX_MS 60000

/* A thread that was ever inside. On a cache line of its own. */
struct visitor {
    _Alignas(CACHE_LINE) atomic_ulong count; /* odd: inside */
    struct visitor *next;
};

struct ozx_gate {
    _Atomic(struct ozx_archive *) archive; /* owned; NULL: given back */
    struct ozx_source *source; /* the archive's; ours while there is none. Never another one */
    struct ozx_archive_options how;
    uint64_t idle_ms;
    uint32_t fingerprint;
    pthread_key_t visitor_key;
    pthread_t watcher;
    bool watched;
    pthread_mutex_t lock; /* of all below, and of setting `archive` */
    pthread_cond_t news;  /* the archive is there again, or `ended` */
    struct visitor *visitors;
    bool changed;
    bool ended;
};

int ozx_gate_open(struct ozx_archive *archive, const struct ozx_archive_options *how,
                  uint64_t idle_ms, struct ozx_gate **out)
{
    struct ozx_gate *gate = calloc(1, sizeof *gate);
    pthread_condattr_t monotonic;

    if (!gate)
        return -ENOMEM;
    if (pthread_key_create(&gate->visitor_key, NULL)) {
        free(gate);
        return -EAGAIN;
    }
    gate->how = *how;
    gate->idle_ms = idle_ms;
    gate->source = ozx_archive_source(archive);
    if (idle_ms)
        gate->fingerprint = ozx_archive_fingerprint(archive);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    atomic_store(&gate->archive, archive);
    *out = gate;
    return 0;
}

void ozx_gate_close(struct ozx_gate *gate)
{
    struct ozx_archive *archive;

    if (!gate)
        return;
    if (gate->watched) {
        pthread_mutex_lock(&gate->lock);
        gate->ended = true;
        pthread_cond_signal(&gate->news);
        pthread_mutex_unlock(&gate->lock);
        pthread_join(gate->watcher, NULL);
    }
    archive = atomic_load(&gate->archive);
    if (archive)
        ozx_archive_close(archive);
    else
        ozx_source_close(gate->source);
    for (struct visitor *next, *v = gate->visitors; v; v = next) {
        next = v->next;
        free(v);
    }
    pthread_key_delete(gate->visitor_key);
    pthread_cond_destroy(&gate->news);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

struct ozx_source *ozx_gate_source(const struct ozx_gate *gate)
{
    return gate->source;
}

/* The thread's own; NULL without memory. */
static struct visitor *find_visitor(struct ozx_gate *gate)
{
    struct visitor *visitor = pthread_getspecific(gate->visitor_key);

    if (visitor)
        return visitor;
    visitor = aligned_alloc(CACHE_LINE, sizeof *visitor);
    if (!visitor)
        return NULL;
    atomic_init(&visitor->count, 0);
    if (pthread_setspecific(gate->visitor_key, visitor)) {
        free(visitor);
        return NULL;
    }
    pthread_mutex_lock(&gate->lock);
    visitor->next = gate->visitors;
    gate->visitors = visitor;
    pthread_mutex_unlock(&gate->lock);
    return visitor;
}

/* No archive from now on, and the reason. */
static struct ozx_archive *say_changed(struct ozx_gate *gate, struct ozx_error *error)
{
    gate->changed = true;
    (void)!ozx_error_set(error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, NULL,
                         "the archive changed while it was open");
    return NULL;
}

/* With the lock. What is read must be what was given back, to the last number of a node: the kernel
 * and Zarr readers still hold some. */
static struct ozx_archive *open_again(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_archive *archive = NULL;
    int failure;

    if (gate->changed)
        return say_changed(gate, error);
    failure = ozx_archive_open(gate->source, &gate->how, &archive, error);
    /* ENOENT, ENOTDIR: the directory that is shown. */
    if (failure == -EBADMSG || failure == -ESTALE || failure == -ENOENT || failure == -ENOTDIR)
        return say_changed(gate, error);
    if (failure)
        return NULL;
    if (ozx_archive_fingerprint(archive) != gate->fingerprint) {
        ozx_archive_dissolve(archive);
        return say_changed(gate, error);
    }
    atomic_store(&gate->archive, archive);
    pthread_cond_signal(&gate->news);
    return archive;
}

static struct ozx_archive *wait_for_archive(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_archive *archive;

    ozx_source_will_wait(gate->source);
    pthread_mutex_lock(&gate->lock);
    archive = atomic_load(&gate->archive);
    if (!archive)
        archive = open_again(gate, error);
    pthread_mutex_unlock(&gate->lock);
    return archive;
}

struct ozx_archive *ozx_gate_enter(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_archive *archive;
    struct visitor *visitor;

    if (!gate->idle_ms)
        return atomic_load_explicit(&gate->archive, memory_order_relaxed);
    visitor = find_visitor(gate);
    if (!visitor) {
        int failure = ozx_error_memory(error);
        (void)failure;
        return NULL;
    }
    atomic_fetch_add(&visitor->count, 1);
    archive = atomic_load(&gate->archive);
    if (!archive)
        archive = wait_for_archive(gate, error);
    if (!archive)
        ozx_gate_leave(gate);
    return archive;
}

void ozx_gate_leave(struct ozx_gate *gate)
{
    struct visitor *visitor;

    if (!gate->idle_ms)
        return;
    visitor = pthread_getspecific(gate->visitor_key);
    atomic_fetch_add_explicit(&visitor->count, 1, memory_order_release);
}

/* With the lock. The sum of all counts: another one than before, if a thread came. */
static unsigned long count_visits(const struct ozx_gate *gate, bool *inside)
{
    unsigned long sum = 0;

    *inside = false;
    for (const struct visitor *v = gate->visitors; v; v = v->next) {
        unsigned long count = atomic_load(&v->count);
        *inside = *inside || count % 2;
        sum += count;
    }
    return sum;
}

/* With the lock. */
static bool drop(struct ozx_gate *gate)
{
    struct ozx_archive *archive = atomic_exchange(&gate->archive, NULL);
    bool inside;

    if (!archive)
        return true;
    count_visits(gate, &inside);
    if (inside) {
        atomic_store(&gate->archive, archive);
        return false;
    }
    ozx_archive_dissolve(archive);
    malloc_trim(0);
    return true;
}

bool ozx_gate_drop(struct ozx_gate *gate)
{
    bool dropped;

    pthread_mutex_lock(&gate->lock);
    dropped = drop(gate);
    pthread_mutex_unlock(&gate->lock);
    return dropped;
}

/* With the lock, which is open while it waits. */
static void wait_step(struct ozx_gate *gate)
{
    uint64_t step_ms = gate->idle_ms / STEPS;
    struct timespec until;

    if (!atomic_load(&gate->archive)) {
        pthread_cond_wait(&gate->news,
                          &gate->lock); /* nothing to give back: sleeps until there is */
        return;
    }
    step_ms = step_ms < 1 ? 1 : step_ms > STEP_MAX_MS ? STEP_MAX_MS : step_ms;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(step_ms / 1000);
    until.tv_nsec += (long)(step_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&gate->news, &gate->lock, &until);
}

static void *watch(void *context)
{
    struct ozx_gate *gate = context;
    unsigned long seen = 0;
    int64_t quiet_since_ms = ozx_clock_ms();

    pthread_mutex_lock(&gate->lock);
    while (!gate->ended) {
        bool inside;
        unsigned long visits = count_visits(gate, &inside);
        if (visits != seen || inside) {
            seen = visits;
            quiet_since_ms = ozx_clock_ms();
        } else if ((uint64_t)(ozx_clock_ms() - quiet_since_ms) >= gate->idle_ms) {
            drop(gate);
        }
        wait_step(gate);
    }
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

int ozx_gate_watch(struct ozx_gate *gate)
{
    if (!gate->idle_ms)
        return 0;
    if (pthread_create(&gate->watcher, NULL, watch, gate))
        return -EAGAIN;
    gate->watched = true;
    return 0;
}
