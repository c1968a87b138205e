/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Preloaded into ozxfs by the tests: writes down, in order, every call that changes a file or a
 * directory or brings it to the disk, so that tests/faults/power_cut.py can say what a power cut
 * would leave. Nothing fails and nothing is changed.
 *
 *     OZXFS_RECORD=FILE       the log; without it nothing is written
 *     OZXFS_NO_TMPFILE=1      no files without a name: the way that file systems without them take
 *
 * One line per call, files and directories by their inode, a failed call not at all:
 *
 *     create DIR INO NAME     mkdir DIR INO NAME     unnamed INO
 *     write INO OFFSET SIZE   and the bytes, and a newline
 *     truncate INO SIZE
 *     link DIR INO NAME       rename DIR NAME DIR NAME FLAGS       unlink DIR NAME
 *     sync INO N              synced INO N       a call with N was made, and has succeeded
 *     syncfs 0 N              syncfsed 0 N
 *
 * A lock makes the order of the lines that of the calls. It is not held while a file is synced:
 * what others write meanwhile need not be on the disk.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_SIZE (UINT64_C(256) << 20) /* a sparse file */

/* The log's file, mapped: the caged process of a verb is left no descriptor for it, and what it
 * writes down stands behind what its parent did. */
struct log {
    _Atomic uint64_t size; /* of the text, 8 bytes at the file's front */
    _Atomic uint32_t syncs, unused;
    char text[];
};

static struct log *record;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("OZXFS_RECORD");

    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0)
        return;
    mapped = ftruncate(fd, (off_t)LOG_SIZE) == 0
                 ? mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                 : MAP_FAILED;
    close(fd);
    if (mapped == MAP_FAILED)
        abort(); /* no log would prove anything */
    record = mapped;
}

static void put(const void *data, size_t size)
{
    if (size > LOG_SIZE - sizeof *record - record->size)
        abort(); /* as would half a log */
    memcpy(record->text + record->size, data, size);
    record->size += size;
}

/* Keeps errno, which the caller of the recorded call wants. */
static void __attribute__((format(printf, 1, 2))) line(const char *format, ...)
{
    char text[1024];
    int kept = errno;
    va_list args;

    if (!record)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(text, strlen(text));
    errno = kept;
}

static unsigned long long inode(int fd)
{
    struct stat st;

    if (fd == AT_FDCWD ? stat(".", &st) : (int)syscall(SYS_fstat, fd, &st))
        return 0;
    return st.st_ino;
}

static unsigned long long inode_at(int at, const char *name)
{
    struct stat st;

    int fd;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return st.st_ino;
    /* In the cage no path can be asked for; a directory that was made can be opened. */
    fd = REAL(openat64)(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    st.st_ino = fd < 0 ? 0 : inode(fd);
    if (fd >= 0)
        REAL(close)(fd);
    return st.st_ino;
}

static bool is_file(int fd)
{
    struct stat st;

    return syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* --- data ------------------------------------------------------------------------------------- */

static void wrote(int fd, const void *data, ssize_t size, long long offset)
{
    int kept = errno;

    if (size > 0 && record && is_file(fd)) {
        line("write %llu %lld %zd\n", inode(fd), offset, size);
        put(data, (size_t)size);
        line("\n");
    }
    errno = kept;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    ssize_t result;

    pthread_mutex_lock(&lock);
    result = REAL(pwrite64)(fd, data, size, offset);
    wrote(fd, data, result, offset);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t result;

    pthread_mutex_lock(&lock);
    result = REAL(write)(fd, data, size);
    wrote(fd, data, result, result > 0 ? lseek(fd, 0, SEEK_CUR) - result : 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t size)
{
    int result;

    pthread_mutex_lock(&lock);
    result = REAL(ftruncate64)(fd, size);
    if (result == 0)
        line("truncate %llu %lld\n", inode(fd), (long long)size);
    pthread_mutex_unlock(&lock);
    return result;
}

/* --- to the disk ------------------------------------------------------------------------------ */

static int bring(int fd, int (*how)(int fd), const char *before, const char *after,
                 unsigned long long what)
{
    unsigned number;
    int result;

    pthread_mutex_lock(&lock);
    number = record ? ++record->syncs : 0;
    line("%s %llu %u\n", before, what, number);
    pthread_mutex_unlock(&lock);
    result = how(fd);
    pthread_mutex_lock(&lock);
    if (result == 0)
        line("%s %llu %u\n", after, what, number);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd)
{
    return bring(fd, REAL(fsync), "sync", "synced", inode(fd));
}

int fdatasync(int fd)
{
    return bring(fd, REAL(fdatasync), "sync", "synced", inode(fd));
}

int syncfs(int fd)
{
    return bring(fd, REAL(syncfs), "syncfs", "syncfsed", 0);
}

/* --- names ------------------------------------------------------------------------------------ */

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    int result;

    pthread_mutex_lock(&lock);
    result = REAL(linkat)(from, old, to, new, flags);
    if (result == 0)
        line("link %llu %llu %s\n", inode(to), inode_at(to, new), new);
    pthread_mutex_unlock(&lock);
    return result;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    int result;

    pthread_mutex_lock(&lock);
    result = REAL(renameat2)(from, old, to, new, flags);
    if (result == 0)
        line("rename %llu %s %llu %s %u\n", inode(from), old, inode(to), new, flags);
    pthread_mutex_unlock(&lock);
    return result;
}

int renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

int unlinkat(int at, const char *name, int flags)
{
    int result;

    pthread_mutex_lock(&lock);
    result = REAL(unlinkat)(at, name, flags);
    if (result == 0)
        line("unlink %llu %s\n", inode(at), name);
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdirat(int at, const char *name, mode_t mode)
{
    int result;

    pthread_mutex_lock(&lock);
    result = REAL(mkdirat)(at, name, mode);
    if (result == 0)
        line("mkdir %llu %llu %s\n", inode(at), inode_at(at, name), name);
    pthread_mutex_unlock(&lock);
    return result;
}

int openat64(int at, const char *name, int flags, ...)
{
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE, there;
    mode_t mode;
    va_list args;
    int fd;

    if (!unnamed && !(flags & O_CREAT))
        return REAL(openat64)(at, name, flags);
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    if (unnamed && getenv("OZXFS_NO_TMPFILE")) {
        errno = EOPNOTSUPP;
        return -1;
    }
    pthread_mutex_lock(&lock);
    there = !unnamed && inode_at(at, name);
    fd = REAL(openat64)(at, name, flags, mode);
    if (fd >= 0 && unnamed)
        line("unnamed %llu\n", inode(fd));
    else if (fd >= 0 && !there)
        line("create %llu %llu %s\n", inode(at), inode(fd), name);
    else if (fd >= 0 && flags & O_TRUNC)
        line("truncate %llu 0\n", inode(fd));
    pthread_mutex_unlock(&lock);
    return fd;
}
