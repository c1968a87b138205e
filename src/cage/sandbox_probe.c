/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a worker that was taken over would try first. Only in the program
 * ozxfs_probe, whose worker tells the results like any other information (test_sandbox.py reads them).
 */
#include "cage/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

static void note(char *report, const char *what, long result)
{
    size_t used = strlen(report);

    snprintf(report + used, OZX_SANDBOX_REPORT_SIZE - used, "%s%s %s", used ? ", " : "", what,
             result >= 0 ? "ALLOWED" : strerrorname_np(errno));
}

bool ozx_sandbox_probe(char report[OZX_SANDBOX_REPORT_SIZE])
{
    char program[] = "/bin/true", *const argv[] = {program, NULL};
    pid_t child;

    report[0] = '\0';
    note(report, "open", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    note(report, "create", open("/tmp/ozxfs-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    note(report, "socket", socket(AF_INET, SOCK_STREAM, 0));
    note(report, "exec", execv(argv[0], argv));
    note(report, "ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    child = fork();
    if (child == 0)
        _exit(0);
    note(report, "fork", child);
    return true;
}
