/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The common part of pack and repack. Knows the library's callbacks and options, not which verb it
 * is.
 */
#include "cli/pack_command.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"
#include "cli/report_pack.h"
#include "cli/terminal.h"
#include "cli/work.h"

/* Lists of a million chunks grow without being copied, and go back to the system when they are
 * freed. glibc starts like this, but after the first large one that is freed it keeps the next ones
 * in its heap, where a list that grows is there twice. */
#define MAPPED_MIN (128 * 1024)

/* --- what the library says -------------------------------------------------------------------- */

/* The path that a message is about. */
static const char *subject_of(const struct ozx_pack_command *command, enum ozx_pack_about about)
{
    if (about == OZX_PACK_INPUT || about == OZX_PACK_ARGUMENTS)
        return command->pack.input;
    return command->pack.output ? command->pack.output : "standard output";
}

static void on_problem(void *context, enum ozx_pack_about about, const struct ozx_error *error)
{
    struct ozx_pack_command *command = context;

    ozx_problems_tell(&command->problems, ozx_report_pack_place(about), subject_of(command, about),
                      error);
}

static void on_warning(void *context, enum ozx_pack_about about, const struct ozx_error *error)
{
    struct ozx_pack_command *command = context;

    if (!command->quiet)
        ozx_problems_warn(&command->problems, subject_of(command, about), error);
}

static void on_note(void *context, enum ozx_pack_about about, const struct ozx_error *note)
{
    struct ozx_pack_command *command = context;

    if (!command->quiet)
        ozx_problems_note(&command->problems, subject_of(command, about), note);
}

static void on_left_out(void *context, const char *path)
{
    struct ozx_pack_command *command = context;
    char name[OZX_ESCAPED_SIZE];

    if (!command->verbose)
        return;
    ozx_progress_clear(&command->problems.progress);
    (void)ozx_report(0, command->pack.input, "left out: %s",
                     ozx_escape(name, sizeof name, path, strlen(path)));
}

static void on_listed(void *context, const char *path, uint64_t size_bytes)
{
    const struct ozx_pack_command *command = context;

    if (command->json)
        return;
    printf("%12llu  ", (unsigned long long)size_bytes);
    ozx_terminal_put_name(command->is_terminal, path);
    putchar('\n');
}

static void on_progress(void *context, const struct ozx_pack_progress *now)
{
    struct ozx_pack_command *command = context;

    ozx_report_pack_progress(&command->problems.progress, command->sum_label, now);
}

/* --- options ---------------------------------------------------------------------------------- */

static const char digits[] = "0123456789";

/* Behind the mark of a version that is not final, NULL if that is not at its start. */
static const char *behind_mark(const char *text)
{
    static const char *const marks[] = {"alpha", "beta", "dev", "draft", "post",
                                        "pre",   "rc",   "a",   "b"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strncmp(text, marks[i], strlen(marks[i])) == 0)
            return text + strlen(marks[i]);
    return NULL;
}

/* Two or more numbers, and perhaps the mark of a version that is not final: 0.5, 0.6.1, 0.6.dev3,
 * 0.6-rc.1, 1.0a2. */
static bool is_version(const char *text)
{
    const char *at = text;
    unsigned numbers = 0;
    size_t size;

    for (; (size = strspn(at, digits)) > 0; numbers++) {
        at += size;
        if (*at != '.' || !strspn(at + 1, digits))
            break;
        at++;
    }
    if (!size || numbers < 1 || strlen(text) >= OZX_VERSION_TEXT_MAX)
        return false;
    if (*at) {
        at = behind_mark(at + (*at == '.' || *at == '-'));
        if (!at)
            return false;
        at += *at == '.' && strspn(at + 1, digits);
        at += strspn(at, digits);
    }
    return !*at;
}

int ozx_pack_take_ome_version(void *context, const char *value)
{
    ((struct ozx_pack_command *)context)->pack.ome_version = value;
    return is_version(value) ? OZX_EXIT_OK : -EINVAL;
}

