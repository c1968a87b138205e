/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The central directory that an appended archive will have: the old headers as they stand, and the
 * new ones at their places (append_pieces.c).
 */
#include <stdio.h>
#include <string.h>

#include "edit/append_parts.h"
#include "zarr/metadata_files.h"
#include "zip/crc.h"
#include "zip/directory.h"
#include "zip/format.h"
#include "zip/second.h"

/* libarchive looks for the end in the last 16 KiB, where the ZIP64 locator has to be as well.
 * Without one it goes from local header to local header, and at the zeros that take the place of
 * what was replaced it stops, without an error. */
#define COMMENT_MAX (16384 - OZX_END_SIZE - OZX_LOCATOR_SIZE)

uint64_t ozx_append_place(uint64_t old_size_bytes)
{
    return (old_size_bytes + OZX_APPEND_ALIGN - 1) / OZX_APPEND_ALIGN * OZX_APPEND_ALIGN;
}

struct ozx_zip_file ozx_append_file(const struct ozx_append_entry *entry)
{
    return (struct ozx_zip_file){.name = entry->path,
                                 .name_size_bytes = (uint16_t)strlen(entry->path),
                                 .crc32 = entry->crc32,
                                 .size_bytes = entry->size_bytes,
                                 .local_offset_bytes = entry->local_offset_bytes,
                                 .mtime_s = entry->mtime_s};
}

/* In front of the old header at hand. */
static void put_central(struct ozx_append_state *s, const struct ozx_zip_file *file)
{
    ozx_append_keep(s, s->at_bytes);
    ozx_append_put_new(s, file);
}

static void put_tree_central(struct ozx_append_state *s, const struct ozx_zip_file *file)
{
    ozx_append_keep(s, s->at_bytes);
    ozx_append_put_tree(s, file);
}

/* The walk is at that old header, or behind the last one. */
static void arrive(struct ozx_append_state *s, uint64_t at_bytes)
{
    if (s->leaves_out)
        s->kept_bytes = at_bytes;
    s->leaves_out = false;
    s->at_bytes = at_bytes;
}

static void put_entry_central(struct ozx_append_state *s, struct ozx_append_entry *entry)
{
    struct ozx_zip_file file = ozx_append_file(entry);

    entry->is_in_place = true;
    put_central(s, &file);
}

static struct ozx_append_entry *entry_of_path(const struct ozx_append_state *s,
                                              const struct ozx_zip_entry *old)
{
    for (uint32_t i = 0; i < s->append->entry_count; i++) {
        struct ozx_append_entry *entry = &s->append->entries[i];
        if (strlen(entry->path) == old->path_size_bytes &&
            memcmp(entry->path, old->path, old->path_size_bytes) == 0)
            return entry;
    }
    return NULL;
}

static size_t depth_of(const char *path, size_t size)
{
    size_t depth = 0;

    for (size_t i = 0; i < size; i++)
        depth += path[i] == '/';
    return depth;
}

/* RFC-9's order: does a new zarr.json stand before that entry? */
static bool is_before(const char *path, const struct ozx_zip_entry *old)
{
    const char *slash = memrchr(old->path, '/', old->path_size_bytes);
    const char *name = slash ? slash + 1 : old->path;
    size_t name_size = old->path_size_bytes - (size_t)(name - old->path);
    size_t size = strlen(path), new_depth = depth_of(path, size);
    size_t old_depth = depth_of(old->path, old->path_size_bytes);
    int order;

    if (old->is_directory || name_size != strlen(OZX_NAME_ZARR_JSON) ||
        memcmp(name, OZX_NAME_ZARR_JSON, name_size) != 0)
        return true;
    if (new_depth != old_depth)
        return new_depth < old_depth;
    order = memcmp(path, old->path, size < old->path_size_bytes ? size : old->path_size_bytes);
    return order ? order < 0 : size < old->path_size_bytes;
}

/* New zarr.json whose place is in front of `old` (NULL: all that are left). */
static void put_new_metadata(struct ozx_append_state *s, const struct ozx_zip_entry *old)
{
    const struct ozx_append *append = s->append;
    char path[OZX_NAME_PATH_MAX + 1];

    while (s->new_count < append->entry_count && append->entries[s->new_count].is_new) {
        struct ozx_append_entry *entry = &append->entries[s->new_count];
        if (old && !is_before(entry->path, old))
            return;
        put_entry_central(s, entry);
        s->new_count++;
    }
    while (append->tree && s->tree_count < append->tree->metadata_count) {
        struct ozx_zip_file file = append->tree->file(append->tree->context, s->tree_count, path);
        if (old && !is_before(path, old))
            return;
        put_tree_central(s, &file);
    }
}

