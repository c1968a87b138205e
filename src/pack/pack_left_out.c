/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each zarr.json of the plan is read and asked what it names. A node is left out if its zarr.json
 * is in the input and not in the plan; what was never there is no matter of this command, but for
 * the root's consolidated metadata. Of a damaged archive nobody knows what was there.
 */
#include "pack/pack_left_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "pack/zarr.h"
#include "zarr/consolidated.h"
#include "zarr/json.h"
#include "zarr/left_out.h"
#include "zarr/metadata_files.h"
#include "zip/crc.h"

enum state {
    STATE_NODE = 1,   /* its zarr.json is in the plan, */
    STATE_ARRAY = 2,  /* and that of an array */
    STATE_FILLED = 4, /* a file of the plan is in it */
    STATE_TOLD = 8,   /* as an array without chunks */
};

struct judge {
    struct ozx_pack_state *pack;
    struct ozx_plan *plan;
    uint8_t *states; /* owned: enum state of each directory of the plan */
    struct ozx_left_out_tally tally;

    /* The zarr.json at hand: */
    struct ozx_plan_entry *entry;
    const char *directory;
    char path[OZX_NAME_PATH_MAX + 1];
    char *text;                /* owned */
    struct ozx_plan_cut *cuts; /* owned */
    uint32_t cut_count, cut_room;
    uint64_t cut_bytes;
};

/* --- is it there? ----------------------------------------------------------------------------- */

static bool is_planned(const struct judge *j, const char *directory)
{
    uint32_t index = ozx_plan_find_directory(j->plan, directory);

    return index != OZX_PLAN_NO_OWNER && (j->states[index] & STATE_NODE);
}

/* A node of the input that is not in the plan. */
static bool is_left_out(const struct judge *j, const char *directory)
{
    const struct ozx_input *input = ozx_plan_input(j->plan);
    char file[OZX_CONSOLIDATED_PATH_SIZE + 16];

    if (is_planned(j, directory))
        return false;
    if (j->pack->options->is_salvage) /* whatever is not there may have been */
        return true;
    snprintf(file, sizeof file, "%s%szarr.json", directory, directory[0] ? "/" : "");
    return input->kind->exists(input, file);
}

static void count(struct judge *j, enum ozx_left_out_kind kind, const char *name)
{
    ozx_left_out_add(&j->tally, kind, j->path, name, strlen(name));
}

/* --- consolidated metadata -------------------------------------------------------------------- */

static bool is_gone(void *context, const char *path)
{
    return is_left_out(context, path);
}

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct judge *j = context;
    bool gone =
        node->path && (is_left_out(j, node->path) || ozx_consolidated_is_cut_off(node, is_gone, j));

    if (gone && j->pack->options->keep_consolidated)
        count(j, OZX_LEFT_OUT_KEPT, node->path);
    else if (gone)
        count(j, OZX_LEFT_OUT_REMOVED, node->path);
    else if (!node->path || !is_planned(j, node->path))
        ozx_left_out_add(&j->tally, OZX_LEFT_OUT_STALE, j->path, j->text + node->key.from,
                         node->key.to - node->key.from);
    return gone && !j->pack->options->keep_consolidated;
}

static int cut(void *context, struct ozx_json_range bytes)
{
    struct judge *j = context;
    int failure = ozx_array_grow(j->cuts, j->cut_count, &j->cut_room);

    if (failure)
        return failure;
    j->cuts[j->cut_count++] =
        (struct ozx_plan_cut){.at_bytes = bytes.from - j->cut_bytes,
                              .skipped_bytes = j->cut_bytes + (bytes.to - bytes.from)};
    j->cut_bytes += bytes.to - bytes.from;
    return 0;
}

/* Cuts out of the plan's entry what is left out; 0 or -ENOMEM. */
static int judge_consolidated(struct judge *j)
{
    const struct ozx_consolidated_walk walk = {.text = j->text,
                                               .size_bytes = (size_t)j->entry->size_bytes,
                                               .directory = j->directory,
                                               .context = j,
                                               .listed = listed,
                                               .cut = cut};
    struct ozx_left_out_tally before = j->tally;
    struct ozx_consolidated_facts facts;
    int failure;

    j->cut_count = j->cut_room = 0;
    j->cut_bytes = 0;
    failure = ozx_consolidated_each(&walk, &facts);
    if (!failure && facts.is_there && (facts.is_wrong || facts.is_other_kind)) {
        j->tally = before;
        count(j, facts.is_wrong ? OZX_LEFT_OUT_WRONG : OZX_LEFT_OUT_OTHER_KIND, "");
        j->cut_count = 0;
    }
    if (failure || !j->cut_count) {
        free(ozx_take(j->cuts));
        return failure;
    }
    return ozx_plan_cut(j->plan, j->entry, ozx_take(j->cuts), j->cut_count);
}

