/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The threads of verify, and what they do. One opens the archive and judges names and metadata, one
 * goes through the central directory; then all of them read the file once, in its order: each takes
 * a job, checks the local headers in it and sums the data behind them.
 *
 *     [h|data|h|data|gap|h|data ...]   a run of small entries: one window slides over all of it
 *     [h|      data      ...           a part of a large entry; the CRC of the whole is put
 *                                      together from its parts (zip/crc.h)
 *
 * With `quick` only headers and gaps are read. Memory is two windows a thread, one over the entries
 * and one over the central directory.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/crew.h"
#include "verify/verify_parts.h"
#include "verify/verify_sum.h"
#include "zip/crc.h"
#include "zip/decompress.h"

#define THREADS_MAX 64

/* Headers that lie further apart are read one by one, in blocks that hold almost any header. */
#define SPARSE_BYTES 16384
#define SPARSE_READ 4096
#define DIRECTORY_READ (128u * 1024)

struct job {
    uint32_t first, last;            /* runs first ... last-1 */
    uint64_t part_offset, part_size; /* in the data of the large entry; size 0: whole entries */
};

struct data {
    struct ozx_verify *v;
    struct ozx_zip_streams *streams; /* NULL unless an entry is compressed */
    atomic_uint_fast64_t entries_done, data_done;
    struct ozx_crew crew;

    /* Guarded by the crew's lock, as are the larges. */
    bool opening, opened; /* somebody opens the archive; it was let in */
    bool listing, listed; /* somebody goes through the directory; the runs are there */
    uint64_t data_total;
    uint32_t cursor;
    uint64_t cursor_offset;
};

struct worker {
    struct data *d;
    struct ozx_window window;
    struct ozx_zip_directory *directory;
    struct ozx_verify_entry entry;
    struct ozx_verify_sum sum;
};

/* Where run `index` ends at the latest: where the next begins, or the directory. */
static uint64_t limit_of(const struct ozx_verify *v, uint32_t index)
{
    return index + 1 < v->run_count ? v->runs[index + 1].local_offset_bytes
                                    : v->records.directory_offset_bytes;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void take_part(struct data *d, struct job *job)
{
    uint64_t size = d->v->larges[d->v->runs[d->cursor].large].size_bytes;
    uint64_t left = size - d->cursor_offset;

    *job = (struct job){.first = d->cursor,
                        .last = d->cursor + 1,
                        .part_offset = d->cursor_offset,
                        .part_size = left < OZX_VERIFY_PART_SIZE ? left : OZX_VERIFY_PART_SIZE};
    d->cursor_offset += job->part_size;
    if (d->cursor_offset == size) {
        d->cursor_offset = 0;
        d->cursor++;
    }
}

static void take_runs(struct data *d, struct job *job)
{
    const struct ozx_verify *v = d->v;
    uint64_t count = 0;

    *job = (struct job){.first = d->cursor};
    do {
        count += v->runs[d->cursor++].count;
    } while (d->cursor < v->run_count && v->runs[d->cursor].large == OZX_RUN_SMALL &&
             count + v->runs[d->cursor].count <= OZX_RUN_ENTRIES);
    job->last = d->cursor;
}

static bool next(void *context, void *out)
{
    struct data *d = context;
    struct job *job = out;
    const struct ozx_verify *v = d->v;

    while (!d->listed && !ozx_crew_stopped(&d->crew))
        pthread_cond_wait(&d->crew.changed, &d->crew.lock);
    if (d->cursor >= v->run_count || ozx_crew_stopped(&d->crew))
        return false;
    if (v->runs[d->cursor].large != OZX_RUN_SMALL)
        take_part(d, job);
    else
        take_runs(d, job);
    return true;
}

/* Its parts stay where they are, but for the streams, which are there when the list is. */
static struct ozx_verify_sum *sum_of(struct worker *w)
{
    w->sum.streams = w->d->streams;
    return &w->sum;
}

/* --- work on a job ---------------------------------------------------------------------------- */

/* How much to read at once where the headers of a run are all that is wanted. */
static size_t header_block(const struct ozx_verify *v, uint32_t run)
{
    uint64_t size = limit_of(v, run) - v->runs[run].local_offset_bytes;

    return size / v->runs[run].count > SPARSE_BYTES ? SPARSE_READ : OZX_VERIFY_WINDOW;
}

/* The worker's entry, which is followed by another, or the end of the run, at `limit`; `end` is the
 * run's. */
static int work_entry(struct worker *w, uint64_t limit, uint64_t end, size_t want,
                      struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    const struct ozx_zip_entry *h = &w->entry.header;
    uint64_t data_offset, left = end - h->local_offset_bytes;
    size_t ahead = left < want ? (size_t)left : want;
    int bad = ozx_verify_local(v, &w->window, &w->entry, limit, ahead, false, &data_offset, error);

    if (!bad && !v->options->quick)
        bad = ozx_verify_sum_entry(sum_of(w), data_offset, end, error);
    if (!bad)
        bad = ozx_verify_gap(v, &w->window, &w->entry, data_offset + h->compressed_size_bytes,
                             limit, ahead, error);
    if (bad < 0)
        return bad;
    atomic_fetch_add_explicit(&w->d->entries_done, 1, memory_order_relaxed);
    /* Whoever stopped us says why. */
    return ozx_crew_stopped(&w->d->crew) ? -EINTR : 0;
}

static int work_run(struct worker *w, uint32_t index, struct ozx_error *error)
{
    const struct ozx_verify *v = w->d->v;
    const struct ozx_verify_run *run = &v->runs[index];
    uint64_t end = limit_of(v, index);
    size_t want = v->options->quick ? header_block(v, index) : OZX_VERIFY_WINDOW;
    const struct ozx_zip_entry *header;
    int failure;

    ozx_zip_directory_seek(w->directory, run->header_offset_bytes,
                           v->in_order ? DIRECTORY_READ : SPARSE_READ);
    failure = ozx_zip_directory_next(w->directory, &header, error);
    for (uint32_t left = run->count; left && !failure; left--) {
        uint64_t limit = end;
        ozx_verify_entry_set(&w->entry, header);
        if (left > 1) {
            failure = ozx_zip_directory_next(w->directory, &header, error);
            if (failure)
                return failure;
            limit = header->local_offset_bytes;
        }
        failure = work_entry(w, limit, end, want, error);
    }
    return failure;
}

/* Adds a part to the whole; the thread that brings the last one judges it. */
static void add_part(struct worker *w, struct ozx_verify_large *large, const struct job *job,
                     uint32_t crc, bool unknown)
{
    struct data *d = w->d;
    uint64_t after = large->size_bytes - job->part_offset - job->part_size;
    uint32_t shifted = ozx_crc32_shift(crc, after);
    bool last;

    pthread_mutex_lock(&d->crew.lock);
    large->crc32 ^= shifted;
    large->unknown |= unknown;
    large->left_bytes -= job->part_size;
    last = large->left_bytes == 0;
    pthread_mutex_unlock(&d->crew.lock);
    if (!last)
        return;
    atomic_fetch_add_explicit(&d->entries_done, 1, memory_order_relaxed);
    if (!large->unknown)
        (void)ozx_verify_judge_crc(d->v, &w->entry, large->crc32);
}

static int work_part(struct worker *w, const struct job *job, struct ozx_error *error)
{
    struct ozx_verify *v = w->d->v;
    const struct ozx_verify_run *run = &v->runs[job->first];
    struct ozx_verify_large *large = &v->larges[run->large];
    bool first = job->part_offset == 0;
    bool last = job->part_offset + job->part_size == large->size_bytes;
    uint64_t data_offset = 0, from, limit = limit_of(v, job->first);
    const struct ozx_zip_entry *header;
    uint32_t crc = 0;
    int bad;

    ozx_zip_directory_seek(w->directory, run->header_offset_bytes, SPARSE_READ);
    bad = ozx_zip_directory_next(w->directory, &header, error);
    if (bad)
        return bad;
    ozx_verify_entry_set(&w->entry, header);
    bad = ozx_verify_local(v, &w->window, &w->entry, limit, first ? OZX_VERIFY_WINDOW : SPARSE_READ,
                           !first, &data_offset, error);
    from = data_offset + job->part_offset;
    if (!bad)
        bad = ozx_verify_sum_stored(sum_of(w), from, job->part_size, from + job->part_size, &crc,
                                    error);
    if (!bad && last)
        bad = ozx_verify_gap(v, &w->window, &w->entry, from + job->part_size, limit, SPARSE_READ,
                             error);
    if (bad < 0)
        return bad;
    add_part(w, large, job, crc, bad);
    return 0;
}

static int work_job(struct worker *w, const struct job *job, struct ozx_error *error)
{
    int failure = 0;

    if (job->part_size)
        return work_part(w, job, error);
    for (uint32_t i = job->first; i < job->last && !failure; i++)
        failure = work_run(w, i, error);
    return failure;
}

/* --- the threads ------------------------------------------------------------------------------ */

static bool claim(struct data *d, bool *taken)
{
    bool mine;

    pthread_mutex_lock(&d->crew.lock);
    mine = !*taken;
    *taken = true;
    pthread_mutex_unlock(&d->crew.lock);
    return mine;
}

static void set_opened(void *context)
{
    struct data *d = context;

    pthread_mutex_lock(&d->crew.lock);
    d->opened = true;
    pthread_cond_broadcast(&d->crew.changed);
    pthread_mutex_unlock(&d->crew.lock);
}

/* Goes through the directory. Where its order is not the file's, entries may share bytes: then the
 * archive must have been let in before its data are looked at. So it must where a file gets a
 * digest. */
static int list(struct data *d, struct ozx_error *error)
{
    struct ozx_verify *v = d->v;
    int failure = ozx_verify_directory(v, error);

    if (!failure && v->has_compressed && !v->options->quick &&
        ozx_zip_streams_open(v->source, &d->streams))
        failure = ozx_error_memory(error);
    if (!failure && !v->options->quick && ozx_source_fd(v->source) >= 0)
        posix_fadvise(ozx_source_fd(v->source), 0, 0, POSIX_FADV_SEQUENTIAL); /* only advice */
    pthread_mutex_lock(&d->crew.lock);
    while (!failure && (!v->in_order || v->options->manifest) && !d->opened &&
           !ozx_crew_stopped(&d->crew))
        pthread_cond_wait(&d->crew.changed, &d->crew.lock);
    d->listed = !failure;
    d->data_total = v->data_bytes;
    pthread_cond_broadcast(&d->crew.changed);
    pthread_mutex_unlock(&d->crew.lock);
    return failure;
}

/* In front of the first entry. */
static int work_leading(struct worker *w, struct ozx_error *error)
{
    const struct ozx_verify *v = w->d->v;
    uint64_t to = v->run_count ? v->runs[0].local_offset_bytes : v->records.directory_offset_bytes;

    if (ozx_crew_stopped(&w->d->crew))
        return 0;
    return ozx_verify_gap(w->d->v, &w->window, NULL, 0, to, OZX_VERIFY_WINDOW, error);
}

/* There may be fewer threads than wanted: who comes first takes what is first. */
static int start(struct worker *w, struct ozx_error *error)
{
    struct data *d = w->d;
    int failure = 0;

    if (claim(d, &d->opening)) {
        failure = ozx_verify_open(d->v, set_opened, d, error);
        if (failure && !d->v->archive)
            ozx_crew_stop_instead(&d->crew, error, false); /* that it is refused goes before */
    }
    if (!failure && (ozx_window_open(&w->window, d->v->source, OZX_VERIFY_WINDOW) ||
                     ozx_zip_directory_open(d->v->source, &d->v->records, &w->directory)))
        failure = ozx_error_memory(error);
    if (!failure && claim(d, &d->listing)) {
        failure = list(d, error);
        if (!failure)
            failure = work_leading(w, error);
    }
    return failure;
}

/* A failure without an error: whoever stopped us says why. */
static int end_with(struct data *d, int failure, const struct ozx_error *error)
{
    if (failure && error->code)
        ozx_crew_stop(&d->crew, error, false);
    return failure;
}

static int begin(void *context, void *member)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct worker *w = member;

    *w = (struct worker){.d = context};
    w->sum = (struct ozx_verify_sum){.v = w->d->v,
                                     .window = &w->window,
                                     .entry = &w->entry,
                                     .crew = &w->d->crew,
                                     .data_done = &w->d->data_done};
    return end_with(w->d, start(w, &error), &error);
}

static int work(void *context, void *member, const void *job)
{
    struct ozx_error error = OZX_ERROR_INIT;

    return end_with(context, work_job(member, job, &error), &error);
}

static void end(void *context, void *member)
{
    struct worker *w = member;

    (void)context;
    ozx_zip_directory_close(w->directory);
    ozx_window_close(&w->window);
}

static void progress(void *context)
{
    struct data *d = context;
    const struct ozx_verify_options *o = d->v->options;
    struct ozx_verify_progress progress = {.phase = o->quick ? "checking headers" : "checking data",
                                           .entries = atomic_load(&d->entries_done),
                                           .entries_total = d->v->records.entry_count,
                                           .data_bytes = atomic_load(&d->data_done)};

    if (!o->progress)
        return;
    pthread_mutex_lock(&d->crew.lock);
    progress.data_bytes_total = d->data_total;
    pthread_mutex_unlock(&d->crew.lock);
    o->progress(o->context, &progress);
}

static unsigned thread_count(const struct ozx_verify_options *options)
{
    unsigned count = options->threads ? options->threads : ozx_processor_count();

    return count < THREADS_MAX ? count : THREADS_MAX;
}

int ozx_verify_run(struct ozx_verify *v, struct ozx_error *error)
{
    struct data d = {.v = v};
    const struct ozx_crew_task task = {.threads = thread_count(v->options),
                                       .member_size = sizeof(struct worker),
                                       .context = &d,
                                       .cancel = v->options->cancel,
                                       .begin = begin,
                                       .next = next,
                                       .work = work,
                                       .end = end,
                                       .progress = progress};
    int failure;

    ozx_crew_init(&d.crew, &task);
    ozx_crew_run(&d.crew);
    failure = ozx_crew_end(&d.crew, NULL, error);
    ozx_zip_streams_close(d.streams);
    if (v->options->quick)
        ozx_verify_leave_out(v, OZX_RULE_CRC);
    return failure;
}
