/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole files or none. Knows nothing of ZIP.
 */
#include "io/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "io/access.h"
#include "io/attributes.h"

#define TEMPORARY_TRIES 100

static int fail(int code, const char *what, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(code),
                         "%s: %s", what, strerror(-code));
}

/* --- before anything is made ------------------------------------------------------------------ */

static int open_directory(struct ozx_output_file *file, const char *path, struct ozx_error *error)
{
    OZX_AUTO_FREE char *directory = strdup(path);
    char *slash;

    if (!directory)
        return ozx_error_memory(error);
    slash = strrchr(directory, '/');
    if (slash == directory)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    file->directory_fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    file->can_sync_directory = file->directory_fd >= 0;
    if (file->directory_fd < 0 && errno == EACCES) /* not readable, but perhaps writable */
        file->directory_fd = open(slash ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (file->directory_fd < 0 || fstat(file->directory_fd, &file->directory) < 0)
        return fail(-errno, "cannot open its directory", error);
    return 0;
}

/* What stands under the name, whatever it is. */
static int open_old(const struct ozx_output_file *file)
{
    return openat(file->directory_fd, file->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int judge_old(struct ozx_output_file *file, struct ozx_error *error)
{
    if (!S_ISREG(file->old.st_mode))
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE, "give another name",
                             "exists and is %s",
                             S_ISDIR(file->old.st_mode)   ? "a directory"
                             : S_ISLNK(file->old.st_mode) ? "a symbolic link"
                                                          : "not a regular file");
    if (!file->replace)
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give another name, or --force to replace it", "exists already");
    return 0;
}

int ozx_output_file_prepare(struct ozx_output_file *file, const char *path, bool replace,
                            struct ozx_error *error)
{
    const char *slash = strrchr(path, '/');
    int failure;

    file->name = slash ? slash + 1 : path;
    file->replace = replace;
    if (!file->name[0])
        return fail(*path ? -EISDIR : -ENOENT, "is not a valid file name", error);
    failure = open_directory(file, path, error);
    if (failure)
        return failure;
    file->old_fd = open_old(file);
    if (file->old_fd >= 0 && fstat(file->old_fd, &file->old) == 0)
        return judge_old(file, error);
    memset(&file->old, 0, sizeof file->old);
    return errno == ENOENT ? 0 : fail(-errno, "cannot be created", error);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int fail_changed(struct ozx_error *error)
{
    return ozx_error_set(
        error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE, "try again",
        "was changed or replaced by another process meanwhile, and is left as it is");
}

int ozx_output_file_in_place(struct ozx_output_file *file, int fd, bool force,
                             struct ozx_error *error)
{
    const struct stat *st = &file->read;

    file->in_place = true;
    file->read_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (file->read_fd < 0 || fstat(file->read_fd, &file->read) < 0)
        return fail(-errno, "cannot be examined", error);
    if (!is_same(st, &file->old))
        return fail_changed(error);
    if (st->st_nlink > 1 && !force)
        return ozx_error_set(
            error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
            "--force replaces it under this name only",
            "has %lu names (hard links), and the others would keep the old contents",
            (unsigned long)st->st_nlink);
    if (geteuid() != 0 && st->st_uid != geteuid() && !force)
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give another name, or --force to own it",
                             "belongs to another user, and the new file would be yours");
    return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

void ozx_temporary_name(char name[32])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[8];

    if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        memcpy(random, &(uint64_t){(uint64_t)getpid() * UINT64_C(0x9E3779B97F4A7C15)}, 8);
    snprintf(name, 32, ".ozxfs-%c%c%c%c%c%c%c%c.partial", letters[random[0] & 31],
             letters[random[1] & 31], letters[random[2] & 31], letters[random[3] & 31],
             letters[random[4] & 31], letters[random[5] & 31], letters[random[6] & 31],
             letters[random[7] & 31]);
}

static int link_unnamed(const struct ozx_output_file *file, const char *name)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, path, file->directory_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Without /proc, which linking needs, a file without a name could never get one. */
static int create_unnamed(struct ozx_output_file *file, mode_t mode)
{
    char path[40];
    struct stat through, direct;

    file->fd = openat(file->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (file->fd < 0)
        return -errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    if (stat(path, &through) == 0 && fstat(file->fd, &direct) == 0 &&
        through.st_ino == direct.st_ino && through.st_dev == direct.st_dev)
        return 0;
    close(ozx_take_fd(&file->fd));
    return -EOPNOTSUPP;
}

static int create_named(struct ozx_output_file *file, mode_t mode)
{
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        char name[32];

        ozx_temporary_name(name);
        file->fd = openat(file->directory_fd, name,
                          O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, mode);
        if (file->fd >= 0) {
            memcpy(file->temporary, name, sizeof name);
            return 0;
        }
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

int ozx_output_file_create(struct ozx_output_file *file, struct ozx_error *error)
{
    /* Who could not read the old archive must not read the new one, at no time. */
    mode_t mode = file->old.st_nlink ? 0600 : 0666;
    int failure = create_unnamed(file, mode);

    /* Whatever made that fail, a named file either works or gives the better reason. */
    if (failure)
        failure = create_named(file, mode);
    return failure ? fail(failure, "cannot be created", error) : 0;
}

/* --- its access ------------------------------------------------------------------------------- */

/* Of the file that is replaced: the one that has the name now, or else had it before. Only when the
 * new one is complete, as its owner may write to it from then on. */
static int take_over_access(const struct ozx_output_file *file)
{
    OZX_AUTO_CLOSE int now = open_old(file);
    int old = now >= 0 ? now : file->old_fd;
    struct stat st;
    int failure;

    if (old < 0 || fstat(old, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    failure = ozx_access_take_over(file->fd, old);
    return !failure && fsync(file->fd) < 0 ? -errno : failure;
}

/* --- its name --------------------------------------------------------------------------------- */

/* From no name to a temporary one. */
static int name_temporarily(struct ozx_output_file *file)
{
    int failure = -EEXIST;

    for (int i = 0; i < TEMPORARY_TRIES && failure == -EEXIST; i++) {
        char name[32];

        ozx_temporary_name(name);
        failure = link_unnamed(file, name);
        if (!failure)
            memcpy(file->temporary, name, sizeof name);
    }
    return failure;
}

static int move_over(struct ozx_output_file *file)
{
    if (!file->temporary[0]) {
        int failure = link_unnamed(file, file->name);
        if (failure == -EEXIST) /* only then is a second step needed */
            failure = name_temporarily(file);
        if (failure || !file->temporary[0])
            return failure;
    }
    if (renameat(file->directory_fd, file->temporary, file->directory_fd, file->name) < 0)
        return -errno;
    file->temporary[0] = '\0';
    return 0;
}

static int move_to_free_name(struct ozx_output_file *file)
{
    int directory = file->directory_fd;

    if (!file->temporary[0])
        return link_unnamed(file, file->name);
    if (renameat2(directory, file->temporary, directory, file->name, RENAME_NOREPLACE) == 0) {
        file->temporary[0] = '\0';
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* The file system has no such rename: a link does not replace either. Closing removes the
     * temporary name. */
    return linkat(directory, file->temporary, directory, file->name, 0) < 0 ? -errno : 0;
}

/* --- in place --------------------------------------------------------------------------------- */

/* Under the name stands the file that was read, and it is as it was. */
static bool is_unchanged(const struct ozx_output_file *file)
{
    struct stat now, named;

    return fstat(file->read_fd, &now) == 0 && is_same(&now, &file->read) &&
           now.st_ctim.tv_sec == file->read.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == file->read.st_ctim.tv_nsec &&
           fstatat(file->directory_fd, file->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_same(&named, &now);
}

static int exchange(const struct ozx_output_file *file)
{
    int directory = file->directory_fd;

    return renameat2(directory, file->temporary, directory, file->name, RENAME_EXCHANGE) < 0
               ? -errno
               : 0;
}

/* What was put aside by the exchange is not the file that was read: it gets its name back. */
static int put_back(struct ozx_output_file *file, struct ozx_error *error)
{
    char name[sizeof file->temporary];
    int failure = exchange(file);

    if (!failure)
        return fail_changed(error);
    memcpy(name, file->temporary, sizeof name);
    file->temporary[0] = '\0'; /* it is not removed */
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "was replaced by another process meanwhile: what that wrote is %s now",
                         name);
}

/* The old file is removed only when it is seen to be the one that was read, and the new one has its
 * name. */
static int move_in_place(struct ozx_output_file *file, struct ozx_error *error)
{
    struct stat aside;
    int failure = file->temporary[0] ? 0 : name_temporarily(file);

    if (failure)
        return fail(failure, "cannot be renamed into place", error);
    if (!is_unchanged(file))
        return fail_changed(error);
    failure = exchange(file);
    if (failure == -EINVAL || failure == -ENOSYS) /* the file system has no such rename */
        failure = move_over(file);
    if (failure)
        return fail(failure, "cannot be renamed into place", error);
    if (file->temporary[0] &&
        (fstatat(file->directory_fd, file->temporary, &aside, AT_SYMLINK_NOFOLLOW) < 0 ||
         !is_same(&aside, &file->read)))
        return put_back(file, error);
    return 0;
}

static int move(struct ozx_output_file *file, struct ozx_error *error)
{
    int failure;

    if (file->in_place)
        return move_in_place(file, error);
    failure = file->replace ? move_over(file) : move_to_free_name(file);
    if (failure == -EEXIST)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give another name, or --force to replace it",
                             "was created by another process meanwhile");
    return failure ? fail(failure, "cannot be renamed into place", error) : 0;
}

int ozx_output_file_commit(struct ozx_output_file *file, struct ozx_error *error)
{
    int failure;

    if (file->in_place && !is_unchanged(file))
        return fail_changed(error);
    failure = file->in_place ? ozx_attributes_copy(file->fd, file->read_fd) : 0;
    if (failure)
        return fail(failure, "cannot copy the extended attributes of the old file", error);
    failure = file->replace ? take_over_access(file) : 0;
    if (failure)
        return fail(failure, "cannot copy the access rights of the old file", error);
    failure = move(file, error);
    if (failure)
        return failure;
    if (file->can_sync_directory && fsync(file->directory_fd) < 0 && errno != EINVAL)
        return fail(-errno, "is complete, but its directory cannot be synced", error);
    return 0;
}

void ozx_output_file_close(struct ozx_output_file *file)
{
    if (file->temporary[0])
        unlinkat(file->directory_fd, file->temporary, 0);
    file->temporary[0] = '\0';
    ozx_cleanup_close(&file->fd);
    ozx_cleanup_close(&file->read_fd);
    ozx_cleanup_close(&file->old_fd);
    ozx_cleanup_close(&file->directory_fd);
    file->fd = file->read_fd = file->old_fd = file->directory_fd = -1;
}
