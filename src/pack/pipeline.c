/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads that read, sum and write. Knows the plan and the writer; not what the files mean.
 */
#include "pack/pipeline.h"

#include <stdatomic.h>
#include <string.h>

#include "base/crew.h"
#include "base/descriptors.h"
#include "zip/crc.h"

#define BUFFER_SIZE (256 * 1024)      /* of each thread: stays in its core's cache */
#define PART_SIZE (UINT64_C(8) << 20) /* of a large entry: one open, sequential for readahead */
#define BATCH_ENTRIES 1024            /* many empty files: keep progress and cancelling alive */

/* What a thread does next: entries first ... last-1, or a part of entry `first`. */
struct job {
    uint64_t first, last;
    uint64_t part_offset, part_size; /* in the entry's data; part_size 0: whole entries */
    uint64_t sequence;
};

struct state {
    const struct ozx_pipeline *pipeline;
    struct ozx_plan *plan;
    uint64_t entry_count;
    atomic_uint_fast64_t entries_done, bytes_done;
    struct ozx_crew crew;

    /* Guarded by the crew's lock; it changes when next_write does. */
    struct ozx_plan_cursor cursor;
    uint64_t next_entry, next_offset, next_job;
    uint64_t next_write;
    uint32_t stream_crc; /* of the large entry that is being streamed */
};

struct worker {
    struct state *state;
    uint8_t buffer[BUFFER_SIZE];
    struct ozx_input_reader reader;
    struct ozx_plan_cursor cursor;
    char path[OZX_NAME_PATH_MAX + 1];
};

/* --- failing ---------------------------------------------------------------------------------- */

/* The error of the input. */
static int reading_failed(struct worker *worker, const struct ozx_error *error)
{
    return ozx_crew_stop(&worker->state->crew, error, false);
}

static int writing_failed(struct state *state, int code)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(code),
                  "cannot write: %s", strerror(-code));
    return ozx_crew_stop(&state->crew, &error, true);
}

/* --- jobs ------------------------------------------------------------------------------------- */

/* Header and data do not fit one buffer. */
static bool is_large(const struct ozx_plan_entry *entry)
{
    return entry->end_offset_bytes - entry->local_offset_bytes > BUFFER_SIZE;
}

static void take_part(struct state *state, struct job *job)
{
    const struct ozx_plan_entry *entry = ozx_plan_entry(&state->cursor, state->next_entry);
    uint64_t left = entry->size_bytes - state->next_offset;
    /* Streams go from buffer to buffer, so that the next thread's is full when this one is out. */
    uint64_t part = state->pipeline->mode == OZX_PIPELINE_STREAM ? BUFFER_SIZE : PART_SIZE;

    if (part == PART_SIZE && entry->in_order)
        part = entry->size_bytes; /* each of several readers would decompress it from the front */

    job->part_offset = state->next_offset;
    job->part_size = left < part ? left : part;
    job->last = job->first + 1;
    state->next_offset += job->part_size;
    if (state->next_offset == entry->size_bytes) {
        state->next_entry++;
        state->next_offset = 0;
    }
}

static void take_batch(struct state *state, struct job *job)
{
    uint64_t start = ozx_plan_entry(&state->cursor, job->first)->local_offset_bytes;
    uint64_t last = job->first;

    while (last < state->entry_count && last - job->first < BATCH_ENTRIES &&
           ozx_plan_entry(&state->cursor, last)->end_offset_bytes - start <= BUFFER_SIZE)
        last++;
    job->part_size = 0;
    job->last = state->next_entry = last;
}

static bool next(void *context, void *out)
{
    struct state *state = context;
    struct job *job = out;

    if (state->next_entry >= state->entry_count)
        return false;
    job->first = state->next_entry;
    job->sequence = state->next_job++;
    if (is_large(ozx_plan_entry(&state->cursor, job->first)))
        take_part(state, job);
    else
        take_batch(state, job);
    return true;
}

/* --- small entries ---------------------------------------------------------------------------- */

/* Reads a whole entry to `data` and settles its CRC. */
static int read_small(struct worker *worker, uint64_t index, uint8_t *data)
{
    const struct ozx_plan *plan = worker->state->plan;
    const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, index);
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_CLOSE int fd = -1;
    uint32_t crc;
    int failure;

    if (entry->is_directory)
        return 0;
    failure = ozx_plan_open(plan, &worker->reader, entry, &fd, &error);
    if (!failure)
        failure =
            ozx_plan_read(plan, &worker->reader, entry, fd, data, entry->size_bytes, 0, &error);
    if (failure)
        return reading_failed(worker, &error);
    crc = ozx_crc32(0, data, entry->size_bytes);
    if (worker->state->pipeline->mode != OZX_PIPELINE_STREAM)
        ozx_plan_add_crc(&worker->cursor, index, crc);
    else if (crc != entry->crc32)
        failure = ozx_plan_changed(plan, entry, &error);
    if (!failure)
        failure = ozx_plan_check(plan, &worker->reader, entry, fd, &error);
    if (!failure)
        failure = ozx_plan_check_crc(plan, entry, crc, &error);
    if (failure)
        return reading_failed(worker, &error);
    atomic_fetch_add_explicit(&worker->state->bytes_done, entry->size_bytes, memory_order_relaxed);
    return 0;
}

