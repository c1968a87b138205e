/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs add`: adds a tree to an archive in place. The archive is parsed in the cage, twice: before
 * a byte of the tree is written, and when all of them are. In between the tree is packed behind the
 * archive, as by `ozxfs pack`.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/caged.h"
#include "cli/change_file.h"
#include "cli/pack_command.h"
#include "cli/report.h"
#include "cli/report_pack.h"
#include "cli/verbs.h"
#include "edit/add.h"
#include "pack/part.h"

/* Texts of zarr.json that are kept for consolidated metadata, which few archives have. */
#define TEXTS_MAX ((uint64_t)16 << 20)

struct command {
    struct ozx_pack_command common; /* `pack.output` is the archive */
    struct ozx_change_file file;
    char path[OZX_PATH_SIZE], below[OZX_PATH_SIZE + 1];
    uint64_t old_size_bytes;
    struct ozx_pack_result result;
    struct ozx_part *part;
    struct ozx_plan_cursor cursor; /* of its plan */
    struct ozx_append_tree tree;
    struct ozx_add_node *nodes; /* owned, as the texts are */
    size_t node_count;
    struct ozx_add_options add;
};

/* --- the tree --------------------------------------------------------------------------------- */

static struct ozx_zip_file tree_file(void *context, uint64_t index,
                                     char path[OZX_NAME_PATH_MAX + 1])
{
    struct command *command = context;

    return ozx_plan_file(command->cursor.plan, ozx_plan_entry(&command->cursor, index), path);
}

/* The texts of the tree's zarr.json: the root's, and all others unless they are too large. */
static int read_nodes(struct command *command)
{
    const struct ozx_plan *plan = ozx_part_plan(command->part);
    uint64_t count = ozx_plan_metadata_count(plan), size = 0;

    for (uint64_t i = 0; i < count; i++)
        size += ozx_plan_metadata(plan, i)->size_bytes;
    command->add.has_all_nodes = size <= TEXTS_MAX;
    if (!command->add.has_all_nodes)
        count = 1;
    command->nodes = calloc(count + 1, sizeof *command->nodes);
    if (!command->nodes)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    for (; command->node_count < count; command->node_count++) {
        const struct ozx_plan_entry *entry = ozx_plan_metadata(plan, command->node_count);
        char *text;
        if (ozx_part_text(command->part, command->node_count, &text))
            return ozx_pack_command_fail(&command->common);
        command->nodes[command->node_count] =
            (struct ozx_add_node){.path = ozx_plan_directory(plan, entry->directory)->path,
                                  .text = text,
                                  .size_bytes = entry->size_bytes};
    }
    return OZX_EXIT_OK;
}

static int open_tree(struct command *command)
{
    struct stat st;
    const struct ozx_part_place place = {.below = command->below,
                                         .offset_bytes = ozx_append_place(command->old_size_bytes),
                                         .archive = &st};

    if (fstat(command->file.fd, &st) < 0)
        return ozx_report(OZX_EXIT_SYSTEM, command->file.path, "cannot open: %s", strerror(errno));
    if (ozx_part_open(&command->common.pack, &place, &command->result, &command->part))
        return ozx_pack_command_fail(&command->common);
    command->cursor.plan = ozx_part_plan(command->part);
    command->tree =
        (struct ozx_append_tree){.context = command,
                                 .count = ozx_plan_entry_count(command->cursor.plan),
                                 .metadata_count = ozx_plan_metadata_count(command->cursor.plan),
                                 .end_bytes = ozx_part_end(command->part),
                                 .file = tree_file};
    return read_nodes(command);
}

/* --- the archive, in the cage ----------------------------------------------------------------- */

static void on_warning(void *context, const struct ozx_error *warning)
{
    struct command *command = context;

    if (!command->common.quiet)
        ozx_problems_warn(&command->common.problems, command->file.path, warning);
}

static int work(struct command *command,
                int (*step)(struct ozx_source **source, int fd,
                            const struct ozx_add_options *options, struct ozx_error *error))
{
    struct ozx_source *old = NULL, *whole = command->file.source;
    struct ozx_error error = OZX_ERROR_INIT;
    sigset_t all, before;
    int failure = ozx_source_open_front(whole, command->old_size_bytes, &old);

    if (failure)
        return ozx_report(OZX_EXIT_SYSTEM, command->file.path, "cannot open: out of memory");
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    failure = step(&old, ozx_source_fd(whole), &command->add, &error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    ozx_source_close(old);
    if (!failure)
        return OZX_EXIT_OK;
    ozx_progress_clear(&command->common.problems.progress);
    ozx_report_error(command->file.path, &error);
    return ozx_report_exit_status(&error);
}

static int reserve(void *context)
{
    return work(context, ozx_add_reserve);
}

static int complete(void *context)
{
    return work(context, ozx_add_complete);
}

static int caged(struct command *command, int (*step)(void *context))
{
    int status = ozx_change_open_again(&command->file);

    return status ? status
                  : ozx_caged(&(struct ozx_caged){.file = command->file.path,
                                                  .source = command->file.source,
                                                  .allowed = OZX_SANDBOX_FILE,
                                                  .tree = -1,
                                                  .output = -1,
                                                  .print_to = -1,
                                                  .work = step,
                                                  .context = command},
                              NULL);
}

/* --- the verb --------------------------------------------------------------------------------- */

static int add(struct command *command)
{
    int status = caged(command, reserve);

    if (!status && ozx_part_write(command->part, command->file.fd))
        status = ozx_pack_command_fail(&command->common);
    if (!status)
        status = caged(command, complete);
    if (status)
        (void)ozx_change_settle(&command->file, true); /* whatever became of the process */
    return status;
}

static int run(struct command *command)
{
    double began_s = ozx_clock_s();
    int status = ozx_change_open(&command->file);

    if (!status) {
        command->old_size_bytes = ozx_source_size(command->file.source);
        ozx_progress_start(&command->common.problems.progress, !command->common.quiet);
        status = open_tree(command);
    }
    command->add = (struct ozx_add_options){.path = command->path,
                                            .tree = &command->tree,
                                            .nodes = command->nodes,
                                            .node_count = command->node_count,
                                            .has_all_nodes = command->add.has_all_nodes,
                                            .now_s = time(NULL),
                                            .context = command,
                                            .warning = on_warning};
    if (!status)
        status = add(command);
    ozx_progress_clear(&command->common.problems.progress);
    if (!status && command->common.verbose)
        ozx_report_pack_added(command->file.path, command->path, &command->result,
                              ozx_clock_s() - began_s);
    for (size_t i = 0; i < command->node_count; i++)
        free((void *)(uintptr_t)command->nodes[i].text);
    free(command->nodes);
    ozx_part_close(command->part);
    ozx_change_close(&command->file);
    return status;
}

static const struct ozx_option rows[] = {
    {.name = "force",
     .letter = 'f',
     .help = "add to a file that has other names (hard links)",
     .field = offsetof(struct command, file.force)},
    OZX_PACK_OPTIONS_TREE,
    OZX_PACK_OPTION_JOBS("threads (default: one per processor, from 4 to 16)"),
    {.name = "quiet", .letter = 'q', .help = "no warnings, no progress", OZX_PACK_FLAG(quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "list what is left out, and print a summary",
     OZX_PACK_FLAG(verbose)},
};

static const struct ozx_verb verb = {
    .name = "add",
    .usage = "[OPTIONS] FILE DIR PATH",
    .about =
        "Adds the OME-Zarr or Zarr v3 tree DIR (labels, tables, ...) to an archive, in place, at\n"
        "PATH, where nothing may be yet. Groups that are missing on the way are made, and\n"
        ".../labels/NAME is listed as a label image. After a crash, readers see the archive\n"
        "without DIR, or with all of it; 'ozxfs edit FILE' ends a change that was cut short.",
    .after = "Example:\n"
             "  ozxfs add image.ozx cells.zarr labels/cells",
    OZX_OPTIONS(rows)};

static int take_operands(struct command *command, int count, char **operands)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (count < 1)
        return ozx_report_usage("add", "no archive given");
    if (count < 2)
        return ozx_report_usage("add", "no directory given");
    if (count < 3)
        return ozx_report_usage("add", "no path in the archive given");
    if (count > 3)
        return ozx_report_usage("add", "more than an archive, a directory and a path given");
    command->file.path = command->common.pack.output = operands[0];
    command->common.pack.input = operands[1];
    if (ozx_add_path(operands[2], command->path, &error))
        return ozx_report_usage("add", "%s", error.text);
    snprintf(command->below, sizeof command->below, "%s/", command->path);
    return OZX_EXIT_OK;
}

int ozx_cmd_add(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct command command = {.file = {.fd = -1}};
    int first, status = ozx_pack_command_begin(&command.common, argc);

    if (status)
        return status;
    command.common.pack.jobs = ozx_work_default_jobs();
    status = ozx_options_parse(&verb, &command, argc, argv, &first);
    if (status < 0) {
        status = take_operands(&command, argc - first, argv + first);
        if (!status) {
            command.common.pack.cancel = ozx_work_catch_signals();
            status = run(&command);
        }
    }
    ozx_pack_command_end(&command.common);
    return status;
}
