/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What may stand behind -o, in one table.
 */
#include "cli/mount_options.h"

#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "config.h"
#include "mount/option_list.h"

#define PAGE_BYTES 4096U
#define TIMEOUT_MAX_S (10U * 365 * 86400)

enum action {
    APPLY,   /* `apply` */
    PASS,    /* for libfuse and the kernel, as it is */
    SWALLOW, /* means nothing here */
    HELPER,  /* means nothing when mount(8) says it; else refused for `reason` */
    REFUSE,  /* for `reason` */
};

struct row {
    const char *name; /* with a '=': needs a value */
    enum action action;
    const char *reason;
    int (*apply)(struct ozx_mount_parse *p, const char *value);
};

int ozx_mount_bad_value(const char *name, const char *value)
{
    char escaped[OZX_ESCAPED_SIZE];

    return ozx_report_usage("mount", "invalid value '%s' for %s",
                            ozx_escape(escaped, sizeof escaped, value, strlen(value)), name);
}

int ozx_mount_number(const char *text, int base, unsigned least, unsigned most, unsigned *out)
{
    unsigned long number;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    number = strtoul(text, &end, base);
    if (errno || *end || number < least || number > most)
        return -EINVAL;
    *out = (unsigned)number;
    return 0;
}

static int apply_uid(struct ozx_mount_parse *p, const char *value)
{
    const struct passwd *user;
    unsigned id;

    if (ozx_mount_number(value, 10, 0, UINT_MAX - 1, &id) == 0)
        p->out->options.uid = id;
    else if ((user = getpwnam(value)))
        p->out->options.uid = user->pw_uid;
    else
        return ozx_mount_bad_value("-o uid", value);
    return 0;
}

static int apply_gid(struct ozx_mount_parse *p, const char *value)
{
    const struct group *group;
    unsigned id;

    if (ozx_mount_number(value, 10, 0, UINT_MAX - 1, &id) == 0)
        p->out->options.gid = id;
    else if ((group = getgrnam(value)))
        p->out->options.gid = group->gr_gid;
    else
        return ozx_mount_bad_value("-o gid", value);
    return 0;
}

/* Who serves, in place of nobody. Asked here, where no byte of the archive has been read. */
static int apply_serve_as(struct ozx_mount_parse *p, const char *value)
{
#ifdef OZX_SANDBOX
    struct ozx_mount_options *options = &p->out->options;
    const struct passwd *user;
    unsigned id;

    if (ozx_mount_number(value, 10, 0, UINT_MAX - 1, &id) == 0)
        user = getpwuid(id);
    else if ((user = getpwnam(value)))
        id = user->pw_uid;
    else
        return ozx_mount_bad_value("-o serve_as", value);
    if (geteuid() != 0)
        return ozx_report(OZX_EXIT_PERMISSION, NULL,
                          "-o serve_as is for root: others serve as themselves");
    options->serve_as = true;
    options->serve_uid = id;
    options->serve_gid = user ? user->pw_gid : id;
    return 0;
#else
    (void)p, (void)value;
    return ozx_report_usage("mount", "cannot apply '-o serve_as': built without the sandbox");
#endif
}

static int apply_umask(struct ozx_mount_parse *p, const char *value)
{
    if (ozx_mount_number(value, 8, 0, 0777, &p->file_mask))
        return ozx_mount_bad_value("-o umask", value);
    p->directory_mask = p->file_mask;
    return 0;
}

static int apply_fmask(struct ozx_mount_parse *p, const char *value)
{
    return ozx_mount_number(value, 8, 0, 0777, &p->file_mask)
               ? ozx_mount_bad_value("-o fmask", value)
               : 0;
}

static int apply_dmask(struct ozx_mount_parse *p, const char *value)
{
    return ozx_mount_number(value, 8, 0, 0777, &p->directory_mask)
               ? ozx_mount_bad_value("-o dmask", value)
               : 0;
}

static int apply_fsname(struct ozx_mount_parse *p, const char *value)
{
    if (!*value)
        return ozx_mount_bad_value("-o fsname", value);
    p->out->options.fsname = value;
    return 0;
}

