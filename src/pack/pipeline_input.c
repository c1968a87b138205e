/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the pipeline's bytes come from: files below a directory, which may change while they are
 * read, or the entries of an archive, which state their CRCs.
 */
#include "pack/pipeline_input.h"

#include <fcntl.h>
#include <string.h>

#include "io/beneath.h"

void ozx_pipeline_release(struct ozx_pipeline_input *input)
{
    ozx_cleanup_close(&input->directory_fd);
    input->directory_fd = -1;
}

/* --- files ------------------------------------------------------------------------------------ */

static int fail(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                int code, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1], name[OZX_ESCAPED_SIZE];
    uint16_t size = ozx_plan_path(input->plan, entry, path);

    ozx_escape(name, sizeof name, path, size);
    if (code == -ESTALE || code == -ENOENT || code == -ELOOP || code == -ENOTDIR)
        return ozx_error_set(error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "pack again when nothing writes there",
                             "'%s' changed while it was being packed", name);
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "'%s' cannot be read: %s", name, strerror(-code));
}

int ozx_pipeline_changed(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                         struct ozx_error *error)
{
    return fail(input, entry, -ESTALE, error);
}

/* Entries of one directory mostly come together: the directory is opened once for all of them. */
static int open_file(struct ozx_pipeline_input *input, uint64_t index)
{
    struct ozx_plan *plan = input->plan;
    const struct ozx_plan_entry *entry = ozx_plan_entry(plan, index);
    char path[OZX_NAME_PATH_MAX + 1];
    int fd;

    if (input->directory != entry->directory) {
        bool more_here = index + 1 < ozx_plan_entry_count(plan) &&
                         ozx_plan_entry(plan, index + 1)->directory == entry->directory;

        if (!more_here) {
            ozx_plan_path(plan, entry, path);
            return ozx_beneath_open(ozx_plan_root_fd(plan), path, O_RDONLY);
        }
        fd = ozx_beneath_open(ozx_plan_root_fd(plan),
                              ozx_plan_directory(plan, entry->directory)->path,
                              O_PATH | O_DIRECTORY);
        if (fd < 0)
            return fd;
        ozx_cleanup_close(&input->directory_fd);
        input->directory_fd = fd;
        input->directory = entry->directory;
    }
    fd = openat(input->directory_fd, entry->name,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int read_exactly(int fd, uint8_t *buffer, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t got = pread(fd, buffer, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != ESPIPE && errno != EISDIR)
            return -errno;
        if (got <= 0) /* it ends early, so it shrank; or it is no regular file any more */
            return -ESTALE;
        buffer += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* Asked after the reading, and compared with what the walk saw: a change at any time shows here. */
static int check_unchanged(const struct ozx_pipeline_input *input, int fd,
                           const struct ozx_plan_entry *entry)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) &&
                   (uint64_t)st.st_size == ozx_plan_source_bytes(input->plan, entry) &&
                   ozx_plan_fingerprint(&st) == entry->fingerprint
               ? 0
               : -ESTALE;
}

/* --- either ----------------------------------------------------------------------------------- */

int ozx_pipeline_open(struct ozx_pipeline_input *input, uint64_t index, int *fd,
                      struct ozx_error *error)
{
    int opened;

    if (ozx_plan_archive(input->plan))
        return 0;
    opened = open_file(input, index);
    if (opened < 0)
        return fail(input, ozx_plan_entry(input->plan, index), opened, error);
    *fd = opened;
    return 0;
}

static int read_run(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                    int fd, uint8_t *buffer, size_t size_bytes, uint64_t offset_bytes,
                    struct ozx_error *error)
{
    int failure;

    if (ozx_plan_archive(input->plan))
        return ozx_plan_archive_read(input->plan, entry, buffer, size_bytes, offset_bytes, error);
    failure = read_exactly(fd, buffer, size_bytes, offset_bytes);
    return failure ? fail(input, entry, failure, error) : 0;
}

int ozx_pipeline_read(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                      int fd, uint8_t *buffer, size_t size_bytes, uint64_t offset_bytes,
                      struct ozx_error *error)
{
    if (!entry->is_cut)
        return read_run(input, entry, fd, buffer, size_bytes, offset_bytes, error);
    while (size_bytes) {
        uint64_t run, from = ozx_plan_source_offset(input->plan, entry, offset_bytes, size_bytes,
                                                    &run);
        int failure = read_run(input, entry, fd, buffer, (size_t)run, from, error);

        if (failure)
            return failure;
        buffer += run;
        size_bytes -= (size_t)run;
        offset_bytes += run;
    }
    return 0;
}

int ozx_pipeline_end(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                     int fd, struct ozx_error *error)
{
    int failure;

    if (ozx_plan_archive(input->plan))
        return ozx_plan_archive_check_crc(input->plan, entry, error);
    failure = check_unchanged(input, fd, entry);
    return failure ? fail(input, entry, failure, error) : 0;
}
