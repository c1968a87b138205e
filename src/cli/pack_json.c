/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What pack did, for programs.
 */
#include "cli/report_pack.h"

#include "zarr/jansson.h"

int ozx_pack_json(const struct ozx_pack_options *options, const struct ozx_pack_result *result,
                  double elapsed_s, char **text)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:f}", "input",
        ozx_jansson_file_name(options->input), "archive", ozx_jansson_file_name(options->output),
        "dry_run", options->dry_run, "files", (json_int_t)result->files, "empty_directories",
        (json_int_t)result->directories, "left_out", (json_int_t)result->left_out,
        "consolidated_removed", (json_int_t)result->consolidated_removed, "data_bytes",
        (json_int_t)result->data_bytes, "archive_bytes", (json_int_t)result->archive_bytes,
        "ome_version", result->version, "verified", result->verified, "elapsed_s", elapsed_s);
    int failure = ozx_jansson_format(object, JSON_COMPACT | JSON_REAL_PRECISION(6), text);

    json_decref(object);
    return failure;
}
