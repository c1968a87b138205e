/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading an archive back. Knows the reader; not what was packed, but for its sums.
 */
#include "pack/readback.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "archive/archive.h"
#include "base/crew.h"
#include "zip/crc.h"

#define BUFFER_SIZE (256 * 1024)

struct state {
    const struct ozx_readback *readback;
    struct ozx_archive *archive;
    struct ozx_crew crew;
    uint32_t next_node; /* guarded by the crew's lock */
    atomic_uint_fast64_t files, directories, bytes;
};

struct member {
    uint8_t buffer[BUFFER_SIZE];
};

static int fault(struct state *state, const struct ozx_error *error)
{
    return ozx_crew_stop(&state->crew, error, false);
}

static int wrong_crc(struct state *state, uint32_t node)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    size_t size = ozx_archive_path(state->archive, node, path);

    ozx_error_set(&error, -EBADMSG, OZX_RULE_CRC, OZX_OFFSET_NONE, NULL,
                  "'%s' has another CRC than what was written",
                  ozx_escape(name, sizeof name, path, size));
    return fault(state, &error);
}

static int check_file(struct state *state, uint32_t node, const struct ozx_node_stat *stat,
                      uint8_t *buffer)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    uint64_t at = 0, data_offset;
    uint32_t crc = 0;

    ozx_archive_entry(state->archive, node, &entry);
    if (!stat->size_bytes && ozx_archive_data_offset(state->archive, node, &data_offset, &error))
        return fault(state, &error);
    while (at < stat->size_bytes && !ozx_crew_stopped(&state->crew)) {
        size_t got;

        if (ozx_archive_read(state->archive, node, buffer, BUFFER_SIZE, at, &got, &error))
            return fault(state, &error);
        crc = ozx_crc32(crc, buffer, got);
        at += got;
        atomic_fetch_add_explicit(&state->bytes, got, memory_order_relaxed);
    }
    if (at == stat->size_bytes && crc != entry.crc32)
        return wrong_crc(state, node);
    atomic_fetch_add_explicit(&state->files, 1, memory_order_relaxed);
    return 0;
}

static int check_node(struct state *state, uint32_t node, uint8_t *buffer)
{
    struct ozx_node_stat stat;
    uint32_t first, count;

    ozx_archive_stat(state->archive, node, &stat);
    if (!stat.is_directory)
        return check_file(state, node, &stat, buffer);
    ozx_archive_children(state->archive, node, &first, &count);
    if (!count && node != OZX_NODE_ROOT)
        atomic_fetch_add_explicit(&state->directories, 1, memory_order_relaxed);
    return 0;
}

static bool next(void *context, void *job)
{
    struct state *state = context;

    return ozx_crew_next_range(&state->next_node, ozx_archive_node_count(state->archive),
                               state->readback->jobs, job);
}

static int work(void *context, void *memory, const void *job)
{
    struct member *member = memory;
    const struct ozx_crew_range *range = job;
    int failure = 0;

    for (uint32_t node = range->first; node < range->last && !failure; node++)
        failure = check_node(context, node, member->buffer);
    return failure;
}

static void progress(void *context)
{
    const struct state *state = context;

    if (state->readback->progress)
        state->readback->progress(state->readback->context, atomic_load(&state->files),
                                  atomic_load(&state->bytes));
}

static int run_crew(struct state *state, struct ozx_error *error)
{
    const struct ozx_crew_task task = {.threads = state->readback->jobs,
                                       .member_size = sizeof(struct member),
                                       .context = state,
                                       .cancel = state->readback->cancel,
                                       .next = next,
                                       .work = work,
                                       .progress = progress};

    ozx_crew_init(&state->crew, &task);
    ozx_crew_run(&state->crew);
    return ozx_crew_end(&state->crew, NULL, error);
}

/* What the archive says of itself against what was meant. */
static int compare(const struct state *state, struct ozx_error *error)
{
    const struct ozx_readback *readback = state->readback;
    const char *version = ozx_archive_comment_version(state->archive);
    uint64_t files = atomic_load(&state->files), bytes = atomic_load(&state->bytes),
             directories = atomic_load(&state->directories);

    if (!version || strcmp(version, readback->version) != 0)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_COMMENT, OZX_OFFSET_NONE, NULL,
                             "the archive comment, read back, has no version");
    if (files != readback->files || directories != readback->directories ||
        bytes != readback->data_bytes)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_COUNT, OZX_OFFSET_NONE, NULL,
                             "%" PRIu64 " files, %" PRIu64 " empty directories and %" PRIu64
                             " bytes read back, of %" PRIu64 ", %" PRIu64 " and %" PRIu64,
                             files, directories, bytes, readback->files, readback->directories,
                             readback->data_bytes);
    return 0;
}

static int no_warnings(const struct ozx_archive *archive, struct ozx_error *error)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &count);

    for (size_t i = 0; i < count; i++)
        if (warnings[i].rule != OZX_RULE_CASE) { /* names are the user's */
            *error = warnings[i].first;
            error->code = -EBADMSG;
            return error->code;
        }
    return 0;
}

static int open_archive(int fd, struct ozx_archive **out, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct ozx_source *source = NULL;
    int failure = own < 0 ? -errno : ozx_source_open_fd(own, &source);

    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot be read back: %s", strerror(-failure));
    (void)ozx_take_fd(&own);
    failure = ozx_archive_open(source, NULL, out, error);
    if (failure)
        ozx_source_close(source);
    return failure;
}

int ozx_readback(const struct ozx_readback *readback, struct ozx_error *error)
{
    struct state state = {.readback = readback};
    int failure = open_archive(readback->fd, &state.archive, error);

    if (failure)
        return failure;
    failure = no_warnings(state.archive, error);
    if (!failure)
        failure = run_crew(&state, error);
    if (!failure)
        failure = compare(&state, error);
    ozx_archive_close(state.archive);
    return failure;
}