/* Waits until all that stands before the job in the archive is written. False: something failed. */
static bool await_turn(struct state *state, const struct job *job)
{
    pthread_mutex_lock(&state->crew.lock);
    while (state->next_write != job->sequence && !ozx_crew_stopped(&state->crew))
        pthread_cond_wait(&state->crew.changed, &state->crew.lock);
    pthread_mutex_unlock(&state->crew.lock);
    return !ozx_crew_stopped(&state->crew);
}

static void end_turn(struct state *state)
{
    pthread_mutex_lock(&state->crew.lock);
    state->next_write++;
    pthread_cond_broadcast(&state->crew.changed);
    pthread_mutex_unlock(&state->crew.lock);
}

static int write_out(struct worker *worker, const void *data, size_t size, uint64_t offset)
{
    struct state *state = worker->state;
    bool stream = state->pipeline->mode == OZX_PIPELINE_STREAM;
    int failure =
        ozx_descriptors_write(state->pipeline->out_fd, data, size, stream ? -1 : (int64_t)offset);

    return failure ? writing_failed(state, failure) : 0;
}

static int run_batch(struct worker *worker, const struct job *job)
{
    struct state *state = worker->state;
    uint64_t start = ozx_plan_entry(&worker->cursor, job->first)->local_offset_bytes, end = start;
    size_t size;
    int failure = 0;

    for (uint64_t i = job->first; i < job->last && !ozx_crew_stopped(&state->crew); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, i);
        struct ozx_zip_file file;

        end = entry->end_offset_bytes;
        failure = read_small(worker, i, worker->buffer + (end - entry->size_bytes - start));
        if (failure)
            return failure;
        file = ozx_plan_file(state->plan, entry, worker->path);
        ozx_zip_put_local(worker->buffer + (entry->local_offset_bytes - start), &file);
    }
    if (ozx_crew_stopped(&state->crew))
        return -ECANCELED;
    size = (size_t)(end - start);
    switch (state->pipeline->mode) {
    case OZX_PIPELINE_SUM:
        break;
    case OZX_PIPELINE_PLACE:
        failure = write_out(worker, worker->buffer, size, start);
        break;
    case OZX_PIPELINE_STREAM:
        if (!await_turn(state, job))
            return -ECANCELED;
        failure = write_out(worker, worker->buffer, size, start);
        end_turn(state);
        break;
    }
    atomic_fetch_add_explicit(&state->entries_done, job->last - job->first, memory_order_relaxed);
    return failure;
}

/* --- large entries ---------------------------------------------------------------------------- */

static int write_header(struct worker *worker, const struct ozx_plan_entry *entry)
{
    uint8_t header[OZX_LOCAL_SIZE + OZX_NAME_PATH_MAX + 65535];
    struct ozx_zip_file file = ozx_plan_file(worker->state->plan, entry, worker->path);
    const uint8_t *end = ozx_zip_put_local(header, &file);

    return write_out(worker, header, (size_t)(end - header), entry->local_offset_bytes);
}

/* One buffer of a part that is streamed. The CRC of the first pass is met at the entry's end, or
 * the file changed without showing it. */
static int stream_part(struct worker *worker, const struct job *job, uint32_t crc)
{
    struct state *state = worker->state;
    const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, job->first);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    if (!await_turn(state, job))
        return -ECANCELED;
    if (job->part_offset == 0) {
        state->stream_crc = 0;
        failure = write_header(worker, entry);
    }
    /* Only the thread whose turn it is touches this: the lock of the turns orders it. */
    state->stream_crc = ozx_crc32_shift(state->stream_crc, job->part_size) ^ crc;
    if (!failure && job->part_offset + job->part_size == entry->size_bytes &&
        state->stream_crc != entry->crc32)
        failure = ozx_plan_changed(state->plan, entry, &error) ? reading_failed(worker, &error) : 0;
    if (!failure)
        failure = write_out(worker, worker->buffer, job->part_size, 0);
    end_turn(state);
    return failure;
}

