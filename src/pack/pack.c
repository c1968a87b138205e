/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of packing, in order, and the one place that knows them all. Prints nothing: every
 * message goes through the caller's functions.
 */
#include "pack/pack.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "pack/pack_left_out.h"
#include "pack/pipeline.h"
#include "pack/readback.h"

static bool cancelled(const struct ozx_pack_state *pack)
{
    return pack->options->cancel && *pack->options->cancel;
}

static int tell_interrupted(const struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_interrupted(&error);
    return ozx_pack_tell(pack, OZX_PACK_OUTPUT, &error);
}

/* --- before anything is written --------------------------------------------------------------- */

static int check_output(const struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;

    return pack->input->kind->check_output(pack->input, &pack->output_file, &error)
               ? ozx_pack_tell(pack, OZX_PACK_OUTPUT_CREATE, &error)
               : 0;
}

static int prepare_output(struct ozx_pack_state *pack)
{
    const struct ozx_pack_options *options = pack->options;
    struct ozx_error error = OZX_ERROR_INIT;

    if (!options->output) {
        if (fstat(options->output_fd, &pack->output_file.old) < 0)
            memset(&pack->output_file.old, 0, sizeof pack->output_file.old);
        return check_output(pack);
    }
    if (options->output_file)
        return 0;
    if (ozx_output_file_prepare(&pack->output_file, options->output, options->force, &error)) {
        /* The better reason first: --force would not help. */
        int failure = check_output(pack);
        return failure ? failure : ozx_pack_tell(pack, OZX_PACK_OUTPUT_CREATE, &error);
    }
    return check_output(pack);
}

static int list_plan(const struct ozx_pack_state *pack)
{
    struct ozx_plan_cursor cursor = {.plan = pack->plan};
    char path[OZX_NAME_PATH_MAX + 1];

    for (uint64_t i = 0; i < pack->entry_count; i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(&cursor, i);

        ozx_plan_path(pack->plan, entry, path);
        if (pack->options->listed)
            pack->options->listed(pack->options->context, path, entry->size_bytes);
    }
    return 0;
}

/* --- reading back, and the disk --------------------------------------------------------------- */

struct syncing {
    pthread_t thread;
    bool started;
    int fd;
    int failure;
};

static void *sync_file(void *argument)
{
    struct syncing *syncing = argument;

    syncing->failure = fsync(syncing->fd) < 0 ? -errno : 0;
    return NULL;
}

static int read_back(struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_readback readback = {
        .fd = pack->output_file.fd,
        .jobs = pack->options->jobs,
        .files = pack->result->files,
        .directories = pack->result->directories,
        .data_bytes = pack->result->data_bytes,
        .version = pack->result->version,
        .cancel = pack->options->cancel,
        .context = pack,
        .progress = ozx_pack_count_progress,
    };

    pack->phase = OZX_PACK_VERIFY;
    if (ozx_readback(&readback, &error))
        return ozx_pack_tell(pack, OZX_PACK_OUTPUT, &error);
    pack->result->verified = true;
    return 0;
}

/* The disk writes while the page cache is read: neither waits for the other. */
static int verify_and_sync(struct ozx_pack_state *pack)
{
    struct syncing syncing = {.fd = pack->output_file.fd};
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    syncing.started = pthread_create(&syncing.thread, NULL, sync_file, &syncing) == 0;
    if (pack->options->verify)
        failure = read_back(pack);
    if (syncing.started)
        pthread_join(syncing.thread, NULL);
    else
        sync_file(&syncing);
    if (failure || !syncing.failure)
        return failure;
    ozx_error_set(&error, syncing.failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                  "cannot be synced to disk: %s", strerror(-syncing.failure));
    return ozx_pack_tell(pack, OZX_PACK_OUTPUT, &error);
}

/* --- to a file, to a stream ------------------------------------------------------------------- */

static int pack_to_file(struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!pack->options->output_file && ozx_output_file_create(&pack->output_file, &error))
        return ozx_pack_tell(pack, OZX_PACK_OUTPUT_CREATE, &error);
    failure = ozx_pack_run_pipeline(pack, pack->output_file.fd, OZX_PIPELINE_PLACE);
    if (!failure)
        failure = ozx_pack_write_directory(pack, pack->output_file.fd, false);
    if (!failure)
        failure = ozx_pack_check_input_unchanged(pack);
    if (failure)
        return failure;
    /* Their memory is wanted for reading back. */
    ozx_plan_close(ozx_take(pack->plan));
    ozx_input_close(ozx_take(pack->input));
    failure = verify_and_sync(pack);
    if (!failure && cancelled(pack))
        failure = tell_interrupted(pack);
    if (failure || pack->options->output_file)
        return failure;
    if (ozx_output_file_commit(&pack->output_file, &error))
        return ozx_pack_tell(pack, error.code == -EEXIST ? OZX_PACK_OUTPUT_CREATE : OZX_PACK_OUTPUT,
                             &error);
    return 0;
}

static int pack_to_stream(struct ozx_pack_state *pack)
{
    int fd = pack->options->output_fd;
    int failure = ozx_pack_run_pipeline(pack, -1, OZX_PIPELINE_SUM);

    if (!failure)
        failure = ozx_pack_run_pipeline(pack, fd, OZX_PIPELINE_STREAM);
    /* Asked before the directory is written: without it, what went out is no archive. */
    if (!failure)
        failure = ozx_pack_check_input_unchanged(pack);
    return failure ? failure : ozx_pack_write_directory(pack, fd, true);
}

static int run(struct ozx_pack_state *pack)
{
    int failure = ozx_pack_open_input(pack);

    if (!failure && (pack->options->output || !pack->options->dry_run))
        failure = prepare_output(pack);
    if (!failure)
        failure = ozx_pack_make_plan(pack);
    if (!failure)
        failure = ozx_pack_find_version(pack);
    if (!failure)
        failure = ozx_pack_tell_notes(pack);
    if (!failure)
        failure = ozx_pack_judge_left_out(pack);
    if (failure)
        return failure;
    ozx_pack_fill_result(pack);
    if (pack->options->dry_run)
        return list_plan(pack);
    return pack->options->output ? pack_to_file(pack) : pack_to_stream(pack);
}

int ozx_pack(const struct ozx_pack_options *options, struct ozx_pack_result *result)
{
    struct ozx_pack_state pack = {
        .options = options, .result = result, .output_file = OZX_OUTPUT_FILE_INIT};
    int failure;

    memset(result, 0, sizeof *result);
    if (options->output_file)
        pack.output_file = *options->output_file;
    failure = run(&pack);
    if (!options->output_file)
        ozx_output_file_close(&pack.output_file);
    ozx_plan_close(pack.plan);
    ozx_input_close(pack.input);
    free(pack.comment);
    return failure;
}
