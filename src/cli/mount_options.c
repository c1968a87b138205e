/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What may stand behind -o, in two tables: what we do ourselves, and what others mean.
 */
#include "cli/mount_options.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "config.h"
#ifdef OZX_HAVE_KERNEL_MOUNT
#include "mount/kernel/backend.h"
#endif
#include "mount/option_list.h"

#define PAGE_BYTES 4096U
#define TIMEOUT_MAX_S (10U * 365 * 86400)
#define MODE_MAX 0777U

#define FIELD(member) .field = offsetof(struct ozx_mount_arguments, member)

/* --- our keys --------------------------------------------------------------------------------- */

static int read_id(const char *value, unsigned *id)
{
    long long number;
    int failure = ozx_option_number(value, 10, 0, UINT_MAX - 1, &number);

    if (!failure)
        *id = (unsigned)number;
    return failure;
}

static int take_uid(void *context, const char *value)
{
    struct ozx_mount_options *options = &((struct ozx_mount_arguments *)context)->options;
    const struct passwd *user;

    options->uid_given = true;
    if (read_id(value, &options->uid) == 0)
        return OZX_EXIT_OK;
    user = getpwnam(value);
    if (!user)
        return -EINVAL;
    options->uid = user->pw_uid;
    return OZX_EXIT_OK;
}

static int take_gid(void *context, const char *value)
{
    struct ozx_mount_options *options = &((struct ozx_mount_arguments *)context)->options;
    const struct group *group;

    options->gid_given = true;
    if (read_id(value, &options->gid) == 0)
        return OZX_EXIT_OK;
    group = getgrnam(value);
    if (!group)
        return -EINVAL;
    options->gid = group->gr_gid;
    return OZX_EXIT_OK;
}

/* Who serves, in place of nobody. Asked here, where no byte of the archive has been read. */
static int take_serve_as(void *context, const char *value)
{
#ifdef OZX_SANDBOX
    struct ozx_mount_options *options = &((struct ozx_mount_arguments *)context)->options;
    const struct passwd *user;
    unsigned id;

    if (read_id(value, &id) == 0)
        user = getpwuid(id);
    else if ((user = getpwnam(value)))
        id = user->pw_uid;
    else
        return -EINVAL;
    if (geteuid() != 0)
        return ozx_report(OZX_EXIT_PERMISSION, NULL,
                          "-o serve_as is for root: others serve as themselves");
    options->serve_as = true;
    options->serve_uid = id;
    options->serve_gid = user ? user->pw_gid : id;
    return OZX_EXIT_OK;
#else
    (void)context, (void)value;
    return ozx_report_usage("mount", "cannot apply '-o serve_as': built without the sandbox");
#endif
}

static int take_umask(void *context, const char *value)
{
    struct ozx_mount_arguments *arguments = context;
    long long mask;

    if (ozx_option_number(value, 8, 0, MODE_MAX, &mask))
        return -EINVAL;
    arguments->file_mask = arguments->directory_mask = (unsigned)mask;
    return OZX_EXIT_OK;
}

