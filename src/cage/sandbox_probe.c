/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a process that was taken over would try first. Only in the program ozxfs_probe, which tells
 * the results (tests/cage reads them).
 */
#include "cage/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/stat.h"

static void note(char *report, const char *what, long result)
{
    size_t used = strlen(report);

    snprintf(report + used, OZX_SANDBOX_REPORT_SIZE - used, "%s%s %s", used ? ", " : "", what,
             result >= 0 ? "ALLOWED" : strerrorname_np(errno));
}

/* What is there, and what is in it. */
static void try_paths(char *report)
{
    struct statx found;
    struct stat st;
    char text[64];

    note(report, "open", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    note(report, "create", open("/tmp/ozxfs-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    note(report, "locate", open("/etc/passwd", O_PATH | O_CLOEXEC));
    note(report, "stat", stat("/etc/passwd", &st));
    note(report, "statx", statx(AT_FDCWD, "/etc/passwd", 0, STATX_ALL, &found));
    note(report, "access", access("/etc/passwd", F_OK));
    note(report, "readlink", readlink("/proc/self/exe", text, sizeof text));
    note(report, "chdir", chdir("/etc"));
}

/* Descriptors 0 to 2 may be the terminal. */
static void try_terminal(char *report)
{
    char typed;
    struct iovec part = {&typed, 1};

    note(report, "input", read(STDIN_FILENO, &typed, 1));
    note(report, "typed", read(STDERR_FILENO, &typed, 1));
    note(report, "typed-parts", readv(STDOUT_FILENO, &part, 1));
}

static void try_processes(char *report)
{
    char program[] = "/bin/true", *const argv[] = {program, NULL};
    pid_t child;

    note(report, "socket", socket(AF_INET, SOCK_STREAM, 0));
    note(report, "exec", execv(argv[0], argv));
    note(report, "ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    note(report, "kill", kill(getppid(), 0));
    child = fork();
    if (child == 0)
        _exit(0);
    note(report, "fork", child);
}

/* Where the directory is the root directory there is nothing above it. */
static long open_parent(int tree)
{
    struct stat above, here;
    int fd = openat(tree, "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || ozx_fstat(fd, &above) < 0 || ozx_fstat(tree, &here) < 0 ||
        above.st_ino != here.st_ino || above.st_dev != here.st_dev)
        return fd;
    errno = ENOENT;
    return -1;
}

/* Where files may be made: what gives rights to others, or leads elsewhere. */
static void try_tree(int tree, char *report)
{
    note(report, "set-uid", openat(tree, "ozxfs-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 04755));
    note(report, "set-gid", mkdirat(tree, "ozxfs-probe", 02755));
    note(report, "symlink", symlinkat("/etc/passwd", tree, "ozxfs-probe"));
    note(report, "device", mknodat(tree, "ozxfs-probe", S_IFCHR | 0666, 0));
    note(report, "chmod", fchmod(tree, 04777));
    note(report, "remove", unlinkat(tree, "ozxfs-probe", 0));
    note(report, "parent", open_parent(tree));
}

bool ozx_sandbox_probe(const struct ozx_sandbox *sandbox, char report[OZX_SANDBOX_REPORT_SIZE])
{
    report[0] = '\0';
    try_paths(report);
    try_terminal(report);
    try_processes(report);
    if (sandbox->work == OZX_SANDBOX_TREE)
        try_tree(sandbox->tree, report);
    return true;
}
