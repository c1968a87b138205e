/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One place that writes over a file that was unpacked.
 */
#include "unpack/unpack_rewrite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/descriptors.h"
#include "io/beneath.h"

void ozx_unpack_rewrite_path(const struct ozx_archive *archive, uint32_t node,
                             char path[OZX_PATH_SIZE])
{
    char prefix[OZX_PATH_SIZE];
    size_t skip = ozx_archive_path(archive, OZX_NODE_ROOT, prefix);
    size_t size = ozx_archive_path(archive, node, path);

    skip += skip && node != OZX_NODE_ROOT;
    memmove(path, path + skip, size - skip + 1);
}

static int fail(const char *path, int code, struct ozx_error *error)
{
    char escaped[OZX_ESCAPED_SIZE];

    return ozx_error_set(
        error, code, OZX_RULE_NONE, OZX_OFFSET_NONE,
        code == -ENOSPC || code == -EDQUOT ? "free some space, or write elsewhere" : NULL,
        "cannot write '%s': %s", ozx_escape(escaped, sizeof escaped, path, strlen(path)),
        strerror(-code));
}

int ozx_unpack_rewrite(const struct ozx_unpack_files *files, uint32_t file, const char *text,
                       size_t size_bytes, struct ozx_error *error)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = 0}};
    struct ozx_node_stat stat;
    char path[OZX_PATH_SIZE];
    OZX_AUTO_CLOSE int fd = -1;
    int failure;

    ozx_unpack_rewrite_path(files->archive, file, path);
    fd = ozx_beneath_open_own(files->root_fd, path, O_WRONLY);
    if (fd < 0)
        return fail(path, fd, error);
    failure = ozx_descriptors_write(fd, text, size_bytes, 0);
    if (failure)
        return fail(path, failure, error);
    ozx_archive_stat(files->archive, file, &stat);
    times[1].tv_sec = stat.mtime_s;
    if (ftruncate(fd, (off_t)size_bytes) < 0 || futimens(fd, times) < 0 ||
        (close(ozx_take_fd(&fd)) < 0 && errno != EINTR))
        return fail(path, -errno, error);
    return 0;
}
