/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Appending: the plan is made and all of the old directory is read before the first byte is written.
 */
#include "edit/append.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "edit/append_parts.h"
#include "zip/append_mark.h"
#include "zip/crc.h"
#include "zip/directory.h"
#include "zip/format.h"
#include "zip/second.h"
#include "zip/writer.h"

/* Bytes in which other readers look for an end record, and ours (zip/end_records.c): 64 KiB of
 * comment, 64 KiB of padding and the record. */
#define LOOK_BACK UINT64_C(132000)

struct state {
    const struct ozx_append *append;
    struct ozx_zip_end_records old;
    uint8_t *old_directory; /* owned */
    uint8_t *directory;     /* owned: the new one */
    size_t size_bytes;      /* of it */
    uint64_t entry_count;
    uint64_t first_offset_bytes, replaced_offset_bytes; /* of local headers: the first that stays */
    char *comment;                                      /* owned */
    uint16_t comment_size_bytes;
    uint64_t directory_offset_bytes, mark_offset_bytes;
    struct ozx_append_mark mark;
};

static void free_state(struct state *s)
{
    free(s->old_directory);
    free(s->directory);
    free(s->comment);
}

static struct ozx_zip_file file_of(const struct ozx_append_entry *entry)
{
    return (struct ozx_zip_file){.name = entry->path,
                                 .name_size_bytes = (uint16_t)strlen(entry->path),
                                 .crc32 = entry->crc32,
                                 .size_bytes = entry->size_bytes,
                                 .local_offset_bytes = entry->local_offset_bytes,
                                 .mtime_s = entry->mtime_s};
}

/* --- the new directory ------------------------------------------------------------------------ */

/* Room for the entry's header, which is written when its place is known. */
static void place(struct state *s, struct ozx_append_entry *entry)
{
    struct ozx_zip_file file = file_of(entry);

    if (entry->central_at != UINT64_MAX)
        return;
    entry->central_at = s->size_bytes;
    s->size_bytes += ozx_zip_central_size(&file);
    s->entry_count++;
}

static struct ozx_append_entry *entry_of_path(const struct state *s,
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

/* What stays is copied as it stands; what takes a place takes it in the directory, too. */
static int visit(void *context, const struct ozx_zip_entry *old, struct ozx_error *error)
{
    struct state *s = context;
    const uint8_t *header =
        s->old_directory + (old->header_offset_bytes - s->old.directory_offset_bytes);
    struct ozx_bytes b = ozx_bytes_of(header + 28, 6);
    size_t size = OZX_CENTRAL_SIZE;
    struct ozx_append_entry *entry = entry_of_path(s, old);

    if (entry && entry->central_at != UINT64_MAX)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_DUPLICATE, old->header_offset_bytes,
                             "use 'ozxfs repack' first",
                             "the archive has two entries of that name");
    if (entry) {
        s->replaced_offset_bytes = old->local_offset_bytes;
        place(s, entry);
        return 0;
    }
    if (old->local_offset_bytes < s->first_offset_bytes)
        s->first_offset_bytes = old->local_offset_bytes;
    for (int i = 0; i < 3; i++)
        size += ozx_bytes_u16(&b);
    memcpy(s->directory + s->size_bytes, header, size);
    s->size_bytes += size;
    s->entry_count++;
    return 0;
}

static int read_old(struct state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    int failure =
        ozx_source_read(append->source, s->old_directory, (size_t)s->old.directory_size_bytes,
                        s->old.directory_offset_bytes);

    s->comment_size_bytes = (uint16_t)s->old.comment_size_bytes;
    if (!failure)
        failure = ozx_source_read(append->source, s->comment, s->comment_size_bytes,
                                  s->old.comment_offset_bytes);
    if (!failure && append->comment) {
        s->comment_size_bytes = (uint16_t)append->comment_size_bytes;
        memcpy(s->comment, append->comment, append->comment_size_bytes);
    }
    return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, s->old.directory_offset_bytes,
                                   NULL, "cannot read: %s", strerror(-failure))
                   : 0;
}

static int make_directory(struct state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    size_t room = (size_t)s->old.directory_size_bytes + 1;
    int failure;

    if (append->comment_size_bytes > OZX_COMMENT_MAX)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the archive comment would be too long");
    for (uint32_t i = 0; i < append->entry_count; i++) {
        struct ozx_zip_file file = file_of(&append->entries[i]);
        append->entries[i].central_at = UINT64_MAX;
        room += ozx_zip_central_size(&file);
    }
    s->old_directory = malloc((size_t)s->old.directory_size_bytes + 1);
    s->directory = malloc(room);
    s->comment = malloc(OZX_COMMENT_MAX);
    if (!s->old_directory || !s->directory || !s->comment)
        return ozx_error_memory(error);
    failure = read_old(s, error);
    if (!failure)
        failure = ozx_zip_directory_walk(append->source, &s->old, visit, s, error);
    for (uint32_t i = 0; i < append->entry_count && !failure; i++)
        place(s, &append->entries[i]);
    return failure;
}

