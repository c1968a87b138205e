/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of `mount -o log=`.
 */
#include "cli/mount_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE_SIZE 4096

static int refuse(int code, const char *why, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot be used as the log: %s", why);
}

int ozx_mount_log_open(const char *path, int *fd, struct ozx_error *error)
{
    /* O_NONBLOCK: a FIFO is refused, not waited for. */
    OZX_AUTO_CLOSE int log = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    struct stat st;

    if (log < 0)
        return refuse(-errno, errno == ELOOP ? "it is a symbolic link" : strerror(errno), error);
    if (fstat(log, &st) < 0)
        return refuse(-errno, strerror(errno), error);
    if (!S_ISREG(st.st_mode))
        return refuse(-EPERM, "it is not a regular file", error);
    if (st.st_uid != geteuid() || st.st_nlink != 1)
        return refuse(-EPERM, "it belongs to another user, or has other hard links", error);
    *fd = ozx_take_fd(&log);
    return 0;
}

void ozx_mount_log_write(int fd, const char *archive, const char *text,
                         const struct ozx_error *note)
{
    char line[LINE_SIZE], shown[LINE_SIZE], when[32] = "", where[48] = "", name[OZX_ESCAPED_SIZE];
    time_t now = time(NULL);
    struct tm utc;
    size_t size;

    if (fd < 0)
        return;
    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (note && note->offset_bytes != OZX_OFFSET_NONE)
        snprintf(where, sizeof where, " (at byte %llu)", (unsigned long long)note->offset_bytes);
    ozx_escape(name, sizeof name, archive, strlen(archive));
    snprintf(line, sizeof line, "%s ozxfs[%d]: %s: %s%s%s%s%s%s", when, (int)getpid(),
                    name, note ? note->text : text, where, note && note->rule ? ", rule " : "",
                    note ? ozx_rule_id(note->rule) : "", note && note->hint[0] ? ": " : "",
                    note ? note->hint : "");
    ozx_escape_message(shown, sizeof shown - 1, line);
    size = strlen(shown);
    shown[size++] = '\n';
    (void)!write(fd, shown, size);
}
