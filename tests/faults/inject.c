/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Preloaded into ozxfs by the tests: makes one call fail, or stops or kills the process at it.
 *
 *     OZXFS_FAULT=CALL:N:ACTION   CALL:N+:ACTION (the N-th and all that follow)
 *     OZXFS_SQUASH=UID            pread answers EACCES to this user, as a server may
 *     OZXFS_NO_LANDLOCK=1, OZXFS_NO_SECCOMP=1, OZXFS_NO_CHROOT=1   a kernel without it
 *     OZXFS_NO_NOWAIT=1           preadv2 answers EOPNOTSUPP: every read waits for its bytes
 *     OZXFS_NO_HOLES=1            SEEK_DATA answers EINVAL, as of a file system that has no holes
 *     OZXFS_FAULT_PAGE=FILE       of 4096 bytes: the count goes on across fork, and can be read
 *
 * CALL is a name in the table below; N counts its calls from 1, beginning with main(). ACTION is an
 * errno's number, `short` (half of a read or write), `end` (a read of nothing), `kill` (before the
 * call), `after` (kill when it is done), `lost` (a write that is said to be done, and is not),
 * `stop`, or `none` (only counts).
 *
 * The worker of a mount may make few system calls, and none are made here besides the real ones:
 * the page is mapped before main(), and memory comes from the C library.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned calls;
} table[] = {
    {"read", PREAD | PREADV | PREADV2},
    {"memory", MEMORY},
    {"fstat", FSTAT},
    {"pread64", PREAD},
    {"preadv", PREADV},
    {"preadv2", PREADV2},
    {"pwrite64", PWRITE},
    {"write", WRITE},
    {"fsync", FSYNC},
    {"syncfs", SYNCFS},
    {"close", CLOSE},
    {"fchmod", FCHMOD},
    {"ftruncate", FTRUNCATE},
    {"times", TIMES},
    {"linkat", LINKAT},
    {"renameat", RENAMEAT},
    {"renameat2", RENAMEAT2},
    {"unlinkat", UNLINKAT},
    {"mkdirat", MKDIRAT},
    {"openat64", MAKE},
    {"step", STEP},
    {"mount", MOUNT},
    {"any", PREAD | PWRITE | FSYNC | SYNCFS | FCHMOD | FTRUNCATE | TIMES | LINKAT | RENAMEAT |
                RENAMEAT2 | UNLINKAT | MKDIRAT | MAKE},
};

/* What the tests read: three 32-bit numbers. */
struct page {
    _Atomic uint32_t calls, fired, process;
};

static struct page own, *page = &own;
static unsigned wanted; /* 0: nothing (before main) */
static uint32_t number;
static bool from_then_on, no_nowait, no_holes;
static uid_t squashed = (uid_t)-1;
static char action[16];
static int action_errno;

static enum verdict act(void)
{
    if (strcmp(action, "none") == 0)
        return PASS;
    if (strcmp(action, "short") == 0)
        return SHORT;
    if (strcmp(action, "end") == 0)
        return END;
    if (strcmp(action, "after") == 0)
        return AFTER;
    if (strcmp(action, "lost") == 0)
        return LOST;
    if (strcmp(action, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(action, "stop") == 0) {
        raise(SIGSTOP);
        return PASS;
    }
    errno = action_errno;
    return FAIL;
}

enum verdict inject_judge(unsigned call)
{
    uint32_t n;

    if (!(wanted & call))
        return PASS;
    n = atomic_fetch_add(&page->calls, 1) + 1;
    if (n != number && !(from_then_on && n > number))
        return PASS;
    atomic_store(&page->process, (uint32_t)getpid());
    atomic_fetch_add(&page->fired, 1); /* last: who waits for it reads `process` next */
    return act();
}

void inject_step(void)
{
    if (wanted & STEP)
        atomic_fetch_add_explicit(&page->calls, 1, memory_order_relaxed);
}

/* --- beginning with main ---------------------------------------------------------------------- */

static void map_page(void)
{
    const char *name = getenv("OZXFS_FAULT_PAGE");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0)
        return;
    mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        page = mapped;
    close(fd);
}