/* In front of what is the first entry now, other readers must not find the beginning of another
 * archive, such as an entry that another program left behind. */
static int check_front(const struct state *s, struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *behind = NULL;
    uint64_t from = s->replaced_offset_bytes + 4; /* the signature goes */
    int failure;

    if (s->replaced_offset_bytes == OZX_OFFSET_NONE || from >= s->first_offset_bytes ||
        s->first_offset_bytes == UINT64_MAX)
        return 0;
    failure = ozx_source_open_behind(s->append->source, from, &behind);
    if (failure)
        return ozx_error_memory(error);
    failure = ozx_zip_second_front(behind, s->first_offset_bytes - from, error);
    if (failure == -EBADMSG)
        snprintf(error->hint, sizeof error->hint, "use 'ozxfs repack' first");
    return failure;
}

/* --- where all goes --------------------------------------------------------------------------- */

static uint64_t align(uint64_t offset)
{
    return (offset + OZX_APPEND_ALIGN - 1) / OZX_APPEND_ALIGN * OZX_APPEND_ALIGN;
}

/* Numbers may happen to be the bytes of a signature, where readers look for one. */
static int check_signature(const void *data, size_t size, struct ozx_error *error)
{
    static const uint8_t signature[] = {'P', 'K', 5, 6};

    if (memmem(data, size, signature, sizeof signature))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_END, OZX_OFFSET_NONE,
                             "use 'ozxfs repack' first",
                             "the new central directory would hold an end record's signature");
    return 0;
}

