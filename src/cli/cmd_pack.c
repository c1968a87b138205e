/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs pack: a directory into a .ozx.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crew.h"
#include "cli/pack_arguments.h"
#include "cli/problems.h"
#include "cli/report.h"
#include "cli/report_pack.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/work.h"
#include "pack/pack.h"

struct command {
    struct ozx_pack_options options;
    struct ozx_problems problems;
    bool quiet, verbose, json;
    bool is_terminal; /* standard output */
};

static const char help_text[] =
    "Usage: ozxfs pack [OPTIONS] DIR FILE.ozx\n"
    "       ozxfs pack [OPTIONS] DIR -\n\n"
    "Packs an OME-Zarr directory (0.5 or later) into a zipped OME-Zarr (.ozx, RFC-9).\n"
    "FILE.ozx appears once it is complete and verified; - is standard output.\n\n"
    "  -f, --force           replace FILE.ozx if it exists\n"
    "  -n, --dry-run         list sizes and paths in the archive's order, write nothing\n"
    "      --exclude GLOB    exclude what matches; may be given more than once\n"
    "      --keep-consolidated\n"
    "                        keep consolidated metadata even if they list what is left out\n"
    "      --keep-junk       also pack .DS_Store, __MACOSX/ and the like\n"
    "      --ome-version V   OME-Zarr version to state (default: from the metadata)\n"
    "      --mtime TIME      no file is newer than TIME: seconds since 1970, or\n"
    "                        YYYY-MM-DD[THH:MM:SSZ] (default: $SOURCE_DATE_EPOCH, if set)\n"
    "      --align N         data of files starts at multiples of N bytes: a power of\n"
    "                        two up to 32768 (default: 1)\n"
    "      --rules R         draft: also follow the next revision of RFC-9: --align pads\n"
    "                        between entries, not in extra fields (default: r2)\n"
    "  -j, --jobs N          threads (default: 8 to 16, depending on the processors)\n"
    "      --no-verify       do not read the archive back\n"
    "  -q, --quiet           no warnings, no progress\n"
    "  -v, --verbose         list what is left out, and print a summary\n"
    "      --json            print a summary as JSON on standard output (with -: standard error)\n"
    "  -h, --help            show this help\n\n"
    "Example:\n  ozxfs pack image.ome.zarr image.ozx\n";

/* --- what the library says -------------------------------------------------------------------- */

static const char *subject_of(const struct command *command, enum ozx_pack_about about)
{
    if (about == OZX_PACK_INPUT || about == OZX_PACK_ARGUMENTS)
        return command->options.input;
    return command->options.output ? command->options.output : "standard output";
}

static void on_problem(void *context, enum ozx_pack_about about, const struct ozx_error *error)
{
    struct command *command = context;

    ozx_problems_tell(&command->problems, ozx_report_pack_place(about), subject_of(command, about),
                      error);
}

static void on_warning(void *context, enum ozx_pack_about about, const struct ozx_error *error)
{
    struct command *command = context;

    if (!command->quiet)
        ozx_problems_warn(&command->problems, subject_of(command, about), error);
}

static void on_note(void *context, enum ozx_pack_about about, const struct ozx_error *note)
{
    struct command *command = context;

    if (!command->quiet)
        ozx_problems_note(&command->problems, subject_of(command, about), note);
}

static void on_left_out(void *context, const char *path)
{
    struct command *command = context;
    char name[OZX_ESCAPED_SIZE];

    if (!command->verbose)
        return;
    ozx_progress_clear(&command->problems.progress);
    (void)ozx_report(0, command->options.input, "left out: %s",
                     ozx_escape(name, sizeof name, path, strlen(path)));
}

static void on_listed(void *context, const char *path, uint64_t size_bytes)
{
    const struct command *command = context;

    if (command->json)
        return;
    printf("%12llu  ", (unsigned long long)size_bytes);
    ozx_terminal_put_name(command->is_terminal, path);
    putchar('\n');
}

static void on_progress(void *context, const struct ozx_pack_progress *now)
{
    struct command *command = context;

    ozx_report_pack_progress(&command->problems.progress, "summing", now);
}

