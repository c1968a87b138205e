/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What stands in the way of an archive that is whole: a prefix, or its names. All names are looked
 * at before one is changed.
 */
#include "pack/open_normalized.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "zip/directory.h"
#include "zip/end_records.h"
#include "zip/format.h"
#include "zip/prefix.h"

#define HINT_RENAME "recreate the archive with other names"

/* A name as it stands, and behind it (terminated as well) in its normal form. */
struct name {
    uint64_t header_offset_bytes;
    size_t offset; /* into the texts */
    uint32_t size_bytes;
};

struct names {
    bool has_slash, backslashes;
    uint64_t index;
    struct name *names; /* owned: those of files */
    uint32_t count, room;
    char *texts; /* owned */
    size_t texts_used, texts_room;
    struct ozx_normalized *normalized;
};

/* --- looking at the names --------------------------------------------------------------------- */

static size_t whole_size(const struct ozx_zip_entry *e)
{
    return e->path_size_bytes + (size_t)e->is_directory;
}

static int look_for_slash(void *context, const struct ozx_zip_entry *e, struct ozx_error *error)
{
    struct names *s = context;

    (void)error;
    s->has_slash |= e->is_directory || memchr(e->path, '/', e->path_size_bytes);
    return 0;
}

static int keep(struct names *s, const struct ozx_zip_entry *e, const char *normal, size_t size)
{
    size_t need = e->path_size_bytes + size + 2;

    if (s->texts_room - s->texts_used < need) {
        size_t room = s->texts_room + s->texts_room / 2 + need + 65536;
        char *grown = realloc(s->texts, room);
        if (!grown)
            return -ENOMEM;
        s->texts = grown;
        s->texts_room = room;
    }
    if (ozx_array_grow(s->names, s->count, &s->room))
        return -ENOMEM;
    s->names[s->count++] = (struct name){.header_offset_bytes = e->header_offset_bytes,
                                         .offset = s->texts_used,
                                         .size_bytes = e->path_size_bytes};
    memcpy(s->texts + s->texts_used, e->path, e->path_size_bytes);
    s->texts[s->texts_used + e->path_size_bytes] = '\0';
    memcpy(s->texts + s->texts_used + e->path_size_bytes + 1, normal, size);
    s->texts[s->texts_used + need - 1] = '\0';
    s->texts_used += need;
    return 0;
}

static void count_change(struct names *s, const char *name, size_t name_size, const char *normal,
                         size_t size)
{
    struct ozx_normalized *m = s->normalized;

    if (name_size == size && memcmp(name, normal, size) == 0)
        return;
    if (m->names++ == 0) {
        ozx_escape(m->first, sizeof m->first, name, name_size);
        ozx_escape(m->first_became, sizeof m->first_became, size ? normal : "/", size ? size : 1);
    }
}

static int look_at(void *context, const struct ozx_zip_entry *e, struct ozx_error *error)
{
    struct names *s = context;
    char normal[UINT16_MAX + 1], name[OZX_ESCAPED_SIZE];
    size_t size = whole_size(e), normal_size = 0;
    const char *defect = ozx_zip_name_normalize(normal, &normal_size, e->path, size,
                                           s->backslashes && !e->name_cp437);

    s->index++;
    if (!defect && !normal_size && e->uncompressed_size_bytes)
        defect = "nothing but separators";
    if (defect)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NAME, e->header_offset_bytes, HINT_RENAME,
                             "entry %" PRIu64 " '%s': the name has %s, so no normal form", s->index,
                             ozx_escape(name, sizeof name, e->path, size), defect);
    count_change(s, e->path, size, normal, normal_size);
    if (!normal_size || normal[normal_size - 1] == '/') /* one directory twice is one directory */
        return 0;
    return keep(s, e, normal, normal_size) ? ozx_error_memory(error) : 0;
}

/* --- do two become one? ----------------------------------------------------------------------- */

static const char *normal_of(const struct names *s, const struct name *name)
{
    return s->texts + name->offset + name->size_bytes + 1;
}

static int by_normal_form(const void *a, const void *b, void *context)
{
    const struct name *x = a, *y = b;
    int order = strcmp(normal_of(context, x), normal_of(context, y));

    if (!order)
        order = strcmp(((struct names *)context)->texts + x->offset,
                       ((struct names *)context)->texts + y->offset);
    return order;
}

static int check_unique(struct names *s, struct ozx_error *error)
{
    if (s->count)
        qsort_r(s->names, s->count, sizeof *s->names, by_normal_form, s);
    for (uint32_t i = 1; i < s->count; i++) {
        const struct name *a = &s->names[i - 1], *b = &s->names[i];
        const char *first = s->texts + a->offset, *second = s->texts + b->offset;
        char x[OZX_ESCAPED_SIZE], y[OZX_ESCAPED_SIZE], both[OZX_ESCAPED_SIZE];

        if (strcmp(normal_of(s, a), normal_of(s, b)) != 0 || strcmp(first, second) == 0)
            continue;
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NAME, b->header_offset_bytes, HINT_RENAME,
                             "the names '%s' and '%s' would both become '%s'",
                             ozx_escape(x, sizeof x, first, strlen(first)),
                             ozx_escape(y, sizeof y, second, strlen(second)),
                             ozx_escape(both, sizeof both, normal_of(s, a),
                                        strlen(normal_of(s, a))));
    }
    return 0;
}

static int collect_names(struct ozx_source *source, bool own_end_records, struct names *s,
                         struct ozx_error *error)
{
    struct ozx_zip_end_records records;
    int failure = own_end_records ? ozx_zip_end_records_read_own(source, &records, error)
                                  : ozx_zip_end_records_read(source, &records, error);

    if (!failure)
        failure =
            ozx_zip_directory_walk_names(source, &records, OZX_NAMES_ANY, look_for_slash, s, error);
    s->backslashes = !s->has_slash;
    if (!failure)
        failure = ozx_zip_directory_walk_names(source, &records, OZX_NAMES_ANY, look_at, s, error);
    return failure ? failure : check_unique(s, error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_with_names(struct ozx_source *source, const struct ozx_archive_options *options,
                           struct ozx_archive **out, struct ozx_normalized *normalized,
                           struct ozx_error *error)
{
    struct ozx_archive_options how = *options;
    struct names s = {.normalized = normalized};
    int failure;

    how.names = OZX_NAMES_STRICT;
    failure = ozx_archive_open(source, &how, out, error);
    if (failure != -EBADMSG || error->rule != OZX_RULE_NAME)
        return failure;
    failure = collect_names(source, options->own_end_records, &s, error);
    free(s.names);
    free(s.texts);
    if (!failure) {
        how.names = s.backslashes ? OZX_NAMES_BACKSLASHES : OZX_NAMES_NORMAL;
        failure = ozx_archive_open(source, &how, out, error);
    }
    if (failure)
        normalized->names = 0;
    return failure;
}

int ozx_open_normalized(struct ozx_source **source, const struct ozx_archive_options *options,
                        struct ozx_archive **out, struct ozx_normalized *normalized,
                        struct ozx_error *error)
{
    int failure = open_with_names(*source, options, out, normalized, error);
    struct ozx_source *behind = NULL;
    uint64_t prefix = failure == -EBADMSG ? ozx_zip_prefix_size(*source) : 0;

    if (!prefix)
        return failure;
    if (ozx_source_open_behind(*source, prefix, &behind))
        return ozx_error_memory(error);
    ozx_source_own(behind);
    *source = behind;
    normalized->prefix_bytes = prefix;
    return open_with_names(behind, options, out, normalized, error);
}