static void arm(void)
{
    const char *fault = getenv("OZXFS_FAULT");
    char call[32], n[16];

    no_nowait = getenv("OZXFS_NO_NOWAIT") != NULL;
    no_holes = getenv("OZXFS_NO_HOLES") != NULL;
    if (getenv("OZXFS_SQUASH"))
        squashed = (uid_t)atoi(getenv("OZXFS_SQUASH"));
    if (!fault || sscanf(fault, "%31[^:]:%15[^:]:%15s", call, n, action) != 3)
        return;
    map_page();
    number = (uint32_t)strtoul(n, NULL, 10);
    from_then_on = strchr(n, '+') != NULL;
    action_errno = atoi(action);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(call, table[i].name) == 0)
            wanted = table[i].calls;
    if (!wanted && strcmp(call, "none") != 0) {
        fprintf(stderr, "inject: no call is named '%s'\n", call);
        _exit(126);
    }
}

typedef int main_function(int argc, char **argv, char **environment);
static main_function *real_main;

static int armed_main(int argc, char **argv, char **environment)
{
    arm();
    return real_main(argc, argv, environment);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*end_of_loader)(void), void *stack_end);

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*end_of_loader)(void), void *stack_end)
{
    real_main = main;
    return REAL(__libc_start_main)(armed_main, argc, argv, init, fini, end_of_loader, stack_end);
}

/* --- reading ---------------------------------------------------------------------------------- */

static size_t total(const struct iovec *parts, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

/* Copies the front of `parts`, `size` bytes of it; how many parts that are. */
static int cut(const struct iovec *parts, size_t size, struct iovec out[8])
{
    int count = 0;

    for (; size && count < 8; count++) {
        out[count] = parts[count];
        if (out[count].iov_len > size)
            out[count].iov_len = size;
        size -= out[count].iov_len;
    }
    return count;
}

static size_t half(size_t size)
{
    return size > 1 ? size / 2 : size;
}

#define READ_PARTS(call, bit, ...)                                                                 \
    do {                                                                                           \
        enum verdict verdict = inject_judge(bit);                                                  \
        struct iovec some[8];                                                                      \
        if (verdict == FAIL || verdict == END)                                                     \
            return verdict == FAIL ? -1 : 0;                                                       \
        if (verdict == SHORT) {                                                                    \
            count = cut(parts, half(total(parts, count)), some);                                   \
            parts = some;                                                                          \
        }                                                                                          \
        return REAL(call)(__VA_ARGS__);                                                            \
    } while (0)

ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    READ_PARTS(preadv64, PREADV, fd, parts, count, offset);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    if (no_nowait) {
        errno = EOPNOTSUPP;
        return -1;
    }
    READ_PARTS(preadv64v2, PREADV2, fd, parts, count, offset, flags);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    enum verdict verdict = inject_judge(PREAD);
    ssize_t got;

    if (geteuid() == squashed) {
        errno = EACCES;
        return -1;
    }
    if (verdict == FAIL || verdict == END)
        return verdict == FAIL ? -1 : 0;
    got = REAL(pread64)(fd, data, verdict == SHORT ? half(size) : size, offset);
    if (verdict == AFTER)
        raise(SIGKILL);
    return got;
}

off64_t lseek64(int fd, off64_t offset, int whence)
{
    if (no_holes && whence == SEEK_DATA) {
        errno = EINVAL;
        return -1;
    }
    return REAL(lseek64)(fd, offset, whence);
}

/* What pread is called in a hardened build that knows the buffer's size. */
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room);

ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room)
{
    if (size > room)
        abort();
    return pread64(fd, data, size, offset);
}

/* --- all others: the call itself, then what the verdict wants ----------------------------------
 */

