/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Preloaded into ozxfs by test_waiting.py: a disk that takes its time. Nothing is in memory (reads
 * that must not wait answer EAGAIN), and from the first such question on every other read takes
 * OZXFS_SLOW_MS milliseconds. With OZXFS_SLOW_CANNOT_SAY the file system does not know reads that
 * must not wait (EOPNOTSUPP), as on NFS. No system call but those of a worker that serves.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>

static atomic_bool serving;
static ssize_t (*real_preadv)(int, const struct iovec *, int, off_t);
static long slow_ms;
static int answer = EAGAIN;

__attribute__((constructor)) static void prepare(void)
{
    const char *ms = getenv("OZXFS_SLOW_MS");

    *(void **)&real_preadv = dlsym(RTLD_NEXT, "preadv");
    slow_ms = ms ? atol(ms) : 0;
    if (getenv("OZXFS_SLOW_CANNOT_SAY"))
        answer = EOPNOTSUPP;
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset);

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    (void)fd, (void)parts, (void)count, (void)offset, (void)flags;
    atomic_store(&serving, true);
    errno = answer;
    return -1;
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct timespec time = {.tv_sec = slow_ms / 1000, .tv_nsec = slow_ms % 1000 * 1000000};

    if (atomic_load(&serving))
        nanosleep(&time, NULL);
    return real_preadv(fd, parts, count, offset);
}