/* What stays is copied as it stands; what takes a place takes it in the directory, too. */
static int visit(void *context, const struct ozx_zip_entry *old, struct ozx_error *error)
{
    struct ozx_append_state *s = context;
    struct ozx_append_entry *entry;

    arrive(s, old->header_offset_bytes);
    put_new_metadata(s, old);
    entry = entry_of_path(s, old);
    if (entry && entry->is_in_place)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_DUPLICATE, old->header_offset_bytes,
                             "use 'ozxfs repack' first",
                             "the archive has two entries of that name");
    if (entry && s->replaced_count == OZX_APPEND_CLEAR_MAX)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "use 'ozxfs unpack' and 'ozxfs pack'",
                             "too many entries would be replaced");
    if (entry) {
        s->replaced_offsets_bytes[s->replaced_count++] = old->local_offset_bytes;
        put_entry_central(s, entry);
        s->leaves_out = true;
        return 0;
    }
    if (old->local_offset_bytes < s->first_offset_bytes)
        s->first_offset_bytes = old->local_offset_bytes;
    s->entry_count++;
    return 0;
}

/* What has no place yet. */
static void put_rest(struct ozx_append_state *s)
{
    const struct ozx_append *append = s->append;
    char path[OZX_NAME_PATH_MAX + 1];

    arrive(s, s->old.directory_offset_bytes + s->old.directory_size_bytes);
    ozx_append_keep(s, s->at_bytes);
    put_new_metadata(s, NULL);
    while (append->tree && s->tree_count < append->tree->count) {
        struct ozx_zip_file file = append->tree->file(append->tree->context, s->tree_count, path);
        put_tree_central(s, &file);
    }
    for (uint32_t i = 0; i < append->entry_count; i++)
        if (!append->entries[i].is_in_place)
            put_entry_central(s, &append->entries[i]);
}

static int read_comment(struct ozx_append_state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    int failure = ozx_source_read(append->source, s->comment, (size_t)s->old.comment_size_bytes,
                                  s->old.comment_offset_bytes);

    s->comment_size_bytes = (uint16_t)s->old.comment_size_bytes;
    if (!failure && append->comment) {
        s->comment_size_bytes = (uint16_t)append->comment_size_bytes;
        memcpy(s->comment, append->comment, append->comment_size_bytes);
    }
    return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, s->old.comment_offset_bytes, NULL,
                                   "cannot read: %s", strerror(-failure))
                   : 0;
}

/* Where the entries' bytes go; the room that their central headers take. */
static size_t place_entries(struct ozx_append_state *s)
{
    const struct ozx_append *append = s->append;
    uint64_t at =
        append->tree ? append->tree->end_bytes : ozx_append_place(ozx_source_size(append->source));
    size_t room = 0;

    for (uint32_t i = 0; i < append->entry_count; i++) {
        struct ozx_append_entry *entry = &append->entries[i];
        struct ozx_zip_file file;
        entry->is_in_place = false;
        entry->local_offset_bytes = at;
        entry->crc32 = ozx_crc32(0, entry->data, entry->size_bytes);
        file = ozx_append_file(entry);
        at += ozx_zip_local_size(&file) + entry->size_bytes;
        room += ozx_zip_central_size(&file);
    }
    s->entries_end_bytes = at;
    return room;
}

int ozx_append_make_directory(struct ozx_append_state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    int failure;

    if ((append->comment ? append->comment_size_bytes : s->old.comment_size_bytes) > COMMENT_MAX)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, s->old.comment_offset_bytes,
                             "use 'ozxfs repack' first",
                             "the archive comment is so long that some readers would not find the "
                             "new end record");
    s->fresh = malloc(place_entries(s) + 1);
    s->comment = malloc(OZX_COMMENT_MAX);
    if (!s->fresh || !s->comment)
        return ozx_error_memory(error);
    s->kept_bytes = s->old.directory_offset_bytes;
    failure = read_comment(s, error);
    if (!failure)
        failure = ozx_zip_directory_walk(append->source, &s->old, visit, s, error);
    if (!failure)
        put_rest(s);
    return !failure && s->no_memory ? ozx_error_memory(error) : failure;
}

static int by_offset(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Nothing between the two is a beginning. */
static int check_piece(const struct ozx_append_state *s, uint64_t from, uint64_t to,
                       struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *behind = NULL;
    int failure;

    if (from >= to)
        return 0;
    failure = ozx_source_open_behind(s->append->source, from, &behind);
    if (failure)
        return ozx_error_memory(error);
    failure = ozx_zip_second_front(behind, to - from, error);
    if (failure == -EBADMSG)
        snprintf(error->hint, sizeof error->hint, "use 'ozxfs repack' first");
    return failure;
}

int ozx_append_check_front(struct ozx_append_state *s, struct ozx_error *error)
{
    uint64_t *replaced = s->replaced_offsets_bytes;
    int failure = 0;

    qsort(replaced, s->replaced_count, sizeof *replaced, by_offset);
    if (s->first_offset_bytes == UINT64_MAX && s->replaced_count)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_END, s->old.end_offset_bytes,
                             "use 'ozxfs unpack' and 'ozxfs pack'",
                             "no entry would stay as it is, so the old end record would stand in "
                             "front of the first one");
    for (uint32_t i = 0; i < s->replaced_count && !failure; i++) {
        uint64_t end = i + 1 < s->replaced_count ? replaced[i + 1] : UINT64_MAX;
        failure = check_piece(s, replaced[i] + 4, /* the signature goes */
                              end < s->first_offset_bytes ? end : s->first_offset_bytes, error);
    }
    return failure;
}