#define RUN(call, bit, ...)                                                                        \
    do {                                                                                           \
        enum verdict verdict = inject_judge(bit);                                                  \
        __typeof__(call(__VA_ARGS__)) result;                                                      \
        if (verdict == FAIL)                                                                       \
            return -1;                                                                             \
        result = REAL(call)(__VA_ARGS__);                                                          \
        if (verdict == AFTER)                                                                      \
            raise(SIGKILL);                                                                        \
        return result;                                                                             \
    } while (0)

#define RUN_WRITE(call, bit, ...)                                                                  \
    do {                                                                                           \
        enum verdict verdict = inject_judge(bit);                                                  \
        ssize_t put;                                                                               \
        if (verdict == FAIL)                                                                       \
            return -1;                                                                             \
        if (verdict == LOST)                                                                       \
            return (ssize_t)size;                                                                  \
        if (verdict == SHORT)                                                                      \
            size = half(size);                                                                     \
        put = REAL(call)(__VA_ARGS__);                                                             \
        if (verdict == AFTER)                                                                      \
            raise(SIGKILL);                                                                        \
        return put;                                                                                \
    } while (0)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    RUN_WRITE(pwrite64, PWRITE, fd, data, size, offset);
}

/* What is said to a person is no matter of this. */
ssize_t write(int fd, const void *data, size_t size)
{
    if (fd == STDERR_FILENO)
        return REAL(write)(fd, data, size);
    RUN_WRITE(write, WRITE, fd, data, size);
}

int fstat64(int fd, struct stat64 *st)
{
    RUN(fstat64, FSTAT, fd, st);
}

/* ozxfs's own way to ask for a descriptor's state (base/stat.h). */
long syscall(long what, ...)
{
    long a[6];
    va_list args;

    va_start(args, what);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (what == SYS_landlock_create_ruleset && getenv("OZXFS_NO_LANDLOCK")) {
        errno = ENOSYS;
        return -1;
    }
    if (what == SYS_fstat)
        RUN(syscall, FSTAT, what, a[0], a[1]);
    return REAL(syscall)(what, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int prctl(int what, ...)
{
    unsigned long a[4];
    va_list args;

    va_start(args, what);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if (what == PR_SET_SECCOMP && getenv("OZXFS_NO_SECCOMP")) {
        errno = EINVAL;
        return -1;
    }
    return REAL(prctl)(what, a[0], a[1], a[2], a[3]);
}

int chroot(const char *path)
{
    if (getenv("OZXFS_NO_CHROOT")) {
        errno = EPERM;
        return -1;
    }
    return REAL(chroot)(path);
}

int fsync(int fd)
{
    RUN(fsync, FSYNC, fd);
}

int syncfs(int fd)
{
    RUN(syncfs, SYNCFS, fd);
}

/* The descriptor is gone, also where an error is told. */
int close(int fd)
{
    enum verdict verdict = inject_judge(CLOSE);
    int result = REAL(close)(fd);

    if (verdict == FAIL) {
        errno = action_errno;
        return -1;
    }
    if (verdict == AFTER)
        raise(SIGKILL);
    return result;
}

int fchmod(int fd, mode_t mode)
{
    RUN(fchmod, FCHMOD, fd, mode);
}

int ftruncate64(int fd, off64_t size)
{
    RUN(ftruncate64, FTRUNCATE, fd, size);
}

int futimens(int fd, const struct timespec times[2])
{
    RUN(futimens, TIMES, fd, times);
}

int utimensat(int at, const char *name, const struct timespec times[2], int flags)
{
    RUN(utimensat, TIMES, at, name, times, flags);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    RUN(linkat, LINKAT, from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
    RUN(renameat, RENAMEAT, from, old, to, new);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    RUN(renameat2, RENAMEAT2, from, old, to, new, flags);
}

int unlinkat(int at, const char *name, int flags)
{
    RUN(unlinkat, UNLINKAT, at, name, flags);
}

int mkdirat(int at, const char *name, mode_t mode)
{
    RUN(mkdirat, MKDIRAT, at, name, mode);
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
        RUN(openat64, MAKE, at, name, flags, mode);
    return REAL(openat64)(at, name, flags, mode);
}
