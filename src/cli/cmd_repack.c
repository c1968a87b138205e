/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs repack`: an archive, written anew.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/caged.h"
#include "cli/input.h"
#include "cli/pack_arguments.h"
#include "cli/problems.h"
#include "cli/report.h"
#include "cli/report_pack.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/work.h"
#include "pack/repack.h"

struct command {
    struct ozx_repack_options options;
    struct ozx_problems problems; /* what is lost is none, and listed completely */
    const char **excludes;        /* owned; as many as there are arguments */
    bool quiet, verbose;
    bool is_terminal; /* standard output */
    double began_s;
    struct ozx_source *source;
    struct ozx_repack_result *result; /* in memory that the parent sees: numbers to tell, no more */
};

static const char help_text[] =
    "Usage: ozxfs repack [OPTIONS] IN.ozx OUT.ozx\n\n"
    "Writes what a mount of IN would show as a clean archive (.ozx, RFC-9): order and comment\n"
    "corrected, no duplicates, no compression, ZIP64. The data are copied unchanged.\n\n"
    "  -f, --force           replace OUT.ozx if it exists\n"
    "  -n, --dry-run         list sizes and paths in the new order, write nothing\n"
    "      --recover         write what is intact of a damaged archive, and list what is lost;\n"
    "                        exit status 2 if anything is\n"
    "      --subdir PATH     use this directory of the archive as the root\n"
    "      --exclude GLOB    exclude what matches; may be given more than once\n"
    "      --keep-consolidated\n"
    "                        keep consolidated metadata even if they list what is left out\n"
    "      --keep-junk       also pack .DS_Store, __MACOSX/ and the like\n"
    "      --ome-version V   OME-Zarr version to state (default: from the metadata, else as\n"
    "                        IN states it)\n"
    "      --align N         data of files starts at multiples of N bytes: a power of\n"
    "                        two up to 32768 (default: 1)\n"
    "      --rules R         draft: also follow the next revision of RFC-9: --align pads\n"
    "                        between entries, not in extra fields (default: r2)\n"
    "  -j, --jobs N          threads (default: the number of processors)\n"
    "      --no-verify       do not read the new archive back\n"
    "  -q, --quiet           no warnings, no progress\n"
    "  -v, --verbose         list what is left out, and print a summary\n"
    "  -h, --help            show this help\n\n"
    "Example:\n  ozxfs repack --subdir image.ome.zarr folder.zip image.ozx\n";

enum { RECOVER = 256, SUBDIR, EXCLUDE, KEEP_CONSOLIDATED, KEEP_JUNK, RULES, OME_VERSION, ALIGN, NO_VERIFY };

static const struct option long_options[] = {
    {"force", no_argument, NULL, 'f'},
    {"dry-run", no_argument, NULL, 'n'},
    {"recover", no_argument, NULL, RECOVER},
    {"subdir", required_argument, NULL, SUBDIR},
    {"exclude", required_argument, NULL, EXCLUDE},
    {"keep-consolidated", no_argument, NULL, KEEP_CONSOLIDATED},
    {"keep-junk", no_argument, NULL, KEEP_JUNK},
    {"ome-version", required_argument, NULL, OME_VERSION},
    {"align", required_argument, NULL, ALIGN},
    {"rules", required_argument, NULL, RULES},
    {"jobs", required_argument, NULL, 'j'},
    {"no-verify", no_argument, NULL, NO_VERIFY},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* --- what the library says -------------------------------------------------------------------- */

static const char *subject_of(const struct command *command, enum ozx_pack_about about)
{
    return about == OZX_PACK_INPUT || about == OZX_PACK_ARGUMENTS ? command->options.pack.input
                                                                  : command->options.pack.output;
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

/* What mount would warn of: most of it is what repack mends. Entries that cannot be read are
 * errors, or losses with --recover; and without a root there will be an error. */
static void on_opened(void *context, const struct ozx_archive *archive)
{
    struct command *command = context;
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &count);

    ozx_progress_clear(&command->problems.progress);
    for (size_t i = 0; i < count; i++)
        if (!warnings[i].eio && warnings[i].rule != OZX_RULE_NO_ROOT &&
            (command->verbose || (!command->quiet && !warnings[i].minor)))
            ozx_report_warning(command->options.pack.input, &warnings[i].first);
}

/* The list is the verb's result: --quiet does not silence it. */
static void on_lost(void *context, const struct ozx_error *what)
{
    struct command *command = context;
    struct ozx_error lost = *what;

    snprintf(lost.text, sizeof lost.text, "lost: %.600s", what->text);
    lost.hint[0] = '\0';
    ozx_progress_clear(&command->problems.progress);
    ozx_report_error(command->options.pack.input, &lost);
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
    (void)ozx_report(0, command->options.pack.input, "left out: %s",
                     ozx_escape(name, sizeof name, path, strlen(path)));
}

static void on_listed(void *context, const char *path, uint64_t size_bytes)
{
    const struct command *command = context;

    printf("%12llu  ", (unsigned long long)size_bytes);
    ozx_terminal_put_name(command->is_terminal, path);
    putchar('\n');
}

static void on_progress(void *context, const struct ozx_pack_progress *now)
{
    struct command *command = context;

    ozx_report_pack_progress(&command->problems.progress, "reading", now);
}

/* --- arguments -------------------------------------------------------------------------------- */

/* An option that takes a value. */
static int take_value(struct command *command, int option, const char *value)
{
    struct ozx_pack_options *pack = &command->options.pack;

    switch (option) {
    case SUBDIR:
        command->options.subdir = value;
        return OZX_EXIT_OK;
    case EXCLUDE:
        command->excludes[pack->exclude_count++] = value;
        return OZX_EXIT_OK;
    case OME_VERSION:
        return ozx_take_ome_version("repack", value, pack);
    case RULES:
        return ozx_work_take_rules("repack", value, &pack->rule_set);
    case ALIGN:
        return ozx_take_align("repack", value, pack);
    default:
        return ozx_work_take_jobs("repack", value, &pack->jobs);
    }
}

/* -1: go on; else the exit status. */
static int parse_options(struct command *command, int argc, char **argv)
{
    struct ozx_pack_options *pack = &command->options.pack;
    int option, status = OZX_EXIT_OK;

    opterr = 0;
    optind = 0;
    while (!status && (option = getopt_long(argc, argv, "fnj:qvh", long_options, NULL)) != -1) {
        switch (option) {
        case 'f':
            pack->force = true;
            break;
        case 'n':
            pack->dry_run = true;
            break;
        case RECOVER:
            command->options.recover = true;
            break;
        case KEEP_CONSOLIDATED:
            pack->keep_consolidated = true;
            break;
        case KEEP_JUNK:
            pack->keep_junk = true;
            break;
        case NO_VERIFY:
            pack->verify = false;
            break;
        case 'q':
            command->quiet = true;
            break;
        case 'v':
            command->verbose = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return ozx_report_stdout(OZX_EXIT_OK);
        case '?':
            return ozx_work_bad_option("repack", argv[optind - 1]);
        default:
            status = take_value(command, option, optarg);
        }
    }
    return status ? status : -1;
}

static int take_operands(struct command *command, int count, char **operands)
{
    struct ozx_pack_options *pack = &command->options.pack;

    if (count < 1)
        return ozx_report_usage("repack", "no archive given");
    if (count < 2 && !pack->dry_run)
        return ozx_report_usage("repack", "no output given");
    if (count > 2)
        return ozx_report_usage("repack", "more than an archive and an output given");
    if (count == 2 && strcmp(operands[1], "-") == 0)
        return ozx_report_usage("repack", "cannot write to standard output: give a file");
    pack->input = operands[0];
    pack->output = count == 2 ? operands[1] : NULL;
    pack->output_fd = -1;
    return -1;
}

/* --- the verb --------------------------------------------------------------------------------- */

/* RFC-9, extension: SHOULD. */
static void check_extension(const struct command *command)
{
    struct ozx_error warning = OZX_ERROR_INIT;
    const char *output = command->options.pack.output;
    size_t size = output ? strlen(output) : 0;

    if (!output || command->quiet || (size > 4 && strcmp(output + size - 4, ".ozx") == 0))
        return;
    ozx_error_set(&warning, 0, OZX_RULE_EXTENSION, OZX_OFFSET_NONE, NULL,
                  "the name should end in .ozx, so that other programs recognize it");
    ozx_report_warning(output, &warning);
}

/* The result as the child left it. The version is a text that it may have made up. */
static void take_result(const struct command *command, struct ozx_repack_result *result)
{
    char version[OZX_VERSION_TEXT_MAX];

    *result = *command->result;
    memcpy(version, result->pack.version, sizeof version);
    ozx_escape(result->pack.version, sizeof result->pack.version, version,
               strnlen(version, sizeof version));
}

static int finish(const struct command *command)
{
    const struct ozx_pack_options *pack = &command->options.pack;
    struct ozx_repack_result result;

    take_result(command, &result);
    check_extension(command);
    if (command->verbose || (command->problems.progress.enabled && !command->quiet))
        ozx_report_pack_words(pack->output, &result.pack, ozx_clock_s() - command->began_s,
                              pack->dry_run);
    if (result.lost)
        return ozx_report(OZX_EXIT_INVALID, pack->input, "recovered what is intact; losses: %llu",
                          (unsigned long long)result.lost);
    return OZX_EXIT_OK;
}

static int fail(const struct command *command)
{
    ozx_problems_end(&command->problems, command->options.pack.input);
    return command->problems.status ? command->problems.status : OZX_EXIT_BUG;
}

/* In the cage. */
static int work(void *context)
{
    struct command *command = context;
    int failure;

    failure = ozx_repack(ozx_take(command->source), &command->options, command->result);
    ozx_progress_clear(&command->problems.progress);
    return failure ? fail(command) : ozx_report_stdout(OZX_EXIT_OK);
}

static int repack(struct command *command)
{
    OZX_AUTO_OUTPUT_FILE struct ozx_output_file output_file = OZX_OUTPUT_FILE_INIT;
    int status;

    if (ozx_repack_begin(command->source, &command->options, &output_file))
        return fail(command);
    if (command->options.pack.output)
        command->options.pack.output_file = &output_file;
    status = ozx_caged(
        &(struct ozx_caged){.file = command->options.pack.input,
                            .source = command->source,
                            .allowed = output_file.fd >= 0 ? OZX_SANDBOX_FILE : OZX_SANDBOX_READ,
                            .tree = -1,
                            .output = output_file.fd,
                            .print_to = -1,
                            .work = work,
                            .context = command},
        NULL);
    if (status)
        return status;
    if (ozx_repack_commit(&command->options, &output_file))
        return fail(command);
    return finish(command);
}

static int run(struct command *command)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int status;

    command->began_s = ozx_clock_s();
    ozx_progress_start(&command->problems.progress, !command->quiet);
    if (ozx_input_open(command->options.pack.input, &command->source, &error)) {
        ozx_report_error(command->options.pack.input, &error);
        return ozx_report_exit_status(&error);
    }
    command->result = ozx_caged_memory(sizeof *command->result);
    status = command->result ? repack(command)
                             : ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    ozx_caged_memory_free(command->result, sizeof *command->result);
    ozx_source_close(command->source);
    return status;
}

int ozx_cmd_repack(int argc, char **argv)
{
    struct command command = {.is_terminal = isatty(STDOUT_FILENO),
                              .options = {.pack = {.mtime_limit_s = INT64_MAX,
                                                   .jobs = ozx_work_default_jobs(),
                                                   .verify = true,
                                                   .problem = on_problem,
                                                   .warning = on_warning,
                                                   .note = on_note,
                                                   .left_out = on_left_out,
                                                   .listed = on_listed,
                                                   .progress = on_progress},
                                          .opened = on_opened,
                                          .lost = on_lost}};
    int status;

    command.excludes = calloc((size_t)argc, sizeof *command.excludes);
    if (!command.excludes)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    status = parse_options(&command, argc, argv);
    if (status < 0)
        status = take_operands(&command, argc - optind, argv + optind);
    if (status < 0) {
        command.options.pack.context = &command;
        command.options.pack.excludes = command.excludes;
        command.options.pack.cancel = ozx_work_catch_signals();
        status = run(&command);
    }
    free(command.excludes);
    return status;
}
