/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs repack`: an archive, written anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/caged.h"
#include "cli/input.h"
#include "cli/pack_command.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "cli/work.h"
#include "pack/repack.h"

struct command {
    struct ozx_pack_command common; /* what is lost is no problem, and listed completely */
    struct ozx_repack_options options;
    double began_s;
    struct ozx_source *source;
    char *resolved; /* owned; the archive behind a symbolic link, with --in-place */
    struct ozx_repack_result *result; /* in memory that the parent sees: numbers to tell, no more */
};

/* --- what the library says -------------------------------------------------------------------- */

/* What mount would warn of: most of it is what repack puts right. Entries that cannot be read are
 * errors, or losses with --recover; and without a root there will be an error. */
static void on_opened(void *context, const struct ozx_archive *archive)
{
    struct command *command = context;
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &count);

    ozx_progress_clear(&command->common.problems.progress);
    for (size_t i = 0; i < count; i++)
        if (!warnings[i].eio && warnings[i].rule != OZX_RULE_NO_ROOT &&
            (command->common.verbose || (!command->common.quiet && !warnings[i].minor)))
            ozx_report_warning(command->common.pack.input, &warnings[i].first);
}

/* The list is the verb's result: --quiet does not silence it. */
static void on_lost(void *context, const struct ozx_error *what)
{
    struct command *command = context;
    struct ozx_error lost = *what;

    snprintf(lost.text, sizeof lost.text, "lost: %.600s", what->text);
    lost.hint[0] = '\0';
    ozx_progress_clear(&command->common.problems.progress);
    ozx_report_error(command->common.pack.input, &lost);
}

/* --- arguments -------------------------------------------------------------------------------- */

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "replace OUT.ozx if it exists; with --in-place, also with --recover,\n"
             "one of several hard links, and what belongs to others",
     OZX_PACK_FLAG(pack.force)},
    {.name = "in-place",
     .letter = 'i',
     .help = "replace the archive itself, once the new one is complete and was\n"
             "read back; keeps owner, permissions and extended attributes",
     .field = offsetof(struct command, options.in_place)},
    {.name = "dry-run",
     .letter = 'n',
     .help = "list sizes and paths in the new order, write nothing",
     OZX_PACK_FLAG(pack.dry_run)},
    {.name = "recover",
     .help = "write what is intact in a damaged archive, and list what is lost;\n"
             "exit status 2 if anything is",
     .field = offsetof(struct command, options.recover)},
    {.name = "subdir",
     .value = "PATH",
     .help = "use this directory of the archive as the root",
     .kind = OZX_OPTION_TEXT,
     .field = offsetof(struct command, options.subdir)},
    OZX_PACK_OPTIONS_WHAT,
    OZX_PACK_OPTION_JOBS("threads (default: one per processor, from 4 to 16)"),
    OZX_PACK_OPTIONS_HOW,
};

static const struct ozx_verb verb = {
    .name = "repack",
    .usage = "[OPTIONS] IN.ozx OUT.ozx\n"
             "[OPTIONS] --in-place FILE.ozx",
    .about =
        "Writes what a mount of IN would show as a clean archive (.ozx, RFC-9): order and comment\n"
        "corrected, no duplicates, no compression, ZIP64. The data are copied unchanged.",
    .after = "Examples:\n"
             "  ozxfs repack --subdir image.ome.zarr folder.zip image.ozx\n"
             "  ozxfs repack --in-place image.ozx",
    OZX_OPTIONS(rows)};

/* The archive is its own output, but not a link to it. */
static int take_in_place(struct command *command, int count, char **operands)
{
    struct ozx_pack_options *pack = &command->common.pack;
    struct stat st;

    if (count > 1)
        return ozx_report_usage("repack", "--in-place takes one archive, and no output");
    if (!pack->verify)
        return ozx_report_usage("repack", "--in-place and --no-verify cannot be combined");
    /* what is lost could perhaps be had in another way */
    if (command->options.recover && !pack->force)
        return ozx_report_usage("repack", "--in-place --recover would replace the damaged archive "
                                          "for good: give an output, or --force");
    pack->input = pack->output = operands[0];
    pack->output_fd = -1;
    if (lstat(operands[0], &st) == 0 && S_ISLNK(st.st_mode) &&
        (command->resolved = realpath(operands[0], NULL)))
        pack->output = command->resolved;
    return -1;
}

static int take_operands(struct command *command, int count, char **operands)
{
    struct ozx_pack_options *pack = &command->common.pack;

    if (count < 1)
        return ozx_report_usage("repack", "no archive given");
    if (pack->convert && command->options.recover)
        return ozx_report_usage("repack", "--convert and --recover cannot be combined");
    if (command->options.in_place)
        return take_in_place(command, count, operands);
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
    ozx_pack_command_check_extension(&command->common);
    ozx_pack_command_sum_up(&command->common, &result.pack, ozx_clock_s() - command->began_s);
    if (result.lost)
        return ozx_report(OZX_EXIT_INVALID, pack->input, "recovered what is intact; losses: %llu",
                          (unsigned long long)result.lost);
    return OZX_EXIT_OK;
}

/* In the cage. */
static int work(void *context)
{
    struct command *command = context;
    int failure;

    failure = ozx_repack(ozx_take(command->source), &command->options, command->result);
    ozx_progress_clear(&command->common.problems.progress);
    return failure ? ozx_pack_command_fail(&command->common) : ozx_report_stdout(OZX_EXIT_OK);
}

static int repack(struct command *command)
{
    OZX_AUTO_OUTPUT_FILE struct ozx_output_file output_file = OZX_OUTPUT_FILE_INIT;
    int status;

    if (ozx_repack_begin(command->source, &command->options, &output_file))
        return ozx_pack_command_fail(&command->common);
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
        return ozx_pack_command_fail(&command->common);
    return finish(command);
}

static int run(struct command *command)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int status;

    command->began_s = ozx_clock_s();
    ozx_progress_start(&command->common.problems.progress, !command->common.quiet);
    if (ozx_input_open_file(command->options.pack.input, &command->source, &error)) {
        ozx_report_error(command->options.pack.input, &error);
        return ozx_report_exit_status(&error);
    }
    command->result = ozx_caged_memory(sizeof *command->result);
    status = command->result ? repack(command) : ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    ozx_caged_memory_free(command->result, sizeof *command->result);
    ozx_source_close(command->source);
    return status;
}

int ozx_cmd_repack(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct command command = {.options = {.opened = on_opened, .lost = on_lost}};
    int first, status = ozx_pack_command_begin(&command.common, argc);

    if (status)
        return status;
    command.common.sum_label = "reading";
    command.common.pack.align_bytes = 0;
    command.common.pack.jobs = ozx_work_default_jobs();
    status = ozx_options_parse(&verb, &command, argc, argv, &first);
    if (status < 0)
        status = take_operands(&command, argc - first, argv + first);
    if (status < 0) {
        command.common.pack.cancel = ozx_work_catch_signals();
        command.options.pack = command.common.pack;
        status = run(&command);
    }
    free(command.resolved);
    ozx_pack_command_end(&command.common);
    return status;
}
