/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening, and what a change that was cut short needs.
 */
#include "cli/change_file.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"
#include "edit/append.h"

int ozx_change_open_again(struct ozx_change_file *file)
{
    int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0); /* of the same open file, for the lease's sake */

    ozx_source_close(ozx_take(file->source));
    if (fd < 0)
        return ozx_report(OZX_EXIT_SYSTEM, file->path, "cannot open: %s", strerror(errno));
    if (ozx_source_open_fd(fd, &file->source)) {
        close(fd);
        return ozx_report(OZX_EXIT_SYSTEM, file->path, "cannot open: out of memory");
    }
    return OZX_EXIT_OK;
}

/* The numbers of its mark are all that is read for that. */
int ozx_change_settle(struct ozx_change_file *file, bool quiet)
{
    enum ozx_append_settled settled = OZX_APPEND_NOTHING;
    struct ozx_error error = OZX_ERROR_INIT, note = OZX_ERROR_INIT;
    int status = ozx_change_open_again(file);

    if (status)
        return status;
    if (ozx_append_settle(file->source, file->fd, &settled, &error)) {
        ozx_report_error(file->path, &error);
        return ozx_report_exit_status(&error);
    }
    if (settled == OZX_APPEND_NOTHING)
        return OZX_EXIT_OK;
    ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "a change was cut short: %s",
                  settled == OZX_APPEND_RESTORED ? "the archive is as it was before it"
                                                 : "it is complete now");
    if (!quiet)
        ozx_report_warning(file->path, &note);
    return ozx_change_open_again(file);
}

/* Nobody else has the file open; who opens it now waits until it is closed here. */
static int take_lease(const struct ozx_change_file *file, int fd)
{
    signal(SIGIO, SIG_IGN); /* says that somebody waits */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
        return OZX_EXIT_OK;
    if (errno == EAGAIN)
        return ozx_report(OZX_EXIT_BUSY, file->path,
                          "is mounted, or open in another program: close it first");
    return ozx_report(errno == EACCES ? OZX_EXIT_PERMISSION : OZX_EXIT_SYSTEM, file->path,
                      "cannot find out whether another program has it open: %s: use 'ozxfs repack'",
                      strerror(errno));
}

int ozx_change_open(struct ozx_change_file *file)
{
    struct stat st;
    int fd, status;

    if (stat(file->path, &st) < 0)
        return ozx_report(OZX_EXIT_NO_INPUT, file->path, "cannot open: %s%s", strerror(errno),
                          errno == ENOENT ? ": check the path" : "");
    if (!S_ISREG(st.st_mode))
        return ozx_report(OZX_EXIT_NO_INPUT, file->path, "is not a regular file: give a .ozx file");
    fd = open(file->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EWOULDBLOCK)
        return ozx_report(OZX_EXIT_BUSY, file->path, "is being changed by another program");
    if (fd < 0)
        return ozx_report(errno == EACCES || errno == EPERM || errno == EROFS ? OZX_EXIT_PERMISSION
                                                                              : OZX_EXIT_BUSY,
                          file->path, "cannot open for writing: %s", strerror(errno));
    status = take_lease(file, fd);
    if (!status && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
        status = ozx_report(OZX_EXIT_NO_INPUT, file->path, "is not a regular file");
    if (!status && st.st_nlink > 1 && !file->force)
        status = ozx_report(OZX_EXIT_CANT_CREATE, file->path,
                            "has other names (hard links), which would change, too: use --force");
    if (status) {
        close(fd);
        return status;
    }
    file->fd = fd;
    return ozx_change_settle(file, false);
}

void ozx_change_close(struct ozx_change_file *file)
{
    ozx_source_close(ozx_take(file->source));
    ozx_cleanup_close(&file->fd);
}
