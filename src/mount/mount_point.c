/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory to mount on.
 */
#include "mount/mount_point.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "mount/mountinfo.h"

#define ENDING ".ome.zarr"
#define SAME_NAMES_MAX 99

static int fail(struct ozx_error *error, int code, const char *hint, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
}

static int fail_errno(struct ozx_error *error, int code)
{
    switch (-code) {
    case ENOENT:
        return fail(error, code, "make it with mkdir", "the mount point does not exist");
    case ENOTDIR:
        return fail(error, code, NULL, "the mount point is not a directory");
    case ENOTCONN:
        return fail(error, -EBUSY, "remove it with 'ozxfs umount' or 'fusermount3 -u'",
                    "the mount point is in use: a dead FUSE mount is there");
    case EACCES:
        return fail(error, code, NULL, "the mount point cannot be accessed: permission denied");
    default:
        return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the mount point cannot be used: %s", strerror(-code));
    }
}

/* Only ozxfs itself is refused: mounting over another file system is what people sometimes want. */
int ozx_mount_point_refuse_used(const char *resolved, struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    char source[OZX_ESCAPED_SIZE];

    if (ozx_mountinfo_read(&info))
        return 0;
    entry = ozx_mountinfo_at(&info, resolved);
    if (!entry || strcmp(entry->type, "fuse.ozxfs") != 0)
        return 0;
    return ozx_error_set(error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "'ozxfs umount' it first, or mount elsewhere",
                         "the mount point is in use: %s is mounted there",
                         ozx_escape(source, sizeof source, entry->source, strlen(entry->source)));
}

static bool is_empty(const char *directory)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    bool empty = true;

    if (!listing)
        return true; /* who may not look must not care */
    while (empty && (entry = readdir(listing)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(listing);
    return empty;
}

int ozx_mount_point_check(const char *directory, bool hide_contents, char resolved[PATH_MAX],
                          struct ozx_error *error)
{
    struct stat st;
    int failure;

    if (!realpath(directory, resolved) || stat(resolved, &st) < 0)
        return fail_errno(error, -errno);
    if (!S_ISDIR(st.st_mode))
        return fail_errno(error, -ENOTDIR);
    failure = ozx_mount_point_refuse_used(resolved, error);
    if (failure)
        return failure;
    if (!hide_contents && !is_empty(resolved))
        return fail(error, -ENOTEMPTY, "'-o nonempty' hides them while mounted",
                    "the mount point is not empty: the mount would hide its files");
    return 0;
}

/* The archive's name without what says that it is one, and cut where it would not leave room for
 * the ending (and a number) in a file name. */
static void default_name(const char *archive_path, char name[NAME_MAX + 1], int number)
{
    static const char *const endings[] = {".ome.zarr.zip", ".zarr.zip", ".ozx", ".zip"};
    const char *base = strrchr(archive_path, '/');
    char suffix[32];
    size_t size, room;

    base = base ? base + 1 : archive_path;
    size = strlen(base);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(endings[i]);
        if (size > length && strcasecmp(base + size - length, endings[i]) == 0) {
            size -= length;
            break;
        }
    }
    snprintf(suffix, sizeof suffix, number > 1 ? "-%d" ENDING : ENDING, number);
    room = NAME_MAX - strlen(suffix);
    if (size > room)
        for (size = room; size > 1 && (base[size] & 0xC0) == 0x80;)
            size--; /* not inside a character */
    snprintf(name, NAME_MAX + 1, "%.*s%s", (int)size, base, suffix);
}

static int join(char path[PATH_MAX], const char *directory, const char *name)
{
    int size =
        snprintf(path, PATH_MAX, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);

    return size < 0 || size >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_beside(const char *archive_path, char resolved[PATH_MAX], bool *made,
                       struct ozx_error *error)
{
    OZX_AUTO_FREE char *parent = strdup(archive_path);
    char directory[PATH_MAX], name[NAME_MAX + 1];
    char *slash;
    int failure;

    if (!parent)
        return ozx_error_memory(error);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    if (!realpath(slash ? parent : ".", directory))
        return fail_errno(error, -errno);
    default_name(archive_path, name, 1);
    failure = join(resolved, directory, name);
    if (failure)
        return fail_errno(error, failure);
    *made = mkdir(resolved, 0755) == 0;
    if (*made)
        return 0;
    if (errno != EEXIST)
        return fail_errno(error, -errno);
    strcpy(directory, resolved);
    failure = ozx_mount_point_check(directory, false, resolved, error);
    if (failure) /* not taken for "cannot be written" */
        error->code = -EEXIST;
    return failure ? -EEXIST : 0;
}

/* A directory that nobody else can get into, made if need be. */
static int private_directory(const char *path)
{
    OZX_AUTO_CLOSE int fd = -1;
    struct stat st;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int runtime_directory(char path[PATH_MAX], struct ozx_error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char parent[PATH_MAX];
    int failure;

    if (runtime && runtime[0] == '/' && realpath(runtime, parent) &&
        join(path, parent, "ozxfs") == 0 && private_directory(path) == 0)
        return 0;
    snprintf(path, PATH_MAX, "/tmp/ozxfs-%u", (unsigned)geteuid());
    failure = private_directory(path);
    if (failure == 0)
        return 0;
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "name a directory to mount on",
                         "no directory was given, and %s cannot be used: %s", path,
                         failure == -EPERM ? "it is not private to you" : strerror(-failure));
}

static int make_in_runtime(const char *archive_path, char resolved[PATH_MAX],
                           struct ozx_error *error)
{
    char directory[PATH_MAX], name[NAME_MAX + 1], path[PATH_MAX];
    struct ozx_error ignored = OZX_ERROR_INIT;
    int failure = runtime_directory(directory, error);

    if (failure)
        return failure;
    for (int number = 1; number <= SAME_NAMES_MAX; number++) {
        default_name(archive_path, name, number);
        failure = join(path, directory, name);
        if (failure)
            return fail_errno(error, failure);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return fail_errno(error, -errno);
        if (ozx_mount_point_check(path, false, resolved, &ignored) == 0)
            return 0;
    }
    return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "name a directory to mount on", "%s has %d mounts of that name", directory,
                         SAME_NAMES_MAX);
}

int ozx_mount_point_make(const char *archive_path, char resolved[PATH_MAX], bool *made,
                         struct ozx_error *error)
{
    int failure = make_beside(archive_path, resolved, made, error);

    if (failure != -EACCES && failure != -EROFS && failure != -EPERM && failure != -ENOSPC &&
        failure != -EDQUOT && failure != -EOPNOTSUPP)
        return failure;
    *made = true;
    return make_in_runtime(archive_path, resolved, error);
}
