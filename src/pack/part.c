/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of packing without the archive around them.
 */
#include "pack/part.h"

#include <string.h>

#include "pack/pack_left_out.h"

struct ozx_part {
    struct ozx_pack_state pack;
};

static int judge(struct ozx_pack_state *pack, const struct stat *archive)
{
    int failure = ozx_pack_open_input(pack);

    pack->output_file.old = *archive;
    if (!failure)
        failure = ozx_pack_make_plan(pack);
    if (!failure)
        failure = ozx_pack_judge_metadata(pack, pack->result->version);
    if (!failure)
        failure = ozx_pack_tell_notes(pack);
    if (!failure)
        failure = ozx_pack_judge_left_out(pack);
    if (!failure)
        ozx_pack_fill_result(pack);
    return failure;
}

int ozx_part_open(const struct ozx_pack_options *options, const struct ozx_part_place *place,
                  struct ozx_pack_result *result, struct ozx_part **out)
{
    struct ozx_part *part = calloc(1, sizeof *part);
    int failure;

    memset(result, 0, sizeof *result);
    if (!part) {
        struct ozx_error error = OZX_ERROR_INIT;
        failure = ozx_error_memory(&error);
        options->problem(options->context, OZX_PACK_INPUT, &error);
        return failure;
    }
    part->pack = (struct ozx_pack_state){.options = options,
                                         .result = result,
                                         .output_file = OZX_OUTPUT_FILE_INIT,
                                         .below = place->below,
                                         .first_offset_bytes = place->offset_bytes};
    failure = judge(&part->pack, place->archive);
    if (failure) {
        ozx_part_close(part);
        return failure;
    }
    *out = part;
    return 0;
}

void ozx_part_close(struct ozx_part *part)
{
    if (!part)
        return;
    ozx_plan_close(part->pack.plan);
    ozx_input_close(part->pack.input);
    free(part);
}

const struct ozx_plan *ozx_part_plan(const struct ozx_part *part)
{
    return part->pack.plan;
}

uint64_t ozx_part_end(const struct ozx_part *part)
{
    return ozx_plan_directory_offset(part->pack.plan);
}

int ozx_part_write(struct ozx_part *part, int fd)
{
    int failure = ozx_pack_run_pipeline(&part->pack, fd, OZX_PIPELINE_PLACE);

    return failure ? failure : ozx_pack_check_input_unchanged(&part->pack);
}

int ozx_part_text(struct ozx_part *part, uint64_t index, char **out)
{
    const struct ozx_plan_entry *entry = ozx_plan_metadata(part->pack.plan, index);
    struct ozx_error error = OZX_ERROR_INIT;
    char *text = malloc(entry->size_bytes + 1);
    int failure =
        text ? ozx_plan_read_text(part->pack.plan, entry, text, &error) : ozx_error_memory(&error);

    if (failure) {
        free(text);
        return ozx_pack_tell(&part->pack, OZX_PACK_INPUT, &error);
    }
    *out = text;
    return 0;
}
