/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs run`: mounts archives for the time of one command.
 */
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/mount_options.h"
#include "cli/mount_report.h"
#include "cli/report.h"
#include "cli/run_command.h"
#include "cli/run_words.h"
#include "cli/verbs.h"
#include "mount/left_runs.h"
#include "mount/mount_point.h"
#include "mount/namespace.h"

#define FIELD(member) .field = offsetof(struct command, member)

struct command {
    struct ozx_mount_arguments arguments; /* first, for its keys */
    bool private_namespace;
};

static const struct ozx_option rows[] = {
    {.name = "options",
     .letter = 'o',
     .value = "KEY,...",
     .help = "options from the list below, for every archive",
     .kind = OZX_OPTION_LIST},
    {.name = "private",
     .help = "mount in a namespace that only the command and its children see",
     FIELD(private_namespace)},
    {.name = "threads",
     .value = "N",
     .help = "serve each archive with at most N threads (default: 10; 65 for a URL)",
     .kind = OZX_OPTION_NUMBER,
     .low = 1,
     .high = OZX_MOUNT_THREADS_MAX,
     FIELD(arguments.options.threads)},
    {.name = "verbose",
     .letter = 'v',
     .help = "print more: minor defects of the archives, how they are mounted and served",
     FIELD(arguments.options.verbose)},
};

static const struct ozx_verb verb = {
    .name = "run",
    .usage = "[OPTIONS] ARCHIVE... -- COMMAND [ARG...]",
    .about =
        "Mounts the archives, runs COMMAND, and unmounts them when it has ended, however that\n"
        "happens. In the arguments {} becomes the path of the mounted tree; {1}, {2} ... are "
        "those\n"
        "of several archives, and a {} alone stands for all of them. The paths are also in the\n"
        "environment: OZXFS_1, OZXFS_2 ... The exit status is that of the command, 128 plus the\n"
        "signal's number if it was killed, 127 if it is not found, 126 if it cannot be run.",
    .after = "They are those of 'ozxfs mount'.\n"
             "\n"
             "Examples:\n"
             "  ozxfs run plate.ozx -- napari {}\n"
             "  ozxfs run a.ozx b.ozx -- diff -r {1} {2}",
    OZX_OPTIONS(rows),
    .keys = &ozx_mount_keys,
    OZX_REMOTE_KEYS(struct command, arguments.remote)};

/* One archive and its mount. */
struct mounted {
    char full_path[PATH_MAX];
    struct ozx_private_place where;
    struct ozx_place place; /* the supervisor's */
    char path[PATH_MAX];
};

struct session {
    struct command *command;
    struct ozx_run_signals signals;
    char *const *archives;
    size_t count;
    struct mounted *mounts;         /* owned */
    struct ozx_mount_lease *leases; /* owned */
    bool in_namespace;
};

/* --- mounting --------------------------------------------------------------------------------- */

static int choose_place(struct session *s, size_t number, struct ozx_error *error)
{
    struct mounted *mounted = &s->mounts[number];
    char name[NAME_MAX + 1];
    int failure;

    if (!realpath(s->archives[number], mounted->full_path))
        snprintf(mounted->full_path, sizeof mounted->full_path, "%s", s->archives[number]);
    ozx_directory_name_of(s->archives[number], 1, name);
    failure = ozx_private_place_choose(name, &mounted->where, error);
    if (failure)
        return failure;
    if (snprintf(mounted->path, sizeof mounted->path, "%s/%s/%s", mounted->where.base_path,
                 mounted->where.name, name) >= (int)sizeof mounted->path)
        return ozx_error_set(error, -ENAMETOOLONG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the path of the mount would be too long");
    return 0;
}

static int start_mount(struct session *s, size_t number, enum ozx_mount_stage *stage,
                       struct ozx_error *error)
{
    struct mounted *mounted = &s->mounts[number];
    struct ozx_mount_options options = s->command->arguments.options;
    struct ozx_mount_report report = {.archive = s->archives[number],
                                      .log_name = mounted->full_path,
                                      .log_fd = options.log_fd,
                                      .ready_fd = -1};
    const struct ozx_mount_events events = ozx_mount_report_events(&report);
    struct ozx_mount_contents contents = OZX_MOUNT_CONTENTS_INIT;
    int failure;

    contents.archives = calloc(1, sizeof *contents.archives);
    if (!contents.archives)
        return ozx_error_memory(error);
    contents.archives[0].file = s->archives[number];
    *stage = OZX_MOUNT_STAGE_ARCHIVE;
    failure = ozx_input_open(s->archives[number], &s->command->arguments.remote,
                             &contents.archives[0].source, error);
    if (failure) {
        ozx_mount_contents_close(&contents);
        return failure;
    }
    contents.count = 1;
    ozx_mount_contents_name_last(&contents);
    options.direct = NULL; /* -o backend=auto: what the kernel serves is not leased */
    options.place = &mounted->place;
    options.private_place = &mounted->where;
    if (!options.fsname)
        options.fsname = mounted->full_path;
    if (!options.threads)
        options.threads = ozx_mount_contents_threads(&contents);
    return ozx_mount_start(&options, &contents, &events, &s->leases[number], stage, error);
}

/* Where they are known already, places are found again in it. */
static int enter_namespace(struct session *s, struct ozx_error *error)
{
    int failure = ozx_namespace_enter(error);

    for (size_t i = 0; !failure && i < s->count; i++) {
        failure = ozx_private_place_reopen(&s->mounts[i].where);
        if (failure)
            ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                          "cannot use %s in the namespace: %s", s->mounts[i].where.base_path,
                          strerror(-failure));
    }
    s->in_namespace = !failure;
    if (!failure && s->command->arguments.options.verbose)
        ozx_report(OZX_EXIT_OK, "run", "mounting in a mount namespace of the command's own");
    return failure;
}

/* True if the kernel or fusermount3 did not let us mount (-EIO: for a reason that it did not give,
 * -EAGAIN: no more than so many): a namespace may. Not if something went wrong, as a worker that
 * was killed. */
static bool is_worth_a_namespace(const struct session *s, size_t number, enum ozx_mount_stage stage,
                                 const struct ozx_error *error)
{
    int code = -error->code;

    return stage == OZX_MOUNT_STAGE_MOUNT && number == 0 && !s->in_namespace &&
           (code == EPERM || code == EACCES || code == ENODEV || code == EAGAIN || code == EIO);
}

static int mount_one(struct session *s, size_t number)
{
    struct ozx_error error = OZX_ERROR_INIT, again = OZX_ERROR_INIT;
    enum ozx_mount_stage stage = OZX_MOUNT_STAGE_SYSTEM;
    int failure = start_mount(s, number, &stage, &error);

    if (failure && is_worth_a_namespace(s, number, stage, &error) &&
        enter_namespace(s, &again) == 0) {
        error = (struct ozx_error)OZX_ERROR_INIT;
        failure = start_mount(s, number, &stage, &error);
    }
    if (!failure)
        return OZX_EXIT_OK;
    ozx_report_error(s->archives[number], &error);
    return ozx_mount_report_status(stage, &error);
}

static int mount_all(struct session *s)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int status = OZX_EXIT_OK;

    for (size_t i = 0; i < s->count; i++)
        if (choose_place(s, i, &error)) {
            ozx_report_error(s->archives[i], &error);
            return OZX_EXIT_CANT_CREATE;
        }
    ozx_left_runs_remove(&s->mounts[0].where);
    if (s->command->private_namespace && enter_namespace(s, &error)) {
        ozx_report_error("run", &error);
        return OZX_EXIT_UNAVAILABLE;
    }
    for (size_t i = 0; !status && i < s->count; i++)
        status = mount_one(s, i);
    return status;
}

static void unmount_all(struct session *s)
{
    for (size_t i = 0; i < s->count; i++)
        ozx_mount_lease_release(&s->leases[i]);
    for (size_t i = 0; i < s->count; i++) {
        struct ozx_error error = OZX_ERROR_INIT;
        if (ozx_mount_lease_end(&s->leases[i], &error))
            ozx_report_warning(s->mounts[i].path, &error);
    }
}

/* --- the verb --------------------------------------------------------------------------------- */

static int run_command(const struct session *s, char *const *words)
{
    OZX_AUTO_FREE const char **paths = calloc(s->count, sizeof *paths);
    const struct ozx_run run = {.signals = &s->signals,
                                .leases = s->leases,
                                .archives = (const char *const *)s->archives,
                                .paths = paths,
                                .count = s->count};
    char **made;
    int status;

    for (size_t i = 0; paths && i < s->count; i++)
        paths[i] = s->mounts[i].path;
    made = paths ? ozx_run_words_make(words, paths, s->count) : NULL;
    if (!made)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    status = ozx_run_command(&run, made);
    ozx_run_words_free(made);
    return status;
}

static int run_session(struct session *s, char *const *words)
{
    int status, failure = ozx_run_hold_signals(&s->signals);

    if (failure)
        return ozx_report(OZX_EXIT_SYSTEM, "run", "cannot handle signals: %s", strerror(-failure));
    s->mounts = calloc(s->count, sizeof *s->mounts);
    s->leases = calloc(s->count, sizeof *s->leases);
    if (!s->mounts || !s->leases)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    for (size_t i = 0; i < s->count; i++) {
        s->mounts[i].where = (struct ozx_private_place)OZX_PRIVATE_PLACE_INIT;
        s->mounts[i].place = (struct ozx_place)OZX_PLACE_INIT;
        s->leases[i] = (struct ozx_mount_lease)OZX_MOUNT_LEASE_INIT;
    }
    status = mount_all(s);
    if (!status)
        status = run_command(s, words);
    unmount_all(s);
    for (size_t i = 0; i < s->count; i++)
        ozx_private_place_close(&s->mounts[i].where);
    return status;
}

static int check(struct command *command, char *const *words, size_t archive_count)
{
    const struct ozx_mount_options *options = &command->arguments.options;
    char escaped[OZX_ESCAPED_SIZE];
    const char *bad;

    if (archive_count == 0)
        return ozx_report_usage("run", "no archive given");
    if (!words)
        return ozx_report_usage("run", "no '--' in front of the command");
    if (!words[0])
        return ozx_report_usage("run", "no command given");
    if (options->foreground)
        return ozx_report_usage("run", "cannot apply '-o debug': the terminal is the command's");
    if (options->all_files)
        return ozx_report_usage("run", "-o all_files is for a directory of archives");
    if (options->direct_only)
        return ozx_report_usage("run", "cannot apply '-o backend=kernel': 'run' serves by FUSE");
    if (!ozx_run_words_check(words, archive_count, &bad))
        return ozx_report_usage(
            "run", "'{}' in '%s' could be any of %zu archives: use {1}, {2} ...",
            ozx_escape(escaped, sizeof escaped, bad, strlen(bad)), archive_count);
    return OZX_EXIT_OK;
}

/* Where the command begins: behind the first "--", NULL without one. */
static char **find_command(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            *argc = i;
            argv[i] = NULL;
            return argv + i + 1;
        }
    return NULL;
}

int ozx_cmd_run(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    char **words = find_command(&argc, argv);
    struct command command = {.private_namespace = false};
    struct session session = {.command = &command, .signals = {.fd = -1}};
    int first = 1, status = ozx_mount_arguments_init(&command.arguments, argc, argv, urls);

    if (!status)
        status = ozx_options_parse(&verb, &command, argc, argv, &first);
    if (status < 0) {
        ozx_mount_arguments_finish(&command.arguments);
        session.archives = argv + first;
        session.count = (size_t)(argc - first);
        status = check(&command, words, session.count);
        if (!status)
            status = ozx_mount_report_open_log(&command.arguments);
        if (!status)
            status = run_session(&session, words);
    }
    free(session.mounts);
    free(session.leases);
    if (session.signals.fd >= 0)
        close(session.signals.fd);
    ozx_mount_arguments_release(&command.arguments);
    return status;
}
