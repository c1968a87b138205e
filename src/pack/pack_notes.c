/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a pack does without having been asked, told before anything is written: junk is left out;
 * files that are no chunk of any array, and empty directories, are packed. None of it is an error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "pack/pack_state.h"
#include "pack/zarr.h"
#include "zarr/json.h"
#include "zarr/metadata.h"

/* A directory with a zarr.json on the way down to the current file: files come in the order of
 * their paths, so a stack of these has each zarr.json parsed once, however nodes are nested. */
struct owner {
    uint32_t directory;
    bool judges;            /* it is an array, and its chunk keys are known */
    bool unknown;           /* it cannot be told what belongs to it */
    struct ozx_array array; /* its pointers are not to be used */
};

/* Entries of one kind. */
struct strays {
    uint64_t count;
    char first[OZX_NAME_PATH_MAX + 1];
};

struct notes {
    const struct ozx_pack_state *pack;
    const struct ozx_plan *plan;
    uint64_t *metadata; /* owned: of each directory, 1 + the number of its zarr.json in the plan */
    struct owner *owners; /* owned */
    uint32_t owner_count, owner_room;
    struct strays foreign, empty;
};

/* --- files that are no chunk ------------------------------------------------------------------ */

static int index_metadata(struct notes *n)
{
    n->metadata = calloc(ozx_plan_directory_count(n->plan), sizeof *n->metadata);
    if (!n->metadata)
        return -ENOMEM;
    for (uint64_t i = 0; i < ozx_plan_metadata_count(n->plan); i++)
        n->metadata[ozx_plan_metadata(n->plan, i)->directory] = i + 1;
    return 0;
}

/* Parses the zarr.json of the owner. -ENOMEM; any other trouble with it is told elsewhere. */
static int read_owner(const struct notes *n, struct owner *owner)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    uint64_t number = n->metadata[owner->directory];
    const struct ozx_plan_entry *entry = number ? ozx_plan_metadata(n->plan, number - 1) : NULL;
    int failure = entry && entry->size_bytes <= OZX_JSON_SIZE_MAX ? 0 : -EBADMSG;

    if (!failure) {
        text = malloc(entry->size_bytes + 1);
        failure = text ? ozx_plan_read_text(n->plan, entry, text, &error) : -ENOMEM;
    }
    if (!failure)
        failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, text, entry->size_bytes, NULL, 0,
                                     &metadata, &error);
    owner->unknown = !metadata || (!metadata->is_array && !metadata->is_group);
    if (!metadata || !metadata->array)
        return failure == -ENOMEM ? failure : 0;
    owner->array = *metadata->array;
    owner->judges = owner->array.has_shape && owner->array.has_grid &&
                    owner->array.key_encoding != OZX_KEYS_UNKNOWN;
    owner->unknown = !owner->judges;
    return 0;
}

/* The directory `above` is `below`, or on the way to it. */
static bool is_above(const struct ozx_plan *plan, uint32_t above, uint32_t below)
{
    const struct ozx_plan_directory *a = ozx_plan_directory(plan, above);
    const struct ozx_plan_directory *b = ozx_plan_directory(plan, below);

    return a->path_size_bytes <= b->path_size_bytes &&
           memcmp(a->path, b->path, a->path_size_bytes) == 0 &&
           (!a->path_size_bytes || !b->path[a->path_size_bytes] ||
            b->path[a->path_size_bytes] == '/');
}

/* The owner of what is in a directory, on top of the stack. */
static int find_owner(struct notes *n, uint32_t directory, const struct owner **out)
{
    struct owner *top;

    while (n->owner_count && !is_above(n->plan, n->owners[n->owner_count - 1].directory, directory))
        n->owner_count--;
    top = n->owner_count ? &n->owners[n->owner_count - 1] : NULL;
    if (!top || top->directory != directory) {
        if (ozx_array_grow(n->owners, n->owner_count, &n->owner_room))
            return -ENOMEM;
        top = &n->owners[n->owner_count++];
        *top = (struct owner){.directory = directory};
        *out = top;
        return read_owner(n, top);
    }
    *out = top;
    return 0;
}

static void note(struct strays *strays, const char *path)
{
    if (strays->count++ == 0)
        snprintf(strays->first, sizeof strays->first, "%s", path);
}

/* OME-XML of the layout that bioformats2raw writes: OME-Zarr knows of it. */
static bool is_ome_xml(const char *path, size_t size)
{
    static const char name[] = "OME/METADATA.ome.xml";
    const size_t name_size = sizeof name - 1;

    return size >= name_size && memcmp(path + size - name_size, name, name_size) == 0 &&
           (size == name_size || path[size - name_size - 1] == '/');
}

/* No chunk, and meant to be there. */
static bool is_known(const char *path, size_t size)
{
    return is_ome_xml(path, size) || strcmp(path, OZX_PICTURE_NAME) == 0;
}

