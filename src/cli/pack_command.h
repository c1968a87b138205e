/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs pack and repack share: options, and what they say while they work.
 */
#ifndef OZX_CLI_PACK_COMMAND_H
#define OZX_CLI_PACK_COMMAND_H

#include "cli/options.h"
#include "cli/problems.h"
#include "cli/work.h"
#include "pack/pack.h"

/* The first member of the context of either verb's options. */
struct ozx_pack_command {
    struct ozx_pack_options pack;
    struct ozx_problems problems;
    const char **excludes; /* owned; as many as there are arguments */
    const char *sum_label; /* of the phase that only sums */
    bool quiet, verbose, json;
    bool is_terminal; /* standard output */
    bool thumbnail;
    bool unavailable; /* it failed, as what the thumbnail needs is not supported */
};

/* All that is the same for both; `pack.context` is `command`. OZX_EXIT_OK, or out of memory, which
 * was reported. */
int ozx_pack_command_begin(struct ozx_pack_command *command, int argc) OZX_CHECKED;
void ozx_pack_command_end(struct ozx_pack_command *command);

/* Setters of the rows below. */
int ozx_pack_take_exclude(void *context, const char *value);
int ozx_pack_take_ome_version(void *context, const char *value);
int ozx_pack_take_align(void *context, const char *value);
int ozx_pack_take_shard(void *context, const char *value);
int ozx_pack_take_rules(void *context, const char *value);

#define OZX_PACK_FLAG(member) .field = offsetof(struct ozx_pack_command, member)

/* Rows of both verbs' tables, in this order. */
#define OZX_PACK_OPTION_JOBS(text)                                                                 \
    {                                                                                              \
        .name = "jobs", .letter = 'j', .value = "N", .help = (text), .kind = OZX_OPTION_NUMBER,    \
        .low = 1, .high = OZX_JOBS_MAX, OZX_PACK_FLAG(pack.jobs)                                   \
    }

/* What becomes of a tree, wherever it goes. */
#define OZX_PACK_OPTIONS_TREE                                                                      \
    {.name = "exclude",                                                                            \
     .value = "GLOB",                                                                              \
     .help = "exclude what matches; may be given more than once",                                  \
     .take = ozx_pack_take_exclude},                                                               \
        {.name = "convert",                                                                        \
         .help = "make Zarr v3 of Zarr v2, OME-Zarr 0.5 of 0.1 to 0.4; chunks are\n"               \
                 "copied as they are",                                                             \
         OZX_PACK_FLAG(pack.convert)},                                                             \
        {.name = "keep-consolidated",                                                              \
         .help = "keep consolidated metadata even if they list what is left out",                  \
         OZX_PACK_FLAG(pack.keep_consolidated)},                                                   \
        {.name = "keep-junk",                                                                      \
         .help = "also pack .DS_Store, __MACOSX/ and the like",                                    \
         OZX_PACK_FLAG(pack.keep_junk)},                                                           \
    {                                                                                              \
        .name = "shard", .value = "HOW", .may_lack_value = true,                                   \
        .help = "put the chunks of each array into shards, without decoding them:\n"               \
                "auto (default), the size of a shard (64M), or its shape (1,512,512)",             \
        .take = ozx_pack_take_shard, .wanted = "auto, a size like 64M, or a shape like 1,512,512"  \
    }

#define OZX_PACK_OPTIONS_WHAT                                                                      \
    OZX_PACK_OPTIONS_TREE,                                                                         \
    {                                                                                              \
        .name = "ome-version", .value = "V",                                                       \
        .help = "OME-Zarr version to state (default: from the metadata)",                          \
        .take = ozx_pack_take_ome_version, .wanted = "a version like 0.5"                          \
    }

#define OZX_PACK_OPTIONS_HOW                                                                       \
    {.name = "align",                                                                              \
     .value = "N",                                                                                 \
     .help = "data of files starts at multiples of N bytes: a power of\n"                          \
             "two up to 32768 (default: 1)",                                                       \
     .take = ozx_pack_take_align,                                                                  \
     .wanted = "a power of two up to 32768"},                                                      \
        {.name = "rules",                                                                          \
         .value = "R",                                                                             \
         .help = "draft: also follow the next revision of RFC-9: --align pads\n"                   \
                 "between entries, not in extra fields (default: r2)",                             \
         .take = ozx_pack_take_rules,                                                              \
         .wanted = OZX_RULES_WANTED},                                                              \
        {.name = "no-verify",                                                                      \
         .help = "do not read the new archive back",                                               \
         OZX_PACK_FLAG(pack.verify),                                                               \
         .clears = true},                                                                          \
        {.name = "quiet",                                                                          \
         .letter = 'q',                                                                            \
         .help = "no warnings, no progress",                                                       \
         OZX_PACK_FLAG(quiet)},                                                                    \
    {                                                                                              \
        .name = "verbose", .letter = 'v', .help = "list what is left out, and print a summary",    \
        OZX_PACK_FLAG(verbose)                                                                     \
    }

/* The maker of --thumbnail (pack/picture.h); `context` is the command. Works in the cage. */
ozx_picture_maker ozx_pack_command_picture;

/* RFC-9, extension: a warning where the output's name does not end in .ozx. */
void ozx_pack_command_check_extension(const struct ozx_pack_command *command);

/* The summary, where it is wanted. */
void ozx_pack_command_sum_up(const struct ozx_pack_command *command,
                             const struct ozx_pack_result *result, double elapsed_s);

/* The exit status of what failed; all of it was reported. */
int ozx_pack_command_fail(const struct ozx_pack_command *command);

#endif