static int lay_out(struct state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    uint64_t old_size = ozx_source_size(append->source), at = align(old_size), behind;

    for (uint32_t i = 0; i < append->entry_count; i++) {
        struct ozx_append_entry *entry = &append->entries[i];
        struct ozx_zip_file file;
        entry->local_offset_bytes = at;
        entry->crc32 = ozx_crc32(0, entry->data, entry->size_bytes);
        file = file_of(entry);
        ozx_zip_put_central(s->directory + entry->central_at, &file);
        at += ozx_zip_local_size(&file) + entry->size_bytes;
    }
    behind = OZX_APPEND_MARK_SIZE + s->size_bytes + ozx_zip_end_records_size(s->comment_size_bytes);
    if (behind < LOOK_BACK)
        at += LOOK_BACK - behind;
    s->directory_offset_bytes = at + OZX_APPEND_MARK_SIZE;
    s->mark = (struct ozx_append_mark){
        .old_size_bytes = old_size,
        .new_size_bytes = at + behind,
        .old_end_offset_bytes = s->old.end_offset_bytes,
        .new_end_offset_bytes = at + behind - s->comment_size_bytes - OZX_END_SIZE,
        .clear_offset_bytes = s->replaced_offset_bytes,
    };
    s->mark_offset_bytes = align(s->mark.new_size_bytes);
    return check_signature(s->directory, s->size_bytes, error);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int put_entry(const struct state *s, const struct ozx_append_entry *entry,
                     struct ozx_error *error)
{
    struct ozx_zip_file file = file_of(entry);
    size_t local_size = ozx_zip_local_size(&file);
    OZX_AUTO_FREE uint8_t *local = malloc(local_size);
    int failure;

    if (!local)
        return ozx_error_memory(error);
    ozx_zip_put_local(local, &file);
    failure = ozx_append_put(s->append->fd, local, local_size, entry->local_offset_bytes, error);
    return failure ? failure
                   : ozx_append_put(s->append->fd, entry->data, (size_t)entry->size_bytes,
                                    entry->local_offset_bytes + local_size, error);
}

/* The new end, as it will be read: a file that nobody reads must not come of it. */
static int check_ends(const struct state *s, const uint8_t *ends, size_t ends_size,
                      struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = fcntl(s->append->fd, F_DUPFD_CLOEXEC, 0);
    OZX_AUTO_SOURCE struct ozx_source *file = NULL, *front = NULL, *whole = NULL;
    uint64_t at = s->directory_offset_bytes + s->size_bytes;
    struct ozx_zip_end_records records;
    uint8_t *copy = malloc(ends_size);
    int failure = fd < 0 || !copy ? -ENOMEM : ozx_source_open_fd(fd, &file);

    if (!failure) {
        (void)ozx_take_fd(&fd);
        memcpy(copy, ends, ends_size);
        ozx_put_u32(copy + ends_size - s->comment_size_bytes - OZX_END_SIZE, OZX_END_SIGNATURE);
        failure = ozx_source_open_front(file, at, &front);
    }
    if (!failure)
        failure = ozx_source_open_concat(front, copy, ends_size, &whole);
    if (failure) {
        free(copy);
        return ozx_error_memory(error);
    }
    (void)ozx_take(front); /* both are the concatenation's */
    failure = ozx_zip_end_records_read(whole, &records, error);
    if (!failure && (records.directory_offset_bytes != s->directory_offset_bytes ||
                     records.entry_count != s->entry_count))
        failure = ozx_error_set(error, -EIO, OZX_RULE_NONE, s->directory_offset_bytes, NULL,
                                "what was written is not there");
    return failure;
}

/* Mark and directory, and behind them the end records without the end record's signature. */
static int put_directory(const struct state *s, const uint8_t *mark, struct ozx_error *error)
{
    size_t ends_size = ozx_zip_end_records_size(s->comment_size_bytes);
    OZX_AUTO_FREE uint8_t *ends = malloc(ends_size);
    uint64_t at = s->directory_offset_bytes;
    int failure;

    if (!ends)
        return ozx_error_memory(error);
    ozx_zip_put_end_records(ends, at, s->size_bytes, s->entry_count, s->comment,
                            s->comment_size_bytes);
    memset(ends + ends_size - s->comment_size_bytes - OZX_END_SIZE, 0, 4);
    failure = check_signature(ends, ends_size, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, mark, OZX_APPEND_MARK_SIZE,
                                 at - OZX_APPEND_MARK_SIZE, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, s->directory, s->size_bytes, at, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, ends, ends_size, at + s->size_bytes, error);
    return failure ? failure : check_ends(s, ends, ends_size, error);
}

/* Steps 1 and 2. */
static int prepare(const struct state *s, struct ozx_error *error)
{
    uint8_t mark[OZX_APPEND_MARK_SIZE];
    int failure;

    ozx_append_mark_put(&s->mark, mark);
    failure = check_signature(mark, sizeof mark, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, mark, sizeof mark, s->mark_offset_bytes, error);
    if (!failure)
        failure = ozx_append_sync(s->append->fd, error);
    for (uint32_t i = 0; i < s->append->entry_count && !failure; i++)
        failure = put_entry(s, &s->append->entries[i], error);
    if (!failure)
        failure = put_directory(s, mark, error);
    return failure ? failure : ozx_append_sync(s->append->fd, error);
}

/* Steps 3 to 5. The old archive is whole as long as the signature is not there. */
static int commit(const struct state *s, struct ozx_error *error)
{
    uint8_t signature[4];
    int failure;

    ozx_put_u32(signature, OZX_END_SIGNATURE);
    failure = ozx_append_put(s->append->fd, signature, sizeof signature,
                             s->mark.new_end_offset_bytes, error);
    if (!failure)
        failure = ozx_append_sync(s->append->fd, error);
    if (!failure)
        failure = ozx_append_finish(s->append->fd, &s->mark, error);
    if (failure)
        snprintf(error->hint, sizeof error->hint,
                 "'ozxfs edit FILE' undoes or completes the change");
    return failure;
}

static int append_laid_out(const struct state *s, struct ozx_error *error)
{
    struct ozx_error second = OZX_ERROR_INIT;
    int failure = prepare(s, error);

    if (!failure)
        return commit(s, error);
    if (ozx_append_cut(s->append->fd, s->mark.old_size_bytes, &second))
        snprintf(error->hint, sizeof error->hint, "'ozxfs edit FILE' undoes the change");
    return failure;
}

int ozx_append(const struct ozx_append *append, struct ozx_error *error)
{
    struct state s = {.append = append,
                      .first_offset_bytes = UINT64_MAX,
                      .replaced_offset_bytes = OZX_OFFSET_NONE};
    int failure = ozx_zip_end_records_read(append->source, &s.old, error);

    if (!failure)
        failure = make_directory(&s, error);
    if (!failure)
        failure = check_front(&s, error);
    if (!failure)
        failure = lay_out(&s, error);
    if (!failure)
        failure = append_laid_out(&s, error);
    free_state(&s);
    return failure;
}