/* --- OME metadata ----------------------------------------------------------------------------- */

static int judge_reference(void *context, const struct ozx_reference *reference)
{
    struct judge *j = context;
    char target[OZX_CONSOLIDATED_PATH_SIZE], above[OZX_CONSOLIDATED_PATH_SIZE];
    const char *from = j->directory;

    if (reference->from_above) {
        if (!ozx_consolidated_join(j->directory, "..", above, NULL))
            return 0;
        from = above;
    }
    if (ozx_consolidated_join(from, reference->path, target, NULL) && is_left_out(j, target))
        count(j, OZX_LEFT_OUT_REFERENCE + (unsigned)reference->kind, reference->path);
    return 0;
}

/* Writes to the text. What cannot be parsed is told by verify. */
static int judge_ome(struct judge *j, uint64_t size_bytes)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, j->text, (size_t)size_bytes, NULL, 0,
                                     &metadata, &error);

    if (failure == -ENOMEM)
        return failure;
    return !failure && metadata->ome ? ozx_references_each(metadata->ome, judge_reference, j) : 0;
}

/* --- a zarr.json ------------------------------------------------------------------------------ */

/* What cannot be read is told when it is to be written; so is a wrong CRC. */
static int read_text(struct judge *j, bool *is_read)
{
    const struct ozx_plan_entry *entry = j->entry;
    struct ozx_error error = OZX_ERROR_INIT;

    *is_read = false;
    if (entry->size_bytes > OZX_JSON_SIZE_MAX) {
        count(j, OZX_LEFT_OUT_LARGE, "");
        return 0;
    }
    free(ozx_take(j->text));
    j->text = malloc(entry->size_bytes + 1);
    if (!j->text)
        return -ENOMEM;
    if (ozx_plan_read_text(j->plan, entry, j->text, &error))
        return 0;
    *is_read =
        !ozx_plan_check_crc(j->plan, entry, ozx_crc32(0, j->text, entry->size_bytes), &error);
    return 0;
}

static void note_type(struct judge *j)
{
    struct ozx_json_cursor cursor = ozx_json_text(j->text, (size_t)j->entry->size_bytes);
    const struct ozx_json_range whole = {cursor.at, cursor.end};
    struct ozx_json_range type, name;

    if (ozx_json_find(j->text, whole, "node_type", &type) &&
        ozx_json_string_of(j->text, type, &name) && ozx_json_is(j->text, name, "array"))
        j->states[j->entry->directory] |= STATE_ARRAY;
}

static int judge_entry(struct judge *j, struct ozx_plan_entry *entry, bool any_left_out)
{
    uint64_t size_bytes = entry->size_bytes;
    bool is_read;
    int failure;

    j->entry = entry;
    j->directory = ozx_plan_directory(j->plan, entry->directory)->path;
    j->tally.file++;
    ozx_plan_path(j->plan, entry, j->path);
    failure = read_text(j, &is_read);
    if (failure || !is_read)
        return failure;
    note_type(j);
    failure = judge_consolidated(j);
    return failure || !any_left_out ? failure : judge_ome(j, size_bytes);
}

/* --- what is half there ----------------------------------------------------------------------- */

/* Chunk keys, and directories of chunks, begin like this: "c/0/1", "c.0", "0.1". */
static bool may_be_chunk(const char *key)
{
    return (key[0] >= '0' && key[0] <= '9') ||
           (key[0] == 'c' && (!key[1] || key[1] == '/' || key[1] == '.'));
}

/* Chunks that are left out of an array that is not. */
static void judge_chunks(struct judge *j, const struct ozx_plan_omission *omission)
{
    const struct ozx_plan_directory *here = ozx_plan_directory(j->plan, omission->directory);
    char key[OZX_NAME_PATH_MAX + OZX_NAME_COMPONENT_MAX + 2];
    const struct ozx_plan_directory *owner;
    size_t skip;

    if (!omission->count || here->owner == OZX_PLAN_NO_OWNER ||
        (j->states[here->owner] & (STATE_ARRAY | STATE_TOLD)) != STATE_ARRAY)
        return;
    owner = ozx_plan_directory(j->plan, here->owner);
    skip = owner->path_size_bytes + (size_t)(owner->path_size_bytes != 0);
    snprintf(key, sizeof key, "%s%s%s", here == owner ? "" : here->path + skip,
             here == owner ? "" : "/", omission->first);
    if (!may_be_chunk(key))
        return;
    j->states[here->owner] |= STATE_TOLD;
    count(j, OZX_LEFT_OUT_CHUNKS, owner->path_size_bytes ? owner->path : "/");
}