/* --- arguments -------------------------------------------------------------------------------- */

/* Seconds since 1970, a day, or a day and a time, in UTC. */
static int parse_time(const char *text, int64_t *out)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S"};
    long long seconds;

    if (ozx_work_number(text[0] == '@' ? text + 1 : text, INT64_MIN, INT64_MAX - 1, &seconds) ==
        0) {
        *out = seconds;
        return 0;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tm tm = {.tm_mday = 1};
        const char *end = strptime(text, formats[i], &tm);
        if (end && !*end) {
            *out = timegm(&tm);
            return 0;
        }
    }
    return -EINVAL;
}

enum { EXCLUDE = 256, KEEP_CONSOLIDATED, KEEP_JUNK, RULES, OME_VERSION, MTIME, ALIGN, NO_VERIFY, JSON };

static const struct option long_options[] = {
    {"force", no_argument, NULL, 'f'},
    {"dry-run", no_argument, NULL, 'n'},
    {"exclude", required_argument, NULL, EXCLUDE},
    {"keep-consolidated", no_argument, NULL, KEEP_CONSOLIDATED},
    {"keep-junk", no_argument, NULL, KEEP_JUNK},
    {"ome-version", required_argument, NULL, OME_VERSION},
    {"mtime", required_argument, NULL, MTIME},
    {"align", required_argument, NULL, ALIGN},
    {"rules", required_argument, NULL, RULES},
    {"jobs", required_argument, NULL, 'j'},
    {"no-verify", no_argument, NULL, NO_VERIFY},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* An option that takes a value. */
static int take_value(struct command *command, int option, const char *value)
{
    struct ozx_pack_options *options = &command->options;

    switch (option) {
    case EXCLUDE:
        ((const char **)(uintptr_t)options->excludes)[options->exclude_count++] = value;
        return OZX_EXIT_OK;
    case OME_VERSION:
        return ozx_take_ome_version("pack", value, options);
    case MTIME:
        return parse_time(value, &options->mtime_limit_s) == 0
                   ? OZX_EXIT_OK
                   : ozx_work_bad_value("pack", "--mtime", value,
                                        "a time: seconds or YYYY-MM-DD[THH:MM:SSZ]");
    case RULES:
        return ozx_work_take_rules("pack", value, &options->rule_set);
    case ALIGN:
        return ozx_take_align("pack", value, options);
    default:
        return ozx_work_take_jobs("pack", value, &options->jobs);
    }
}

/* -1: go on; else the exit status. */
static int parse_options(struct command *command, int argc, char **argv)
{
    int option, status;

    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "fnj:qvh", long_options, NULL)) != -1) {
        switch (option) {
        case 'f':
            command->options.force = true;
            break;
        case 'n':
            command->options.dry_run = true;
            break;
        case KEEP_CONSOLIDATED:
            command->options.keep_consolidated = true;
            break;
        case KEEP_JUNK:
            command->options.keep_junk = true;
            break;
        case NO_VERIFY:
            command->options.verify = false;
            break;
        case 'q':
            command->quiet = true;
            break;
        case 'v':
            command->verbose = true;
            break;
        case JSON:
            command->json = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return ozx_report_stdout(OZX_EXIT_OK);
        case '?':
            return ozx_work_bad_option("pack", argv[optind - 1]);
        default:
            status = take_value(command, option, optarg);
            if (status)
                return status;
        }
    }
    return -1;
}

/* SOURCE_DATE_EPOCH, unless --mtime was given. */
static int take_environment(struct command *command)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    long long seconds;

    if (command->options.mtime_limit_s != INT64_MAX || !epoch || !epoch[0])
        return OZX_EXIT_OK;
    if (ozx_work_number(epoch, 0, INT64_MAX - 1, &seconds))
        return ozx_work_bad_value("pack", "SOURCE_DATE_EPOCH", epoch, "a number of seconds");
    command->options.mtime_limit_s = seconds;
    return OZX_EXIT_OK;
}