/* Part of the mount's type: neither libfuse nor mountinfo's readers expect anything but a word. */
static int take_subtype(void *context, const char *value)
{
    if (!*value || value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789._-")])
        return -EINVAL;
    ((struct ozx_mount_arguments *)context)->options.subtype = value;
    return OZX_EXIT_OK;
}

/* libfuse takes lists apart at commas: those in a value get their backslash back. */
static void pass(struct ozx_mount_arguments *arguments, const char *option)
{
    if (arguments->fuse_end != arguments->fuse_options)
        *arguments->fuse_end++ = ',';
    arguments->fuse_end = ozx_option_escape(arguments->fuse_end, option);
}

static int take_allow_other(void *context, const char *value)
{
    (void)value;
    pass(context, "allow_other");
    return OZX_EXIT_OK;
}

/* Who serves it. */
static int take_backend(void *context, const char *value)
{
    struct ozx_mount_options *options = &((struct ozx_mount_arguments *)context)->options;
    bool only = strcmp(value, "kernel") == 0;

    if (!only && strcmp(value, "auto") != 0 && strcmp(value, "fuse") != 0)
        return -EINVAL;
    options->direct = NULL;
    options->direct_only = only;
#ifdef OZX_HAVE_KERNEL_MOUNT
    if (strcmp(value, "fuse") != 0)
        options->direct = &ozx_kernel_backend;
#else
    if (only)
        return ozx_report_usage("mount", "cannot apply '-o backend=kernel': built without it");
#endif
    return OZX_EXIT_OK;
}

static const struct ozx_option keys[] = {
    {.name = "subdir",
     .value = "PATH",
     .help = "show only this directory of the archive",
     .kind = OZX_OPTION_TEXT,
     FIELD(options.subdir)},
    {.name = "timeout",
     .value = "SECONDS",
     .help = "free the memory after this long without a request; the mount stays\n"
             "(of a directory of archives, close each: default 60)",
     .kind = OZX_OPTION_NUMBER,
     .high = TIMEOUT_MAX_S,
     FIELD(options.timeout_s)},
    {.name = "all_files",
     .help = "of a directory of archives, show other files, too",
     FIELD(options.all_files)},
    {.name = "log",
     .value = "FILE",
     .help = "append messages to FILE, not only to syslog",
     .kind = OZX_OPTION_NAME,
     FIELD(log)},
    {.name = "xattr",
     .help = "extended attributes: user.ozx.offset, crc32, method on files,\n"
             "user.ozx.comment, version, state on the root",
     FIELD(options.xattr)},
    {.name = "io_uring",
     .help = "use FUSE over io_uring where the kernel supports it",
     FIELD(options.io_uring)},
    {.name = "backend",
     .value = "WHO",
     .help = "who serves: fuse (default), kernel (EROFS: for root, on local disks), or auto:\n"
             "the kernel where it can, else fuse",
     .take = take_backend,
     .wanted = "fuse, kernel or auto"},
    {.name = "serve_as",
     .value = "USER",
     .help = "if started by root: the user who parses and serves (default: nobody)",
     .take = take_serve_as,
     .wanted = "a user"},
    {.name = "nonempty",
     .help = "mount on a non-empty directory, hiding its contents",
     FIELD(nonempty)},
    {.name = "allow_other", .help = "for all users, not only you", .take = take_allow_other},
    {.name = "uid",
     .value = "USER",
     .help = "owner shown (default: you)",
     .take = take_uid,
     .wanted = "a user"},
    {.name = "gid",
     .value = "GROUP",
     .help = "group shown (default: yours)",
     .take = take_gid,
     .wanted = "a group"},
    {.name = "umask",
     .value = "MODE",
     .help = "permission bits to clear, octal",
     .kind = OZX_OPTION_OCTAL,
     .high = MODE_MAX,
     .take = take_umask},
    {.name = "fmask",
     .value = "MODE",
     .help = "the same, of files only",
     .kind = OZX_OPTION_OCTAL,
     .high = MODE_MAX,
     FIELD(file_mask)},
    {.name = "dmask",
     .value = "MODE",
     .help = "the same, of directories only",
     .kind = OZX_OPTION_OCTAL,
     .high = MODE_MAX,
     FIELD(directory_mask)},
    {.name = "fsname",
     .value = "NAME",
     .help = "source shown by df and findmnt (default: the archive's path)",
     .kind = OZX_OPTION_NAME,
     FIELD(options.fsname)},
    {.name = "subtype",
     .value = "NAME",
     .help = "type shown by findmnt, behind \"fuse.\" (default: ozxfs)",
     .take = take_subtype,
     .wanted = "a word of letters, digits, '.', '_' and '-'"},
    {.name = "max_read",
     .value = "BYTES",
     .help = "the kernel's largest read (default and maximum: 1048576)",
     .kind = OZX_OPTION_NUMBER,
     .low = PAGE_BYTES,
     .high = OZX_MOUNT_MAX_READ_BYTES,
     FIELD(options.max_read_bytes)},
    {.name = "debug", FIELD(options.debug)},
};

/* --- words of others -------------------------------------------------------------------------- */

enum action {
    PASS,    /* for libfuse and the kernel, as it is */
    SWALLOW, /* means nothing here */
    IGNORE,  /* the same, and who asked for it may expect something: told with -v */
    HELPER,  /* means nothing when mount(8) says it; else refused for `reason` */
    REFUSE,  /* for `reason` */
};

struct row {
    const char *names; /* one or more, a blank after each; with a '=': needs a value */
    enum action action;
    const char *reason;
};

static const struct row rows[] = {
    {"default_permissions noexec exec noatime atime sync async dirsync ", PASS, NULL},
    {"context= fscontext= defcontext= rootcontext= ", PASS, NULL},
    {"ro nosuid nodev ", SWALLOW, NULL}, /* always so */
    /* mount(8)'s own, or of no effect on a file system that never changes. */
    {"defaults auto noauto user user= users nouser nousers owner noowner group nogroup nofail fail "
     "_netdev _rnetdev comment= uhelper= helper= relatime norelatime strictatime nostrictatime "
     "lazytime nolazytime diratime nodiratime silent loud nosymfollow iversion noiversion mand "
     "nomand ",
     SWALLOW, NULL},
    /* libfuse's, of other file systems: here it is always so, or there is nothing to choose. */
    {"kernel_cache auto_cache noauto_cache big_writes intr use_ino readdir_ino noforget async_read "
     "attr_timeout= entry_timeout= negative_timeout= ",
     IGNORE, NULL},
    {"rw ", HELPER, "the mount is always read-only"},
    {"remount ", REFUSE, "'mount -o remount' does that"},
    {"suid dev ", HELPER, "the mount is always nosuid and nodev"},
    {"allow_root ", REFUSE,
     "what root reads would be cached for all users; use allow_other, with umask="},
    {"auto_unmount ", REFUSE,
     "after a crash it would show an empty directory in place of the archive"},
};

/* Is the first word of `names` the name, with its '=', of the key? */
static bool is_name_of(const char *names, size_t size, const char *key)
{
    size_t key_size = strcspn(key, "=");

    key_size += key[key_size] == '=';
    return size == key_size && memcmp(names, key, size) == 0;
}

static const struct row *find_row(const char *key)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (const char *name = rows[i].names; *name; name += strcspn(name, " ") + 1)
            if (is_name_of(name, strcspn(name, " "), key))
                return &rows[i];
    return NULL;
}

