/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Directories first, from the root downwards; then files, by several threads:
 *
 *     [f f f f f]   neighbours in one directory: made, filled and closed by one thread
 *     [ part ]      of a large stored file, which was made with the directories
 *
 * The CRC of a large file is put together from its parts (zip/crc.h) by the thread that ends last.
 */
#include <fcntl.h>
#include <string.h>

#include "io/beneath.h"
#include "unpack/unpack_state.h"
#include "zip/crc.h"

#define BATCH_FILES 64
#define BATCH_SIZE (UINT64_C(4) << 20)

/* What a thread does next: files among nodes first ... last-1, or a part of a large file. */
struct job {
    uint32_t first, last;
    struct ozx_unpack_large *large; /* NULL: files */
    uint64_t offset, size;
};

/* --- jobs ------------------------------------------------------------------------------------- */

static bool is_next_large(const struct ozx_unpack_state *state, uint32_t node)
{
    return state->large_next < state->large_count && state->large[state->large_next].node == node;
}

static void take_part(struct ozx_unpack_state *state, struct job *job, uint64_t size)
{
    job->large = &state->large[state->large_next];
    job->offset = state->large_offset;
    job->size =
        size - job->offset < OZX_UNPACK_PART_SIZE ? size - job->offset : OZX_UNPACK_PART_SIZE;
    state->large_offset += job->size;
    if (state->large_offset == size) {
        state->large_offset = 0;
        state->large_next++;
        state->cursor++;
    }
}

static bool next(void *context, void *out)
{
    struct ozx_unpack_state *state = context;
    struct job *job = out;
    uint32_t count = ozx_archive_node_count(state->archive), files = 0;
    uint64_t bytes = 0;

    *job = (struct job){.first = state->cursor};
    while (state->cursor < count && files < BATCH_FILES && bytes < BATCH_SIZE) {
        struct ozx_node_stat stat;

        if (is_next_large(state, state->cursor)) {
            if (files)
                break;
            ozx_archive_stat(state->archive, state->cursor, &stat);
            take_part(state, job, stat.size_bytes);
            return true;
        }
        if (state->files->marks[state->cursor] & OZX_UNPACK_WANTED) {
            ozx_archive_stat(state->archive, state->cursor, &stat);
            files += !stat.is_directory;
            bytes += stat.size_bytes;
        }
        state->cursor++;
    }
    job->last = state->cursor;
    return files > 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* What a worker has. */
struct worker {
    struct ozx_unpack_state *state;
    struct ozx_unpack_place place;
    uint8_t buffer[OZX_EXTRACT_BUFFER_SIZE];
};

static int extract(struct worker *worker, const struct ozx_extract_part *part, uint32_t *crc,
                   bool *ends_in_hole)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool output;
    int failure = ozx_extract(&worker->state->shared, part, worker->buffer, crc, ends_in_hole,
                              &output, &error);

    return failure && failure != -ECANCELED ? ozx_crew_stop(&worker->state->crew, &error, output)
                                            : failure;
}

static int fill_file(struct worker *worker, uint32_t node, int fd)
{
    struct ozx_unpack_state *state = worker->state;
    struct ozx_extract_part part = {.node = node, .fd = fd};
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    bool ends_in_hole;
    uint32_t crc = 0;
    int failure;

    ozx_archive_stat(state->archive, node, &stat);
    ozx_archive_entry(state->archive, node, &entry);
    part.size_bytes = stat.size_bytes;
    failure = extract(worker, &part, &crc, &ends_in_hole);
    if (failure)
        return failure;
    if (crc != entry.crc32)
        return ozx_unpack_fail_crc(state, node);
    if (ends_in_hole && ftruncate(fd, (off_t)stat.size_bytes) < 0)
        return ozx_unpack_fail_making(state, node, -errno);
    return 0;
}

static int run_file(struct worker *worker, uint32_t node)
{
    struct ozx_unpack_state *state = worker->state;
    int fd, failure;

    if (state->files->marks[node] & OZX_UNPACK_SHARD)
        return ozx_unpack_split(state, node, worker->buffer);
    fd = ozx_unpack_make_file(state, &worker->place, node);
    if (fd < 0)
        return ozx_unpack_fail_making(state, node, fd);
    failure = fill_file(worker, node, fd);
    if (failure) {
        close(fd);
        return failure;
    }
    failure = ozx_unpack_end_file(state, node, fd);
    if (failure)
        return ozx_unpack_fail_making(state, node, failure);
    atomic_fetch_add_explicit(&state->files_done, 1, memory_order_relaxed);
    return 0;
}

static int run_batch(struct worker *worker, const struct job *job)
{
    struct ozx_unpack_state *state = worker->state;

    for (uint32_t node = job->first; node < job->last; node++) {
        struct ozx_node_stat stat;
        int failure;

        if (!(state->files->marks[node] & OZX_UNPACK_WANTED))
            continue;
        ozx_archive_stat(state->archive, node, &stat);
        if (stat.is_directory)
            continue;
        if (ozx_crew_stopped(&state->crew))
            return -ECANCELED;
        failure = run_file(worker, node);
        if (failure)
            return failure;
    }
    return 0;
}