/* Part of the mount's type: neither libfuse nor mountinfo's readers expect anything but a word. */
static int apply_subtype(struct ozx_mount_parse *p, const char *value)
{
    if (!*value || value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789._-")])
        return ozx_mount_bad_value("-o subtype", value);
    p->out->options.subtype = value;
    return 0;
}

static int apply_max_read(struct ozx_mount_parse *p, const char *value)
{
    return ozx_mount_number(value, 10, PAGE_BYTES, OZX_MOUNT_MAX_READ_BYTES,
                            &p->out->options.max_read_bytes)
               ? ozx_mount_bad_value("-o max_read", value)
               : 0;
}

static int apply_subdir(struct ozx_mount_parse *p, const char *value)
{
    p->out->options.subdir = *value ? value : NULL;
    return 0;
}

static int apply_timeout(struct ozx_mount_parse *p, const char *value)
{
    return ozx_mount_number(value, 10, 0, TIMEOUT_MAX_S, &p->out->options.timeout_s)
               ? ozx_mount_bad_value("-o timeout", value)
               : 0;
}

static int apply_log(struct ozx_mount_parse *p, const char *value)
{
    if (!*value)
        return ozx_mount_bad_value("-o log", value);
    p->out->log = value;
    return 0;
}

static int apply_xattr(struct ozx_mount_parse *p, const char *value)
{
    (void)value;
    p->out->options.xattr = true;
    return 0;
}

static int apply_io_uring(struct ozx_mount_parse *p, const char *value)
{
    (void)value;
    p->out->options.io_uring = true;
    return 0;
}

static int apply_nonempty(struct ozx_mount_parse *p, const char *value)
{
    (void)value;
    p->out->nonempty = true;
    return 0;
}

static int apply_debug(struct ozx_mount_parse *p, const char *value)
{
    (void)value;
    p->out->options.debug = p->out->options.foreground = true;
    return 0;
}

static const char read_only[] = "the mount is always read-only";
static const char always_safe[] = "the mount is always nosuid and nodev";

static const struct row rows[] = {
    {"uid=", APPLY, NULL, apply_uid},
    {"gid=", APPLY, NULL, apply_gid},
    {"umask=", APPLY, NULL, apply_umask},
    {"fmask=", APPLY, NULL, apply_fmask},
    {"dmask=", APPLY, NULL, apply_dmask},
    {"fsname=", APPLY, NULL, apply_fsname},
    {"subtype=", APPLY, NULL, apply_subtype},
    {"max_read=", APPLY, NULL, apply_max_read},
    {"subdir=", APPLY, NULL, apply_subdir},
    {"timeout=", APPLY, NULL, apply_timeout},
    {"serve_as=", APPLY, NULL, apply_serve_as},
    {"log=", APPLY, NULL, apply_log},
    {"xattr", APPLY, NULL, apply_xattr},
    {"io_uring", APPLY, NULL, apply_io_uring},
    {"nonempty", APPLY, NULL, apply_nonempty},
    {"debug", APPLY, NULL, apply_debug},
    {"allow_other", PASS, NULL, NULL},
    {"default_permissions", PASS, NULL, NULL},
    {"noexec", PASS, NULL, NULL},
    {"exec", PASS, NULL, NULL},
    {"noatime", PASS, NULL, NULL},
    {"atime", PASS, NULL, NULL},
    {"sync", PASS, NULL, NULL},
    {"async", PASS, NULL, NULL},
    {"dirsync", PASS, NULL, NULL},
    {"context=", PASS, NULL, NULL},
    {"fscontext=", PASS, NULL, NULL},
    {"defcontext=", PASS, NULL, NULL},
    {"rootcontext=", PASS, NULL, NULL},
    /* Always so. */
    {"ro", SWALLOW, NULL, NULL},
    {"nosuid", SWALLOW, NULL, NULL},
    {"nodev", SWALLOW, NULL, NULL},
    /* mount(8)'s own, or of no effect on a file system that never changes. */
    {"defaults", SWALLOW, NULL, NULL},
    {"auto", SWALLOW, NULL, NULL},
    {"noauto", SWALLOW, NULL, NULL},
    {"user", SWALLOW, NULL, NULL},
    {"user=", SWALLOW, NULL, NULL},
    {"users", SWALLOW, NULL, NULL},
    {"nouser", SWALLOW, NULL, NULL},
    {"nousers", SWALLOW, NULL, NULL},
    {"owner", SWALLOW, NULL, NULL},
    {"noowner", SWALLOW, NULL, NULL},
    {"group", SWALLOW, NULL, NULL},
    {"nogroup", SWALLOW, NULL, NULL},
    {"nofail", SWALLOW, NULL, NULL},
    {"fail", SWALLOW, NULL, NULL},
    {"_netdev", SWALLOW, NULL, NULL},
    {"comment=", SWALLOW, NULL, NULL},
    {"relatime", SWALLOW, NULL, NULL},
    {"norelatime", SWALLOW, NULL, NULL},
    {"strictatime", SWALLOW, NULL, NULL},
    {"nostrictatime", SWALLOW, NULL, NULL},
    {"lazytime", SWALLOW, NULL, NULL},
    {"nolazytime", SWALLOW, NULL, NULL},
    {"diratime", SWALLOW, NULL, NULL},
    {"nodiratime", SWALLOW, NULL, NULL},
    {"silent", SWALLOW, NULL, NULL},
    {"loud", SWALLOW, NULL, NULL},
    {"nosymfollow", SWALLOW, NULL, NULL},
    {"iversion", SWALLOW, NULL, NULL},
    {"noiversion", SWALLOW, NULL, NULL},
    {"mand", SWALLOW, NULL, NULL},
    {"nomand", SWALLOW, NULL, NULL},
    {"_rnetdev", SWALLOW, NULL, NULL},
    {"uhelper=", SWALLOW, NULL, NULL},
    {"helper=", SWALLOW, NULL, NULL},
    /* libfuse's, of other file systems: here it is always so, or there is nothing to choose. */
    {"kernel_cache", SWALLOW, NULL, NULL},
    {"auto_cache", SWALLOW, NULL, NULL},
    {"noauto_cache", SWALLOW, NULL, NULL},
    {"big_writes", SWALLOW, NULL, NULL},
    {"intr", SWALLOW, NULL, NULL},
    {"use_ino", SWALLOW, NULL, NULL},
    {"readdir_ino", SWALLOW, NULL, NULL},
    {"noforget", SWALLOW, NULL, NULL},
    {"async_read", SWALLOW, NULL, NULL},
    {"attr_timeout=", SWALLOW, NULL, NULL},
    {"entry_timeout=", SWALLOW, NULL, NULL},
    {"negative_timeout=", SWALLOW, NULL, NULL},
    {"rw", HELPER, read_only, NULL},
    {"suid", HELPER, always_safe, NULL},
    {"dev", HELPER, always_safe, NULL},
    {"allow_root", REFUSE,
     "what root reads would be cached for all users; use allow_other, with umask=", NULL},
    {"auto_unmount", REFUSE,
     "after a crash it would show an empty directory in place of the archive", NULL},
};

static const struct row *find_row(const char *option, const char **value)
{
    size_t size = strcspn(option, "=");
    bool has_value = option[size] == '=';

    *value = has_value ? option + size + 1 : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strcspn(rows[i].name, "=");
        if (length == size && memcmp(rows[i].name, option, size) == 0 &&
            (rows[i].name[length] == '=') == has_value)
            return &rows[i];
    }
    return NULL;
}

