/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Patterns of --exclude: a pattern that matches nothing is a mistake of who wrote it, and what was
 * to be left out would be in the archive. One that only matches what another one leaves out already
 * is none: to know it, the tree is walked once more, and nothing left out.
 */
#include <string.h>

#include "pack/pack_state.h"

static void ignore_problem(void *context, const struct ozx_error *problem)
{
    (void)context, (void)problem;
}

static bool all_matched(const struct ozx_plan_options *options)
{
    return !options->exclude_count || !memchr(options->excludes_matched, 0, options->exclude_count);
}

static void match_below_others(const struct ozx_pack_state *pack,
                               const struct ozx_plan_options *options)
{
    struct ozx_plan_options question = *options;
    struct ozx_plan *plan = NULL;

    question.only_match = question.keep_junk = true;
    question.problem = ignore_problem;
    question.left_out = NULL;
    if (ozx_plan_make(pack->input, &question, &plan) == 0)
        ozx_plan_close(plan);
}

static int tell_unmatched(const struct ozx_pack_state *pack, const char *pattern)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char escaped[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "check the pattern; with --dry-run the paths are listed",
                  "--exclude '%s' matches nothing",
                  ozx_escape(escaped, sizeof escaped, pattern, strlen(pattern)));
    return ozx_pack_tell(pack, OZX_PACK_ARGUMENTS, &error);
}

int ozx_pack_plan(struct ozx_pack_state *pack, struct ozx_plan_options *options)
{
    OZX_AUTO_FREE uint8_t *matched = calloc(options->exclude_count + 1, 1);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!matched) {
        ozx_error_memory(&error);
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    }
    options->excludes_matched = matched;
    failure = ozx_plan_make(pack->input, options, &pack->plan);
    if (failure || all_matched(options))
        return failure;
    match_below_others(pack, options);
    for (size_t i = 0; i < options->exclude_count; i++)
        if (!matched[i])
            failure = tell_unmatched(pack, options->excludes[i]);
    return failure;
}