int ozx_pack_take_align(void *context, const char *value)
{
    long long number;

    if (ozx_option_number(value, 10, 1, OZX_ALIGN_MAX, &number) || (number & (number - 1)) != 0)
        return -EINVAL;
    ((struct ozx_pack_command *)context)->pack.align_bytes = (uint32_t)number;
    return OZX_EXIT_OK;
}

/* 1,512,512; of one dimension 512, with the comma. */
static bool take_shape(const char *text, struct ozx_shape *shape)
{
    shape->count = 0;
    while (*text) {
        char *end;
        unsigned long long number = strtoull(text, &end, 10);

        if (*text < '1' || *text > '9' || (*end && *end != ',') || number > INT64_MAX ||
            shape->count == OZX_DIMENSIONS_MAX || (!*end && !shape->count))
            return false;
        shape->sizes[shape->count++] = number;
        text = end + (*end == ',');
    }
    return shape->count > 0;
}

int ozx_pack_take_shard(void *context, const char *value)
{
    struct ozx_shard_wish *wish = &((struct ozx_pack_command *)context)->pack.shard;

    *wish = (struct ozx_shard_wish){.mode = OZX_SHARD_AUTO};
    if (!value || strcmp(value, "auto") == 0)
        return OZX_EXIT_OK;
    wish->mode = OZX_SHARD_BYTES;
    if (ozx_option_size(value, &wish->size_bytes) == 0)
        return OZX_EXIT_OK;
    wish->mode = OZX_SHARD_SHAPE;
    return take_shape(value, &wish->shape) ? OZX_EXIT_OK : -EINVAL;
}

int ozx_pack_take_exclude(void *context, const char *value)
{
    struct ozx_pack_command *command = context;

    command->excludes[command->pack.exclude_count++] = value;
    return OZX_EXIT_OK;
}

int ozx_pack_take_rules(void *context, const char *value)
{
    return ozx_work_take_rules(value, &((struct ozx_pack_command *)context)->pack.rule_set);
}

/* --- begin and end ---------------------------------------------------------------------------- */

int ozx_pack_command_begin(struct ozx_pack_command *command, int argc)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_MIN);
    *command = (struct ozx_pack_command){
        .pack = {.mtime_limit_s = INT64_MAX,
                 .align_bytes = 1,
                 .verify = true,
                 .context = command,
                 .problem = on_problem,
                 .warning = on_warning,
                 .note = on_note,
                 .left_out = on_left_out,
                 .listed = on_listed,
                 .progress = on_progress},
        .excludes = calloc((size_t)argc, sizeof *command->excludes),
        .is_terminal = isatty(STDOUT_FILENO),
    };
    command->pack.excludes = command->excludes;
    return command->excludes ? OZX_EXIT_OK : ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
}

void ozx_pack_command_end(struct ozx_pack_command *command)
{
    free(command->excludes);
}

void ozx_pack_command_check_extension(const struct ozx_pack_command *command)
{
    struct ozx_error warning = OZX_ERROR_INIT;
    const char *output = command->pack.output;
    size_t size = output ? strlen(output) : 0;

    if (!output || command->quiet || (size > 4 && strcmp(output + size - 4, ".ozx") == 0))
        return;
    ozx_error_set(&warning, 0, OZX_RULE_EXTENSION, OZX_OFFSET_NONE, NULL,
                  "the name should end in .ozx, so that other programs recognize it");
    ozx_report_warning(output, &warning);
}

void ozx_pack_command_sum_up(const struct ozx_pack_command *command,
                             const struct ozx_pack_result *result, double elapsed_s)
{
    if (command->verbose || (command->problems.progress.enabled && !command->quiet))
        ozx_report_pack_words(subject_of(command, OZX_PACK_OUTPUT), result, elapsed_s,
                              command->pack.dry_run);
}

int ozx_pack_command_fail(const struct ozx_pack_command *command)
{
    ozx_problems_end(&command->problems, command->pack.input);
    if (command->unavailable)
        return OZX_EXIT_UNAVAILABLE;
    return command->problems.status ? command->problems.status : OZX_EXIT_BUG;
}
