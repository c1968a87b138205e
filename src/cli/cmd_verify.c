/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs verify: is an archive sound, and does it follow RFC-9?
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory_stream.h"
#include "cli/caged.h"
#include "cli/input.h"
#include "cli/manifest_command.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "cli/verify_text.h"
#include "cli/work.h"
#include "verify/verify.h"

struct command {
    struct ozx_remote_options remote;
    struct ozx_verify_options options;
    struct ozx_progress progress;
    struct ozx_manifest_command manifest;
    struct ozx_verify_text text;
    bool strict, json;
    char *const *files;
    size_t file_count;
    bool interrupted;
    struct ozx_source *source; /* of the file that is judged */
    int object;                /* with --json: what its process prints; else -1 */
    FILE *list;                /* with --json: all that is printed */
};

static void on_progress(void *context, const struct ozx_verify_progress *now)
{
    struct command *command = context;

    ozx_progress_show(&command->progress, &(struct ozx_progress_state){
                                              .label = now->phase,
                                              .items = now->entries,
                                              .items_total = now->entries_total,
                                              .bytes = now->data_bytes,
                                              .bytes_total = now->data_bytes_total,
                                          });
}

/* --- work ------------------------------------------------------------------------------------- */

static int status_of(const struct command *command, const struct ozx_verify_report *report)
{
    if (report->verdict == OZX_VERDICT_FAIL)
        return OZX_EXIT_INVALID;
    return report->verdict == OZX_VERDICT_WARN && command->strict ? OZX_EXIT_WARNINGS : OZX_EXIT_OK;
}

static int print_json(const struct ozx_verify_result *result)
{
    OZX_AUTO_FREE char *text = NULL;

    if (ozx_verify_json(result, &text))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    fputs(text, stdout);
    return OZX_EXIT_OK;
}

/* In the cage: judges a file, and prints what it found. */
static int verify(void *context)
{
    struct command *command = context;
    struct ozx_verify_result result = {.file = command->options.name, .error = OZX_ERROR_INIT};
    int failure, status = OZX_EXIT_OK;

    failure = ozx_manifest_command_begin(&command->manifest, &command->options);
    if (failure)
        return failure;
    ozx_progress_start(&command->progress, !command->text.quiet);
    failure =
        ozx_verify(ozx_take(command->source), &command->options, &result.report, &result.error);
    ozx_progress_clear(&command->progress);
    if (failure) {
        ozx_report_error(result.file, &result.error);
        result.exit_status = ozx_report_exit_status(&result.error);
    } else {
        result.exit_status = status_of(command, result.report);
    }
    if (command->json)
        status = print_json(&result);
    else if (result.report && command->manifest.write)
        ozx_manifest_command_tell(&command->manifest, result.report);
    else if (result.report && ozx_verify_text(&command->text, result.file, result.report))
        status = ozx_report(OZX_EXIT_SYSTEM, result.file, "out of memory");
    ozx_verify_report_free(result.report);
    if (command->manifest.status > status)
        status = command->manifest.status;
    return ozx_report_stdout(status > result.exit_status ? status : result.exit_status);
}

/* To the end of the list: the object that a file's process printed, or one that says why there is
 * none. */
static int add_json(const struct command *command, struct ozx_verify_result *result)
{
    OZX_AUTO_FREE char *own = NULL;
    off_t size = result->error.code ? 0 : lseek(command->object, 0, SEEK_END);
    char *text = MAP_FAILED;

    if (size > 0)
        text = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, command->object, 0);
    if (text != MAP_FAILED) {
        fwrite(text, 1, (size_t)size, command->list);
        munmap(text, (size_t)size);
        return result->exit_status;
    }
    if (!result->error.code) {
        (void)ozx_error_memory(&result->error);
        if (result->exit_status !=
            OZX_EXIT_SYSTEM) /* else it was told by who could not make the object */
            ozx_report_error(result->file, &result->error);
        result->exit_status = OZX_EXIT_SYSTEM;
    }
    if (ozx_verify_json(result, &own))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    fputs(own, command->list);
    return result->exit_status;
}

static int verify_file(struct command *command, const char *file, bool first)
{
    OZX_AUTO_CLOSE int object = command->json ? memfd_create("ozxfs", MFD_CLOEXEC) : -1;
    struct ozx_verify_result result = {.file = file, .error = OZX_ERROR_INIT};
    struct ozx_caged_end end = {.error = OZX_ERROR_INIT};
    int status;

    if (command->json && object < 0)
        return ozx_report(OZX_EXIT_SYSTEM, file, "cannot create a file in memory: %s",
                          strerror(errno));
    command->options.name = file;
    command->object = object;
    if (ozx_input_open(file, &command->remote, &command->source, &result.error)) {
        ozx_report_error(file, &result.error);
        status = ozx_report_exit_status(&result.error);
    } else {
        status = ozx_caged(&(struct ozx_caged){.file = file,
                                               .source = command->source,
                                               .allowed = OZX_SANDBOX_READ,
                                               .tree = -1,
                                               .output = -1,
                                               .print_to = object,
                                               .work = verify,
                                               .context = command},
                           &end);
        ozx_source_close(ozx_take(command->source));
        result.error = end.error;
        command->interrupted |= end.interrupted;
    }
    if (command->json) {
        fputs(first ? "" : OZX_VERIFY_JSON_SEPARATOR, command->list);
        result.exit_status = status;
        status = add_json(command, &result);
    }
    return status;
}

