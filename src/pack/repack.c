/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening what is to be written anew; the writing is pack's.
 */
#include "pack/repack.h"

#include <inttypes.h>
#include <string.h>

#include "io/output_file.h"
#include "pack/input.h"
#include "pack/junk.h"
#include "pack/recover.h"
#include "zip/append_mark.h"
#include "zip/format.h"

/* 1980-01-01 UTC: where the time of ZIP begins. */
static const int64_t no_mtime_s = INT64_C(315532800);

static void tell(const struct ozx_repack_options *options, const struct ozx_error *error)
{
    options->pack.problem(options->pack.context, OZX_PACK_INPUT, error);
}

static void on_broken(void *context, const struct ozx_error *why)
{
    const struct ozx_repack_options *options = context;

    options->pack.warning(options->pack.context, OZX_PACK_INPUT, why);
}

static void on_lost(void *context, const struct ozx_error *what)
{
    const struct ozx_repack_options *options = context;

    options->lost(options->pack.context, what);
}

static void on_progress(void *context, uint64_t files, uint64_t files_total, uint64_t bytes,
                        uint64_t bytes_total)
{
    const struct ozx_repack_options *options = context;

    if (options->pack.progress)
        options->pack.progress(options->pack.context, &(struct ozx_pack_progress){
                                                          .phase = OZX_PACK_SUM,
                                                          .entries = files,
                                                          .entries_total = files_total,
                                                          .bytes = bytes,
                                                          .bytes_total = bytes_total,
                                                      });
}

/* A change of the archive that was cut short (zip/append_mark.h): behind the old tree, or the new
 * one, lie the headers of what does not count. */
static int settle(const struct ozx_repack_options *options, struct ozx_source **source,
                  struct ozx_error *error)
{
    struct ozx_error note = OZX_ERROR_INIT;
    struct ozx_append_mark mark;
    struct ozx_source *front;
    uint64_t size;

    if (!ozx_append_mark_find(*source, &mark))
        return 0;
    size = ozx_append_mark_settled_size(*source, &mark);
    if (!size)
        return 0; /* its end is damaged, too */
    if (ozx_source_open_front(*source, size, &front))
        return ozx_error_memory(error);
    ozx_source_own(front);
    *source = front;
    ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                  "a change of the archive was cut short: %s",
                  size == mark.new_size_bytes ? "it is complete" : "this is the archive before it");
    options->pack.warning(options->pack.context, OZX_PACK_INPUT, &note);
    return 0;
}

static int open_archive(struct ozx_source *source, const struct ozx_repack_options *options,
                        struct ozx_recovery *out)
{
    struct ozx_recover_options recover = {
        .archive = {.subdir = options->subdir, .mtime_s = &no_mtime_s},
        .jobs = options->pack.jobs,
        .keep_junk = options->pack.keep_junk,
        .cancel = options->pack.cancel,
        .context = (void *)(uintptr_t)options,
        .broken = on_broken,
        .lost = on_lost,
        .progress = on_progress,
    };
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    if (options->recover)
        failure = settle(options, &source, &error);
    if (failure) {
        ozx_source_close(source);
    } else if (options->recover) {
        failure = ozx_recover(source, &recover, out, &error);
    } else {
        failure =
            ozx_open_normalized(&source, &recover.archive, &out->archive, &out->normalized, &error);
        if (failure)
            ozx_source_close(source);
    }
    if (failure)
        tell(options, &error);
    return failure;
}

/* The one folder that all of the archive is in, if there is no node of Zarr at its root: into
 * `name`. */
static bool find_top_folder(const struct ozx_archive *archive,
                            char name[OZX_NAME_COMPONENT_MAX + 1])
{
    uint32_t first, count, found = OZX_NODE_ROOT;
    const char *raw;
    size_t size;

    ozx_archive_children(archive, OZX_NODE_ROOT, &first, &count);
    for (uint32_t node = first; node < first + count; node++) {
        struct ozx_node_stat stat;

        ozx_archive_stat(archive, node, &stat);
        raw = ozx_archive_name(archive, node, &size);
        memcpy(name, raw, size);
        name[size] = '\0';
        if (ozx_junk_of_name(name, stat.is_directory) != OZX_JUNK_NONE)
            continue;
        if (!stat.is_directory || found != OZX_NODE_ROOT)
            return false;
        found = node;
    }
    if (found == OZX_NODE_ROOT)
        return false;
    raw = ozx_archive_name(archive, found, &size);
    memcpy(name, raw, size);
    name[size] = '\0';
    return true;
}

