/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Preloaded into ozxfs by the tests: makes one system call fail, or stops or kills the process at it.
 *
 *     OZXFS_FAULT=CALL:N:ACTION
 *
 * CALL is one of the functions below or `any`; N counts its calls from 1; ACTION is an errno's number,
 * `short` (half of a write), `stop`, `kill` (before the call) or `after` (kill when it is done).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum verdict { PASS, FAIL, SHORT, AFTER };

static atomic_int calls;

static enum verdict judge(const char *call)
{
    const char *fault = getenv("OZXFS_FAULT");
    char wanted[32], action[16];
    int number;

    if (!fault || sscanf(fault, "%31[^:]:%d:%15s", wanted, &number, action) != 3)
        return PASS;
    if (strcmp(wanted, "any") != 0 && strcmp(wanted, call) != 0)
        return PASS;
    if (atomic_fetch_add(&calls, 1) + 1 != number)
        return PASS;
    if (strcmp(action, "short") == 0)
        return SHORT;
    if (strcmp(action, "after") == 0)
        return AFTER;
    if (strcmp(action, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(action, "stop") == 0) {
        raise(SIGSTOP);
        return PASS;
    }
    errno = atoi(action);
    return FAIL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The call itself, then what the verdict wants. */
#define RUN(call, result_type, ...)                                                                \
    do {                                                                                           \
        enum verdict verdict = judge(#call);                                                       \
        result_type result;                                                                        \
        if (verdict == FAIL)                                                                       \
            return -1;                                                                             \
        result = REAL(call)(__VA_ARGS__);                                                          \
        if (verdict == AFTER)                                                                      \
            raise(SIGKILL);                                                                        \
        return result;                                                                             \
    } while (0)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    enum verdict verdict = judge("pwrite64");
    ssize_t put;

    if (verdict == FAIL)
        return -1;
    put = REAL(pwrite64)(fd, data, verdict == SHORT && size > 1 ? size / 2 : size, offset);
    if (verdict == AFTER)
        raise(SIGKILL);
    return put;
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    enum verdict verdict = judge("pread64");
    ssize_t put;

    if (verdict == FAIL)
        return -1;
    put = REAL(pread64)(fd, data, verdict == SHORT && size > 1 ? size / 2 : size, offset);
    if (verdict == AFTER)
        raise(SIGKILL);
    return put;
}

int fsync(int fd)
{
    RUN(fsync, int, fd);
}

int fchmod(int fd, mode_t mode)
{
    RUN(fchmod, int, fd, mode);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    RUN(linkat, int, from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
    RUN(renameat, int, from, old, to, new);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    RUN(renameat2, int, from, old, to, new, flags);
}

int unlinkat(int at, const char *name, int flags)
{
    RUN(unlinkat, int, at, name, flags);
}

/* Files without a name can be forbidden: the way that file systems without them take. */
int openat64(int at, const char *name, int flags, ...)
{
    mode_t mode = 0;
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;

    if (unnamed || flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (unnamed && getenv("OZXFS_NO_TMPFILE")) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (unnamed || flags & O_CREAT)
        RUN(openat64, int, at, name, flags, mode);
    return REAL(openat64)(at, name, flags, mode);
}