/* By a signal that this process caught itself, or passed on. */
static bool is_interrupted(const struct command *command)
{
    return command->interrupted || *command->options.cancel;
}

static int verify_files(struct command *command)
{
    int worst = OZX_EXIT_OK;

    for (size_t i = 0; i < command->file_count && !is_interrupted(command); i++) {
        int status = verify_file(command, command->files[i], i == 0);
        if (status > worst)
            worst = status;
    }
    return worst;
}

/* One list, printed when it is complete. */
static int list_files(struct command *command)
{
    struct ozx_memory_stream memory;
    int worst;

    if (ozx_memory_stream_begin(&memory))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    command->list = memory.out;
    fputs(OZX_VERIFY_JSON_START, command->list);
    worst = verify_files(command);
    fputs(OZX_VERIFY_JSON_END, command->list);
    if (ozx_memory_stream_end(&memory))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    fwrite(memory.bytes, 1, memory.size_bytes, stdout);
    free(memory.bytes);
    return worst;
}

static int run(struct command *command)
{
    int worst = command->json ? list_files(command) : verify_files(command);

    if (is_interrupted(command))
        worst = OZX_EXIT_INTERRUPTED;
    return command->json ? ozx_report_stdout(worst) : worst; /* else who printed has seen to it */
}

static int take_rules(void *context, const char *value)
{
    return ozx_work_take_rules(value, &((struct command *)context)->options.rule_set);
}

static int take_manifest(void *context, const char *value)
{
    return ozx_manifest_command_take(&((struct command *)context)->manifest, value);
}

/* Behind the progress line. */
static int on_manifest(void *context, const struct ozx_manifest *manifest, struct ozx_error *error)
{
    struct command *command = context;

    ozx_progress_clear(&command->progress);
    return ozx_manifest_command_made(&command->manifest, manifest, error);
}

static const struct ozx_option rows[] = {
    {.name = "rules",
     .value = "R",
     .help = "r2: RFC-9 as it stands (default); draft: its authors' next revision",
     .take = take_rules,
     .wanted = OZX_RULES_WANTED},
    {.name = "quick",
     .help = "do not read the data of entries",
     .field = offsetof(struct command, options.quick)},
    {.name = "strict",
     .help = "exit with status 1 if there are warnings",
     .field = offsetof(struct command, strict)},
    {.name = "manifest",
     .value = "FORMAT",
     .help = "write the checksums of all files: sha256 (a line each, for\n"
             "sha256sum -c), or zarr-checksum (one for all, as DANDI)",
     .take = take_manifest,
     .wanted = "'sha256' or 'zarr-checksum'"},
    {.name = "check",
     .value = "MANIFEST",
     .help = "compare all files with such checksums; -: standard input",
     .kind = OZX_OPTION_NAME,
     .field = offsetof(struct command, manifest.check)},
    {.name = "jobs",
     .letter = 'j',
     .value = "N",
     .help = "threads (default: one per processor)",
     .kind = OZX_OPTION_NUMBER,
     .field = offsetof(struct command, options.threads),
     .low = 1,
     .high = OZX_JOBS_MAX},
    {.name = "quiet",
     .letter = 'q',
     .help = "only the verdict of each file, no progress",
     .field = offsetof(struct command, text.quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "also list the rules that are met, and all findings",
     .field = offsetof(struct command, text.verbose)},
    {.name = "json",
     .help = "print everything as JSON on standard output",
     .field = offsetof(struct command, json)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "verify",
    .usage = "[OPTIONS] FILE...",
    .about = "Checks archives against RFC-9 and everything else that readers rely on: structure,\n"
             "the CRC-32 of every entry, metadata, chunk keys, shard indices. Each rule that is\n"
             "broken is reported with entry and byte offset; ozxfs-verify(1) lists the rules.",
    .after =
        "Exit status: 0 sound, 1 warnings with --strict, 2 invalid; of several files the worst.\n"
        "\n"
        "Examples:\n"
        "  ozxfs verify image.ozx\n"
        "  ozxfs verify --manifest sha256 image.ozx > image.sha256\n"
        "  ozxfs verify --check image.sha256 copy.ozx",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

/* -1: go on. Where there is a manifest to be compared with, it is read. */
static int take_manifest_options(struct command *command)
{
    const struct ozx_manifest_command *manifest = &command->manifest;
    const char *name = manifest->write ? "--manifest" : "--check";

    if (!manifest->write && !manifest->check)
        return -1;
    if (manifest->write && manifest->check)
        return ozx_report_usage("verify", "--manifest cannot be combined with --check");
    if (command->options.quick)
        return ozx_report_usage("verify", "%s cannot be combined with --quick", name);
    if (command->json)
        return ozx_report_usage("verify", "%s cannot be combined with --json", name);
    if (command->file_count > 1)
        return ozx_report_usage("verify", "%s takes one archive", name);
    command->manifest.file = command->files[0];
    command->manifest.quiet = command->text.quiet;
    command->options.manifest_made = on_manifest;
    return ozx_manifest_command_read(&command->manifest);
}

int ozx_cmd_verify(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls}, .options = {.progress = on_progress}};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (first == argc)
        return ozx_report_usage("verify", "no file given");
    command.files = argv + first;
    command.file_count = (size_t)(argc - first);
    status = take_manifest_options(&command);
    if (status >= 0)
        return status;
    command.options.context = &command;
    command.options.cancel = ozx_work_catch_interrupts();
    ozx_verify_text_begin(&command.text);
    status = run(&command);
    ozx_manifest_command_free(&command.manifest);
    return status;
}
