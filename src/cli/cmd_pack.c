/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs pack: a directory into a .ozx.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crew.h"
#include "cli/pack_command.h"
#include "cli/report.h"
#include "cli/report_pack.h"
#include "cli/verbs.h"
#include "cli/work.h"
#include "image/png.h"

/* --- arguments -------------------------------------------------------------------------------- */

/* Seconds since 1970, a day, or a day and a time, in UTC. */
static int parse_time(const char *text, int64_t *out)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S"};
    long long seconds;

    if (ozx_option_number(text[0] == '@' ? text + 1 : text, 10, INT64_MIN, INT64_MAX - 1,
                          &seconds) == 0) {
        *out = seconds;
        return 0;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tm tm = {.tm_mday = 1};
        const char *end = strptime(text, formats[i], &tm);
        if (end && !*end) {
            int day = tm.tm_mday;
            seconds = timegm(&tm);
            if (tm.tm_mday != day) /* 30 February became a day of March */
                return -EINVAL;
            *out = seconds;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_mtime(void *context, const char *value)
{
    return parse_time(value, &((struct ozx_pack_command *)context)->pack.mtime_limit_s);
}

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "replace FILE.ozx if it exists",
     OZX_PACK_FLAG(pack.force)},
    {.name = "dry-run",
     .letter = 'n',
     .help = "list sizes and paths in the archive's order, write nothing",
     OZX_PACK_FLAG(pack.dry_run)},
    OZX_PACK_OPTIONS_WHAT,
    {.name = "mtime",
     .value = "TIME",
     .help = "no file is newer than TIME: seconds since 1970, or\n"
             "YYYY-MM-DD[THH:MM:SSZ] (default: $SOURCE_DATE_EPOCH, if set)",
     .take = take_mtime,
     .wanted = "a time: seconds or YYYY-MM-DD[THH:MM:SSZ]"},
    {.name = "thumbnail",
     .help = "also pack a thumbnail of it, thumbnail.png, by the convention of Zarr",
     OZX_PACK_FLAG(thumbnail)},
    OZX_PACK_OPTION_JOBS("threads (default: 8 to 16, depending on the processors)"),
    OZX_PACK_OPTIONS_HOW,
    {.name = "json",
     .help = "print a summary as JSON on standard output (with -: standard error)",
     OZX_PACK_FLAG(json)},
};

static const struct ozx_verb verb = {
    .name = "pack",
    .usage = "[OPTIONS] DIR FILE.ozx\n[OPTIONS] DIR -",
    .about = "Packs an OME-Zarr directory (0.5 or later) into a zipped OME-Zarr (.ozx, RFC-9).\n"
             "FILE.ozx appears once it is complete and verified; - is standard output.",
    .after = "Example:\n  ozxfs pack image.ome.zarr image.ozx",
    OZX_OPTIONS(rows)};

/* SOURCE_DATE_EPOCH, unless --mtime was given. */
static int take_environment(struct ozx_pack_command *command)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    long long seconds;

    if (command->pack.mtime_limit_s != INT64_MAX || !epoch || !epoch[0])
        return OZX_EXIT_OK;
    if (ozx_option_number(epoch, 10, 0, INT64_MAX - 1, &seconds))
        return ozx_option_bad_value("pack", "SOURCE_DATE_EPOCH", epoch, "a number of seconds");
    command->pack.mtime_limit_s = seconds;
    return OZX_EXIT_OK;
}

static int take_operands(struct ozx_pack_command *command, int count, char **operands)
{
    struct ozx_pack_options *options = &command->pack;

    if (count < 1)
        return ozx_report_usage("pack", "no directory given");
    if (count < 2 && !options->dry_run)
        return ozx_report_usage("pack", "no output given");
    if (command->thumbnail && !ozx_png_is_built_in())
        return ozx_report(OZX_EXIT_UNAVAILABLE, "--thumbnail",
                          "not built in: install libpng and build ozxfs again");
    if (count > 2)
        return ozx_report_usage("pack", "more than a directory and an output given");
    options->input = operands[0];
    options->picture = command->thumbnail ? ozx_pack_command_picture : NULL;
    options->picture_context = command;
    if (count == 2 && strcmp(operands[1], "-") != 0)
        options->output = operands[1];
    options->output_fd = STDOUT_FILENO;
    if (!options->output && !options->dry_run && isatty(STDOUT_FILENO))
        return ozx_report_usage("pack", "refusing to write an archive to a terminal");
    return OZX_EXIT_OK;
}

/* --- the verb --------------------------------------------------------------------------------- */

static int finish(struct ozx_pack_command *command, const struct ozx_pack_result *result,
                  double elapsed_s)
{
    bool streaming = !command->pack.output && !command->pack.dry_run;
    FILE *out = streaming ? stderr : stdout;
    OZX_AUTO_FREE char *text = NULL;

    ozx_pack_command_check_extension(command);
    if (command->json) {
        if (ozx_pack_json(&command->pack, result, elapsed_s, &text))
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        fprintf(out, "%s\n", text);
    } else {
        ozx_pack_command_sum_up(command, result, elapsed_s);
    }
    return streaming ? OZX_EXIT_OK : ozx_report_stdout(OZX_EXIT_OK);
}

static int run(struct ozx_pack_command *command)
{
    struct ozx_pack_result result;
    double began_s = ozx_clock_s();
    int failure;

    command->pack.cancel = command->pack.output || command->pack.dry_run
                               ? ozx_work_catch_signals()
                               : ozx_work_die_of_signals();
    ozx_progress_start(&command->problems.progress, !command->quiet);
    failure = ozx_pack(&command->pack, &result);
    ozx_progress_clear(&command->problems.progress);
    return failure ? ozx_pack_command_fail(command)
                   : finish(command, &result, ozx_clock_s() - began_s);
}

/* More than there are processors: small files that are not in the page cache are waited for, and
 * the disk serves several readers better than one. */
static unsigned default_jobs(void)
{
    unsigned processors = ozx_processor_count();

    return processors < 8 ? 8 : processors > 16 ? 16 : processors;
}

int ozx_cmd_pack(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct ozx_pack_command command;
    int first, status = ozx_pack_command_begin(&command, argc);

    if (status)
        return status;
    command.sum_label = "summing";
    command.pack.jobs = default_jobs();
    status = ozx_options_parse(&verb, &command, argc, argv, &first);
    if (status < 0) {
        status = take_environment(&command);
        if (!status)
            status = take_operands(&command, argc - first, argv + first);
        if (!status)
            status = run(&command);
    }
    ozx_pack_command_end(&command);
    return status;
}