/* Reads, sums and (to PLACE) writes the part, buffer by buffer. */
static int copy_part(struct worker *worker, const struct job *job, int fd, uint32_t *crc)
{
    struct state *state = worker->state;
    const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, job->first);
    uint64_t data = entry->end_offset_bytes - entry->size_bytes;
    struct ozx_error error = OZX_ERROR_INIT;

    for (uint64_t at = 0; at < job->part_size && !ozx_crew_stopped(&state->crew);) {
        uint64_t left = job->part_size - at;
        size_t size = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
        int failure = ozx_plan_read(state->plan, &worker->reader, entry, fd, worker->buffer, size,
                                    job->part_offset + at, &error);

        if (failure)
            return reading_failed(worker, &error);
        *crc = ozx_crc32(*crc, worker->buffer, size);
        if (state->pipeline->mode == OZX_PIPELINE_PLACE) {
            failure = write_out(worker, worker->buffer, size, data + job->part_offset + at);
            if (failure)
                return failure;
        }
        at += size;
        atomic_fetch_add_explicit(&state->bytes_done, size, memory_order_relaxed);
    }
    return 0;
}

static int run_part(struct worker *worker, const struct job *job)
{
    struct state *state = worker->state;
    const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, job->first);
    OZX_AUTO_CLOSE int fd = -1;
    bool is_last = job->part_offset + job->part_size == entry->size_bytes;
    uint32_t crc = 0;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (ozx_plan_open(state->plan, &worker->reader, entry, &fd, &error))
        return reading_failed(worker, &error);
    failure = copy_part(worker, job, fd, &crc);
    if (failure)
        return failure;
    if (ozx_plan_check(state->plan, &worker->reader, entry, fd, &error))
        return reading_failed(worker, &error);
    if (is_last)
        atomic_fetch_add_explicit(&state->entries_done, 1, memory_order_relaxed);
    if (state->pipeline->mode == OZX_PIPELINE_STREAM)
        return stream_part(worker, job, crc);
    crc = ozx_crc32_shift(crc, entry->size_bytes - job->part_offset - job->part_size);
    pthread_mutex_lock(&state->crew.lock);
    ozx_plan_add_crc(&worker->cursor, job->first, crc);
    pthread_mutex_unlock(&state->crew.lock);
    return 0;
}

/* Once the CRCs of large entries are known: whether they are right, and the headers. */
static int end_large(struct worker *worker)
{
    struct state *state = worker->state;
    bool place = state->pipeline->mode == OZX_PIPELINE_PLACE;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    for (uint64_t i = 0; i < state->entry_count && !failure; i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(&worker->cursor, i);

        if (!is_large(entry))
            continue;
        if (ozx_plan_check_crc(state->plan, entry, entry->crc32, &error))
            return reading_failed(worker, &error);
        if (place)
            failure = write_header(worker, entry);
    }
    return failure;
}

/* --- threads ---------------------------------------------------------------------------------- */

static int begin(void *context, void *member)
{
    struct state *state = context;
    struct worker *worker = member;

    worker->state = state;
    worker->reader = (struct ozx_input_reader)OZX_INPUT_READER_INIT;
    worker->cursor = (struct ozx_plan_cursor){.plan = state->plan};
    return 0;
}

static int work(void *context, void *member, const void *next_job)
{
    const struct job *job = next_job;

    (void)context;
    return job->part_size ? run_part(member, job) : run_batch(member, job);
}

static void end(void *context, void *member)
{
    struct worker *worker = member;

    (void)context;
    ozx_input_reader_release(&worker->reader);
}

static void progress(void *context)
{
    const struct state *state = context;
    const struct ozx_pipeline *pipeline = state->pipeline;

    if (pipeline->progress)
        pipeline->progress(pipeline->context, atomic_load(&state->entries_done),
                           atomic_load(&state->bytes_done));
}

/* On the calling thread, when the others are done. */
static void end_all_large(struct state *state)
{
    OZX_AUTO_FREE struct worker *worker = malloc(sizeof *worker);

    if (!worker) {
        ozx_crew_stop_memory(&state->crew);
        return;
    }
    (void)begin(state, worker);
    end_large(worker); /* its error is the crew's */
    end(state, worker);
}

int ozx_pipeline_run(const struct ozx_pipeline *pipeline, bool *output_failed,
                     struct ozx_error *error)
{
    struct state state = {.pipeline = pipeline,
                          .plan = pipeline->plan,
                          .cursor = {.plan = pipeline->plan},
                          .entry_count = ozx_plan_entry_count(pipeline->plan)};
    const struct ozx_crew_task task = {.threads = pipeline->jobs,
                                       .member_size = sizeof(struct worker),
                                       .context = &state,
                                       .cancel = pipeline->cancel,
                                       .begin = begin,
                                       .next = next,
                                       .work = work,
                                       .end = end,
                                       .progress = progress};

    ozx_crew_init(&state.crew, &task);
    ozx_crew_run(&state.crew);
    if (!ozx_crew_stopped(&state.crew) && pipeline->mode != OZX_PIPELINE_STREAM)
        end_all_large(&state);
    return ozx_crew_end(&state.crew, output_failed, error);
}
