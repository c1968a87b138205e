/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making directories and files below the root, and saying what went wrong with them. Knows nothing
 * of what is in the files.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "io/beneath.h"
#include "unpack/unpack_state.h"
#include "zip/format.h"

#define CANCEL_EVERY 256 /* nodes */

/* --- failing ---------------------------------------------------------------------------------- */

const char *ozx_unpack_path(const struct ozx_unpack_state *state, uint32_t node,
                            char path[OZX_PATH_SIZE])
{
    ozx_archive_path(state->archive, node, path);
    return node == OZX_NODE_ROOT ? path + strlen(path) : path + state->prefix_size;
}

int ozx_unpack_fail_making(struct ozx_unpack_state *state, uint32_t node, int code)
{
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    const char *relative = ozx_unpack_path(state, node, path), *hint = ozx_hint_no_space(code);
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_escape(name, sizeof name, relative, strlen(relative));
    if (code == -EEXIST)
        ozx_error_set(&error, code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "unpack to a case-sensitive file system",
                      "'%s' has the same name as another entry on this file system", name);
    else {
        if (code == -ENAMETOOLONG || code == -EILSEQ || code == -EINVAL)
            hint = "unpack to another file system";
        ozx_error_set(&error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                      "'%s' cannot be created: %s", name, strerror(-code));
    }
    return ozx_crew_stop(&state->crew, &error, true);
}

int ozx_unpack_fail_crc(struct ozx_unpack_state *state, uint32_t node)
{
    struct ozx_error error = OZX_ERROR_INIT;

    (void)ozx_archive_crc_error(state->archive, node, "get the file again, or ask its author",
                                &error);
    return ozx_crew_stop(&state->crew, &error, false);
}

/* --- places ----------------------------------------------------------------------------------- */

/* The descriptor of the directory `node`, borrowed from `place`. */
static int go_to(const struct ozx_unpack_state *state, struct ozx_unpack_place *place,
                 uint32_t node)
{
    char path[OZX_PATH_SIZE];
    int fd;

    if (node == OZX_NODE_ROOT)
        return state->files->root_fd;
    if (place->node == node)
        return place->fd;
    fd = ozx_beneath_open_own(state->files->root_fd, ozx_unpack_path(state, node, path),
                          O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    ozx_cleanup_close(&place->fd);
    place->fd = fd;
    place->node = node;
    return fd;
}

void ozx_unpack_leave(struct ozx_unpack_place *place)
{
    ozx_cleanup_close(&place->fd);
}

static void copy_name(const struct ozx_unpack_state *state, uint32_t node, char name[256])
{
    size_t size;
    const char *from = ozx_archive_name(state->archive, node, &size);

    memcpy(name, from, size);
    name[size] = '\0';
}

static void mtime_of(const struct ozx_unpack_state *state, uint32_t node, struct timespec times[2])
{
    struct ozx_node_stat stat;

    ozx_archive_stat(state->archive, node, &stat);
    times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
    times[1] = (struct timespec){.tv_sec = stat.mtime_s};
}

int ozx_unpack_make_file(const struct ozx_unpack_state *state, struct ozx_unpack_place *place,
                         uint32_t node)
{
    int directory = go_to(state, place, ozx_archive_parent(state->archive, node));
    char name[256];
    int fd;

    if (directory < 0)
        return directory;
    copy_name(state, node, name);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fd;
}

int ozx_unpack_end_file(const struct ozx_unpack_state *state, uint32_t node, int fd)
{
    struct timespec times[2];
    int failure;

    mtime_of(state, node, times);
    failure = futimens(fd, times) < 0 ? -errno : 0;
    if (close(fd) < 0 && !failure && errno != EINTR)
        failure = -errno;
    return failure;
}

/* --- directories, and room for large files ---------------------------------------------------- */

static int make_directory(struct ozx_unpack_state *state, struct ozx_unpack_place *place,
                          uint32_t node)
{
    int parent = go_to(state, place, ozx_archive_parent(state->archive, node)), failure = 0;
    struct timespec times[2];
    uint32_t first, count;
    OZX_AUTO_CLOSE int fd = -1;
    char name[256];

    if (parent < 0)
        return ozx_unpack_fail_making(state, node, parent);
    copy_name(state, node, name);
    if (mkdirat(parent, name, 0777) < 0)
        return ozx_unpack_fail_making(state, node, -errno);
    ozx_archive_children(state->archive, node, &first, &count);
    if (count)
        return 0; /* it gets its contents, and with them another mtime */
    mtime_of(state, node, times);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    failure = fd < 0 || futimens(fd, times) < 0 ? -errno : 0;
    return failure ? ozx_unpack_fail_making(state, node, failure) : 0;
}

static bool is_large(const struct ozx_unpack_state *state, uint32_t node, uint64_t size)
{
    struct ozx_node_entry entry;

    if (size < OZX_UNPACK_LARGE_SIZE)
        return false;
    ozx_archive_entry(state->archive, node, &entry);
    return entry.method == OZX_METHOD_STORED; /* others can only be read from front to back */
}

static int note_large(struct ozx_unpack_state *state, struct ozx_unpack_place *place, uint32_t node,
                      uint64_t size)
{
    int fd, failure;

    if (ozx_array_grow(state->large, state->large_count, &state->large_room))
        return ozx_unpack_fail_making(state, node, -ENOMEM);
    state->large[state->large_count++] =
        (struct ozx_unpack_large){.node = node, .bytes_left = size};
    fd = ozx_unpack_make_file(state, place, node);
    if (fd < 0)
        return ozx_unpack_fail_making(state, node, fd);
    failure = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
    close(fd);
    return failure ? ozx_unpack_fail_making(state, node, failure) : 0;
}

/* Nodes are breadth-first: a directory comes before all in it. */
int ozx_unpack_make_frame(struct ozx_unpack_state *state)
{
    OZX_CLEANUP(ozx_unpack_leave) struct ozx_unpack_place place = {OZX_UNPACK_NO_NODE, -1};
    uint32_t count = ozx_archive_node_count(state->archive);

    for (uint32_t node = OZX_NODE_ROOT + 1; node < count; node++) {
        struct ozx_node_stat stat;
        int failure = 0;

        if (node % CANCEL_EVERY == 0 && ozx_crew_cancelled(&state->crew))
            return -EINTR;
        if (!state->files->marks[node] || state->files->marks[node] & OZX_UNPACK_NO_DIRECTORY)
            continue;
        ozx_archive_stat(state->archive, node, &stat);
        if (stat.is_directory)
            failure = make_directory(state, &place, node);
        else if (!(state->files->marks[node] & OZX_UNPACK_SHARD) &&
                 is_large(state, node, stat.size_bytes))
            failure = note_large(state, &place, node, stat.size_bytes);
        if (failure)
            return failure;
    }
    return 0;
}
