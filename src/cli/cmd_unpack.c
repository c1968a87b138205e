/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs unpack`: an archive into a directory.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/file_name.h"
#include "base/clock.h"
#include "cli/caged.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/problems.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "cli/work.h"
#include "unpack/unpack.h"

struct command {
    struct ozx_remote_options remote;
    struct ozx_unpack_options options;
    struct ozx_archive_options archive_options;
    struct ozx_problems problems;
    char *const *archives;
    size_t archive_count;
    bool quiet, verbose;
    int root_fd;
    struct ozx_source *source;
    struct ozx_unpack_result *result; /* in memory that the parent sees: numbers to tell, no more */
};

/* --- what the library says -------------------------------------------------------------------- */

static const char *subject_of(const struct command *command, enum ozx_unpack_about about)
{
    return about == OZX_UNPACK_ARCHIVE ? command->options.archive_path : command->options.output;
}

static enum ozx_problem_place place_of(enum ozx_unpack_about about)
{
    return about == OZX_UNPACK_ARCHIVE         ? OZX_PROBLEM_INPUT
           : about == OZX_UNPACK_OUTPUT_CREATE ? OZX_PROBLEM_OUTPUT_CREATE
                                               : OZX_PROBLEM_OUTPUT;
}

static void on_problem(void *context, enum ozx_unpack_about about, const struct ozx_error *error)
{
    struct command *command = context;

    ozx_problems_tell(&command->problems, place_of(about), subject_of(command, about), error);
}

/* Told with --quiet as well: a tree that was to be removed is still there. */
static void on_warning(void *context, enum ozx_unpack_about about, const struct ozx_error *error)
{
    struct command *command = context;

    ozx_problems_warn(&command->problems, subject_of(command, about), error);
}

/* What metadata say of what is not unpacked. */
static void on_note(void *context, const struct ozx_error *note)
{
    struct command *command = context;

    if (!command->quiet)
        ozx_problems_note(&command->problems, command->options.archive_path, note);
}

static void on_left_out(void *context, const struct ozx_error *warning)
{
    struct command *command = context;

    if (!command->quiet)
        ozx_problems_warn(&command->problems, command->options.archive_path, warning);
}

static void on_progress(void *context, const struct ozx_unpack_progress *now)
{
    struct command *command = context;

    ozx_progress_show(&command->problems.progress, &(struct ozx_progress_state){
                                                       .label = "unpacking",
                                                       .items = now->files,
                                                       .items_total = now->files_total,
                                                       .bytes = now->bytes,
                                                       .bytes_total = now->bytes_total,
                                                   });
}

/* What mount would warn of, but for what makes an entry unreadable: that is an error here. */
static void tell_warnings(const struct command *command, const struct ozx_archive *archive)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &count);

    for (size_t i = 0; i < count; i++)
        if (!warnings[i].eio && (command->verbose || (!command->quiet && !warnings[i].minor)))
            ozx_report_warning(command->options.archive_path, &warnings[i].first);
}

static void sum_up(const struct command *command, const struct ozx_unpack_result *result,
                   double elapsed_s)
{
    char files[OZX_COUNT_SIZE], directories[OZX_COUNT_SIZE], size[OZX_AMOUNT_SIZE],
        amount[OZX_AMOUNT_SIZE], holes[64] = "", shared[64] = "", shards[OZX_COUNT_SIZE],
                                 split[OZX_COUNT_SIZE + 32] = "";

    if (result->hole_bytes)
        snprintf(holes, sizeof holes, " (%s of it holes)",
                 ozx_progress_amount(amount, (double)result->hole_bytes));
    if (result->shared_bytes)
        snprintf(shared, sizeof shared, ", %s shared with the archive",
                 ozx_progress_amount(amount, (double)result->shared_bytes));
    if (result->shards)
        snprintf(split, sizeof split, " (%s shard%s as chunks)",
                 ozx_progress_count(shards, result->shards), OZX_S(result->shards));
    (void)ozx_report(0, command->options.output,
                     "%s files%s in %s directories, %s%s%s, in %.1f s, all CRCs correct",
                     ozx_progress_count(files, result->files - result->shards + result->chunks),
                     split, ozx_progress_count(directories, result->directories + 1),
                     ozx_progress_amount(size, (double)result->data_bytes), holes, shared,
                     elapsed_s);
}

/* --- arguments -------------------------------------------------------------------------------- */

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "replace DIR, if it holds a zarr.json, and remove what was in it",
     .field = offsetof(struct command, options.force)},
    {.name = "subdir",
     .value = "PATH",
     .help = "use this directory of the archive as the root",
     .kind = OZX_OPTION_TEXT,
     .field = offsetof(struct command, archive_options.subdir)},
    {.name = "chunks",
     .help = "write the inner chunks of shards as files, without decoding them,\n"
             "where sharding is an array's only codec",
     .field = offsetof(struct command, options.chunks)},
    {.name = "keep-consolidated",
     .help = "keep consolidated metadata even if they list what is not unpacked",
     .field = offsetof(struct command, options.keep_consolidated)},
    {.name = "jobs",
     .letter = 'j',
     .value = "N",
     .help = "threads (default: one per processor, from 4 to 16)",
     .kind = OZX_OPTION_NUMBER,
     .field = offsetof(struct command, options.jobs),
     .low = 1,
     .high = OZX_JOBS_MAX},
    {.name = "no-sync",
     .help = "do not wait until the data are synced to disk",
     .field = offsetof(struct command, options.sync),
     .clears = true},
    {.name = "quiet",
     .letter = 'q',
     .help = "no warnings, no progress",
     .field = offsetof(struct command, quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "print a summary",
     .field = offsetof(struct command, verbose)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "unpack",
    .usage = "[OPTIONS] FILE.ozx DIR [PATH ...]\n"
             "[OPTIONS] FILE.ozx FILE.ozx ... DIR [PATH ...]",
    .about = "Unpacks an archive, or only the PATHs in it (or what matches, as 's0/*'), into DIR.\n"
             "DIR appears once it is complete and every CRC is correct; it must not exist, or be\n"
             "empty. Several archives (.ozx, .zip) are unpacked to DIR/NAME.ome.zarr.",
    .after = "Examples:\n"
             "  ozxfs unpack image.ozx image.ome.zarr\n"
             "  ozxfs unpack image.ozx metadata '**/zarr.json'",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

static int take_operands(struct command *command, size_t count, char **operands)
{
    if (count < 1)
        return ozx_report_usage("unpack", "no archive given");
    command->archives = operands;
    command->archive_count = ozx_input_count_archives(operands, count);
    if (command->archive_count == count)
        return ozx_report_usage("unpack", "no directory given");
    operands += command->archive_count;
    command->options.output = operands[0];
    if (strcmp(operands[0], "-") == 0)
        return ozx_report_usage("unpack",
                                "a directory cannot be written to standard output, but "
                                "'ozxfs cat' writes files there; a directory named '-' is './-'");
    command->options.paths = (const char *const *)operands + 1;
    command->options.path_count = count - command->archive_count - 1;
    if (command->options.chunks && command->options.path_count)
        return ozx_report_usage("unpack", "--chunks unpacks all of the archive: give no PATH");
    return -1;
}

/* --- the verb --------------------------------------------------------------------------------- */

static int open_archive(struct command *command, struct ozx_archive **archive)
{
    struct ozx_error error = OZX_ERROR_INIT;

    command->archive_options.subdir_hint = "give it with --subdir ";
    if (ozx_archive_open(command->source, &command->archive_options, archive, &error) == 0) {
        command->source = NULL;
        return OZX_EXIT_OK;
    }
    ozx_report_error(command->options.archive_path, &error);
    return ozx_report_exit_status(&error);
}

static int fail(const struct command *command)
{
    ozx_problems_end(&command->problems, command->options.archive_path);
    return command->problems.status ? command->problems.status : OZX_EXIT_BUG;
}

/* In the cage. */
static int work(void *context)
{
    struct command *command = context;
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    int failure, status = open_archive(command, &archive);

    if (status)
        return status;
    tell_warnings(command, archive);
    failure = ozx_unpack(archive, &command->options, command->root_fd, command->result);
    ozx_progress_clear(&command->problems.progress);
    return failure ? fail(command) : OZX_EXIT_OK;
}

static int unpack(struct command *command)
{
    OZX_AUTO_OUTPUT_TREE struct ozx_output_tree output_tree = OZX_OUTPUT_TREE_INIT;
    int status;

    if (ozx_unpack_begin(&command->options, &output_tree))
        return fail(command);
    command->root_fd = output_tree.fd;
    status = ozx_caged(&(struct ozx_caged){.file = command->options.archive_path,
                                           .source = command->source,
                                           .allowed = OZX_SANDBOX_TREE,
                                           .tree = output_tree.fd,
                                           .output = -1,
                                           .print_to = -1,
                                           .work = work,
                                           .context = command},
                       NULL);
    ozx_source_close(ozx_take(command->source)); /* its descriptor may be wanted for a removal */
    if (status)
        return status;
    return ozx_unpack_commit(&command->options, &output_tree) ? fail(command) : OZX_EXIT_OK;
}

static int run(struct command *command)
{
    struct ozx_error error = OZX_ERROR_INIT;
    double began_s = ozx_clock_s();
    int status;

    if (ozx_input_open(command->options.archive_path, &command->remote, &command->source, &error)) {
        ozx_report_error(command->options.archive_path, &error);
        return ozx_report_exit_status(&error);
    }
    ozx_progress_start(&command->problems.progress, !command->quiet);
    command->result = ozx_caged_memory(sizeof *command->result);
    status = command->result ? unpack(command) : ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    if (command->result && status == OZX_EXIT_OK &&
        (command->verbose || (command->problems.progress.enabled && !command->quiet)))
        sum_up(command, command->result, ozx_clock_s() - began_s);
    ozx_caged_memory_free(command->result, sizeof *command->result);
    ozx_source_close(command->source);
    return status;
}

/* --- several ---------------------------------------------------------------------------------- */

/* DIR/NAME.ome.zarr; the caller frees it. NULL: out of memory. */
static char *output_of(const char *archive, const char *directory)
{
    const char *slash = strrchr(archive, '/'), *name = slash ? slash + 1 : archive;
    char *path;

    if (asprintf(&path, "%s/%.*s.ome.zarr", directory, (int)ozx_file_name_stem_size(name), name) <
        0)
        return NULL;
    return path;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two archives of the same name would be unpacked to the same place: -EEXIST, with that name in
 * `name`. */
static int find_same(const struct command *command, char name[OZX_ESCAPED_SIZE])
{
    size_t count = command->archive_count;
    char **outputs = calloc(count, sizeof *outputs);
    int failure = outputs ? 0 : -ENOMEM;

    for (size_t i = 0; i < count && !failure; i++)
        if (!(outputs[i] = output_of(command->archives[i], "")))
            failure = -ENOMEM;
    if (!failure)
        qsort(outputs, count, sizeof *outputs, compare);
    for (size_t i = 1; i < count && !failure; i++)
        if (strcmp(outputs[i - 1], outputs[i]) == 0) {
            ozx_escape(name, OZX_ESCAPED_SIZE, outputs[i] + 1, strlen(outputs[i] + 1));
            failure = -EEXIST;
        }
    for (size_t i = 0; outputs && i < count; i++)
        free(outputs[i]);
    free(outputs);
    return failure;
}

static int refuse_same(const struct command *command)
{
    char name[OZX_ESCAPED_SIZE];

    switch (find_same(command, name)) {
    case 0:
        return -1;
    case -EEXIST:
        return ozx_report_usage("unpack", "two of the archives would become %s", name);
    default:
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    }
}

/* Each by itself; the worst of what they ended with. */
static int run_several(const struct command *command)
{
    const char *directory = command->options.output;
    bool made = mkdir(directory, 0777) == 0;
    int worst = OZX_EXIT_OK;

    for (size_t i = 0; i < command->archive_count && !*command->options.cancel; i++) {
        OZX_AUTO_FREE char *output = output_of(command->archives[i], directory);
        struct command one = *command;
        int status;

        if (!output)
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        one.options.archive_path = command->archives[i];
        one.options.output = output;
        one.options.context = &one;
        status = run(&one);
        worst = status > worst ? status : worst;
        if (status == OZX_EXIT_INTERRUPTED)
            break;
    }
    if (made)
        (void)rmdir(directory); /* if nothing is in it */
    return *command->options.cancel ? OZX_EXIT_INTERRUPTED : worst;
}

int ozx_cmd_unpack(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls},
                              .options = {.sync = true,
                                          .jobs = ozx_work_default_jobs(),
                                          .problem = on_problem,
                                          .warning = on_warning,
                                          .note = on_note,
                                          .left_out = on_left_out,
                                          .progress = on_progress}};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status < 0)
        status = take_operands(&command, (size_t)(argc - first), argv + first);
    if (status < 0)
        status = refuse_same(&command);
    if (status >= 0)
        return status;
    setlocale(LC_CTYPE, ""); /* what is one character to a pattern */
    command.options.context = &command;
    command.options.archive_path = command.archives[0];
    command.options.cancel = ozx_work_catch_signals();
    return command.archive_count > 1 ? run_several(&command) : run(&command);
}
