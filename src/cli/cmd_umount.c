/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs umount`.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/remote_urls.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "mount/mounts.h"
#include "mount/unmount.h"

struct command {
    bool lazy, all;
};

static const struct ozx_option rows[] = {
    {.name = "all",
     .letter = 'a',
     .help = "unmount everything that you have mounted",
     .field = offsetof(struct command, all)},
    {.name = "lazy",
     .letter = 'z',
     .help = "detach it even if it is in use; it ends with its last user",
     .field = offsetof(struct command, lazy)},
};

static const struct ozx_verb verb = {
    .name = "umount",
    .usage = "[OPTIONS] DIR|ARCHIVE...",
    .about =
        "Unmounts each DIR, and returns when its daemon has exited; also works if the daemon has\n"
        "died. If the tree is still mounted elsewhere (bind mounts, containers), a message says\n"
        "where, and the daemon stays until that ends. A mount in use is kept: exit status 72.\n"
        "Of an ARCHIVE, the mounts that you have made are unmounted.",
    OZX_OPTIONS(rows)};

/* `name` is what `path` is called in messages. */
static int umount_one(const struct command *command, const char *path, const char *name)
{
    struct ozx_error error = OZX_ERROR_INIT, note = OZX_ERROR_INIT;

    if (ozx_umount_run(path, command->lazy, &note, &error)) {
        ozx_report_error(name, &error);
        return ozx_report_exit_status(&error);
    }
    if (note.text[0])
        ozx_report_error(name, &note);
    return OZX_EXIT_OK;
}

/* All mounts of the caller, of one archive (`source`, called `name`) or of any (NULL). */
static int umount_mounts(const struct command *command, const char *source, const char *name)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    OZX_AUTO_FREE const struct ozx_mount_entry **entries = NULL;
    size_t count;
    int status = OZX_EXIT_OK, failure = ozx_mounts_find(geteuid(), source, &info, &entries, &count);

    if (failure)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "cannot read /proc/self/mountinfo: %s",
                          strerror(-failure));
    if (name && count == 0)
        return ozx_report(OZX_EXIT_NO_INPUT, name,
                          "you have not mounted it: 'ozxfs mounts' lists the mounts");
    for (size_t i = 0; i < count; i++) {
        int one = umount_one(command, entries[i]->path, entries[i]->path);
        status = status ? status : one;
    }
    return status;
}

/* True for a regular file on which nothing is mounted: `full_path` is what its mounts have as their
 * source. Nothing that may be a mount is touched to tell. */
static bool is_archive(const char *path, char full_path[PATH_MAX])
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct ozx_mount_id id;
    struct stat st;

    return !ozx_place_find(path, &place, &ignored) && ozx_place_mount(&place, &id) < 0 &&
           fstatat(place.parent, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && realpath(path, full_path);
}

static int umount_operand(const struct command *command, const char *path, const char *name)
{
    char full_path[PATH_MAX];

    if (ozx_remote_is(name))
        return umount_mounts(command, name, name);
    return is_archive(path, full_path) ? umount_mounts(command, full_path, name)
                                       : umount_one(command, path, name);
}

static int umount_all_of(const struct command *command, char *const *names, int count)
{
    /* The first umount leaves the working directory. */
    OZX_AUTO_FREE char *here = getcwd(NULL, 0);
    int status = OZX_EXIT_OK;

    for (int i = 0; i < count; i++) {
        const bool stays = i == 0 || names[i][0] == '/' || !here;
        OZX_AUTO_FREE char *path = NULL;
        int one;
        if (asprintf(&path, "%s%s%s", stays ? "" : here, stays ? "" : "/", names[i]) < 0)
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        one = umount_operand(command, path, names[i]);
        status = status ? status : one;
    }
    return status;
}

int ozx_cmd_umount(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct command command = {.lazy = false};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (command.all && first < argc)
        return ozx_report_usage("umount", "--all takes no directory");
    if (!command.all && first == argc)
        return ozx_report_usage("umount", "expected a directory or an archive");
    return command.all ? umount_mounts(&command, NULL, NULL)
                       : umount_all_of(&command, argv + first, argc - first);
}