static int take_operands(struct command *command, int count, char **operands)
{
    struct ozx_pack_options *options = &command->options;

    if (count < 1)
        return ozx_report_usage("pack", "no directory given");
    if (count < 2 && !options->dry_run)
        return ozx_report_usage("pack", "no output given");
    if (count > 2)
        return ozx_report_usage("pack", "more than a directory and an output given");
    options->input = operands[0];
    if (count == 2 && strcmp(operands[1], "-") != 0)
        options->output = operands[1];
    options->output_fd = STDOUT_FILENO;
    if (!options->output && !options->dry_run && isatty(STDOUT_FILENO))
        return ozx_report_usage("pack", "refusing to write an archive to a terminal");
    return OZX_EXIT_OK;
}

/* --- the verb --------------------------------------------------------------------------------- */

/* RFC-9, extension: SHOULD. */
static void check_extension(const struct command *command)
{
    struct ozx_error warning = OZX_ERROR_INIT;
    const char *output = command->options.output;
    size_t size = output ? strlen(output) : 0;

    if (!output || command->quiet || (size > 4 && strcmp(output + size - 4, ".ozx") == 0))
        return;
    ozx_error_set(&warning, 0, OZX_RULE_EXTENSION, OZX_OFFSET_NONE, NULL,
                  "the name should end in .ozx, so that other programs recognize it");
    ozx_report_warning(output, &warning);
}

static int finish(struct command *command, const struct ozx_pack_result *result, double elapsed_s)
{
    bool streaming = !command->options.output && !command->options.dry_run;
    FILE *out = streaming ? stderr : stdout;
    OZX_AUTO_FREE char *text = NULL;

    check_extension(command);
    if (command->json) {
        if (ozx_pack_json(&command->options, result, elapsed_s, &text))
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        fprintf(out, "%s\n", text);
    }
    if (!command->json &&
        (command->verbose || (command->problems.progress.enabled && !command->quiet)))
        ozx_report_pack_words(subject_of(command, OZX_PACK_OUTPUT), result, elapsed_s,
                              command->options.dry_run);
    return streaming ? OZX_EXIT_OK : ozx_report_stdout(OZX_EXIT_OK);
}

static int run(struct command *command)
{
    struct ozx_pack_result result;
    double began_s = ozx_clock_s();
    int failure;

    command->options.cancel = command->options.output || command->options.dry_run
                                  ? ozx_work_catch_signals()
                                  : ozx_work_die_of_signals();
    ozx_progress_start(&command->problems.progress, !command->quiet);
    failure = ozx_pack(&command->options, &result);
    ozx_progress_clear(&command->problems.progress);
    if (!failure)
        return finish(command, &result, ozx_clock_s() - began_s);
    ozx_problems_end(&command->problems, command->options.input);
    return command->problems.status ? command->problems.status : OZX_EXIT_BUG;
}

/* More than there are processors: small files that are not in the page cache are waited for, and
 * the disk serves several readers better than one. */
static unsigned default_jobs(void)
{
    unsigned processors = ozx_processor_count();

    return processors < 8 ? 8 : processors > 16 ? 16 : processors;
}

int ozx_cmd_pack(int argc, char **argv)
{
    OZX_AUTO_FREE const char **excludes = calloc((size_t)argc, sizeof *excludes);
    struct command command = {
        .is_terminal = isatty(STDOUT_FILENO),
        .options = {.excludes = excludes,
                    .mtime_limit_s = INT64_MAX,
                    .align_bytes = 1,
                    .jobs = default_jobs(),
                    .verify = true,
                    .problem = on_problem,
                    .warning = on_warning,
                    .note = on_note,
                    .left_out = on_left_out,
                    .listed = on_listed,
                    .progress = on_progress},
    };
    int status;

    if (!excludes)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    command.options.context = &command;
    status = parse_options(&command, argc, argv);
    if (status >= 0)
        return status;
    status = take_environment(&command);
    if (!status)
        status = take_operands(&command, argc - optind, argv + optind);
    return status ? status : run(&command);
}
