/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An output file that is written into the empty one which its caller has made and holds open.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>

#include "io/output_file.h"

static int fail(int code, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(code),
                         "cannot be written: %s", strerror(-code));
}

static int copy(int from, int to)
{
    off_t done = 0;
    ssize_t sent;

    do
        sent = sendfile(to, from, &done, 1 << 20);
    while (sent > 0 || (sent < 0 && errno == EINTR));
    return sent < 0 ? -errno : 0;
}

bool ozx_output_file_is_awaited(const struct ozx_output_file *file)
{
    return file->replace && file->old.st_nlink == 1 && S_ISREG(file->old.st_mode) &&
           file->old.st_size == 0;
}

int ozx_output_file_fill(struct ozx_output_file *file, struct ozx_error *error)
{
    struct stat now;
    int failure;
    OZX_AUTO_CLOSE int fd =
        openat(file->directory_fd, file->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &now) < 0)
        return fail(-errno, error);
    if (now.st_dev != file->old.st_dev || now.st_ino != file->old.st_ino || now.st_size > 0)
        return ozx_error_set(error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE, "try again",
                             "was changed by another process meanwhile");
    failure = copy(file->fd, fd);
    if (!failure)
        return 0;
    (void)!ftruncate(fd, 0);
    return fail(failure, error);
}
