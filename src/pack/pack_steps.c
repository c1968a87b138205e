/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps of packing that do not depend on where the tree goes: to an archive of its own, or into one
 * that is there.
 */
#include "pack/pack_state.h"

int ozx_pack_open_input(struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;

    pack->input = pack->options->from;
    if (!pack->input && ozx_input_of_directory(pack->options->input, &pack->input, &error))
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    if (pack->options->convert && ozx_input_of_v2(pack->input, &pack->input, &error))
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    return 0;
}

static void plan_problem(void *context, const struct ozx_error *error)
{
    ozx_pack_tell(context, OZX_PACK_INPUT, error);
}

static void plan_progress(void *context, uint64_t entries)
{
    const struct ozx_pack_state *pack = context;

    if (pack->options->progress)
        pack->options->progress(
            pack->options->context,
            &(struct ozx_pack_progress){.phase = OZX_PACK_SCAN, .entries = entries});
}

static void plan_left_out(void *context, const char *path)
{
    const struct ozx_pack_state *pack = context;

    if (pack->options->left_out)
        pack->options->left_out(pack->options->context, path);
}

/* On top of the input, where they are wanted. */
static int put_shards(struct ozx_pack_state *pack, const struct ozx_plan_options *plan_options)
{
    const struct ozx_shard_options options = {.wish = pack->options->shard,
                                              .plan = plan_options,
                                              .context = pack,
                                              .problem = plan_problem};

    if (options.wish.mode == OZX_SHARD_NONE)
        return 0;
    return ozx_input_of_shards(ozx_take(pack->input), &options, &pack->input,
                               &pack->result->shards);
}

int ozx_pack_make_plan(struct ozx_pack_state *pack)
{
    const struct ozx_pack_options *options = pack->options;
    struct ozx_plan_options plan_options = {
        .excludes = options->excludes,
        .exclude_count = options->exclude_count,
        .mtime_limit_s = options->mtime_limit_s,
        .align_bytes = options->align_bytes,
        .align_by_gaps = options->rule_set == OZX_RULES_DRAFT,
        .keep_junk = options->keep_junk,
        .below = pack->below,
        .first_offset_bytes = pack->first_offset_bytes,
        .cancel = options->cancel,
        .context = pack,
        .problem = plan_problem,
        .left_out = plan_left_out,
        .progress = plan_progress,
    };
    int failure;

    pack->input->output_file = pack->output_file.old;
    if (options->output && !options->dry_run)
        pack->input->output_directory = pack->output_file.directory;
    failure = ozx_pack_put_picture(pack, &plan_options);
    if (!failure)
        failure = put_shards(pack, &plan_options);
    return failure ? failure : ozx_pack_plan(pack, &plan_options);
}

void ozx_pack_fill_result(struct ozx_pack_state *pack)
{
    struct ozx_pack_result *result = pack->result;
    struct ozx_plan_cursor cursor = {.plan = pack->plan};

    pack->entry_count = ozx_plan_entry_count(pack->plan);
    for (uint64_t i = 0; i < pack->entry_count; i++)
        result->directories += ozx_plan_entry(&cursor, i)->is_directory;
    result->files = pack->entry_count - result->directories;
    result->left_out = ozx_plan_left_out_count(pack->plan);
    result->data_bytes = ozx_plan_data_bytes(pack->plan);
    result->archive_bytes = ozx_plan_directory_offset(pack->plan) +
                            ozx_plan_directory_bytes(pack->plan) +
                            ozx_zip_end_records_size((uint16_t)pack->comment_size);
}

void ozx_pack_count_progress(void *context, uint64_t entries, uint64_t bytes)
{
    const struct ozx_pack_state *pack = context;

    if (pack->options->progress)
        pack->options->progress(pack->options->context, &(struct ozx_pack_progress){
                                                            .phase = pack->phase,
                                                            .entries = entries,
                                                            .entries_total = pack->entry_count,
                                                            .bytes = bytes,
                                                            .bytes_total = pack->result->data_bytes,
                                                        });
}

int ozx_pack_run_pipeline(struct ozx_pack_state *pack, int fd, enum ozx_pipeline_mode mode)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool output = false;
    struct ozx_pipeline pipeline = {
        .plan = pack->plan,
        .out_fd = fd,
        .mode = mode,
        .jobs = pack->options->jobs,
        .cancel = pack->options->cancel,
        .context = pack,
        .progress = ozx_pack_count_progress,
    };

    pack->phase = mode == OZX_PIPELINE_SUM ? OZX_PACK_SUM : OZX_PACK_WRITE;
    if (!ozx_pipeline_run(&pipeline, &output, &error))
        return 0;
    return ozx_pack_tell(pack, output ? OZX_PACK_OUTPUT : OZX_PACK_INPUT, &error);
}

int ozx_pack_check_input_unchanged(struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;

    return ozx_plan_check_unchanged(pack->plan, &error)
               ? ozx_pack_tell(pack, OZX_PACK_INPUT, &error)
               : 0;
}
