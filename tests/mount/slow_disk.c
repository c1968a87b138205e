/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Preloaded into ozxfs by test_waiting.py: a disk that takes its time, or a decompressor.
 *   OZXFS_SLOW_MS          nothing is in memory (reads that must not wait answer EAGAIN), and from
 *                          the first such question on every other read takes so long
 *   OZXFS_SLOW_CANNOT_SAY  ... and the file system does not know reads that must not wait
 *                          (EOPNOTSUPP), as on NFS
 *   OZXFS_SLOW_AT_ONCE     ... and other reads take so long from the first of them on
 *   OZXFS_SLOW_INFLATE_MS  each call of inflate takes so long
 * No system call but those of a worker that serves.
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
static ssize_t (*real_preadv2)(int, const struct iovec *, int, off_t, int);
static int (*real_inflate)(void *, int);
static long slow_ms, slow_inflate_ms;
static int answer = EAGAIN;

__attribute__((constructor)) static void prepare(void)
{
    const char *ms = getenv("OZXFS_SLOW_MS"), *inflate_ms = getenv("OZXFS_SLOW_INFLATE_MS");

    *(void **)&real_preadv = dlsym(RTLD_NEXT, "preadv");
    *(void **)&real_preadv2 = dlsym(RTLD_NEXT, "preadv2");
    *(void **)&real_inflate = dlsym(RTLD_NEXT, "inflate");
    slow_ms = ms ? atol(ms) : 0;
    slow_inflate_ms = inflate_ms ? atol(inflate_ms) : 0;
    atomic_store(&serving, getenv("OZXFS_SLOW_AT_ONCE") != NULL);
    if (getenv("OZXFS_SLOW_CANNOT_SAY"))
        answer = EOPNOTSUPP;
}

static void wait_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ms)
        nanosleep(&time, NULL);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset);
int inflate(void *stream, int flush);

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    if (!slow_ms)
        return real_preadv2(fd, parts, count, offset, flags);
    atomic_store(&serving, true);
    errno = answer;
    return -1;
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (atomic_load(&serving))
        wait_ms(slow_ms);
    return real_preadv(fd, parts, count, offset);
}

int inflate(void *stream, int flush)
{
    wait_ms(slow_inflate_ms);
    return real_inflate(stream, flush);
}
