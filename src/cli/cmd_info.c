/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs info: what an archive is.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/info_text.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"

struct command {
    struct ozx_remote_options remote;
    const char *file;
    int number; /* of the file */
    bool json;
    struct ozx_terminal terminal;
    struct ozx_source *source;
};

/* In the cage. */
static int run(void *context)
{
    struct command *c = context;
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    struct ozx_summary *summary;
    int status = ozx_input_archive(c->file, &c->source, &archive);

    if (status)
        return status;
    if (ozx_summary_make(archive, &summary, &error)) {
        ozx_report_error(c->file, &error);
        return ozx_report_exit_status(&error);
    }
    if (c->json && ozx_summary_json(archive, summary, c->file, stdout))
        status = ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    if (!c->json && c->number)
        putchar('\n');
    if (!c->json)
        ozx_info_text(archive, summary, c->file, &c->terminal);
    ozx_summary_free(summary);
    return ozx_report_stdout(status);
}

static const struct ozx_option rows[] = {
    {.name = "json",
     .help = "print JSON; see ozxfs-info(1)",
     .field = offsetof(struct command, json)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "info",
    .usage = "[OPTIONS] FILE...",
    .about = "Shows what is in archives: their images with axes, levels, chunks and sizes, the\n"
             "OME-Zarr version, and defects. Reads metadata only, no pixels.",
    .after = "Example:\n  ozxfs info image.ozx",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

int ozx_cmd_info(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls}};
    int first, worst = OZX_EXIT_OK, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (first == argc)
        return ozx_report_usage("info", "no file given");
    ozx_terminal_of_stdout(&command.terminal);
    for (int i = first; i < argc; i++) {
        command.file = argv[i];
        command.number = i - first;
        status = ozx_input_caged(command.file, &command.remote, &command.source, run, &command);
        worst = status > worst ? status : worst;
    }
    return worst;
}
