/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The central directory, entry by entry: what each is, and the order in which they come. All that
 * an entry can be by itself and still be let in is judged here; local headers are not touched.
 */
#include <string.h>

#include "ozx/index.h"
#include "ozx/verify_parts.h"
#include "zip/directory.h"
#include "zip/extra.h"
#include "zip/format.h"

static int grow(void **array, uint32_t count, uint64_t more, uint32_t *room, size_t size)
{
    uint64_t larger = (uint64_t)*room + *room / 2 + 1024;
    void *moved;

    if (more <= *room - count)
        return 0;
    if (larger < count + more)
        larger = count + more;
    if (larger > UINT32_MAX)
        return -ENOMEM;
    moved = realloc(*array, (size_t)larger * size);
    if (!moved)
        return -ENOMEM;
    *array = moved;
    *room = (uint32_t)larger;
    return 0;
}

/* --- one entry -------------------------------------------------------------------------------- */

static int add_entry(struct ozx_verify *v, const struct ozx_zip_entry *e,
                     const struct ozx_zip_extra *extra)
{
    size_t path_size = e->path_size_bytes + (size_t)e->is_directory;
    uint8_t kind = 0;

    if (grow((void **)&v->entries, v->entry_count, 1, &v->entry_room, sizeof *v->entries) ||
        grow((void **)&v->paths, v->paths_size, path_size + 1, &v->paths_room, 1))
        return -ENOMEM;
    if (e->is_directory)
        kind |= OZX_ENTRY_DIRECTORY;
    if (e->name_cp437)
        kind |= OZX_ENTRY_CP437;
    if (extra->zip64_count)
        kind |= OZX_ENTRY_ZIP64;
    v->entries[v->entry_count++] = (struct ozx_verify_entry){
        .local_offset_bytes = e->local_offset_bytes,
        .header_offset_bytes = e->header_offset_bytes,
        .compressed_size_bytes = e->compressed_size_bytes,
        .uncompressed_size_bytes = e->uncompressed_size_bytes,
        .crc32 = e->crc32,
        .path_offset = v->paths_size,
        .path_size_bytes = (uint16_t)path_size,
        .flags = e->flags,
        .method = e->method,
        .kind = kind,
        .eio = (uint8_t)(e->is_directory ? OZX_EIO_NONE : ozx_entry_eio(e)),
    };
    memcpy(v->paths + v->paths_size, e->path, path_size);
    v->paths[v->paths_size + path_size] = '\0';
    v->paths_size += (uint32_t)path_size + 1;
    return 0;
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

static void judge_name(struct ozx_verify *v, const struct ozx_verify_entry *entry,
                       const struct ozx_zip_entry *e, const struct ozx_zip_extra *extra)
{
    const char *what = NULL;

    if (e->name_cp437)
        what = "the name is in CP437";
    else if (!(e->flags & OZX_FLAG_UTF8) && !is_ascii(e->name, e->name_size_bytes))
        what = "the name is UTF-8 but not flagged so: other readers will take it for CP437";
    else if (extra->unicode_path)
        what = "a Unicode path extra field, which some readers take the name from, is ignored";
    if (what)
        ozx_verify_find(v, "name-charset", OZX_VERDICT_WARN, entry, e->header_offset_bytes, "%s",
                        what);
    if (e->extra_odd)
        ozx_verify_find(v, "extra-odd", OZX_VERDICT_WARN, entry, e->header_offset_bytes,
                        "an extra field that cannot be parsed or is not needed");
}

static void judge_kind(struct ozx_verify *v, const struct ozx_verify_entry *entry)
{
    bool file = !(entry->kind & OZX_ENTRY_DIRECTORY);
    uint64_t at = entry->header_offset_bytes;

    if (entry->method != OZX_METHOD_STORED)
        ozx_verify_find(v, "stored", OZX_VERDICT_WARN, entry, at, "compressed by method %u",
                        entry->method);
    if (entry->flags & OZX_FLAG_DESCRIPTOR)
        ozx_verify_find(v, "descriptor", OZX_VERDICT_WARN, entry, at,
                        "CRC and sizes stand in a data descriptor behind the data");
    if (entry->eio == OZX_EIO_ENCRYPTED)
        ozx_verify_find(v, "encrypted", OZX_VERDICT_FAIL, entry, at, "encrypted");
    else if (entry->eio == OZX_EIO_SPECIAL)
        ozx_verify_find(v, "special", OZX_VERDICT_FAIL, entry, at,
                        "a symbolic link or a special file");
    else if (entry->eio == OZX_EIO_METHOD)
        ozx_verify_find(v, "method", OZX_VERDICT_FAIL, entry, at,
                        "compression method %u is not known here", entry->method);
    else if (entry->eio == OZX_EIO_RATIO)
        ozx_verify_find(v, "compressed", OZX_VERDICT_WARN, entry, at,
                        "claims to expand to more than deflate can: a mount will not read it");
    else if (file && entry->method != OZX_METHOD_STORED)
        ozx_verify_find(v, "compressed", OZX_VERDICT_WARN, entry, at,
                        "must be decompressed from its start to be read: slow");
}

static int visit(void *context, const struct ozx_zip_entry *e, struct ozx_error *error)
{
    struct ozx_verify *v = context;
    const struct ozx_zip_extra extra = ozx_zip_extra_parse(e->extra, e->extra_size_bytes);

    if (v->options->cancel && *v->options->cancel)
        return ozx_error_set(error, -EINTR, NULL, OZX_OFFSET_NONE, NULL, "interrupted");
    if (add_entry(v, e, &extra))
        return ozx_error_memory(error);
    judge_name(v, &v->entries[v->entry_count - 1], e, &extra);
    judge_kind(v, &v->entries[v->entry_count - 1]);
    return 0;
}

/* --- order ------------------------------------------------------------------------------------ */

static bool is_zarr_json(const struct ozx_verify *v, const struct ozx_verify_entry *e)
{
    static const char name[] = "zarr.json";
    const size_t size = sizeof name - 1;
    const char *path = ozx_verify_path(v, e);

    return e->path_size_bytes >= size &&
           memcmp(path + e->path_size_bytes - size, name, size) == 0 &&
           (e->path_size_bytes == size || path[e->path_size_bytes - size - 1] == '/');
}

static unsigned depth(const char *path)
{
    unsigned slashes = 0;

    for (; *path; path++)
        slashes += *path == '/';
    return slashes;
}

/* Fewer slashes first, then by bytes. */
static bool breadth_first(const char *a, const char *b)
{
    unsigned da = depth(a), db = depth(b);

    return da != db ? da < db : strcmp(a, b) <= 0;
}

/* Rule json-first over the entries as they stand now. */
static void judge_order(struct ozx_verify *v, const char *where)
{
    const struct ozx_verify_entry *last = NULL;
    bool seen_other = false;

    for (uint32_t i = 0; i < v->entry_count; i++) {
        const struct ozx_verify_entry *e = &v->entries[i];
        bool json = is_zarr_json(v, e);
        if (i == 0 && strcmp(ozx_verify_path(v, e), "zarr.json") != 0)
            ozx_verify_find(v, "json-first", OZX_VERDICT_WARN, e, e->header_offset_bytes,
                            "the first entry of the %s is not the root zarr.json", where);
        if (json && seen_other)
            ozx_verify_find(v, "json-first", OZX_VERDICT_WARN, e, e->header_offset_bytes,
                            "comes after other entries in the %s", where);
        else if (json && last && !breadth_first(ozx_verify_path(v, last), ozx_verify_path(v, e)))
            ozx_verify_find(v, "json-first", OZX_VERDICT_WARN, e, e->header_offset_bytes,
                            "is not in breadth-first order in the %s", where);
        if (json)
            last = e;
        else
            seen_other = true;
    }
}

static int by_local_offset(const void *a, const void *b)
{
    const struct ozx_verify_entry *x = a, *y = b;

    return (x->local_offset_bytes > y->local_offset_bytes) -
           (x->local_offset_bytes < y->local_offset_bytes);
}

/* Both orders; after this the entries are in the file's. */
static void judge_orders(struct ozx_verify *v)
{
    bool same = true;

    for (uint32_t i = 1; i < v->entry_count && same; i++)
        same = v->entries[i - 1].local_offset_bytes < v->entries[i].local_offset_bytes;
    judge_order(v, same ? "archive" : "central directory");
    if (same)
        return;
    qsort(v->entries, v->entry_count, sizeof *v->entries, by_local_offset);
    judge_order(v, "file");
}

/* --- the archive ------------------------------------------------------------------------------ */

static void judge_tail(struct ozx_verify *v)
{
    uint64_t end = v->tail.comment_offset_bytes + v->tail.comment_size_bytes;

    if (v->tail.padding_bytes)
        ozx_verify_find(v, "tail-padding", OZX_VERDICT_WARN, NULL, end,
                        "%u NUL bytes follow the end record", v->tail.padding_bytes);
    if (!v->tail.zip64)
        ozx_verify_find(v, "zip64", OZX_VERDICT_WARN, NULL, v->tail.end_offset_bytes,
                        "the archive has no ZIP64 end record");
    if (v->comment.defect[0])
        ozx_verify_find(v, "comment", OZX_VERDICT_WARN, NULL, v->tail.comment_offset_bytes,
                        "the comment is not what RFC-9 wants: %s", v->comment.defect);
    if (v->comment.json_first_odd)
        ozx_verify_find(v, "comment-flag", OZX_VERDICT_WARN, NULL, v->tail.comment_offset_bytes,
                        "jsonFirst is no boolean");
}

static void judge_extension(struct ozx_verify *v)
{
    const char *name = v->options->name;
    size_t size = name ? strlen(name) : 0;

    if (!name)
        ozx_verify_leave_out(v, "extension");
    else if (size < 4 || strcmp(name + size - 4, ".ozx") != 0)
        ozx_verify_find(v, "extension", OZX_VERDICT_WARN, NULL, OZX_OFFSET_NONE,
                        "the file's name does not end in .ozx");
}

/* What the tree's builder found that is about the archive as a whole. */
static void take_warnings(struct ozx_verify *v)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(v->archive, &count);

    for (size_t i = 0; i < count; i++) {
        const struct ozx_warning *w = &warnings[i];
        bool no_root = strcmp(w->rule, "no-root") == 0;
        if (no_root)
            ozx_verify_find(v, "root-zarr-json", OZX_VERDICT_FAIL, NULL, OZX_OFFSET_NONE,
                            "there is no entry 'zarr.json'");
        if (no_root || strcmp(w->rule, "json-first") == 0)
            ozx_verify_find(v, w->rule, OZX_VERDICT_FAIL, NULL, w->first.offset_bytes, "%s",
                            w->first.text);
    }
}

int ozx_verify_structure(struct ozx_verify *v, struct ozx_error *error)
{
    int failure = ozx_zip_directory_walk(v->source, &v->tail, visit, v, error);

    if (failure)
        return failure;
    judge_tail(v);
    judge_extension(v);
    take_warnings(v);
    judge_orders(v);
    failure = ozx_verify_names_index(v, error);
    return failure ? failure : ozx_verify_names_tree(v, error);
}
