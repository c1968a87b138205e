/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The central directory, entry by entry: what each is, and the order in which they come. All that
 * an entry can be by itself and still be let in is judged here; local headers are not touched.
 *
 * What is kept are runs: stretches of the directory that are stretches of the file. Where directory
 * and file have different orders, each entry is a run.
 */
#include <inttypes.h>
#include <string.h>

#include "archive/index.h"
#include "base/array.h"
#include "verify/verify_parts.h"
#include "zarr/metadata_files.h"
#include "zip/format.h"

#define BOMB_RATIO 10000 /* more than any picture is worth; deflate cannot */
#define HEADER_READ 4096 /* of the directory, where headers are not read one after the other */

/* The order of entries (rule json-first), as they go by. */
struct order {
    const char *where;
    const char *why; /* behind what is said of it; "" */
    uint64_t seen;
    bool seen_other;                  /* an entry that is no zarr.json */
    char last[OZX_NAME_PATH_MAX + 2]; /* path of the last zarr.json, "" before the first */
};

struct listing {
    struct ozx_verify *v;
    uint64_t judged; /* entries that were judged before, when the order was not known yet */
    uint64_t seen;
    bool in_order, broken; /* taken to be in order, and it is not */
    uint64_t end_bytes;    /* of the entry before, as far as the directory tells */
    uint64_t run_bytes;    /* data in the last run */
    struct order order;
    struct ozx_verify_entry entry;
};

/* --- one entry -------------------------------------------------------------------------------- */

void ozx_verify_entry_set(struct ozx_verify_entry *entry, const struct ozx_zip_entry *header)
{
    entry->header = *header;
    entry->eio = header->is_directory ? OZX_EIO_NONE : ozx_entry_eio(header);
    entry->path_size_bytes = header->path_size_bytes + (size_t)header->is_directory;
    memcpy(entry->path, header->path, entry->path_size_bytes);
    entry->path[entry->path_size_bytes] = '\0';
}

bool ozx_verify_is_plain(const struct ozx_verify_entry *e)
{
    return e->header.method == OZX_METHOD_STORED && e->eio != OZX_EIO_ENCRYPTED;
}

