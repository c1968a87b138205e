/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Appending: the plan is made and all of the old directory is read before the first byte is
 * written.
 */
#include "edit/append.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/text.h"
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
#define READ_BACK_SIZE                                                                             \
    ((size_t)1 << 18) /* a local header fits twice: name and padding are less than 40 KiB */

static void free_state(struct ozx_append_state *s)
{
    free(s->pieces);
    free(s->fresh);
    free(s->comment);
}

/* --- where all goes --------------------------------------------------------------------------- */

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

static int check_block(void *context, const uint8_t *data, size_t size_bytes,
                       struct ozx_error *error)
{
    (void)context;
    return check_signature(data - OZX_APPEND_CARRY, OZX_APPEND_CARRY + size_bytes, error);
}

static int lay_out(struct ozx_append_state *s, struct ozx_error *error)
{
    const struct ozx_append *append = s->append;
    uint64_t old_size = ozx_source_size(append->source), at = s->entries_end_bytes, behind;

    behind = OZX_APPEND_MARK_SIZE + s->size_bytes + ozx_zip_end_records_size(s->comment_size_bytes);
    if (behind < LOOK_BACK)
        at += LOOK_BACK - behind;
    s->directory_offset_bytes = at + OZX_APPEND_MARK_SIZE;
    s->mark = (struct ozx_append_mark){
        .old_size_bytes = old_size,
        .new_size_bytes = at + behind,
        .old_end_offset_bytes = s->old.end_offset_bytes,
        .new_end_offset_bytes = at + behind - s->comment_size_bytes - OZX_END_SIZE,
    };
    for (uint32_t i = 0; i < OZX_APPEND_CLEAR_MAX; i++)
        s->mark.clear_offsets_bytes[i] =
            i < s->replaced_count ? s->replaced_offsets_bytes[i] : OZX_OFFSET_NONE;
    s->mark_offset_bytes = ozx_append_place(s->mark.new_size_bytes);
    return ozx_append_each_block(s, check_block, NULL, error);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int put_entry(const struct ozx_append_state *s, const struct ozx_append_entry *entry,
                     struct ozx_error *error)
{
    struct ozx_zip_file file = ozx_append_file(entry);
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
static int check_ends(const struct ozx_append_state *s, const uint8_t *ends, size_t ends_size,
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

struct put {
    int fd;
    uint64_t at_bytes;
};

static int put_block(void *context, const uint8_t *data, size_t size_bytes, struct ozx_error *error)
{
    struct put *put = context;
    int failure = ozx_append_put(put->fd, data, size_bytes, put->at_bytes, error);

    put->at_bytes += size_bytes;
    return failure;
}

/* Mark and directory, and behind them the end records without the end record's signature. */
static int put_directory(const struct ozx_append_state *s, const uint8_t *mark,
                         struct ozx_error *error)
{
    size_t ends_size = ozx_zip_end_records_size(s->comment_size_bytes);
    OZX_AUTO_FREE uint8_t *ends = malloc(ends_size);
    uint64_t at = s->directory_offset_bytes;
    struct put put = {.fd = s->append->fd, .at_bytes = at};
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
        failure = ozx_append_each_block(s, put_block, &put, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, ends, ends_size, at + s->size_bytes, error);
    return failure ? failure : check_ends(s, ends, ends_size, error);
}

/* Step 1. */
static int put_mark(const struct ozx_append_state *s, struct ozx_error *error)
{
    uint8_t mark[OZX_APPEND_MARK_SIZE];
    int failure;

    ozx_append_mark_put(&s->mark, mark);
    failure = check_signature(mark, sizeof mark, error);
    if (!failure)
        failure = ozx_append_put(s->append->fd, mark, sizeof mark, s->mark_offset_bytes, error);
    return failure ? failure : ozx_append_sync(s->append->fd, error);
}

/* One entry of the tree: its local header, and data of that CRC-32. */
static int check_file(const struct ozx_append_state *s, const struct ozx_zip_file *file,
                      uint8_t *buffer)
{
    size_t header = ozx_zip_local_size(file);
    uint64_t at = file->local_offset_bytes + header, left = file->size_bytes;
    uint32_t crc = 0;
    int failure;

    if (2 * header > READ_BACK_SIZE)
        return -EIO;
    ozx_zip_put_local(buffer, file);
    failure =
        ozx_descriptors_read_at(s->append->fd, buffer + header, header, file->local_offset_bytes);
    if (!failure && memcmp(buffer, buffer + header, header) != 0)
        failure = -EIO;
    while (left && !failure) {
        size_t size = left < READ_BACK_SIZE ? (size_t)left : READ_BACK_SIZE;
        failure = ozx_descriptors_read_at(s->append->fd, buffer, size, at);
        if (!failure)
            crc = ozx_crc32(crc, buffer, size);
        left -= size;
        at += size;
    }
    return !failure && crc != file->crc32 ? -EIO : failure;
}

/* What was written of the tree, as it will be read. */
static int check_tree(const struct ozx_append_state *s, struct ozx_error *error)
{
    const struct ozx_append_tree *tree = s->append->tree;
    OZX_AUTO_FREE uint8_t *buffer = tree ? malloc(READ_BACK_SIZE) : NULL;
    char path[OZX_NAME_PATH_MAX + 1], name[OZX_ESCAPED_SIZE];

    if (tree && !buffer)
        return ozx_error_memory(error);
    for (uint64_t i = 0; tree && i < tree->count; i++) {
        struct ozx_zip_file file = tree->file(tree->context, i, path);
        int failure = check_file(s, &file, buffer);
        if (failure)
            return ozx_error_set(error, failure, OZX_RULE_NONE, file.local_offset_bytes,
                                 "check the disk", "what was written of '%s' cannot be read back",
                                 ozx_escape(name, sizeof name, path, strlen(path)));
    }
    return 0;
}

/* It says how to undo what comes now. */
static int check_mark(const struct ozx_append_state *s, const uint8_t *mark,
                      struct ozx_error *error)
{
    uint8_t there[OZX_APPEND_MARK_SIZE];

    if (pread(s->append->fd, there, sizeof there, (off_t)s->mark_offset_bytes) ==
            (ssize_t)sizeof there &&
        memcmp(there, mark, sizeof there) == 0)
        return 0;
    return ozx_error_set(error, -EIO, OZX_RULE_NONE, s->mark_offset_bytes, NULL,
                         "what was written is not there");
}

/* Step 2. */
static int put_all(const struct ozx_append_state *s, struct ozx_error *error)
{
    uint8_t mark[OZX_APPEND_MARK_SIZE];
    int failure;

    ozx_append_mark_put(&s->mark, mark);
    failure = check_mark(s, mark, error);
    if (!failure)
        failure = check_tree(s, error);
    for (uint32_t i = 0; i < s->append->entry_count && !failure; i++)
        failure = put_entry(s, &s->append->entries[i], error);
    if (!failure)
        failure = put_directory(s, mark, error);
    return failure ? failure : ozx_append_sync(s->append->fd, error);
}

/* Steps 3 to 5. The old archive is whole as long as the signature is not there. */
static int commit(const struct ozx_append_state *s, struct ozx_error *error)
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

/* What was written goes. */
static int undo(const struct ozx_append_state *s, int failure, struct ozx_error *error)
{
    struct ozx_error second = OZX_ERROR_INIT;

    if (ozx_append_cut(s->append->fd, s->mark.old_size_bytes, &second))
        snprintf(error->hint, sizeof error->hint, "'ozxfs edit FILE' undoes the change");
    return failure;
}

/* All that is done without writing. */
static int lay_out_all(struct ozx_append_state *s, struct ozx_error *error)
{
    int failure = ozx_zip_end_records_read(s->append->source, &s->old, error);

    if (!failure)
        failure = ozx_append_make_directory(s, error);
    if (!failure)
        failure = ozx_append_check_front(s, error);
    return failure ? failure : lay_out(s, error);
}

static int append_steps(const struct ozx_append *append, bool reserve, bool complete,
                        struct ozx_error *error)
{
    struct ozx_append_state s = {.append = append, .first_offset_bytes = UINT64_MAX};
    int failure = lay_out_all(&s, error);

    if (!failure && reserve) {
        failure = put_mark(&s, error);
        if (failure)
            failure = undo(&s, failure, error);
    }
    if (!failure && complete) {
        failure = put_all(&s, error);
        failure = failure ? undo(&s, failure, error) : commit(&s, error);
    }
    free_state(&s);
    return failure;
}

int ozx_append(const struct ozx_append *append, struct ozx_error *error)
{
    return append_steps(append, true, true, error);
}

int ozx_append_reserve(const struct ozx_append *append, struct ozx_error *error)
{
    return append_steps(append, true, false, error);
}

int ozx_append_complete(const struct ozx_append *append, struct ozx_error *error)
{
    return append_steps(append, false, true, error);
}
