/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the metadata say to pack: the OME-Zarr version, which goes into the comment, and whether
 * there are arrays that sharding would serve.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pack/pack_state.h"
#include "pack/zarr.h"

static void warn(const struct ozx_pack_state *pack, enum ozx_pack_about about,
                 const struct ozx_error *error)
{
    pack->options->warning(pack->options->context, about, error);
}

static void warn_disagreement(void *context, const char *path, const char *other)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE], version[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, 0, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "state the version to write with --ome-version",
                  "'%s' states a different OME-Zarr version: %s",
                  ozx_escape(name, sizeof name, path, strlen(path)),
                  ozx_escape(version, sizeof version, other, strlen(other)));
    warn(context, OZX_PACK_INPUT, &error);
}

struct unsharded {
    const char *first; /* path of the first such array, borrowed from the plan */
    uint32_t first_chunks;
    uint64_t count;
};

static void note_unsharded(void *context, const char *path, uint32_t chunk_count)
{
    struct unsharded *unsharded = context;

    if (!unsharded->count++) {
        unsharded->first = path[0] ? path : "/";
        unsharded->first_chunks = chunk_count;
    }
}

static void hint_at_sharding(const struct ozx_pack_state *pack)
{
    struct unsharded unsharded = {.count = 0};
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE], others[64] = "";

    ozx_zarr_find_unsharded(pack->plan, note_unsharded, &unsharded);
    if (!unsharded.count)
        return;
    if (unsharded.count > 1)
        snprintf(others, sizeof others, " (and %" PRIu64 " more array%s)", unsharded.count - 1,
                 OZX_S(unsharded.count - 1));
    ozx_error_set(&error, 0, OZX_RULE_SHARDING, OZX_OFFSET_NONE,
                  "--shard rewrites it with the sharding_indexed codec, without decoding",
                  "array '%s' is not sharded, its %" PRIu32 " chunks are separate entries%s",
                  ozx_escape(name, sizeof name, unsharded.first, strlen(unsharded.first)),
                  unsharded.first_chunks, others);
    warn(pack, OZX_PACK_INPUT, &error);
}

/* One line for each kind, however many files have it. */
static void warn_of_file(const struct ozx_pack_state *pack, uint64_t entry, uint64_t files,
                         const char *text)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char path[OZX_NAME_PATH_MAX + 1], name[OZX_ESCAPED_SIZE], others[64] = "";

    ozx_plan_path(pack->plan, ozx_plan_metadata(pack->plan, entry), path);
    if (files > 1)
        snprintf(others, sizeof others, "; and %" PRIu64 " more file%s", files - 1,
                 OZX_S(files - 1));
    ozx_error_set(&error, 0, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL, "'%s': %s%s",
                  ozx_escape(name, sizeof name, path, strlen(path)), text, others);
    warn(pack, OZX_PACK_INPUT, &error);
}

static int judge_json(struct ozx_pack_state *pack)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_zarr_json all;
    char what[OZX_JSON_TEXT_SIZE], place[OZX_JSON_TEXT_SIZE], text[2 * OZX_JSON_TEXT_SIZE + 8];
    int failure = ozx_zarr_judge_json(pack->plan, &all, &error);

    for (int kind = 0; kind < OZX_JSON_KINDS && failure != -ENOMEM; kind++) {
        const struct ozx_json_defect *defect = &all.kinds[kind].defect;
        if (!all.kinds[kind].files)
            continue;
        snprintf(text, sizeof text, "%s (%s)",
                 ozx_json_defect_text((enum ozx_json_kind)kind, defect, what),
                 ozx_json_defect_place(defect, place));
        warn_of_file(pack, all.kinds[kind].entry, all.kinds[kind].files, text);
    }
    if (failure)
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    if (all.unread) {
        snprintf(text, sizeof text, "is not checked: %s", all.unread_why);
        warn_of_file(pack, all.unread_entry, all.unread, text);
    }
    return 0;
}

static int find_stated_version(struct ozx_pack_state *pack, char found[OZX_VERSION_TEXT_MAX])
{
    const char *wanted = pack->options->ome_version;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure =
        ozx_zarr_version(pack->plan, found, wanted ? NULL : warn_disagreement, pack, &error);

    if (failure == -EFBIG && wanted) { /* judge_json will tell */
        found[0] = '\0';
        return 0;
    }
    if (failure == -EFBIG)
        error.code = -EBADMSG;
    return failure ? ozx_pack_tell(pack, OZX_PACK_INPUT, &error) : 0;
}

int ozx_pack_judge_metadata(struct ozx_pack_state *pack, char version[OZX_VERSION_TEXT_MAX])
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (ozx_zarr_check_root(pack->plan, &error))
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    failure = find_stated_version(pack, version);
    return failure ? failure : judge_json(pack);
}

int ozx_pack_find_version(struct ozx_pack_state *pack)
{
    const char *wanted = pack->options->ome_version;
    const char *stated = pack->input->kind->version(pack->input);
    char found[OZX_VERSION_TEXT_MAX] = "", name[OZX_ESCAPED_SIZE];
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_pack_judge_metadata(pack, found);

    if (failure)
        return failure;
    if (!found[0] && stated) /* better than nothing: what the archive said before */
        snprintf(found, sizeof found, "%s", stated);
    if (!wanted && !found[0]) {
        ozx_error_set(&error, -EBADMSG, OZX_RULE_COMMENT, OZX_OFFSET_NONE,
                      "state it: --ome-version 0.5, for example",
                      "no zarr.json states an OME-Zarr version (attributes.ome.version)");
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    }
    if (wanted && found[0] && strcmp(wanted, found) != 0) {
        ozx_error_set(&error, 0, OZX_RULE_COMMENT, OZX_OFFSET_NONE, NULL,
                      "the metadata state OME-Zarr version %s; --ome-version is written instead",
                      ozx_escape(name, sizeof name, found, strlen(found)));
        warn(pack, OZX_PACK_INPUT, &error);
        error = (struct ozx_error)OZX_ERROR_INIT;
    }
    snprintf(pack->result->version, sizeof pack->result->version, "%s", wanted ? wanted : found);
    hint_at_sharding(pack);
    if (ozx_comment_format(pack->result->version, true, &pack->comment, &pack->comment_size)) {
        ozx_error_memory(&error);
        return ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    }
    return 0;
}