/* libfuse takes lists apart at commas: those in a value get their backslash back. */
static void pass(struct ozx_mount_parse *p, const char *option)
{
    if (p->fuse_end != p->out->fuse_options)
        *p->fuse_end++ = ',';
    p->fuse_end = ozx_option_escape(p->fuse_end, option);
}

static int apply_option(struct ozx_mount_parse *p, const char *option)
{
    char escaped[OZX_ESCAPED_SIZE];
    const char *value;
    const struct row *row = find_row(option, &value);

    /* For systemd, udisks and others: never for the file system. */
    if (!row && (strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0 || p->sloppy))
        return 0;
    ozx_escape(escaped, sizeof escaped, option, strlen(option));
    if (!row)
        return ozx_report_usage("mount", "unknown option '-o %s'", escaped);
    switch (row->action) {
    case APPLY:
        return row->apply(p, value);
    case PASS:
        pass(p, option);
        return 0;
    case SWALLOW:
        return 0;
    case HELPER:
        return p->helper
                   ? 0
                   : ozx_report_usage("mount", "cannot apply '-o %s': %s", escaped, row->reason);
    case REFUSE:
        break;
    }
    return ozx_report_usage("mount", "cannot apply '-o %s': %s", escaped, row->reason);
}

int ozx_mount_apply_list(struct ozx_mount_parse *p, char *list)
{
    char *option = list, *to = list;

    for (const char *from = list;; from++) {
        if (*from == '\\' && from[1]) {
            *to++ = *++from;
            continue;
        }
        if (*from && *from != ',') {
            *to++ = *from;
            continue;
        }
        bool end = *from == '\0'; /* `to` may stand on it */
        *to++ = '\0';
        int status = *option ? apply_option(p, option) : 0;
        if (status || end)
            return status;
        option = to;
    }
}
