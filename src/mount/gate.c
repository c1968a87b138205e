/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the tree can go while threads come: each thread says which gate it is inside of. It says so,
 * then looks for the archive; who takes the archive away looks at what the threads say after that.
 * One of the two sees the other (both orders are sequentially consistent):
 *
 *     thread                              who gives it back
 *     inside = gate                       archive = NULL
 *     archive? NULL: read it again        a thread is inside: archive = what it was
 *
 * Who gives back never waits for a thread, and threads wait for one another only where the tree has
 * to be read again.
 */
#include <stdlib.h>

#include "mount/gate_state.h"

/* --- opening ---------------------------------------------------------------------------------- */

/* With the gate's lock. No archive from now on, and the reason. */
static struct ozx_archive *refuse(struct ozx_gate *gate, const struct ozx_error *error)
{
    gate->refusal = malloc(sizeof *gate->refusal);
    if (gate->refusal)
        *gate->refusal = *error;
    return NULL;
}

static struct ozx_archive *say_changed(struct ozx_gate *gate, struct ozx_error *error)
{
    (void)!ozx_error_set(error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, NULL,
                         "the archive changed while it was open");
    return refuse(gate, error);
}

static int open_source(struct ozx_gate *gate, struct ozx_error *error)
{
    const struct ozx_gate_opener *opener = &gate->gates->options.opener;
    int failure;

    if (gate->source)
        return 0;
    failure = opener->open(opener->context, gate->number, &gate->source, error);
    if (failure)
        return failure;
    ozx_source_on_wait(gate->source, gate->gates->on_wait);
    ozx_source_on_work(gate->source, gate->gates->stopped);
    return 0;
}

/* What is read must be what was given back, to the last number of a node: the kernel and Zarr
 * readers still hold some. */
static struct ozx_archive *read_archive(struct ozx_gate *gate, struct ozx_error *error)
{
    const struct ozx_gate_opener *opener = &gate->gates->options.opener;
    struct ozx_archive *archive = NULL;
    int failure = ozx_archive_open(gate->source, &gate->gates->options.how, &archive, error);
    uint32_t fingerprint;

    /* ENOENT, ENOTDIR: the directory that is shown. */
    if (failure == -EBADMSG || failure == -ESTALE || failure == -ENOENT || failure == -ENOTDIR)
        return gate->known ? say_changed(gate, error) : refuse(gate, error);
    if (failure)
        return NULL;
    fingerprint = ozx_archive_fingerprint(archive);
    if (gate->known && fingerprint != gate->fingerprint) {
        ozx_archive_dissolve(archive);
        return say_changed(gate, error);
    }
    if (!gate->known && opener->opened)
        opener->opened(opener->context, gate->number, archive);
    gate->fingerprint = fingerprint;
    gate->known = true;
    return archive;
}

/* It is there from now on. */
static void put(struct ozx_gate *gate, struct ozx_archive *archive)
{
    struct ozx_gates *gates = gate->gates;

    pthread_mutex_lock(&gates->lock);
    atomic_store(&gate->used, atomic_fetch_add(&gates->tick, 1) + 1);
    atomic_store(&gate->archive, archive);
    gate->nodes = ozx_archive_node_count(archive);
    if (gate->reopens)
        gates->node_count += gate->nodes;
    ozx_gates_list(gate);
    if (gate->reopens)
        ozx_gates_make_room(gates, gate);
    pthread_mutex_unlock(&gates->lock);
}

static struct ozx_archive *fail_to_open(struct ozx_gate *gate)
{
    if (!gate->reopens)
        return NULL;
    ozx_source_close(ozx_take(gate->source));
    pthread_mutex_lock(&gate->gates->lock);
    gate->gates->open_count--;
    pthread_mutex_unlock(&gate->gates->lock);
    return NULL;
}

/* With the gate's lock. */
static struct ozx_archive *open_archive(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_gates *gates = gate->gates;
    struct ozx_archive *archive = NULL;

    if (gate->refusal) {
        *error = *gate->refusal;
        return NULL;
    }
    if (gate->reopens) {
        pthread_mutex_lock(&gates->lock);
        gates->open_count++;
        ozx_gates_make_room(gates, gate);
        pthread_mutex_unlock(&gates->lock);
    }
    if (open_source(gate, error) == 0)
        archive = read_archive(gate, error);
    if (!archive)
        return fail_to_open(gate);
    put(gate, archive);
    return archive;
}