/* A zarr.json that is left out, and something below its directory is not. */
static void judge_parent(struct judge *j, const struct ozx_plan_omission *omission)
{
    const struct ozx_plan_directory *here = ozx_plan_directory(j->plan, omission->directory);
    uint32_t directory_count = ozx_plan_directory_count(j->plan);

    if (!omission->has_metadata)
        return;
    /* All below a directory comes behind it. */
    for (uint32_t i = omission->directory; i < directory_count; i++) {
        const struct ozx_plan_directory *below = ozx_plan_directory(j->plan, i);

        if (i > omission->directory &&
            (below->path_size_bytes <= here->path_size_bytes ||
             memcmp(below->path, here->path, here->path_size_bytes) != 0 ||
             (here->path_size_bytes && below->path[here->path_size_bytes] != '/')))
            return;
        if (j->states[i] & STATE_FILLED) {
            snprintf(j->path, sizeof j->path, "%s/zarr.json", here->path);
            count(j, OZX_LEFT_OUT_PARENT, j->path);
            return;
        }
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static void note_entries(struct judge *j)
{
    struct ozx_plan_cursor cursor = {.plan = j->plan};
    uint64_t metadata_count = ozx_plan_metadata_count(j->plan);

    for (uint64_t i = 0; i < ozx_plan_entry_count(j->plan); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(&cursor, i);

        if (entry->is_directory)
            continue; /* it stands for itself, as nothing of it is kept */
        j->states[entry->directory] |=
            (uint8_t)(STATE_FILLED | (i < metadata_count ? STATE_NODE : 0));
        if (i >= metadata_count && strcmp(entry->name, OZX_NAME_ZMETADATA) == 0) {
            ozx_plan_path(j->plan, entry, j->path);
            count(j, OZX_LEFT_OUT_V2, "");
        }
    }
}

static bool is_told(enum ozx_left_out_kind kind, bool any_left_out)
{
    return any_left_out || kind == OZX_LEFT_OUT_STALE;
}

static void tell(const struct judge *j, bool any_left_out)
{
    const struct ozx_pack_options *options = j->pack->options;

    for (enum ozx_left_out_kind kind = 0; kind < OZX_LEFT_OUT_KINDS; kind++) {
        struct ozx_error error = OZX_ERROR_INIT;
        bool is_note;

        if (!is_told(kind, any_left_out) || !ozx_left_out_say(&j->tally, kind, &error, &is_note))
            continue;
        (is_note ? options->note : options->warning)(options->context, OZX_PACK_INPUT, &error);
    }
}

static int judge_all(struct judge *j, bool any_left_out)
{
    uint64_t metadata_count = ozx_plan_metadata_count(j->plan);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    for (uint64_t i = 0; i < (any_left_out ? metadata_count : 1) && !failure; i++)
        failure = judge_entry(j, ozx_plan_metadata(j->plan, i), any_left_out);
    if (failure) {
        ozx_error_memory(&error);
        return ozx_pack_tell(j->pack, OZX_PACK_INPUT, &error);
    }
    for (uint32_t i = 0; i < ozx_plan_omission_count(j->plan); i++) {
        judge_chunks(j, ozx_plan_omission(j->plan, i));
        judge_parent(j, ozx_plan_omission(j->plan, i));
    }
    return ozx_plan_lay_out(j->plan, &error) ? ozx_pack_tell(j->pack, OZX_PACK_INPUT, &error) : 0;
}

int ozx_pack_judge_left_out(struct ozx_pack_state *pack)
{
    bool any_left_out = ozx_plan_left_out_count(pack->plan) || pack->options->is_salvage;
    struct judge *j = calloc(1, sizeof *j);
    int failure = -ENOMEM;

    if (j) {
        j->pack = pack;
        j->plan = pack->plan;
        j->states = calloc(ozx_plan_directory_count(pack->plan), sizeof *j->states);
    }
    if (j && j->states) {
        note_entries(j);
        failure = judge_all(j, any_left_out);
        if (!failure)
            tell(j, any_left_out);
        pack->result->consolidated_removed = j->tally.kinds[OZX_LEFT_OUT_REMOVED].count;
    } else {
        struct ozx_error error = OZX_ERROR_INIT;
        ozx_error_memory(&error);
        ozx_pack_tell(pack, OZX_PACK_INPUT, &error);
    }
    if (j) {
        free(j->states);
        free(j->text);
        free(j->cuts);
    }
    free(j);
    return failure;
}
