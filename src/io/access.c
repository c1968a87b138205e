/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Access taken over from what is replaced.
 */
#include "io/access.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

struct acl {
    void *bytes; /* owned; NULL: there is none */
    size_t size;
};

static void free_acl(struct acl *acl)
{
    free(ozx_take(acl->bytes));
}

#define AUTO_ACL OZX_CLEANUP(free_acl)

struct kept {
    bool owner, group;
};

/* --- ACLs ------------------------------------------------------------------------------------- */

/* An O_PATH descriptor has no attributes of its own, only by its path in /proc. */
static ssize_t get_attribute(int fd, const char *name, void *bytes, size_t size)
{
    char path[40];
    ssize_t got = fgetxattr(fd, name, bytes, size);

    if (got >= 0 || errno != EBADF)
        return got;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return getxattr(path, name, bytes, size);
}

static int read_acl(int fd, const char *name, struct acl *acl)
{
    ssize_t size, got;

    do { /* it may grow between the two */
        free_acl(acl);
        size = get_attribute(fd, name, NULL, 0);
        if (size <= 0)
            return size == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
        acl->bytes = malloc((size_t)size);
        if (!acl->bytes)
            return -ENOMEM;
        got = get_attribute(fd, name, acl->bytes, (size_t)size);
    } while (got < 0 && errno == ERANGE);
    acl->size = got < 0 ? 0 : (size_t)got;
    if (got > 0)
        return 0;
    free_acl(acl);
    return got == 0 || errno == ENODATA ? 0 : -errno;
}

/* What a default ACL of the parent directory gave it. */
static int remove_acl(int fd, const char *name)
{
    return fremovexattr(fd, name) == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

static int set_acl(int fd, const char *name, const struct acl *acl)
{
    return acl->bytes && fsetxattr(fd, name, acl->bytes, acl->size, 0) < 0 ? -errno : 0;
}

static int remove_acls(int fd, bool directory)
{
    int failure = remove_acl(fd, ACL_ACCESS);

    return failure || !directory ? failure : remove_acl(fd, ACL_DEFAULT);
}

/* --- owner, group, mode ----------------------------------------------------------------------- */

static int take_owner(int fd, const struct stat *old, struct kept *kept)
{
    struct stat now;

    if (fstat(fd, &now) < 0)
        return -errno;
    if ((now.st_uid != old->st_uid || now.st_gid != old->st_gid) &&
        fchown(fd, old->st_uid, old->st_gid) < 0 && now.st_gid != old->st_gid &&
        fchown(fd, (uid_t)-1, old->st_gid) < 0) {
        /* Neither: the mode answers for it. */
    }
    if (fstat(fd, &now) < 0)
        return -errno;
    kept->owner = now.st_uid == old->st_uid;
    kept->group = now.st_gid == old->st_gid;
    return 0;
}

static mode_t limit_mode(mode_t mode, struct kept kept)
{
    mode_t owner = mode >> 6 & 7, group = mode >> 3 & 7, others = mode & 7;

    if (!kept.group)
        group = others = group & others;
    if (!kept.owner) {
        group &= owner;
        others &= owner;
    }
    return owner << 6 | group << 3 | others;
}

/* Not where it is so already: some file systems refuse every such call. */
static int set_mode(int fd, mode_t mode)
{
    struct stat now;

    if (fstat(fd, &now) < 0)
        return -errno;
    return (now.st_mode & 07777) != mode && fchmod(fd, mode) < 0 ? -errno : 0;
}

/* --- both ------------------------------------------------------------------------------------- */

int ozx_access_take_over(int fd, int old)
{
    AUTO_ACL struct acl access = {0}, defaults = {0};
    bool directory, exact;
    struct kept kept = {0};
    struct stat was;
    mode_t mode;
    int failure;

    if (fstat(old, &was) < 0)
        return -errno;
    directory = S_ISDIR(was.st_mode);
    failure = remove_acls(fd, directory);
    if (!failure)
        failure = take_owner(fd, &was, &kept);
    if (failure)
        return failure;
    mode = limit_mode(was.st_mode, kept);
    if (directory)
        mode |= was.st_mode & (kept.group ? S_ISVTX | S_ISGID : S_ISVTX);
    /* An ACL that cannot be read is taken for one that says more than the mode. */
    exact = read_acl(old, ACL_ACCESS, &access) == 0 &&
            (!directory || read_acl(old, ACL_DEFAULT, &defaults) == 0);
    if (exact && !access.bytes && !defaults.bytes)
        return set_mode(fd, mode);
    exact = exact && kept.owner && kept.group && set_acl(fd, ACL_DEFAULT, &defaults) == 0 &&
            set_acl(fd, ACL_ACCESS, &access) == 0;
    if (exact)
        return set_mode(fd, mode);
    failure = remove_acls(fd, directory);
    return failure ? failure : set_mode(fd, mode & ~(mode_t)077);
}

int ozx_access_prepare_directory(int fd, int old)
{
    AUTO_ACL struct acl defaults = {0};
    struct stat was, now;
    int failure;

    if (fstat(old, &was) < 0 || fstat(fd, &now) < 0)
        return -errno;
    failure = remove_acls(fd, true);
    if (failure)
        return failure;
    if (now.st_gid != was.st_gid && fchown(fd, (uid_t)-1, was.st_gid) == 0)
        now.st_gid = was.st_gid;
    if (now.st_gid != was.st_gid)
        return set_mode(fd, 0700);
    /* The owner is changed last, when nothing in it is to be written any more. Cannot it be, then
     * the directory is closed to all others, whatever the files in it have inherited. */
    if ((was.st_uid == now.st_uid || geteuid() == 0) && read_acl(old, ACL_DEFAULT, &defaults) == 0)
        failure = set_acl(fd, ACL_DEFAULT, &defaults);
    return failure ? failure : set_mode(fd, 0700 | (was.st_mode & S_ISGID));
}