/* The part's CRC is added to the whole; true for the one who ends last. */
static bool add_part(struct ozx_unpack_state *state, const struct job *job, uint64_t file_size,
                     uint32_t crc)
{
    bool is_last;

    crc = ozx_crc32_shift(crc, file_size - job->offset - job->size);
    pthread_mutex_lock(&state->crew.lock);
    job->large->crc32 ^= crc;
    job->large->bytes_left -= job->size;
    is_last = job->large->bytes_left == 0;
    pthread_mutex_unlock(&state->crew.lock);
    return is_last;
}

static int end_large(struct worker *worker, const struct job *job, int fd)
{
    struct ozx_unpack_state *state = worker->state;
    uint32_t node = job->large->node;
    struct ozx_node_entry entry;
    int failure;

    ozx_archive_entry(state->archive, node, &entry);
    if (job->large->crc32 != entry.crc32) {
        close(fd);
        return ozx_unpack_fail_crc(state, node);
    }
    failure = ozx_unpack_end_file(state, node, fd);
    if (failure)
        return ozx_unpack_fail_making(state, node, failure);
    atomic_fetch_add_explicit(&state->files_done, 1, memory_order_relaxed);
    return 0;
}

static int run_part(struct worker *worker, const struct job *job)
{
    struct ozx_unpack_state *state = worker->state;
    uint32_t node = job->large->node, crc = 0;
    char path[OZX_PATH_SIZE];
    int fd =
        ozx_beneath_open_own(state->files->root_fd, ozx_unpack_path(state, node, path), O_WRONLY);
    struct ozx_extract_part part = {
        .node = node, .fd = fd, .offset_bytes = job->offset, .size_bytes = job->size};
    struct ozx_node_stat stat;
    bool ends_in_hole;
    int failure;

    if (fd < 0)
        return ozx_unpack_fail_making(state, node, fd);
    ozx_archive_stat(state->archive, node, &stat);
    failure = extract(worker, &part, &crc, &ends_in_hole); /* its size was set when it was made */
    if (!failure && add_part(state, job, stat.size_bytes, crc))
        return end_large(worker, job, fd);
    if (close(fd) < 0 && !failure && errno != EINTR)
        return ozx_unpack_fail_making(state, node, -errno);
    return failure;
}

/* --- threads ---------------------------------------------------------------------------------- */

static int begin(void *context, void *member)
{
    struct worker *worker = member;

    worker->state = context;
    worker->place = (struct ozx_unpack_place){OZX_UNPACK_NO_NODE, -1};
    return 0;
}

static int work(void *context, void *member, const void *next_job)
{
    const struct job *job = next_job;

    (void)context;
    return job->large ? run_part(member, job) : run_batch(member, job);
}

static void end(void *context, void *member)
{
    struct worker *worker = member;

    (void)context;
    ozx_unpack_leave(&worker->place);
}

static void progress(void *context)
{
    struct ozx_unpack_state *state = context;
    const struct ozx_unpack_options *options = state->files->options;

    if (options->progress)
        options->progress(options->context, &(struct ozx_unpack_progress){
                                                .files = atomic_load(&state->files_done),
                                                .files_total = state->files->files_total,
                                                .bytes = atomic_load(&state->shared.bytes_done),
                                                .bytes_total = state->files->bytes_total,
                                            });
}

int ozx_unpack_files(const struct ozx_unpack_files *files, struct ozx_unpack_result *result,
                     bool *output_failed, struct ozx_error *error)
{
    struct ozx_unpack_state state = {
        .files = files,
        .archive = files->archive,
        .shared = {.archive = files->archive, .stop = &state.crew.stopped}};
    const struct ozx_crew_task task = {.threads = files->options->jobs,
                                       .member_size = sizeof(struct worker),
                                       .context = &state,
                                       .cancel = files->options->cancel,
                                       .begin = begin,
                                       .next = next,
                                       .work = work,
                                       .end = end,
                                       .progress = progress};
    char path[OZX_PATH_SIZE];

    state.prefix_size = ozx_archive_path(files->archive, OZX_NODE_ROOT, path);
    state.prefix_size += state.prefix_size != 0; /* and the '/' behind it */
    ozx_crew_init(&state.crew, &task);
    if (!ozx_unpack_make_frame(&state))
        ozx_crew_run(&state.crew);
    free(state.large);
    result->chunks = atomic_load(&state.chunks_done);
    result->hole_bytes = atomic_load(&state.shared.hole_bytes);
    result->shared_bytes = atomic_load(&state.shared.shared_bytes);
    return ozx_crew_end(&state.crew, output_failed, error);
}