/* An archive of Zarr v2 mostly is a folder that was zipped: that is entered. */
static int enter_top_folder(const struct ozx_repack_options *options, struct ozx_recovery *opened)
{
    char name[OZX_NAME_COMPONENT_MAX + 1];
    struct ozx_repack_options inside = *options;
    uint64_t prefix_bytes = opened->normalized.prefix_bytes;
    struct ozx_source *source;
    int failure;

    if (!options->pack.convert || options->subdir || options->recover ||
        !find_top_folder(opened->archive, name))
        return 0;
    source = ozx_archive_source(opened->archive);
    ozx_archive_dissolve(ozx_take(opened->archive));
    inside.subdir = name;
    failure = open_archive(source, &inside, opened);
    if (!failure)
        opened->normalized.prefix_bytes = prefix_bytes; /* the source is without it already */
    return failure;
}

static void tell_normalized(const struct ozx_repack_options *options,
                            const struct ozx_normalized *normalized)
{
    struct ozx_error note = OZX_ERROR_INIT;

    if (normalized->prefix_bytes) {
        ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "%" PRIu64 " byte%s before the archive left out", normalized->prefix_bytes,
                      OZX_S(normalized->prefix_bytes));
        options->pack.note(options->pack.context, OZX_PACK_INPUT, &note);
    }
    if (normalized->names) {
        ozx_error_set(&note, 0, OZX_RULE_NAME, OZX_OFFSET_NONE, NULL,
                      "%" PRIu64 " name%s changed to %s normal form: '%s' to '%s'%s",
                      normalized->names, normalized->names == 1 ? " is" : "s are",
                      normalized->names == 1 ? "its" : "their", normalized->first,
                      normalized->first_became, normalized->names == 1 ? "" : " first");
        options->pack.note(options->pack.context, OZX_PACK_INPUT, &note);
    }
}

static int tell_output(const struct ozx_repack_options *options, enum ozx_pack_about about,
                       const struct ozx_error *error)
{
    options->pack.problem(options->pack.context, about, error);
    return error->code;
}

int ozx_repack_begin(const struct ozx_source *source, const struct ozx_repack_options *options,
                     struct ozx_output_file *output_file)
{
    const struct ozx_pack_options *pack = &options->pack;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure, own;

    if (!pack->output)
        return 0;
    failure = ozx_output_file_prepare(output_file, pack->output, pack->force || options->in_place,
                                      &error);
    own = options->in_place ? 0 : ozx_input_refuse_own(source, &output_file->old, &error);
    if (own) /* the better reason: --force would not help */
        failure = own;
    if (!failure && options->in_place)
        failure = ozx_output_file_in_place(output_file, ozx_source_fd(source), pack->force, &error);
    if (!failure && !pack->dry_run)
        failure = ozx_output_file_create(output_file, &error);
    return failure ? tell_output(options, OZX_PACK_OUTPUT_CREATE, &error) : 0;
}

int ozx_repack_commit(const struct ozx_repack_options *options, struct ozx_output_file *output_file)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!options->pack.output || options->pack.dry_run ||
        !ozx_output_file_commit(output_file, &error))
        return 0;
    return tell_output(options, error.code == -EEXIST ? OZX_PACK_OUTPUT_CREATE : OZX_PACK_OUTPUT,
                       &error);
}

int ozx_repack(struct ozx_source *source, const struct ozx_repack_options *options,
               struct ozx_repack_result *result)
{
    struct ozx_recovery recovery = {.archive = NULL};
    struct ozx_pack_options pack = options->pack;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    memset(result, 0, sizeof *result);
    failure = open_archive(source, options, &recovery);
    if (!failure)
        failure = enter_top_folder(options, &recovery);
    if (!failure) {
        tell_normalized(options, &recovery.normalized);
        options->opened(options->pack.context, recovery.archive);
        pack.is_salvage = options->recover && recovery.lost;
        failure = ozx_input_of_archive(recovery.archive, recovery.left_out, &pack.from, &error);
        if (failure) {
            tell(options, &error);
        } else {
            (void)ozx_take(recovery.archive);
            failure = ozx_pack(&pack, &result->pack);
        }
    }
    result->lost = recovery.lost;
    ozx_recovery_close(&recovery);
    return failure;
}
