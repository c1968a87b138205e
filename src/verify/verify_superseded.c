/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What edits left behind (edit/append.h): in an archive that was edited, the mark in front of the
 * central directory says how long the archive was before, and so on back to the first one. What an
 * old directory lists and the next one does not is superseded, and so are the old directories.
 *
 * Nothing found here lets an archive in or refuses it: it explains gaps.
 */
#include <stdlib.h>

#include "base/array.h"
#include "base/bytes.h"
#include "verify/verify_parts.h"
#include "zip/append_mark.h"
#include "zip/descriptor.h"

#define GENERATIONS_MAX 1000
#define DIRECTORY_READ (128u * 1024)

static int add(struct ozx_verify *v, uint64_t from, uint64_t to)
{
    if (from >= to)
        return 0;
    if (ozx_array_grow(v->superseded, v->superseded_count, &v->superseded_room))
        return -ENOMEM;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    v->superseded[v->superseded_count++] =
        (struct ozx_range){.offset_bytes = from, .size_bytes = to - from};
    return 0;
}

/* An entry with its local header and descriptor; the header's signature may have been cleared. */
static int add_entry(struct ozx_verify *v, const struct ozx_zip_entry *e)
{
    uint8_t header[OZX_LOCAL_SIZE], descriptor[OZX_DESCRIPTOR_MAX];
    struct ozx_bytes b = ozx_bytes_of(header + 26, 4);
    uint64_t end = e->local_offset_bytes + OZX_LOCAL_SIZE;

    if (ozx_source_read(v->source, header, sizeof header, e->local_offset_bytes))
        return 0;
    end += ozx_bytes_u16(&b);
    end += ozx_bytes_u16(&b) + e->compressed_size_bytes;
    if ((e->flags & OZX_FLAG_DESCRIPTOR) &&
        ozx_source_read(v->source, descriptor, sizeof descriptor, end) == 0)
        end += ozx_zip_descriptor_size(descriptor, sizeof descriptor, e->crc32,
                                       e->compressed_size_bytes, e->uncompressed_size_bytes);
    return add(v, e->local_offset_bytes, end);
}

/* A directory, entry by entry. */
struct reading {
    struct ozx_zip_directory *directory;
    uint64_t left;
    const struct ozx_zip_entry *entry; /* NULL: no more, or none that can be read */
};

static void step(struct reading *r)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!r->left || ozx_zip_directory_next(r->directory, &r->entry, &error))
        r->entry = NULL;
    else
        r->left--;
}

static int begin(struct reading *r, struct ozx_source *source,
                 const struct ozx_zip_end_records *records)
{
    int failure = ozx_zip_directory_open(source, records, &r->directory);

    if (failure)
        return failure;
    ozx_zip_directory_seek(r->directory, records->directory_offset_bytes, DIRECTORY_READ);
    r->left = records->entry_count;
    step(r);
    return 0;
}

/* What stays has the same order in both. */
static int compare(struct ozx_verify *v, struct reading *old, struct reading *new,
                   uint64_t old_size_bytes)
{
    int failure = 0;

    while (old->entry && !failure && !(v->options->cancel && *v->options->cancel)) {
        while (new->entry &&new->entry->local_offset_bytes >= old_size_bytes)
            step(new);
        if (new->entry &&new->entry->local_offset_bytes == old->entry->local_offset_bytes)
            step(new);
        else
            failure = add_entry(v, old->entry);
        step(old);
    }
    return failure;
}

struct generation {
    struct ozx_source *source;
    struct ozx_zip_end_records records;
};

static int add_generation(struct ozx_verify *v, const struct generation *old,
                          const struct generation *new)
{
    uint64_t old_size = ozx_source_size(old->source), mark = new->records.directory_offset_bytes;
    struct reading of_old = {.left = 0}, of_new = {.left = 0};
    int failure = add(v, mark - OZX_APPEND_MARK_SIZE, mark);

    if (!failure)
        failure = add(v, old->records.directory_offset_bytes, old_size);
    if (!failure)
        failure = begin(&of_old, old->source, &old->records);
    if (!failure)
        failure = begin(&of_new, new->source, &new->records);
    if (!failure)
        failure = compare(v, &of_old, &of_new, old_size);
    ozx_zip_directory_close(of_old.directory);
    ozx_zip_directory_close(of_new.directory);
    return failure;
}

/* The archive before: `*failure` is -ENOMEM if only that is known of it. */
static bool find_old(struct ozx_verify *v, const struct generation *new, struct generation *old,
                     int *failure)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_append_mark mark;

    if (!ozx_append_mark_of_directory(new->source, &new->records, &mark))
        return false;
    *failure = ozx_source_open_front(v->source, mark.old_size_bytes, &old->source);
    if (*failure)
        return false;
    if (ozx_zip_end_records_read(old->source, &old->records, &error) == 0 &&
        old->records.end_offset_bytes == mark.old_end_offset_bytes)
        return true;
    ozx_source_close(old->source);
    return false;
}

static int by_offset(const void *a, const void *b)
{
    const struct ozx_range *x = a, *y = b;

    return (x->offset_bytes > y->offset_bytes) - (x->offset_bytes < y->offset_bytes);
}

/* In the order of the file, none touching another: so each gap finds its own at once. */
static void sort(struct ozx_verify *v)
{
    struct ozx_range *list = v->superseded;
    uint32_t kept = 0;

    qsort(list, v->superseded_count, sizeof *list, by_offset);
    for (uint32_t i = 1; i < v->superseded_count; i++) {
        uint64_t end = list[kept].offset_bytes + list[kept].size_bytes;
        if (list[i].offset_bytes > end)
            list[++kept] = list[i];
        else if (list[i].offset_bytes + list[i].size_bytes > end)
            list[kept].size_bytes =
                list[i].offset_bytes + list[i].size_bytes - list[kept].offset_bytes;
    }
    v->superseded_count = kept + 1;
}

int ozx_verify_superseded(struct ozx_verify *v, struct ozx_error *error)
{
    struct generation new = {.source = v->source, .records = v->records}, old;
    int failure = 0;

    for (uint32_t i = 0; i < GENERATIONS_MAX && !failure && find_old(v, &new, &old, &failure);
         i++) {
        failure = add_generation(v, &old, &new);
        if (new.source != v->source)
            ozx_source_close(new.source);
        new = old;
    }
    if (new.source != v->source)
        ozx_source_close(new.source);
    if (failure)
        return ozx_error_memory(error);
    if (v->superseded_count)
        sort(v);
    return 0;
}
