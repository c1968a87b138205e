/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs mount`: opens the archives, finds the directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/mount_arguments.h"
#include "cli/mount_remount.h"
#include "cli/mount_report.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "mount/many/look.h"
#include "mount/mount_point.h"
#include "mount/mounts.h"
#include "mount/start_guard.h"
#include "mount/state.h"

#define NAME_SIZE (PATH_MAX + 32)

/* Beside what its mount point is made: an archive on a server is beside nothing, which is the
 * working directory. */
static const char *beside(const char *archive)
{
    const char *slash = strrchr(archive, '/');

    return !ozx_remote_is(archive) || !slash ? archive : slash[1] ? slash + 1 : "archive";
}

/* The directory to mount on, or made for it: then with a guard. */
static int find_mount_point(const struct ozx_mount_arguments *arguments,
                            struct ozx_start_guard *guard, struct ozx_place *place)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!arguments->directory)
        ozx_start_guard_begin(guard);
    failure = arguments->directory
                  ? ozx_mount_point_check(arguments->directory, arguments->nonempty, place, &error)
                  : ozx_mount_point_make(beside(arguments->archives[0]), guard, place, &error);
    if (!failure)
        return OZX_EXIT_OK;
    ozx_report_error(arguments->directory ? arguments->directory : arguments->archives[0], &error);
    return error.code == -EACCES || error.code == -EPERM ? OZX_EXIT_PERMISSION
                                                         : OZX_EXIT_CANT_CREATE;
}

/* What df shows and the log calls the mount: where the archive is, as the daemon leaves this
 * working directory. */
static void name_mount(struct ozx_mount_arguments *arguments, char name[NAME_SIZE])
{
    const char *first = arguments->archives[0];
    char full_path[PATH_MAX];

    if (ozx_remote_is(first) || !realpath(first, full_path))
        snprintf(full_path, sizeof full_path, "%s", first);
    if (arguments->archive_count > 1)
        snprintf(name, NAME_SIZE, "%s and %d more", full_path, arguments->archive_count - 1);
    else
        snprintf(name, NAME_SIZE, "%s", full_path);
    if (!arguments->options.fsname)
        arguments->options.fsname = name;
}

static int run_mount(struct ozx_mount_arguments *arguments, struct ozx_mount_contents *contents)
{
    struct ozx_mount_options *options = &arguments->options;
    const bool several = contents->several;
    char name[NAME_SIZE];
    /* Messages about one of several have its name in front of their text. */
    struct ozx_mount_report report = {.archive = several ? NULL : arguments->archives[0],
                                      .log_name =
                                          several && options->place ? options->place->path : name,
                                      .log_fd = options->log_fd,
                                      .notifies = options->foreground,
                                      .ready_fd = arguments->ready_fd};
    const struct ozx_mount_events events = ozx_mount_report_events(&report);
    struct ozx_error error = OZX_ERROR_INIT;
    enum ozx_mount_stage stage = OZX_MOUNT_STAGE_SYSTEM;

    name_mount(arguments, name);
    if (!options->threads)
        options->threads = ozx_mount_contents_threads(contents);
    if (!arguments->directory)
        report.print_path = options->place->path;
    /* To who looks; programs have --ready-fd and sd_notify. */
    if (options->foreground && options->place && isatty(STDERR_FILENO))
        report.served_at = options->place->path;
    if (ozx_mount_run(options, contents, &events, &stage, &error) == 0)
        return ozx_report_stdout(OZX_EXIT_OK);
    if (options->place && options->place->made)
        ozx_mount_point_remove_made(options->place, geteuid()); /* if the supervisor did not */
    ozx_report_error(stage == OZX_MOUNT_STAGE_MOUNT && options->place ? options->place->path
                                                                      : report.archive,
                     &error);
    return ozx_mount_report_status(stage, &error);
}

/* True if all that this command line asks for is there already, mounted by the caller: its path is
 * printed. */
static bool is_mounted(const struct ozx_mount_arguments *arguments,
                       const struct ozx_mount_contents *contents)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    OZX_AUTO_FREE const struct ozx_mount_entry **entries = NULL;
    char full_path[PATH_MAX];
    struct stat st;
    size_t count;

    if (arguments->directory || !arguments->plain || contents->count != 1 ||
        !realpath(arguments->archives[0], full_path) ||
        fstat(ozx_source_fd(contents->archives[0].source), &st) < 0 ||
        ozx_mounts_find(geteuid(), full_path, &info, &entries, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct ozx_mount_state state;
        bool counted;
        if (ozx_mount_ask(entries[i], &state, &counted) == OZX_MOUNT_SERVING && counted &&
            !state.subdir[0] && state.device == st.st_dev && state.inode == st.st_ino) {
            puts(entries[i]->path);
            return true;
        }
    }
    return false;
}

static int mount_contents(struct ozx_mount_arguments *arguments,
                          struct ozx_mount_contents *contents)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_start_guard guard = OZX_START_GUARD_INIT;
    int status = OZX_EXIT_OK;

    if (is_mounted(arguments, contents))
        return ozx_report_stdout(OZX_EXIT_OK);
    if (!arguments->fake && arguments->options.handed_fd < 0) {
        arguments->options.place = &place;
        status = find_mount_point(arguments, &guard, &place);
        arguments->options.start_guard = &guard;
    }
    if (!status && !arguments->fake)
        status = run_mount(arguments, contents);
    ozx_start_guard_end(&guard);
    arguments->options.place = NULL;
    arguments->options.start_guard = NULL;
    return status;
}

/* Opens all that were given. */
static int open_archives(const struct ozx_mount_arguments *arguments,
                         struct ozx_mount_contents *contents)
{
    const size_t count = (size_t)arguments->archive_count;

    contents->several = count > 1;
    contents->archives = calloc(count, sizeof *contents->archives);
    if (!contents->archives)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    while (contents->count < count) {
        struct ozx_mount_archive *next = &contents->archives[contents->count];
        struct ozx_error error = OZX_ERROR_INIT;

        next->file = arguments->archives[contents->count];
        if (ozx_input_open(next->file, &arguments->remote, &next->source, &error)) {
            ozx_report_error(next->file, &error);
            return ozx_report_exit_status(&error);
        }
        contents->count++;
        ozx_mount_contents_name_last(contents);
    }
    return OZX_EXIT_OK;
}

/* A directory of archives is opened, and nothing in it. -1: it is none. One that is a Zarr store
 * itself is none, and is answered as every other verb answers it. */
static int open_directory(struct ozx_mount_arguments *arguments,
                          struct ozx_mount_contents *contents)
{
    const char *path = arguments->archives[0];
    OZX_AUTO_CLOSE int fd = -1;
    struct ozx_error error = OZX_ERROR_INIT;
    struct stat st;

    if (arguments->archive_count != 1 || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        ozx_error_set(&error, -errno, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot open: %s",
                      strerror(errno));
        ozx_report_error(path, &error);
        return ozx_report_exit_status(&error);
    }
    if (ozx_look_is_zarr(fd))
        return -1;
    if (!arguments->directory)
        return ozx_report(OZX_EXIT_NO_INPUT, path,
                          "is a directory: to mount the archives in it, give one to mount on, too");
    contents->directory = ozx_take_fd(&fd);
    arguments->options.own_modes = true;
    return OZX_EXIT_OK;
}

/* What root mounts by mount(8) others read, and nobody lends them what this machine itself may. */
static int check_role(struct ozx_mount_arguments *arguments)
{
    struct ozx_remote_options *remote = &arguments->remote;

    remote->for_others = arguments->helper && geteuid() == 0;
    return remote->for_others && remote->instance_role
               ? ozx_report_usage("mount",
                                  "-o instance_role is for 'ozxfs mount', not for mount(8) "
                                  "or fstab as root")
               : OZX_EXIT_OK;
}

static int open_and_mount(struct ozx_mount_arguments *arguments)
{
    struct ozx_mount_contents contents = OZX_MOUNT_CONTENTS_INIT;
    int status = check_role(arguments);

    if (!status)
        status = ozx_mount_report_open_log(arguments);
    if (!status)
        status = open_directory(arguments, &contents);
    if (status < 0)
        status = arguments->options.all_files
                     ? ozx_report_usage("mount", "-o all_files is for a directory of archives")
                     : open_archives(arguments, &contents);
    if (!status)
        status = mount_contents(arguments, &contents);
    ozx_mount_contents_close(&contents);
    return status;
}

/* As mount(8) has them, for its helpers. */
static int helper_status(int status)
{
    enum { USAGE = 1, SYSTEM = 2, BUG = 4, INTERRUPTED = 8, FAILED = 32 };

    switch (status) {
    case OZX_EXIT_OK:
        return status;
    case OZX_EXIT_USAGE:
    case OZX_EXIT_PERMISSION:
        return USAGE;
    case OZX_EXIT_SYSTEM:
        return SYSTEM;
    case OZX_EXIT_BUG:
        return BUG;
    case OZX_EXIT_INTERRUPTED:
        return INTERRUPTED;
    default:
        return FAILED;
    }
}

int ozx_cmd_mount(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct ozx_mount_arguments arguments;
    int status;

    if (ozx_mount_is_helper(argv[0]) && ozx_remount_is_wanted(argc, argv))
        return helper_status(ozx_remount(argc, argv));
    status = ozx_mount_arguments_parse(argc, argv, urls, &arguments);

    if (status < 0)
        status = open_and_mount(&arguments);
    if (arguments.helper)
        status = helper_status(status);
    ozx_mount_arguments_release(&arguments);
    return status;
}