/* As many as there is room for. */
static void note_ignored(struct ozx_mount_arguments *arguments, const char *key)
{
    size_t used = strlen(arguments->ignored), size = strcspn(key, "=");

    if (used + 2 + size < sizeof arguments->ignored)
        snprintf(arguments->ignored + used, sizeof arguments->ignored - used, "%s%.*s",
                 used ? ", " : "", (int)size, key);
}

static int take_other(void *context, const char *key)
{
    struct ozx_mount_arguments *arguments = context;
    const struct row *row = find_row(key);
    char escaped[OZX_ESCAPED_SIZE];

    /* For systemd, udisks and others: never for the file system. */
    if (!row && (strncmp(key, "x-", 2) == 0 || strncmp(key, "X-", 2) == 0 || arguments->sloppy))
        return OZX_EXIT_OK;
    if (!row)
        return -ENOENT;
    if (row->action == PASS)
        pass(arguments, key);
    if (row->action == IGNORE)
        note_ignored(arguments, key);
    if (row->action == PASS || row->action == SWALLOW || row->action == IGNORE ||
        (row->action == HELPER && arguments->helper))
        return OZX_EXIT_OK;
    return ozx_report_usage("mount", "cannot apply '-o %s': %s",
                            ozx_escape(escaped, sizeof escaped, key, strlen(key)), row->reason);
}

const struct ozx_keys ozx_mount_keys = {
    .rows = keys, .count = sizeof keys / sizeof keys[0], .other = take_other};
