/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SOURCE DIR [-sfnv] [-N NAMESPACE] [-o LIST] [-t TYPE], as mount(8) calls its helpers, read for
 * what a remount is about.
 */
#include "cli/mount_remount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/mount_options.h"
#include "cli/report.h"
#include "mount/daemons.h"
#include "mount/mountinfo.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define BEGUN_MAX (16 << 10)

#define ALWAYS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* As the kernel has it (mount_setattr(2)). */
struct change {
    uint64_t set, clear, propagation, namespace_fd;
};

/* What a list does not name is off: mount(8) has added what is on already, and drops words for what
 * is the default. */
#define CHANGEABLE (MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR__ATIME)

static const struct flag {
    const char *name;
    uint64_t set, unset;
} flags[] = {
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
};

struct remount {
    bool wanted;
    const char *directory;
    struct change change;
    /* options of the mount in mountinfo, which mount(8) gives back; borrowed. NULL: nothing is told
     */
    const char *shown;
    /* the arguments that it was mounted with, each with its NUL, and an empty one; borrowed */
    const char *begun;
};

static bool is_word(const char *key, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(key, word, size) == 0;
}

/* "KEY" or "KEY=VALUE" stands in a list. */
static bool is_in(const char *list, const char *key, size_t size)
{
    for (;; list++) {
        size_t length = strcspn(list, ",");

        if (length == size && memcmp(list, key, size) == 0)
            return true;
        list += length;
        if (!*list)
            return false;
    }
}

/* The same of the command that mounted it. Its lists were taken apart where they stand, so a key
 * may be an argument of its own. */
static bool was_given(const char *arguments, const char *key, size_t size)
{
    for (; *arguments; arguments += strlen(arguments) + 1)
        if (is_in(strncmp(arguments, "-o", 2) == 0 ? arguments + 2 : arguments, key, size))
            return true;
    return false;
}

/* A key of ours: it says how the tree is served. */
static void tell_key(const struct remount *remount, const char *key, size_t size)
{
    size_t name_size = strcspn(key, "=,");

    if (is_in(remount->shown, key, size) || was_given(remount->begun, key, size))
        return;
    for (size_t i = 0; i < ozx_mount_keys.count && name_size <= size; i++)
        if (is_word(key, name_size, ozx_mount_keys.rows[i].name))
            (void)ozx_report(
                0, remount->directory,
                "warning: '-o %s' stays as it is: unmount and mount again to change it",
                ozx_mount_keys.rows[i].name);
}

static void take_key(struct remount *remount, const char *key, size_t size)
{
    if (is_word(key, size, "remount"))
        remount->wanted = true;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (is_word(key, size, flags[i].name))
            remount->change.set = (remount->change.set & ~flags[i].unset) | flags[i].set;
    if (remount->shown)
        tell_key(remount, key, size);
}

/* Commas with a backslash are part of a value, and no key of interest has one. */
static void take_list(struct remount *remount, const char *list)
{
    for (const char *key = list; *key;) {
        size_t size = 0;

        while (key[size] && key[size] != ',')
            size += key[size] == '\\' && key[size + 1] ? 2 : 1;
        take_key(remount, key, size);
        key += size + (key[size] == ',');
    }
}

static void take_arguments(struct remount *remount, int argc, char **argv)
{
    int operands = 0;

    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];

        if (argument[0] == '-' && argument[1] && strchr("otN", argument[1])) {
            const char *value = argument[2] ? argument + 2 : i + 1 < argc ? argv[++i] : "";
            if (argument[1] == 'o')
                take_list(remount, value);
        } else if (argument[0] != '-' && ++operands == 2) {
            remount->directory = argument;
        }
    }
}

bool ozx_remount_is_wanted(int argc, char **argv)
{
    struct remount remount = {.wanted = false};

    take_arguments(&remount, argc, argv);
    return remount.wanted;
}

/* The arguments of the command whose process still serves the mount, as `begun` has them; none if
 * it cannot be seen. */
static void read_begun(const struct ozx_mount_entry *entry, char begun[BEGUN_MAX])
{
    struct ozx_daemons daemons;
    ssize_t size = 0;

    ozx_daemons_find(entry->device_minor, ozx_mount_entry_user(entry), &daemons);
    if (daemons.count) {
        char path[64];
        OZX_AUTO_CLOSE int fd = -1;

        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)daemons.pids[0]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? 0 : read(fd, begun, BEGUN_MAX - 2);
    }
    ozx_daemons_free(&daemons);
    memset(begun + (size > 0 ? size : 0), 0, 2);
}

/* Makes the change, if an archive is mounted there. */
static int change(struct remount *remount, const struct ozx_mount_entry *entry, int argc,
                  char **argv)
{
    char begun[BEGUN_MAX];

    if (!entry || (!ozx_mount_entry_is_fuse(entry) && strcmp(entry->type, "erofs") != 0))
        return ozx_report(OZX_EXIT_NO_INPUT, remount->directory, "no archive is mounted there");
    read_begun(entry, begun);
    remount->shown = entry->options;
    remount->begun = begun;
    take_arguments(remount, argc, argv);
    remount->change.set |= ALWAYS;
    remount->change.clear = CHANGEABLE;
    if (syscall(SYS_mount_setattr, AT_FDCWD, remount->directory, 0, &remount->change,
                sizeof remount->change) == 0)
        return OZX_EXIT_OK;
    return ozx_report(errno == EPERM ? OZX_EXIT_PERMISSION : OZX_EXIT_SYSTEM, remount->directory,
                      "cannot be remounted: %s", strerror(errno));
}

int ozx_remount(int argc, char **argv)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    struct remount remount = {.wanted = false};

    take_arguments(&remount, argc, argv);
    if (!remount.directory)
        return ozx_report_usage("mount", "remount: no directory given");
    if (ozx_mountinfo_read(&info))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "cannot read what is mounted");
    return change(&remount, ozx_mountinfo_at(&info, remount.directory), argc, argv);
}
