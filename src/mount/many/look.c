/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking, by openat2 and by descriptors that are good for nothing else (O_PATH).
 */
#include "mount/many/look.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "io/beneath.h"

static const char *const zarr_names[] = {"zarr.json", ".zgroup", ".zarray", ".zattrs"};

void ozx_look_start(struct ozx_look *look, int root, bool all_files, const struct ozx_place *place)
{
    struct stat st;

    *look = (struct ozx_look){.root = root, .all_files = all_files};
    if (!place || fstat(place->parent, &st) < 0)
        return;
    look->has_mount_point = true;
    look->mount_point_device = st.st_dev;
    look->mount_point_inode = st.st_ino;
    snprintf(look->mount_point_name, sizeof look->mount_point_name, "%s", place->name);
}

int ozx_look_directory(const struct ozx_look *look, const char *path, int *fd, struct stat *st)
{
    int opened = ozx_beneath_open_near(look->root, path, O_RDONLY | O_DIRECTORY);

    if (opened < 0)
        return opened;
    if (fstat(opened, st) < 0) {
        int failure = -errno;
        close(opened);
        return failure;
    }
    *fd = opened;
    return 0;
}

bool ozx_look_is_zarr_name(const char *name)
{
    for (size_t i = 0; i < sizeof zarr_names / sizeof zarr_names[0]; i++)
        if (strcmp(name, zarr_names[i]) == 0)
            return true;
    return false;
}

bool ozx_look_is_zarr(int directory)
{
    struct stat st;

    for (size_t i = 0; i < sizeof zarr_names / sizeof zarr_names[0]; i++)
        if (fstatat(directory, zarr_names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            return true;
    return false;
}

bool ozx_look_is_archive_name(const char *name)
{
    static const char *const endings[] = {".ozx", ".zarr.zip"};
    size_t size = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(endings[i]);
        if (size > length && strcasecmp(name + size - length, endings[i]) == 0)
            return true;
    }
    return false;
}

/* True if more is said of who may read it than the mode tells. */
static bool has_acl(int directory, const char *name)
{
    char path[64 + NAME_MAX];

    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name);
    return lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

static bool is_mount_point(const struct ozx_look *look, const struct stat *directory,
                           const char *name)
{
    return look->has_mount_point && directory->st_dev == look->mount_point_device &&
           directory->st_ino == look->mount_point_inode &&
           strcmp(name, look->mount_point_name) == 0;
}

static void see(const struct stat *st, enum ozx_item_kind kind, bool acl, struct ozx_seen *out)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->device = st->st_dev;
    out->inode = st->st_ino;
    out->mode = st->st_mode & (acl ? 0700 : 0777);
    out->uid = st->st_uid;
    out->gid = st->st_gid;
    out->mtime = st->st_mtim;
    if (kind != OZX_ITEM_DIRECTORY)
        out->size_bytes = (uint64_t)st->st_size;
}

void ozx_look_at_root(int root, struct ozx_seen *out)
{
    struct stat st = {.st_mode = S_IFDIR};

    if (fstat(root, &st) < 0)
        st = (struct stat){.st_mode = S_IFDIR};
    see(&st, OZX_ITEM_DIRECTORY, fgetxattr(root, "system.posix_acl_access", NULL, 0) > 0, out);
}

/* A directory, or what readdir has no kind for: held, so that it is not asked of what is mounted on
 * it. */
static bool look_closely(const struct ozx_look *look, int directory, const char *name,
                         struct stat *st)
{
    OZX_AUTO_CLOSE int fd = ozx_beneath_open_near(directory, name, O_PATH);

    if (fd < 0 || fstat(fd, st) < 0)
        return false;
    return !S_ISDIR(st->st_mode) || look->all_files || !ozx_look_is_zarr(fd);
}

bool ozx_look_at(const struct ozx_look *look, int directory, const struct stat *of,
                 const char *name, unsigned char type, struct ozx_seen *out)
{
    bool archive = ozx_look_is_archive_name(name);
    struct stat st;

    if ((type != DT_REG && type != DT_DIR && type != DT_UNKNOWN) ||
        (type == DT_REG && !archive && !look->all_files) || is_mount_point(look, of, name))
        return false;
    if (type == DT_REG ? fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0
                       : !look_closely(look, directory, name, &st))
        return false;
    if (S_ISDIR(st.st_mode))
        see(&st, OZX_ITEM_DIRECTORY, has_acl(directory, name), out);
    else if (S_ISREG(st.st_mode) && (archive || look->all_files))
        see(&st, archive ? OZX_ITEM_ARCHIVE : OZX_ITEM_FILE, has_acl(directory, name), out);
    else
        return false;
    return true;
}

bool ozx_seen_is_same(const struct ozx_seen *a, const struct ozx_seen *b)
{
    return a->kind == b->kind && a->device == b->device && a->inode == b->inode &&
           a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           a->size_bytes == b->size_bytes &&
           (a->kind == OZX_ITEM_DIRECTORY ||
            (a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec));
}

static bool is_seen(const struct stat *st, const struct ozx_seen *seen)
{
    return S_ISREG(st->st_mode) && st->st_dev == seen->device && st->st_ino == seen->inode &&
           (uint64_t)st->st_size == seen->size_bytes && st->st_mtim.tv_sec == seen->mtime.tv_sec &&
           st->st_mtim.tv_nsec == seen->mtime.tv_nsec;
}

int ozx_look_open(const struct ozx_look *look, const char *path, const struct ozx_seen *seen,
                  int *fd)
{
    OZX_AUTO_CLOSE int held = ozx_beneath_open_near(look->root, path, O_PATH), opened = -1;
    char name[48];
    struct stat st;

    if (held < 0)
        return held == -ENOENT || held == -ENOTDIR || held == -ELOOP ? -ESTALE : held;
    if (fstat(held, &st) < 0 || !is_seen(&st, seen))
        return -ESTALE;
    /* The very file that was looked at: opening a device or a FIFO may do something. */
    snprintf(name, sizeof name, "/proc/self/fd/%d", held);
    opened = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) { /* no /proc */
        opened = ozx_beneath_open_near(look->root, path, O_RDONLY);
        errno = opened < 0 ? -opened : 0;
    }
    if (opened < 0)
        return -errno;
    if (fstat(opened, &st) < 0 || !is_seen(&st, seen))
        return -ESTALE;
    *fd = ozx_take_fd(&opened);
    return 0;
}

bool ozx_look_is_local(int directory)
{
    /* Of file systems whose files others change, too; magic numbers as in statfs(2). */
    static const unsigned remote[] = {0x6969,     0x517B,     0xFF534D42, 0xFE534D42,
                                      0x65735546, 0x01021997, 0x5346414F, 0x00C36400,
                                      0x0BD00BD0, 0x47504653, 0x786F4256, 0x73757245};
    struct statfs fs;

    if (fstatfs(directory, &fs) < 0)
        return false;
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
        if ((unsigned)fs.f_type == remote[i])
            return false;
    return true;
}