bool ozx_verify_is_compressed(const struct ozx_verify_entry *e)
{
    return e->header.method != OZX_METHOD_STORED && e->eio == OZX_EIO_NONE &&
           !e->header.is_directory;
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

void ozx_verify_extra_fields(struct ozx_verify *v, const struct ozx_verify_entry *entry,
                             uint64_t offset_bytes, uint16_t id)
{
    const char *where = offset_bytes == OZX_OFFSET_NONE ? "local" : "central";

    if (v->options->rule_set != OZX_RULES_DRAFT)
        return;
    if (id)
        ozx_verify_find(v, OZX_RULE_EXTRA_FIELDS, OZX_VERDICT_FAIL, entry, offset_bytes,
                        "the %s header has the extra field 0x%04X", where, id);
    else
        ozx_verify_find(v, OZX_RULE_EXTRA_FIELDS, OZX_VERDICT_FAIL, entry, offset_bytes,
                        "the %s header has bytes that are not an extra field", where);
}

static void judge_name(struct ozx_verify *v, const struct ozx_verify_entry *entry)
{
    const struct ozx_zip_entry *e = &entry->header;
    const char *what = NULL;

    if (e->name_cp437)
        what = "the name is in CP437";
    else if (!(e->flags & OZX_FLAG_UTF8) && !is_ascii(entry->path, entry->path_size_bytes))
        what = "the name is UTF-8 but not flagged as UTF-8: other readers take it for CP437";
    else if (e->has_unicode_path)
        what = "a Unicode path extra field, from which some readers take the name, is ignored";
    if (what)
        ozx_verify_find(v, OZX_RULE_NAME_CHARSET, OZX_VERDICT_WARN, entry, e->header_offset_bytes,
                        "%s", what);
    if (e->has_other_extra)
        ozx_verify_extra_fields(v, entry, e->header_offset_bytes, e->other_extra_id);
    if (e->extra_odd)
        ozx_verify_find(v, OZX_RULE_EXTRA_ODD, OZX_VERDICT_WARN, entry, e->header_offset_bytes,
                        "an extra field that cannot be parsed or is not needed");
}

static void judge_kind(struct ozx_verify *v, const struct ozx_verify_entry *entry)
{
    const struct ozx_zip_entry *e = &entry->header;
    uint64_t at = e->header_offset_bytes;

    if (e->method != OZX_METHOD_STORED)
        ozx_verify_find(v, OZX_RULE_STORED, OZX_VERDICT_WARN, entry, at, "compressed by method %u",
                        e->method);
    if (e->flags & OZX_FLAG_DESCRIPTOR)
        ozx_verify_find(v, OZX_RULE_DESCRIPTOR, OZX_VERDICT_WARN, entry, at,
                        "CRC and sizes are in a data descriptor after the data");
    if (entry->eio == OZX_EIO_ENCRYPTED)
        ozx_verify_find(v, OZX_RULE_ENCRYPTED, OZX_VERDICT_FAIL, entry, at, "encrypted");
    else if (entry->eio == OZX_EIO_SPECIAL)
        ozx_verify_find(v, OZX_RULE_SPECIAL, OZX_VERDICT_FAIL, entry, at,
                        "a symbolic link or a special file");
    else if (entry->eio == OZX_EIO_METHOD)
        ozx_verify_find(v, OZX_RULE_METHOD, OZX_VERDICT_FAIL, entry, at,
                        "compression method %u is not supported", e->method);
    else if (entry->eio == OZX_EIO_RATIO)
        ozx_verify_find(v, OZX_RULE_COMPRESSED, OZX_VERDICT_WARN, entry, at,
                        "claims a size that deflate cannot reach: a mount will not read it");
    else if (!e->is_directory && e->method != OZX_METHOD_STORED &&
             e->uncompressed_size_bytes / BOMB_RATIO > e->compressed_size_bytes)
        ozx_verify_find(v, OZX_RULE_COMPRESSED, OZX_VERDICT_WARN, entry, at,
                        "%" PRIu64 " compressed bytes that expand to %" PRIu64
                        ": perhaps a decompression bomb; must be decompressed to be read",
                        e->compressed_size_bytes, e->uncompressed_size_bytes);
    else if (!e->is_directory && e->method != OZX_METHOD_STORED)
        ozx_verify_find(v, OZX_RULE_COMPRESSED, OZX_VERDICT_WARN, entry, at,
                        "must be decompressed from its start for every read: slow");
}

/* --- order ------------------------------------------------------------------------------------ */

static bool is_zarr_json(const struct ozx_verify_entry *e)
{
    static const char name[] = OZX_NAME_ZARR_JSON;
    const size_t size = sizeof name - 1;

    return e->path_size_bytes >= size &&
           memcmp(e->path + e->path_size_bytes - size, name, size) == 0 &&
           (e->path_size_bytes == size || e->path[e->path_size_bytes - size - 1] == '/');
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

static void judge_order(struct ozx_verify *v, struct order *o, const struct ozx_verify_entry *e)
{
    bool json = is_zarr_json(e);
    uint64_t at = e->header.header_offset_bytes;

    if (v->options->rule_set == OZX_RULES_DRAFT && e->header.is_directory)
        return; /* directories do not count there */
    if (o->seen++ == 0 && strcmp(e->path, OZX_NAME_ZARR_JSON) != 0)
        ozx_verify_find(v, OZX_RULE_JSON_FIRST, OZX_VERDICT_WARN, e, at,
                        "the root zarr.json is not the first entry of the %s%s", o->where, o->why);
    if (json && o->seen_other)
        ozx_verify_find(v, OZX_RULE_JSON_FIRST, OZX_VERDICT_WARN, e, at,
                        "follows other entries in the %s%s", o->where, o->why);
    else if (json && o->last[0] && !breadth_first(o->last, e->path))
        ozx_verify_find(v, OZX_RULE_JSON_FIRST, OZX_VERDICT_WARN, e, at,
                        "is not in breadth-first order in the %s%s", o->where, o->why);
    if (json)
        memcpy(o->last, e->path, e->path_size_bytes + 1);
    else
        o->seen_other = true;
}

/* --- runs ------------------------------------------------------------------------------------- */

static int add_large(struct ozx_verify *v, const struct ozx_verify_entry *e, uint32_t *large)
{
    uint64_t size = e->header.compressed_size_bytes;

    if (ozx_array_grow(v->larges, v->large_count, &v->large_room))
        return -ENOMEM;
    *large = v->large_count++;
    v->larges[*large] = (struct ozx_verify_large){.size_bytes = size, .left_bytes = size};
    return 0;
}

/* Adds the entry to the last run, or makes a new one. */
static int add_to_run(struct listing *l)
{
    struct ozx_verify *v = l->v;
    const struct ozx_zip_entry *e = &l->entry.header;
    struct ozx_verify_run *last = v->run_count ? &v->runs[v->run_count - 1] : NULL;
    /* A digest is made from the first byte to the last. */
    bool is_large = !v->options->quick && !v->options->manifest && ozx_verify_is_plain(&l->entry) &&
                    e->compressed_size_bytes > OZX_VERIFY_PART_SIZE;
    uint32_t large = OZX_RUN_SMALL;

    if (l->in_order && last && !is_large && last->large == OZX_RUN_SMALL &&
        last->count < OZX_RUN_ENTRIES && l->run_bytes < OZX_VERIFY_PART_SIZE) {
        last->count++;
        l->run_bytes += e->compressed_size_bytes;
        return 0;
    }
    if ((is_large && add_large(v, &l->entry, &large)) ||
        ozx_array_grow(v->runs, v->run_count, &v->run_room))
        return -ENOMEM;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    v->runs[v->run_count++] = (struct ozx_verify_run){.local_offset_bytes = e->local_offset_bytes,
                                                      .header_offset_bytes = e->header_offset_bytes,
                                                      .count = 1,
                                                      .large = large};
    l->run_bytes = e->compressed_size_bytes;
    return 0;
}

static void judge(struct listing *l)
{
    struct ozx_verify *v = l->v;
    const struct ozx_verify_entry *e = &l->entry;

    judge_name(v, e);
    judge_kind(v, e);
    if (ozx_verify_is_compressed(e))
        v->has_compressed = true;
    if (!v->options->quick && (ozx_verify_is_compressed(e) || ozx_verify_is_plain(e)))
        v->data_bytes += e->header.compressed_size_bytes;
}

static int visit(void *context, const struct ozx_zip_entry *header, struct ozx_error *error)
{
    struct listing *l = context;

    if (l->v->options->cancel && *l->v->options->cancel)
        return ozx_error_interrupted(error);
    if (l->in_order && header->local_offset_bytes < l->end_bytes) {
        l->broken = true;
        return -ECANCELED;
    }
    l->end_bytes = header->local_offset_bytes + OZX_LOCAL_SIZE + header->compressed_size_bytes;
    ozx_verify_entry_set(&l->entry, header);
    if (l->seen++ >= l->judged)
        judge(l);
    judge_order(l->v, &l->order, &l->entry);
    return add_to_run(l) ? ozx_error_memory(error) : 0;
}

static int by_local_offset(const void *a, const void *b)
{
    const struct ozx_verify_run *x = a, *y = b;

    return (x->local_offset_bytes > y->local_offset_bytes) -
           (x->local_offset_bytes < y->local_offset_bytes);
}

int ozx_verify_directory(struct ozx_verify *v, struct ozx_error *error)
{
    struct listing l = {.v = v, .in_order = true, .order = {.where = "archive", .why = ""}};
    int failure = ozx_zip_directory_walk(v->source, &v->records, visit, &l, error);

    if (l.broken) {
        l = (struct listing){
            .v = v, .judged = l.seen, .order = {.where = "central directory", .why = ""}};
        ozx_verify_forget(v, OZX_RULE_JSON_FIRST);
        v->run_count = v->large_count = 0;
        failure = ozx_zip_directory_walk(v->source, &v->records, visit, &l, error);
        if (v->run_count)
            qsort(v->runs, v->run_count, sizeof *v->runs, by_local_offset);
    }
    v->in_order = l.in_order;
    return failure;
}

int ozx_verify_file_order(struct ozx_verify *v, struct ozx_error *error)
{
    /* What edit and add append is in order in the directory; RFC-9 wants that of the file, too,
     * whatever jsonFirst says of the directory. */
    struct order order = {.where = "file",
                          .why =
                              v->superseded_count
                                  ? ", as the archive was changed in place; repack puts it in order"
                                  : ""};
    struct ozx_zip_directory *directory;
    struct ozx_verify_entry entry;
    int failure = 0;

    if (v->in_order ||
        v->options->rule_set == OZX_RULES_DRAFT) /* there only the directory's counts */
        return 0;
    if (ozx_zip_directory_open(v->source, &v->records, &directory))
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < v->run_count && !failure; i++) {
        const struct ozx_zip_entry *header;
        ozx_zip_directory_seek(directory, v->runs[i].header_offset_bytes, HEADER_READ);
        failure = ozx_zip_directory_next(directory, &header, error);
        if (!failure) {
            ozx_verify_entry_set(&entry, header);
            judge_order(v, &order, &entry);
        }
    }
    ozx_zip_directory_close(directory);
    return failure;
}

/* --- the archive ------------------------------------------------------------------------------ */

static void judge_end_records(struct ozx_verify *v)
{
    uint64_t end = v->records.comment_offset_bytes + v->records.comment_size_bytes;

    if (v->records.padding_bytes)
        ozx_verify_find(v, OZX_RULE_TAIL_PADDING, OZX_VERDICT_WARN, NULL, end,
                        "%u NUL byte%s after the end record", v->records.padding_bytes,
                        OZX_S(v->records.padding_bytes));
    if (!v->records.zip64)
        ozx_verify_find(v, OZX_RULE_ZIP64, OZX_VERDICT_WARN, NULL, v->records.end_offset_bytes,
                        "the archive has no ZIP64 end record");
    if (v->comment.defect[0])
        ozx_verify_find(v, OZX_RULE_COMMENT, OZX_VERDICT_WARN, NULL,
                        v->records.comment_offset_bytes, "the comment does not follow RFC-9: %s",
                        v->comment.defect);
    if (v->comment.json_first_odd)
        ozx_verify_find(v, OZX_RULE_COMMENT_FLAG, OZX_VERDICT_WARN, NULL,
                        v->records.comment_offset_bytes, "jsonFirst is not a boolean");
    if (v->comment.own_key[0] && v->options->rule_set == OZX_RULES_DRAFT)
        ozx_verify_find(v, OZX_RULE_COMMENT_KEYS, OZX_VERDICT_WARN, NULL,
                        v->records.comment_offset_bytes, "the key '%s' is not RFC-9's",
                        v->comment.own_key);
}

static void judge_extension(struct ozx_verify *v)
{
    const char *name = v->options->name;
    size_t size = name ? strlen(name) : 0;

    if (!name)
        ozx_verify_leave_out(v, OZX_RULE_EXTENSION);
    else if (size < 4 || strcmp(name + size - 4, ".ozx") != 0)
        ozx_verify_find(v, OZX_RULE_EXTENSION, OZX_VERDICT_WARN, NULL, OZX_OFFSET_NONE,
                        "the file's name does not end in .ozx");
}

/* What the tree's builder found that is about the archive as a whole. */
static void take_warnings(struct ozx_verify *v)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(v->archive, &count);

    for (size_t i = 0; i < count; i++) {
        const struct ozx_warning *w = &warnings[i];
        bool no_root = w->rule == OZX_RULE_NO_ROOT;
        if (no_root)
            ozx_verify_find(v, OZX_RULE_ROOT_ZARR_JSON, OZX_VERDICT_FAIL, NULL, OZX_OFFSET_NONE,
                            "there is no entry 'zarr.json'");
        if (no_root || w->rule == OZX_RULE_JSON_FIRST)
            ozx_verify_find(v, w->rule, OZX_VERDICT_FAIL, NULL, w->first.offset_bytes, "%s",
                            w->first.text);
    }
}

void ozx_verify_whole(struct ozx_verify *v)
{
    judge_end_records(v);
    judge_extension(v);
    take_warnings(v);
}
