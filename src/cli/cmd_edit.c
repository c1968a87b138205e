/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs edit`: changes the metadata of a node in place.
 */
#include <signal.h>
#include <time.h>

#include "cli/caged.h"
#include "cli/change_file.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "edit/edit.h"

struct command {
    struct ozx_change_file file;
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
    failure = ozx_edit(&command->file.source, ozx_source_fd(command->file.source), &command->edit,
                       &error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!failure)
        return OZX_EXIT_OK;
    ozx_report_error(command->file.path, &error);
    return failure == -EINVAL ? OZX_EXIT_USAGE : ozx_report_exit_status(&error);
}

static int run(struct command *command)
{
    int status = ozx_change_open(&command->file);

    if (!status) {
        status = ozx_caged(&(struct ozx_caged){.file = command->file.path,
                                               .source = command->file.source,
                                               .allowed = OZX_SANDBOX_FILE,
                                               .tree = -1,
                                               .output = -1,
                                               .print_to = -1,
                                               .work = work,
                                               .context = command},
                           NULL);
        if (status)
            (void)ozx_change_settle(&command->file, false); /* whatever became of the process */
    }
    ozx_change_close(&command->file);
    return status;
}

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "edit a file that has other names (hard links)",
     .field = offsetof(struct command, file.force)},
};

static const struct ozx_verb verb = {
    .name = "edit",
    .usage = "[OPTIONS] FILE NODE KEY=JSON...\n"
             "FILE",
    .about =
        "Changes the metadata (zarr.json) of a node in an archive, in place. Of KEY, dots lead\n"
        "into objects, numbers into lists, - behind a list's end; a backslash makes a dot plain.\n"
        "KEY= removes. The metadata must stay valid. With FILE alone, ends a change that was\n"
        "cut short.",
    .after = "Examples:\n"
             "  ozxfs edit image.ozx / 'attributes.ome.omero.channels.0.label=\"DAPI\"'\n"
             "  ozxfs edit image.ozx labels/cells attributes.note=",
    OZX_OPTIONS(rows)};

int ozx_cmd_edit(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct command command = {.file = {.fd = -1}};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (first == argc)
        return ozx_report_usage("edit", "no file given");
    if (argc - first == 2)
        return ozx_report_usage("edit", "no KEY=JSON given");
    command.file.path = argv[first];
    command.edit.node = argc - first > 1 ? argv[first + 1] : "";
    command.edit.assignments = argv + first + 2;
    command.edit.count = argc - first > 2 ? argc - first - 2 : 0;
    command.edit.now_s = time(NULL);
    return run(&command);
}
