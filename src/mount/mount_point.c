/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory to mount on.
 */
#include "mount/mount_point.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mount/contents.h"
#include "mount/daemons.h"
#include "mount/mountinfo.h"
#include "mount/process.h"

#define ENDING ".ome.zarr"
#define SAME_NAMES_MAX 99
#define MADE_MODE (S_ISVTX | 0755)

static int fail(struct ozx_error *error, int code, const char *hint, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
}

static int fail_errno(struct ozx_error *error, int code)
{
    switch (-code) {
    case ENOENT:
        return fail(error, code, "create it with mkdir", "the mount point does not exist");
    case ENOTDIR:
        return fail(error, code, "give a directory to mount on",
                    "the mount point is not a directory");
    case EBUSY:
        return fail(error, code, NULL, "the root directory cannot be mounted on");
    case ESTALE:
        return fail(error, code, NULL, "the mount point was replaced while it was being checked");
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

/* --- what is there already -------------------------------------------------------------------- */

/* What the file system at the place answers. */
static int question(void *context, void *answer)
{
    const struct ozx_place *place = context;
    struct statx st;

    (void)answer;
    return statx(place->parent, place->name, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC,
                 STATX_BASIC_STATS, &st) < 0
               ? errno
               : 0;
}

/* True if nobody serves the mount any more. On the mount of another user not even root gets an
 * answer: then it is the lack of daemons that tells. */
static bool is_dead(const struct ozx_place *place, const struct ozx_mount_entry *entry)
{
    struct ozx_daemons daemons;
    int answer = ozx_process_ask(question, (void *)(uintptr_t)place, NULL, 0);
    bool dead;

    if (answer != -EACCES)
        return answer == -ENOTCONN || answer == -ECONNABORTED;
    ozx_daemons_find(entry->device_minor, ozx_mount_entry_user(entry), &daemons);
    dead = daemons.count == 0;
    ozx_daemons_free(&daemons);
    return dead;
}

/* Only ozxfs itself is refused: mounting over another file system is what people sometimes want. */
int ozx_mount_point_refuse_used(const struct ozx_place *place, struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    char source[OZX_ESCAPED_SIZE];
    struct ozx_mount_id id;
    bool own;

    if (ozx_place_mount(place, &id) || ozx_mountinfo_read(&info))
        return 0;
    entry = ozx_mountinfo_by_number(&info, id.number);
    if (!entry || !ozx_mount_entry_is_fuse(entry))
        return 0;
    own = strcmp(entry->type, "fuse.ozxfs") == 0;
    if (is_dead(place, entry))
        return fail_errno(error, -ENOTCONN);
    return !own ? 0
                : ozx_error_set(
                      error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "'ozxfs umount' it first, or mount elsewhere",
                      "the mount point is in use: %s is mounted there",
                      ozx_escape(source, sizeof source, entry->source, strlen(entry->source)));
}

static bool is_empty(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool empty = true;

    if (!listing) {
        if (fd >= 0)
            close(fd);
        return true; /* who may not look must not care */
    }
    while (empty && (entry = readdir(listing)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(listing);
    return empty;
}

/* Holds the directory of a place that was found. */
static int check(struct ozx_place *place, bool hide_contents, struct ozx_error *error)
{
    int failure = ozx_place_hold(place);

    if (failure)
        return fail_errno(error, failure);
    failure = ozx_mount_point_refuse_used(place, error);
    if (failure)
        return failure;
    if (!hide_contents && !is_empty(place->directory))
        return fail(error, -ENOTEMPTY, "'-o nonempty' hides them while mounted",
                    "the mount point is not empty: the mount would hide its files");
    return 0;
}

int ozx_mount_point_check(const char *directory, bool hide_contents, struct ozx_place *place,
                          struct ozx_error *error)
{
    int failure = ozx_place_find(directory, place, error);

    if (failure)
        return error->code ? failure : fail_errno(error, failure);
    return check(place, hide_contents, error);
}

/* --- made for a mount ------------------------------------------------------------------------- */

/* A directory of another user could be taken away, or filled, at any time. */
static int check_owner(struct ozx_place *place, bool fresh, struct ozx_error *error)
{
    struct stat st;

    if (fstat(place->directory, &st) < 0)
        return fail_errno(error, -errno);
    if (st.st_uid != geteuid())
        return ozx_error_set(error, fresh ? -EPERM : -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "name a directory to mount on",
                             "no directory was given, and %s is not yours", place->path);
    place->made = fresh || st.st_mode & S_ISVTX;
    return 0;
}

/* The user has not named it, so the words do. */
static void name_place(const struct ozx_place *place, struct ozx_error *error)
{
    char text[sizeof error->text], path[OZX_ESCAPED_SIZE];

    snprintf(text, sizeof text, "%s", error->text);
    snprintf(error->text, sizeof error->text,
             "no directory was given, and %s cannot be used: %.300s",
             ozx_escape(path, sizeof path, place->path, strlen(place->path)), text);
}

/* Makes the directory of a place that was found, or takes the one that is there. -ENOTEMPTY: that
 * has files in it; -EEXIST: it cannot be taken for another reason. */
static int make(const struct ozx_start_guard *guard, struct ozx_place *place,
                struct ozx_error *error)
{
    bool fresh;
    int failure;

    ozx_start_guard_tell(guard, place);
    fresh = mkdirat(place->parent, place->name, MADE_MODE) == 0;
    if (!fresh && errno != EEXIST)
        return fail_errno(error, -errno);
    failure = check(place, false, error);
    if (failure) {
        name_place(place, error);
        if (failure != -ENOTEMPTY)
            failure = error->code = -EEXIST; /* not taken for "cannot be written" */
    } else {
        failure = check_owner(place, fresh, error);
    }
    if (failure && fresh)
        ozx_mount_point_remove_made(place, geteuid());
    return failure;
}

bool ozx_mount_point_remove_made(const struct ozx_place *place, uid_t user)
{
    size_t size = strlen(place->name), ending = strlen(ENDING);
    struct ozx_mount_id ignored;
    struct stat st;

    if (size < ending || strcmp(place->name + size - ending, ENDING) != 0 ||
        ozx_place_mount(place, &ignored) != -EINVAL ||
        fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX &&
           (st.st_uid == geteuid() || (geteuid() == 0 && st.st_uid == user)) &&
           unlinkat(place->parent, place->name, AT_REMOVEDIR) == 0;
}

static int make_beside(const char *archive_path, const char *suffix,
                       const struct ozx_start_guard *guard, struct ozx_place *place,
                       struct ozx_error *error)
{
    OZX_AUTO_FREE char *parent = strdup(archive_path);
    char name[NAME_MAX + 1];
    char *slash;
    int failure;

    if (!parent)
        return ozx_error_memory(error);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    ozx_directory_name(archive_path, suffix, name);
    failure = ozx_place_find_in(slash ? parent : ".", name, place, error);
    if (failure &&
        error->code) /* a link that must not be followed: to be told, not to be avoided */
        return error->code = -EEXIST;
    return failure ? fail_errno(error, failure) : make(guard, place, error);
}

/* A directory that nobody else can get into, made if need be. */
static int private_directory(const char *parent, const char *name, struct ozx_place *place)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct stat st;
    int failure = ozx_place_find_in(parent, name, place, &ignored);

    if (failure)
        return failure;
    if (mkdirat(place->parent, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    failure = ozx_place_hold(place);
    if (failure)
        return failure;
    if (fstat(place->directory, &st) < 0)
        return -errno;
    return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

/* Holds it as the directory of `place`. */
static int runtime_directory(struct ozx_place *place, struct ozx_error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char name[32];
    int failure;

    if (runtime && runtime[0] == '/' && private_directory(runtime, "ozxfs", place) == 0)
        return 0;
    ozx_place_close(place);
    snprintf(name, sizeof name, "ozxfs-%u", (unsigned)geteuid());
    failure = private_directory("/tmp", name, place);
    if (failure == 0)
        return 0;
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "name a directory to mount on",
                         "no directory was given, and /tmp/%s cannot be used: %s", name,
                         failure == -EPERM ? "it is not private to you" : strerror(-failure));
}

static int make_in_runtime(const char *archive_path, const struct ozx_start_guard *guard,
                           struct ozx_place *place, struct ozx_error *error)
{
    OZX_AUTO_PLACE struct ozx_place directory = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    int failure = runtime_directory(&directory, error);

    if (failure)
        return failure;
    place->parent = ozx_take_fd(&directory.directory);
    for (int number = 1; number <= SAME_NAMES_MAX; number++) {
        ozx_directory_name_of(archive_path, (unsigned)number, place->name);
        if (snprintf(place->path, sizeof place->path, "%s/%s", directory.path, place->name) >=
            (int)sizeof place->path)
            return fail_errno(error, -ENAMETOOLONG);
        ignored.code = 0;
        failure = make(guard, place, &ignored);
        if (!failure) {
            place->made = true;
            return 0;
        }
        if (failure != -EEXIST && failure != -ENOTEMPTY)
            return fail_errno(error, failure);
    }
    return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "name a directory to mount on", "%s has %d mounts of that name",
                         directory.path, SAME_NAMES_MAX);
}

/* Where the archive lies nothing can be made, by nobody or by this user. */
static bool cannot_write(int failure)
{
    return failure == -EACCES || failure == -EROFS || failure == -EPERM || failure == -ENOSPC ||
           failure == -EDQUOT || failure == -EOPNOTSUPP;
}

int ozx_mount_point_make(const char *archive_path, const struct ozx_start_guard *guard,
                         struct ozx_place *place, struct ozx_error *error)
{
    /* The directory that the archive was packed from often stands beside it, under the first name.
     */
    static const char *const suffixes[] = {ENDING, ".ozx" ENDING};
    int failure = -ENOTEMPTY;

    for (size_t i = 0; failure == -ENOTEMPTY && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        ozx_place_close(place);
        *error = (struct ozx_error)OZX_ERROR_INIT;
        failure = make_beside(archive_path, suffixes[i], guard, place, error);
    }
    if (failure != -ENOTEMPTY && !cannot_write(failure))
        return failure;
    ozx_place_close(place);
    *error = (struct ozx_error)OZX_ERROR_INIT;
    return make_in_runtime(archive_path, guard, place, error);
}
