/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file that holds an image: in a ramfs of its own, which is never mounted anywhere. (EROFS
 * takes no image in a memfd or tmpfs.) What stands there cannot be swapped out; so a large one goes
 * to a disk, as a file without a name.
 */
#include "mount/kernel/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

#define MEMORY_BYTES (UINT64_C(64) << 20) /* always in memory, up to this */
#define MEMORY_SHARE 64                   /* or up to this part of all memory, */
#define FREE_SHARE 8                      /* and without a disk up to this part of what is free */
#define DISK_PLACE "/var/tmp"
#define XFS_MAGIC 0x58465342

static int fail(struct ozx_error *why, int code, const char *what)
{
    return ozx_error_set(why, code == -EPERM ? -EPERM : -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         NULL, "%s: %s", what, strerror(-code));
}

/* The descriptor, or -errno. */
static int make_in_memory(void)
{
    OZX_AUTO_CLOSE int fs = fsopen("ramfs", FSOPEN_CLOEXEC);
    OZX_AUTO_CLOSE int mount = -1;
    int fd;

    if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (mount < 0)
        return -errno;
    fd = openat(mount, "image", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

/* On a disk where a page that is written to again needs no new room. */
static int make_on_disk(uint64_t size_bytes)
{
    OZX_AUTO_CLOSE int fd = open(DISK_PLACE, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct statfs fs;
    int failure;

    if (fd < 0 || fstatfs(fd, &fs) < 0)
        return -errno;
    if (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_MAGIC)
        return -EOPNOTSUPP;
    failure = posix_fallocate(fd, 0, (off_t)size_bytes);
    return failure ? -failure : ozx_take_fd(&fd);
}

static bool is_little(uint64_t size_bytes)
{
    struct sysinfo info;

    return size_bytes <= MEMORY_BYTES ||
           (sysinfo(&info) == 0 &&
            size_bytes <= (uint64_t)info.totalram * info.mem_unit / MEMORY_SHARE &&
            size_bytes <= (uint64_t)info.freeram * info.mem_unit / FREE_SHARE);
}

static bool is_much(uint64_t size_bytes)
{
    struct sysinfo info;

    return sysinfo(&info) < 0 || size_bytes > (uint64_t)info.freeram * info.mem_unit / FREE_SHARE;
}

/* With memory for all of it: all of it is going to be written. Takes `fd` unless it fails. */
static int map(int *fd, uint64_t size_bytes, struct ozx_kernel_image_file *out)
{
    void *memory;

    if (ftruncate(*fd, (off_t)size_bytes) < 0)
        return -errno;
    memory = mmap(NULL, (size_t)size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    (void)madvise(memory, (size_t)size_bytes, MADV_POPULATE_WRITE); /* since Linux 5.14 */
    *out = (struct ozx_kernel_image_file){
        .fd = ozx_take_fd(fd), .memory = memory, .size_bytes = size_bytes};
    return 0;
}

void ozx_kernel_image_file_expect(uint64_t size_bytes, struct ozx_kernel_image_file *out)
{
    OZX_AUTO_CLOSE int fd = is_little(size_bytes) ? make_in_memory() : -1;

    if (fd >= 0)
        (void)!map(&fd, size_bytes, out);
}

static int resize(struct ozx_kernel_image_file *file, uint64_t size_bytes)
{
    void *memory;

    if (ftruncate(file->fd, (off_t)size_bytes) < 0)
        return -errno;
    memory = mremap(file->memory, (size_t)file->size_bytes, (size_t)size_bytes, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED)
        return -errno;
    file->memory = memory;
    file->size_bytes = size_bytes;
    return 0;
}

int ozx_kernel_image_file_make(uint64_t size_bytes, struct ozx_kernel_image_file *file,
                               struct ozx_error *why)
{
    OZX_AUTO_CLOSE int fd = -1;
    bool little = is_little(size_bytes);
    int failure;

    if (file->fd >= 0 && size_bytes <= file->size_bytes + MEMORY_BYTES && !resize(file, size_bytes))
        return 0;
    ozx_kernel_image_file_close(file);
    if (!little)
        fd = make_on_disk(size_bytes);
    if (fd < 0) {
        if (!little && is_much(size_bytes))
            return fail(why, -ENOSPC, "no room for its image in memory or " DISK_PLACE);
        fd = make_in_memory();
    }
    if (fd < 0)
        return fail(why, fd, "cannot make a file for its image");
    failure = map(&fd, size_bytes, file);
    return failure ? fail(why, failure, "cannot make a file for its image") : 0;
}

void ozx_kernel_image_file_close(struct ozx_kernel_image_file *file)
{
    if (file->memory)
        munmap(file->memory, (size_t)file->size_bytes);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct ozx_kernel_image_file)OZX_IMAGE_FILE_INIT;
}