static struct ozx_archive *wait_for_archive(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_archive *archive;

    if (gate->gates->on_wait)
        gate->gates->on_wait();
    pthread_mutex_lock(&gate->lock);
    archive = atomic_load(&gate->archive);
    if (!archive)
        archive = open_archive(gate, error);
    pthread_mutex_unlock(&gate->lock);
    return archive;
}

/* --- one gate --------------------------------------------------------------------------------- */

/* True where the archive never goes. */
static bool is_always_open(const struct ozx_gate *gate)
{
    return !gate->reopens && !gate->gates->options.idle_ms;
}

static struct ozx_gate *make_gate(struct ozx_gates *gates)
{
    struct ozx_gate *gate = calloc(1, sizeof *gate);

    if (gate) {
        gate->gates = gates;
        pthread_mutex_init(&gate->lock, NULL);
    }
    return gate;
}

int ozx_gate_open(struct ozx_gates *gates, struct ozx_archive *archive, struct ozx_gate **out)
{
    struct ozx_gate *gate = make_gate(gates);

    if (!gate)
        return -ENOMEM;
    gate->source = ozx_archive_source(archive);
    atomic_store(&gate->archive, archive);
    if (!is_always_open(gate))
        gate->fingerprint = ozx_archive_fingerprint(archive);
    gate->known = true;
    put(gate, archive);
    *out = gate;
    return 0;
}

int ozx_gate_open_closed(struct ozx_gates *gates, uint32_t number, struct ozx_gate **out)
{
    struct ozx_gate *gate = make_gate(gates);

    if (!gate)
        return -ENOMEM;
    gate->reopens = true;
    gate->number = number;
    *out = gate;
    return 0;
}

void ozx_gate_close(struct ozx_gate *gate)
{
    struct ozx_archive *archive;

    if (!gate)
        return;
    pthread_mutex_lock(&gate->lock);
    pthread_mutex_lock(&gate->gates->lock);
    ozx_gates_unlist(gate);
    pthread_mutex_unlock(&gate->gates->lock);
    pthread_mutex_unlock(&gate->lock);
    archive = atomic_load(&gate->archive);
    if (archive)
        ozx_archive_close(archive);
    else
        ozx_source_close(gate->source);
    free(gate->refusal);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

void ozx_gate_keep(struct ozx_gate *gate)
{
    atomic_store(&gate->kept, true);
}

struct ozx_source *ozx_gate_source(const struct ozx_gate *gate)
{
    return gate->source;
}

/* The archive, if it is there; then, and without memory for the visitor, that is all. False: the
 * thread is inside, and the archive is not there. */
static bool go_in(struct ozx_gate *gate, struct ozx_archive **archive, int *failure)
{
    struct ozx_visitor *visitor;
    unsigned long tick;

    *failure = 0;
    if (is_always_open(gate)) {
        *archive = atomic_load_explicit(&gate->archive, memory_order_relaxed);
        return true;
    }
    *archive = NULL;
    visitor = ozx_gates_visitor(gate->gates);
    if (!visitor) {
        *failure = -ENOMEM;
        return true;
    }
    atomic_store(&visitor->inside, gate);
    *archive = atomic_load(&gate->archive);
    tick = atomic_load_explicit(&gate->gates->tick, memory_order_relaxed);
    if (atomic_load_explicit(&gate->used, memory_order_relaxed) != tick)
        atomic_store_explicit(&gate->used, tick, memory_order_relaxed);
    return *archive;
}

struct ozx_archive *ozx_gate_enter(struct ozx_gate *gate, struct ozx_error *error)
{
    struct ozx_archive *archive;
    int failure;

    if (go_in(gate, &archive, &failure)) {
        if (failure)
            (void)!ozx_error_memory(error);
        return archive;
    }
    archive = wait_for_archive(gate, error);
    if (!archive)
        ozx_gate_leave(gate);
    return archive;
}

struct ozx_archive *ozx_gate_enter_if_open(struct ozx_gate *gate)
{
    struct ozx_archive *archive;
    int failure;

    if (!go_in(gate, &archive, &failure))
        ozx_gate_leave(gate);
    return archive;
}

void ozx_gate_leave(struct ozx_gate *gate)
{
    struct ozx_visitor *visitor;

    if (is_always_open(gate))
        return;
    visitor = pthread_getspecific(gate->gates->visitor_key);
    atomic_store_explicit(&visitor->inside, NULL, memory_order_release);
}

uint64_t ozx_gate_hold(struct ozx_gate *gate, uint64_t times)
{
    return atomic_fetch_add(&gate->held, times) + times;
}

uint64_t ozx_gate_release(struct ozx_gate *gate, uint64_t times)
{
    return atomic_fetch_sub(&gate->held, times) - times;
}
