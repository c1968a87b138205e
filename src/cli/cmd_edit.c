/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs edit`: changes the metadata of a node in place.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/caged.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "edit/append.h"
#include "edit/edit.h"

struct command {
    const char *file;
    bool force;
    int fd;
    struct ozx_source *source; /* owns fd */
    struct ozx_edit_options edit;
};

/* In the cage. The change is made as a whole: it takes no time. */
static int work(void *context)
{
    struct command *command = context;
    struct ozx_error error = OZX_ERROR_INIT;
    sigset_t all, before;
    int failure;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    failure = ozx_edit(&command->source, command->fd, &command->edit, &error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!failure)
        return OZX_EXIT_OK;
    ozx_report_error(command->file, &error);
    return failure == -EINVAL ? OZX_EXIT_USAGE : ozx_report_exit_status(&error);
}

/* The source over the open file, which it owns from success on. */
static int open_source(struct command *command, int fd)
{
    if (ozx_source_open_fd(fd, &command->source)) {
        close(fd);
        return ozx_report(OZX_EXIT_SYSTEM, command->file, "cannot open: out of memory");
    }
    command->fd = ozx_source_fd(command->source);
    return OZX_EXIT_OK;
}

/* The file as it is now: a source remembers what it was. Of the same open file, for the lease's sake. */
static int open_again(struct command *command)
{
    int again = fcntl(command->fd, F_DUPFD_CLOEXEC, 0);

    if (again < 0)
        return ozx_report(OZX_EXIT_SYSTEM, command->file, "cannot open: %s", strerror(errno));
    ozx_source_close(ozx_take(command->source));
    return open_source(command, again);
}

/* A change that was cut short is ended; the numbers of its mark are all that is read for that. */
static int settle(struct command *command)
{
    enum ozx_append_settled settled = OZX_APPEND_NOTHING;
    struct ozx_error error = OZX_ERROR_INIT, note = OZX_ERROR_INIT;

    if (ozx_append_settle(command->source, command->fd, &settled, &error)) {
        ozx_report_error(command->file, &error);
        return ozx_report_exit_status(&error);
    }
    if (settled == OZX_APPEND_NOTHING)
        return OZX_EXIT_OK;
    ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "a change was cut short: %s",
                  settled == OZX_APPEND_RESTORED ? "the archive is as it was before it"
                                                 : "it is complete now");
    ozx_report_warning(command->file, &note);
    return open_again(command);
}

/* Nobody else has the file open; who opens it now waits until it is closed here. */
static int take_lease(const struct command *command, int fd)
{
    signal(SIGIO, SIG_IGN); /* says that somebody waits */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
        return OZX_EXIT_OK;
    if (errno == EAGAIN)
        return ozx_report(OZX_EXIT_BUSY, command->file,
                          "is mounted, or open in another program: close it first");
    return ozx_report(errno == EACCES ? OZX_EXIT_PERMISSION : OZX_EXIT_SYSTEM, command->file,
                      "cannot find out whether another program has it open: %s: use 'ozxfs repack'",
                      strerror(errno));
}

static int open_file(struct command *command)
{
    struct stat st;
    int fd, status;

    if (stat(command->file, &st) < 0)
        return ozx_report(OZX_EXIT_NO_INPUT, command->file, "cannot open: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ozx_report(OZX_EXIT_NO_INPUT, command->file,
                          "is not a regular file: give a .ozx file");
    fd = open(command->file, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EWOULDBLOCK)
        return ozx_report(OZX_EXIT_BUSY, command->file, "is being changed by another program");
    if (fd < 0)
        return ozx_report(errno == EACCES || errno == EPERM || errno == EROFS ? OZX_EXIT_PERMISSION
                                                                              : OZX_EXIT_BUSY,
                          command->file, "cannot open for writing: %s", strerror(errno));
    status = take_lease(command, fd);
    if (!status && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
        status = ozx_report(OZX_EXIT_NO_INPUT, command->file, "is not a regular file");
    if (!status && st.st_nlink > 1 && !command->force)
        status = ozx_report(OZX_EXIT_CANT_CREATE, command->file,
                            "has other names (hard links), which would change, too: use --force");
    if (status) {
        close(fd);
        return status;
    }
    return open_source(command, fd);
}

static int run(struct command *command)
{
    int status = open_file(command);

    if (!status)
        status = settle(command);
    if (!status)
        status = ozx_caged(&(struct ozx_caged){.file = command->file,
                                               .source = command->source,
                                               .allowed = OZX_SANDBOX_FILE,
                                               .tree = -1,
                                               .output = -1,
                                               .print_to = -1,
                                               .work = work,
                                               .context = command},
                           NULL);
    if (status && command->source && !open_again(command))
        (void)settle(command); /* whatever became of the process that made the change */
    ozx_source_close(command->source);
    return status;
}

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "edit a file that has other names (hard links)",
     .field = offsetof(struct command, force)},
};

static const struct ozx_verb verb = {
    .name = "edit",
    .usage = "[OPTIONS] FILE NODE KEY=JSON...\n"
             "FILE",
    .about =
        "Changes the metadata (zarr.json) of a node in an archive, in place. Of KEY, dots lead\n"
        "into objects, numbers into lists; a backslash makes a dot plain. KEY= removes. The\n"
        "metadata must stay valid. With FILE alone, ends a change that was cut short.",
    .after = "Examples:\n"
             "  ozxfs edit image.ozx / 'attributes.ome.omero.channels.0.label=\"DAPI\"'\n"
             "  ozxfs edit image.ozx labels/cells attributes.note=",
    OZX_OPTIONS(rows)};

int ozx_cmd_edit(int argc, char **argv)
{
    struct command command = {.fd = -1};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (first == argc)
        return ozx_report_usage("edit", "no file given");
    if (argc - first == 2)
        return ozx_report_usage("edit", "no KEY=JSON given");
    command.file = argv[first];
    command.edit.node = argc - first > 1 ? argv[first + 1] : "";
    command.edit.assignments = argv + first + 2;
    command.edit.count = argc - first > 2 ? argc - first - 2 : 0;
    command.edit.now_s = time(NULL);
    return run(&command);
}