static int judge_file(struct notes *n, const struct ozx_plan_entry *entry)
{
    uint32_t directory = ozx_plan_directory(n->plan, entry->directory)->owner;
    char path[OZX_NAME_PATH_MAX + 1];
    size_t size = ozx_plan_path(n->plan, entry, path), start;
    const struct owner *owner;
    int failure;

    if (directory == OZX_PLAN_NO_OWNER)
        return 0;
    failure = find_owner(n, directory, &owner);
    if (failure || owner->unknown)
        return failure;
    start = ozx_plan_directory(n->plan, directory)->path_size_bytes;
    start += start != 0;
    if (owner->judges &&
        ozx_array_judge_key(&owner->array, path + start, size - start, NULL) == OZX_KEY_INSIDE)
        return 0;
    if (!is_known(path, size))
        note(&n->foreign, path);
    return 0;
}

static int judge_entries(struct notes *n)
{
    uint64_t count = ozx_plan_entry_count(n->plan);
    struct ozx_plan_cursor cursor = {.plan = n->plan};
    int failure = index_metadata(n);

    for (uint64_t i = ozx_plan_metadata_count(n->plan); i < count && !failure; i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(&cursor, i);
        char path[OZX_NAME_PATH_MAX + 1];

        if (entry->is_directory) {
            ozx_plan_path(n->plan, entry, path);
            note(&n->empty, path);
        } else {
            failure = judge_file(n, entry);
        }
        if (n->pack->options->cancel && *n->pack->options->cancel)
            failure = -EINTR;
    }
    return failure;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell_note(const struct notes *n, const struct ozx_error *note)
{
    n->pack->options->note(n->pack->options->context, OZX_PACK_INPUT, note);
}

static void tell_junk(const struct notes *n)
{
    struct ozx_error note = OZX_ERROR_INIT;
    char kinds[256];
    uint64_t count = ozx_junk_describe(ozx_plan_junk(n->plan), kinds, sizeof kinds);

    if (!count)
        return;
    ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  count == 1 ? "keep it with --keep-junk" : "keep them with --keep-junk",
                  "left out %" PRIu64 " item%s of junk (%s)", count, OZX_S(count), kinds);
    tell_note(n, &note);
}

static void describe(const struct strays *strays, enum ozx_rule rule, const char *one,
                     const char *many, struct ozx_error *out)
{
    char name[OZX_ESCAPED_SIZE];

    ozx_escape(name, sizeof name, strays->first, strlen(strays->first));
    if (strays->count == 1)
        ozx_error_set(out, 0, rule, OZX_OFFSET_NONE, "exclude it with --exclude", "1 %s: '%s'", one,
                      name);
    else
        ozx_error_set(out, 0, rule, OZX_OFFSET_NONE, "exclude them with --exclude",
                      "%" PRIu64 " %s: the first is '%s'", strays->count, many, name);
}

static void tell_foreign(const struct notes *n)
{
    struct ozx_error warning = OZX_ERROR_INIT;

    if (!n->foreign.count)
        return;
    describe(&n->foreign, OZX_RULE_CHUNK_KEY, "file is not a chunk of any array, but is packed",
             "files are not chunks of any array, but are packed", &warning);
    n->pack->options->warning(n->pack->options->context, OZX_PACK_INPUT, &warning);
}

static void tell_empty(const struct notes *n)
{
    struct ozx_error note = OZX_ERROR_INIT;

    if (!n->empty.count)
        return;
    describe(&n->empty, OZX_RULE_NONE, "directory is empty, and is packed as such",
             "directories are empty, and are packed as such", &note);
    tell_note(n, &note);
}

static void on_note(void *context, const struct ozx_error *note)
{
    const struct ozx_pack_state *pack = context;

    pack->options->note(pack->options->context, OZX_PACK_INPUT, note);
}

static void on_warning(void *context, const struct ozx_error *warning)
{
    const struct ozx_pack_state *pack = context;

    pack->options->warning(pack->options->context, OZX_PACK_INPUT, warning);
}

static void tell_of_input(struct ozx_pack_state *pack)
{
    const struct ozx_input_teller teller = {
        .context = pack, .note = on_note, .warning = on_warning};

    if (pack->input->kind->tell)
        pack->input->kind->tell(pack->input, &teller);
}

int ozx_pack_tell_notes(struct ozx_pack_state *pack)
{
    OZX_AUTO_FREE struct notes *n = calloc(1, sizeof *n);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = -ENOMEM;

    if (n) {
        n->pack = pack;
        n->plan = pack->plan;
        failure = judge_entries(n);
        free(n->metadata);
        free(n->owners);
    }
    if (failure) {
        if (failure == -ENOMEM)
            ozx_error_memory(&error);
        else
            ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "interrupted");
        return ozx_pack_tell(pack, failure == -ENOMEM ? OZX_PACK_INPUT : OZX_PACK_OUTPUT, &error);
    }
    tell_of_input(pack);
    tell_junk(n);
    tell_foreign(n);
    tell_empty(n);
    return 0;
}
