/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive read once, in its order, by several threads: each takes a job, checks the local
 * headers in it and sums the data behind them.
 *
 *     [h|data|h|data|gap|h|data ...]   a run of small entries: one window slides over all of it
 *     [h|      data      ...           a part of a large entry; the CRC of the whole is put
 * together from its parts (zip/crc.h)
 *
 * With `quick` only headers and gaps are read. Memory is one window a thread.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/threads.h"
#include "ozx/tree.h"
#include "ozx/verify_parts.h"
#include "zip/crc.h"
#include "zip/decompress.h"
#include "zip/format.h"

#define PART_SIZE (UINT64_C(8) << 20) /* of a large entry, and about the size of a run */
#define RUN_ENTRIES 4096              /* keeps progress and cancelling alive */
#define THREADS_MAX 64

/* Headers that lie further apart are read one by one, in blocks that hold almost any header. */
#define SPARSE_BYTES 16384
#define SPARSE_READ 4096

/* What threads have summed of a large entry. */
struct large {
    uint64_t left_bytes;
    uint32_t crc32;
    bool unknown; /* its data cannot be found */
};

struct job {
    uint32_t first, last;            /* entries first ... last-1 */
    uint64_t part_offset, part_size; /* in the data of entry `first`; part_size 0: whole entries */
    struct large *large;
};

struct data {
    struct ozx_verify *v;
    struct ozx_zip_streams *streams; /* NULL unless an entry is compressed */
    struct large *large;             /* in the order of the file */
    uint64_t data_total;
    atomic_uint_fast64_t entries_done, data_done;
    atomic_bool stop;

    pthread_mutex_t lock; /* of all below, and of the larges */
    uint32_t cursor;
    uint64_t cursor_offset;
    size_t next_large;
    struct ozx_error error; /* the first */
};

struct worker {
    struct data *d;
    struct ozx_verify_window window;
};

/* --- jobs ------------------------------------------------------------------------------------- */

/* Its bytes are summed as they lie in the file. */
static bool is_plain(const struct ozx_verify_entry *e)
{
    return e->method == OZX_METHOD_STORED && e->eio != OZX_EIO_ENCRYPTED;
}

static bool is_packed(const struct ozx_verify_entry *e)
{
    return e->method != OZX_METHOD_STORED && e->eio == OZX_EIO_NONE &&
           !(e->kind & OZX_ENTRY_DIRECTORY);
}

static bool is_large(const struct ozx_verify *v, const struct ozx_verify_entry *e)
{
    return !v->options->quick && is_plain(e) && e->compressed_size_bytes > PART_SIZE;
}

static void take_part(struct data *d, const struct ozx_verify_entry *e, struct job *job)
{
    uint64_t left = e->compressed_size_bytes - d->cursor_offset;

    job->first = d->cursor;
    job->last = d->cursor + 1;
    job->part_offset = d->cursor_offset;
    job->part_size = left < PART_SIZE ? left : PART_SIZE;
    job->large = &d->large[d->next_large];
    d->cursor_offset += job->part_size;
    if (d->cursor_offset == e->compressed_size_bytes) {
        d->cursor_offset = 0;
        d->cursor++;
        d->next_large++;
    }
}

static void take_run(struct data *d, struct job *job)
{
    const struct ozx_verify *v = d->v;
    uint64_t size = 0;

    job->first = d->cursor;
    while (d->cursor < v->entry_count && d->cursor - job->first < RUN_ENTRIES && size < PART_SIZE &&
           !is_large(v, &v->entries[d->cursor])) {
        if (!v->options->quick)
            size += v->entries[d->cursor].compressed_size_bytes;
        d->cursor++;
    }
    job->last = d->cursor;
}

static bool next_job(struct data *d, struct job *job)
{
    const struct ozx_verify *v = d->v;
    bool there;

    *job = (struct job){0};
    pthread_mutex_lock(&d->lock);
    there = d->cursor < v->entry_count && !atomic_load(&d->stop);
    if (there && is_large(v, &v->entries[d->cursor]))
        take_part(d, &v->entries[d->cursor], job);
    else if (there)
        take_run(d, job);
    pthread_mutex_unlock(&d->lock);
    return there;
}

/* The first failure is the one that is told; every thread stops. */
static int stop_with(struct data *d, const struct ozx_error *error)
{
    pthread_mutex_lock(&d->lock);
    if (!d->error.code)
        d->error = *error;
    pthread_mutex_unlock(&d->lock);
    atomic_store(&d->stop, true);
    return error->code;
}

/* --- summing ---------------------------------------------------------------------------------- */

static void judge_crc(struct ozx_verify *v, const struct ozx_verify_entry *e, uint32_t crc)
{
    if (crc != e->crc32)
        ozx_verify_find_path(v, "crc", OZX_VERDICT_FAIL, ozx_verify_path(v, e), e->path_size_bytes,
                             e->local_offset_bytes, "get the file again, or ask who made it",
                             "the data have CRC-32 %08" PRIx32 ", the directory says %08" PRIx32,
                             crc, e->crc32);
}

/* `size` stored bytes at `offset`; whatever it has to read, it reads up to `ahead_to`. */
static int sum_stored(struct worker *w, uint64_t offset, uint64_t size, uint64_t ahead_to,
                      uint32_t *crc, struct ozx_error *error)
{
    while (size) {
        const uint8_t *at;
        size_t got, want = OZX_VERIFY_WINDOW;
        int failure;
        if (ahead_to - offset < want)
            want = (size_t)(ahead_to - offset);
        failure = ozx_verify_window_get(w->d->v, &w->window, offset, 1, want, &at, &got, error);
        if (failure)
            return failure;
        if (got > size)
            got = (size_t)size;
        *crc = ozx_crc32(*crc, at, got);
        offset += got;
        size -= got;
        atomic_fetch_add_explicit(&w->d->data_done, got, memory_order_relaxed);
        if (atomic_load_explicit(&w->d->stop, memory_order_relaxed))
            return -EINTR; /* whoever stopped us says why */
    }
    return 0;
}

static int sum_packed(struct worker *w, uint32_t index, uint64_t data_offset,
                      struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    const struct ozx_verify_entry *e = &v->entries[index];
    const struct ozx_zip_packed packed = {.key = index,
                                          .data_offset_bytes = data_offset,
                                          .compressed_size_bytes = e->compressed_size_bytes,
                                          .uncompressed_size_bytes = e->uncompressed_size_bytes,
                                          .crc32 = e->crc32,
                                          .method = e->method};
    uint64_t at = 0;
    uint32_t crc = 0;

    w->window.filled_bytes = 0; /* its memory serves another end */
    do {
        uint64_t left = e->uncompressed_size_bytes - at;
        size_t size = left < OZX_VERIFY_WINDOW ? (size_t)left : OZX_VERIFY_WINDOW;
        int failure = ozx_zip_streams_read(w->d->streams, &packed, w->window.data, size, at, error);
        if (failure == -EIO && error->rule[0]) {
            ozx_verify_find(v, error->rule, OZX_VERDICT_WARN, e, OZX_OFFSET_NONE, "%s",
                            error->text);
            ozx_verify_find(v, "crc", OZX_VERDICT_FAIL, e, OZX_OFFSET_NONE,
                            "the data cannot be had: %s", error->text);
            return 0;
        }
        if (failure)
            return failure;
        crc = ozx_crc32(crc, w->window.data, size);
        at += size;
        if (atomic_load_explicit(&w->d->stop, memory_order_relaxed))
            return -EINTR;
    } while (at < e->uncompressed_size_bytes);
    atomic_fetch_add_explicit(&w->d->data_done, e->compressed_size_bytes, memory_order_relaxed);
    judge_crc(v, e, crc);
    return 0;
}

static int sum_entry(struct worker *w, uint32_t index, uint64_t data_offset, uint64_t ahead_to,
                     struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    const struct ozx_verify_entry *e = &v->entries[index];
    uint32_t crc = 0;
    int failure;

    if (e->eio == OZX_EIO_RATIO)
        ozx_verify_find(v, "crc", OZX_VERDICT_FAIL, e, OZX_OFFSET_NONE,
                        "the data cannot be had: it claims to expand to more than deflate can");
    if (is_packed(e))
        return sum_packed(w, index, data_offset, error);
    if (!is_plain(e))
        return 0;
    failure = sum_stored(w, data_offset, e->compressed_size_bytes, ahead_to, &crc, error);
    if (!failure)
        judge_crc(v, e, crc);
    return failure;
}

/* --- work ------------------------------------------------------------------------------------- */

/* How much to read at once where the headers of a run are all that is wanted. */
static size_t header_block(const struct ozx_verify *v, const struct job *job)
{
    uint64_t from = v->entries[job->first].local_offset_bytes;
    uint64_t to = ozx_verify_limit(v, job->last - 1);

    return (to - from) / (job->last - job->first) > SPARSE_BYTES ? SPARSE_READ : OZX_VERIFY_WINDOW;
}

static int work_run(struct worker *w, const struct job *job, struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    bool quick = v->options->quick;
    uint64_t end = ozx_verify_limit(v, job->last - 1);
    size_t want = quick ? header_block(v, job) : OZX_VERIFY_WINDOW;

    for (uint32_t i = job->first; i < job->last; i++) {
        const struct ozx_verify_entry *e = &v->entries[i];
        uint64_t data_offset, left = end - e->local_offset_bytes;
        size_t ahead = left < want ? (size_t)left : want;
        int bad = ozx_verify_local(v, &w->window, i, ahead, false, &data_offset, error);
        if (!bad && !quick)
            bad = sum_entry(w, i, data_offset, end, error);
        if (!bad)
            bad = ozx_verify_gap(v, &w->window, i, data_offset + e->compressed_size_bytes, ahead,
                                 error);
        if (bad < 0)
            return bad;
        atomic_fetch_add_explicit(&w->d->entries_done, 1, memory_order_relaxed);
        if (atomic_load_explicit(&w->d->stop, memory_order_relaxed))
            return -EINTR;
    }
    return 0;
}

/* Adds a part to the whole; the thread that brings the last one judges it. */
static void add_part(struct data *d, const struct job *job, uint32_t crc, bool unknown)
{
    const struct ozx_verify_entry *e = &d->v->entries[job->first];
    uint64_t after = e->compressed_size_bytes - job->part_offset - job->part_size;
    uint32_t shifted = ozx_crc32_shift(crc, after);
    bool last;

    pthread_mutex_lock(&d->lock);
    job->large->crc32 ^= shifted;
    job->large->unknown |= unknown;
    job->large->left_bytes -= job->part_size;
    last = job->large->left_bytes == 0;
    pthread_mutex_unlock(&d->lock);
    if (!last)
        return;
    atomic_fetch_add_explicit(&d->entries_done, 1, memory_order_relaxed);
    if (!job->large->unknown)
        judge_crc(d->v, e, job->large->crc32);
}

static int work_part(struct worker *w, const struct job *job, struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    const struct ozx_verify_entry *e = &v->entries[job->first];
    bool first = job->part_offset == 0;
    bool last = job->part_offset + job->part_size == e->compressed_size_bytes;
    uint64_t data_offset = 0, from;
    uint32_t crc = 0;
    int bad = ozx_verify_local(v, &w->window, job->first, first ? OZX_VERIFY_WINDOW : SPARSE_READ,
                               !first, &data_offset, error);

    from = data_offset + job->part_offset;
    if (!bad)
        bad = sum_stored(w, from, job->part_size, from + job->part_size, &crc, error);
    if (!bad && last)
        bad = ozx_verify_gap(v, &w->window, job->first, from + job->part_size, SPARSE_READ, error);
    if (bad < 0)
        return bad;
    add_part(w->d, job, crc, bad);
    return 0;
}

static void work(void *context, unsigned index)
{
    struct data *d = context;
    struct worker w = {.d = d};
    struct ozx_error error = OZX_ERROR_INIT;
    struct job job;
    int failure = 0;

    w.window.data = malloc(OZX_VERIFY_WINDOW);
    if (!w.window.data)
        failure = ozx_error_memory(&error);
    if (!failure && index == 0)
        failure = ozx_verify_gap(d->v, &w.window, UINT32_MAX, 0, OZX_VERIFY_WINDOW, &error);
    while (!failure && next_job(d, &job))
        failure = job.part_size ? work_part(&w, &job, &error) : work_run(&w, &job, &error);
    if (failure && error.code)
        stop_with(d, &error);
    free(w.window.data);
}

static void tick(void *context)
{
    struct data *d = context;
    const struct ozx_verify_options *o = d->v->options;
    struct ozx_error error = OZX_ERROR_INIT;

    if (o->cancel && *o->cancel) {
        ozx_error_set(&error, -EINTR, NULL, OZX_OFFSET_NONE, NULL, "interrupted");
        stop_with(d, &error);
    }
    if (o->progress) {
        const struct ozx_verify_progress progress = {.phase = o->quick ? "checking headers"
                                                                       : "checking data",
                                                     .entries = atomic_load(&d->entries_done),
                                                     .entries_total = d->v->entry_count,
                                                     .data_bytes = atomic_load(&d->data_done),
                                                     .data_bytes_total = d->data_total};
        o->progress(o->context, &progress);
    }
}

static unsigned thread_count(const struct ozx_verify_options *options)
{
    cpu_set_t cpus;
    unsigned count = options->threads;

    if (!count && sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        count = (unsigned)CPU_COUNT(&cpus);
    return !count ? 1 : count < THREADS_MAX ? count : THREADS_MAX;
}

/* Counts what is to be done, and makes what is needed for it. */
static int prepare(struct data *d, struct ozx_error *error)
{
    struct ozx_verify *v = d->v;
    size_t large_count = 0, next = 0;
    bool packed = false;

    for (uint32_t i = 0; i < v->entry_count; i++) {
        const struct ozx_verify_entry *e = &v->entries[i];
        large_count += is_large(v, e);
        packed |= is_packed(e);
        if (!v->options->quick && (is_packed(e) || is_plain(e)))
            d->data_total += e->compressed_size_bytes;
    }
    d->large = calloc(large_count + 1, sizeof *d->large);
    if (!d->large)
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < v->entry_count; i++)
        if (is_large(v, &v->entries[i]))
            d->large[next++].left_bytes = v->entries[i].compressed_size_bytes;
    if (packed && !v->options->quick && ozx_zip_streams_open(v->source, &d->streams))
        return ozx_error_memory(error);
    if (!v->options->quick && ozx_source_fd(v->source) >= 0)
        posix_fadvise(ozx_source_fd(v->source), 0, 0, POSIX_FADV_SEQUENTIAL); /* only advice */
    return 0;
}

int ozx_verify_data(struct ozx_verify *v, struct ozx_error *error)
{
    struct data d = {.v = v, .error = OZX_ERROR_INIT};
    const struct ozx_threads threads = {
        .count = thread_count(v->options), .context = &d, .work = work, .tick = tick};
    int failure = prepare(&d, error);

    if (!failure) {
        pthread_mutex_init(&d.lock, NULL);
        failure = ozx_threads_run(&threads);
        if (failure)
            ozx_error_set(error, failure, NULL, OZX_OFFSET_NONE, NULL, "cannot start a thread: %s",
                          strerror(-failure));
        else if (d.error.code) {
            *error = d.error;
            failure = error->code;
        }
        pthread_mutex_destroy(&d.lock);
    }
    ozx_zip_streams_close(d.streams);
    free(d.large);
    if (v->options->quick)
        ozx_verify_leave_out(v, "crc");
    return failure;
}
