/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is written reads back equal. The input is taken for a list of entries (names, sizes, times,
 * alignments, data), which is laid out by zip/writer and read by the one reader: once with its
 * data, as an archive, and once without, with sizes and offsets up to 2^61, for the ZIP64 fields.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "archive/archive.h"
#include "base/bytes.h"
#include "fuzz.h"
#include "archive/archive.h"
#include "zip/crc.h"
#include "zip/directory.h"
#include "zip/format.h"
#include "zip/local.h"
#include "zip/name.h"
#include "zip/writer.h"

#define ENTRIES_MAX 24
#define COMMENT_MAX 300
#define DATA_MAX 3000
#define DOS_LAST_S INT64_C(4354819198)

struct entry {
    struct ozx_zip_file file;
    char name[OZX_NAME_PATH_MAX + 1];
    uint8_t data[DATA_MAX];
};

struct list {
    struct entry entries[ENTRIES_MAX];
    size_t count;
    char comment[COMMENT_MAX];
    uint16_t comment_size;
    uint8_t *archive;
    size_t used, directory_offset;
};

/* --- the input as a list ---------------------------------------------------------------------- */

static uint8_t take_u8(struct ozx_bytes *in)
{
    const uint8_t *p = in->left_bytes ? ozx_bytes_take(in, 1) : NULL;

    return p ? *p : 0;
}

static uint64_t take_u64(struct ozx_bytes *in)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)take_u8(in) << 8 * i;
    return value;
}

/* No name twice, and none that is a file and a folder at once. */
static int is_free(const struct list *list, const char *name, size_t size)
{
    bool folder = name[size - 1] == '/';
    size_t bare = size - folder;

    for (size_t i = 0; i < list->count; i++) {
        const struct ozx_zip_file *other = &list->entries[i].file;
        size_t other_bare = other->name_size_bytes - (size_t)other->is_directory;
        size_t common = bare < other_bare ? bare : other_bare;
        if (memcmp(name, other->name, common) != 0)
            continue;
        if (bare == other_bare || (bare < other_bare && other->name[bare] == '/' && !folder) ||
            (other_bare < bare && name[other_bare] == '/' && !other->is_directory))
            return 0;
    }
    return 1;
}

#define RESERVED "entry of none " /* how names begin that the input does not give */

/* A name of the input's bytes, `repeat` times if that is a path, else one that always is. */
static void take_name(struct ozx_bytes *in, const struct list *list, struct entry *e, bool folder)
{
    size_t part = take_u8(in) % 48, repeat = 1, size = 0;
    uint8_t more = take_u8(in);

    if (more > 200)
        repeat = more;
    for (size_t i = 0; i < part; i++)
        e->name[i] = (char)take_u8(in);
    while (repeat-- && size + part + 1 < OZX_NAME_PATH_MAX) {
        memmove(e->name + size, e->name, part);
        size += part;
    }
    if (folder)
        e->name[size++] = '/';
    if (!size || (!folder && e->name[size - 1] == '/') || !ozx_utf8_valid(e->name, size) ||
        (size >= strlen(RESERVED) && memcmp(e->name, RESERVED, strlen(RESERVED)) == 0) ||
        ozx_zip_name_defect(e->name, size) || !is_free(list, e->name, size))
        size = (size_t)snprintf(e->name, sizeof e->name, RESERVED "%zu%s", list->count,
                                folder ? "/" : "");
    e->file.name = e->name;
    e->file.name_size_bytes = (uint16_t)size;
}

static int64_t take_time(struct ozx_bytes *in)
{
    uint64_t value = take_u64(in);
    uint8_t kind = take_u8(in);

    return kind < 64    ? (int64_t)value
           : kind < 128 ? (int64_t)(value % UINT64_C(6000000000))
                        : (int32_t)value;
}

static void take_entry(struct ozx_bytes *in, struct list *list)
{
    struct entry *e = &list->entries[list->count];
    uint8_t kind = take_u8(in);
    uint8_t data[16];

    e->file = (struct ozx_zip_file){.is_directory = kind & 1, .align_bytes = 1u << (kind >> 4)};
    take_name(in, list, e, kind & 1);
    e->file.mtime_s = take_time(in);
    if (!e->file.is_directory)
        e->file.size_bytes = take_u64(in) % (kind & 2 ? DATA_MAX : 20);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = take_u8(in);
    for (size_t i = 0; i < e->file.size_bytes; i++)
        e->data[i] = (uint8_t)(data[i % 16] + i / 16);
    e->file.crc32 = ozx_crc32(0, e->data, (size_t)e->file.size_bytes);
    list->count++;
}

static void take_list(const uint8_t *data, size_t size, struct list *list)
{
    struct ozx_bytes in = ozx_bytes_of(data, size);

    list->count = 0;
    list->comment_size = (uint16_t)(take_u64(&in) % COMMENT_MAX);
    for (size_t i = 0; i < list->comment_size; i++)
        list->comment[i] = (char)take_u8(&in);
    /* A comment that looks like the end of an archive is what the reader refuses. */
    if (memmem(list->comment, list->comment_size, "PK\5\6", 4))
        list->comment_size = 0;
    while (in.left_bytes && list->count < ENTRIES_MAX)
        take_entry(&in, list);
}

/* --- with data -------------------------------------------------------------------------------- */

static uint8_t *room(struct list *list, size_t size)
{
    list->archive = realloc(list->archive, list->used + size + 1);
    FUZZ_CHECK(list->archive);
    list->used += size;
    return list->archive + list->used - size;
}

static void write_archive(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct ozx_zip_file *f = &list->entries[i].file;
        size_t size;
        uint8_t *p;
        f->local_offset_bytes = list->used;
        size = ozx_zip_local_size(f);
        p = room(list, size);
        FUZZ_CHECK(ozx_zip_put_local(p, f) == p + size);
        FUZZ_CHECK(f->is_directory || list->used % f->align_bytes == 0);
        memcpy(room(list, (size_t)f->size_bytes), list->entries[i].data, (size_t)f->size_bytes);
    }
    list->directory_offset = list->used;
    for (size_t i = 0; i < list->count; i++) {
        size_t size = ozx_zip_central_size(&list->entries[i].file);
        uint8_t *p = room(list, size);
        FUZZ_CHECK(ozx_zip_put_central(p, &list->entries[i].file) == p + size);
    }
}

static void write_end_records(struct list *list, uint64_t directory_offset)
{
    size_t size = list->used - list->directory_offset,
           records = ozx_zip_end_records_size(list->comment_size);
    uint8_t *p = room(list, records);

    FUZZ_CHECK(ozx_zip_put_end_records(p, directory_offset, size, list->count, list->comment,
                                       list->comment_size) == p + records);
}

/* The extended timestamp, but from its last second on what the DOS time can tell. */
static int64_t time_read_back(int64_t mtime_s)
{
    int64_t dos = (mtime_s > DOS_LAST_S ? DOS_LAST_S : mtime_s) & ~INT64_C(1);

    if (mtime_s < INT32_MAX)
        return mtime_s < INT32_MIN ? INT32_MIN : mtime_s;
    return dos > INT32_MAX ? dos : INT32_MAX;
}

static void check_entry(struct ozx_archive *archive, const struct entry *e)
{
    static uint8_t buffer[DATA_MAX + 1];
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    char path[OZX_PATH_SIZE + 1] = "";
    uint64_t offset;
    uint32_t node;
    size_t got = 0;

    memcpy(path, e->file.name, e->file.name_size_bytes);
    FUZZ_CHECK(ozx_archive_find(archive, path, &node) == 0);
    ozx_archive_stat(archive, node, &stat);
    FUZZ_CHECK(stat.is_directory == e->file.is_directory && stat.size_bytes == e->file.size_bytes);
    FUZZ_CHECK(stat.mtime_s == time_read_back(e->file.mtime_s));
    if (stat.is_directory)
        return;
    ozx_archive_entry(archive, node, &entry);
    FUZZ_CHECK(entry.crc32 == e->file.crc32 && entry.method == OZX_METHOD_STORED &&
               !entry.eio_rule);
    FUZZ_CHECK(ozx_archive_read(archive, node, buffer, sizeof buffer, 0, &got, &error) == 0);
    FUZZ_CHECK(got == e->file.size_bytes && memcmp(buffer, e->data, got) == 0);
    FUZZ_CHECK(ozx_archive_data_offset(archive, node, &offset, &error) == 0);
    FUZZ_CHECK(offset % e->file.align_bytes == 0);
}

/* Nothing to complain of in what was written; what is in it may be no image. */
static void check_warnings(const struct ozx_archive *archive)
{
    static const enum ozx_rule about_contents[] = {
        OZX_RULE_NO_ROOT, OZX_RULE_COMMENT, OZX_RULE_JSON_FIRST, OZX_RULE_CASE, OZX_RULE_NESTED};
    size_t count;
    const struct ozx_warning *all = ozx_archive_warnings(archive, &count);

    for (size_t i = 0; i < count; i++) {
        int known = 0;
        for (size_t k = 0; k < sizeof about_contents / sizeof about_contents[0]; k++)
            known |= all[i].rule == about_contents[k];
        FUZZ_CHECK(known && !all[i].eio);
    }
}

static void check_whole(const struct list *list)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    struct ozx_source *source;
    const char *comment;
    size_t size;

    if (source_open_memory(list->archive, list->used, &source))
        return;
    if (ozx_archive_open(source, NULL, &archive, &error))
        fprintf(stderr, "%s\n", error.text);
    FUZZ_CHECK(error.code == 0);
    comment = ozx_archive_comment(archive, &size);
    FUZZ_CHECK(size == list->comment_size && (!size || memcmp(comment, list->comment, size) == 0));
    check_warnings(archive);
    for (size_t i = 0; i < list->count; i++)
        check_entry(archive, &list->entries[i]);
    ozx_archive_close(archive);
}

/* --- of any size ------------------------------------------------------------------------------ */

#define FRONT_BYTES (UINT64_C(1) << 62) /* claimed, and never read */
#define APART_BYTES 140000              /* the records's window must not reach the front */

struct walk {
    const struct list *list;
    size_t seen;
};

static int check_header(void *context, const struct ozx_zip_entry *entry, struct ozx_error *error)
{
    struct walk *walk = context;
    const struct ozx_zip_file *f = &walk->list->entries[walk->seen++].file;
    const struct ozx_zip_expected expected = {
        .local_offset_bytes = f->local_offset_bytes,
        .compressed_size_bytes = f->size_bytes,
        .uncompressed_size_bytes = f->size_bytes,
        .data_end_limit_bytes = FRONT_BYTES,
        .name = f->name,
        .name_size_bytes = f->name_size_bytes,
        .flags = OZX_FLAG_UTF8,
        .crc32 = f->crc32,
    };
    size_t size = ozx_zip_local_size(f);
    struct ozx_zip_local local;
    uint8_t *header = malloc(size);

    FUZZ_CHECK(header);
    FUZZ_CHECK(entry->name_size_bytes == f->name_size_bytes && !entry->extra_odd);
    FUZZ_CHECK(memcmp(entry->name, f->name, f->name_size_bytes) == 0);
    FUZZ_CHECK(entry->local_offset_bytes == f->local_offset_bytes && entry->crc32 == f->crc32);
    FUZZ_CHECK(entry->compressed_size_bytes == f->size_bytes);
    FUZZ_CHECK(entry->uncompressed_size_bytes == f->size_bytes);
    FUZZ_CHECK(entry->mtime_known && entry->mtime_s == time_read_back(f->mtime_s));
    FUZZ_CHECK(ozx_zip_put_local(header, f) == header + size);
    FUZZ_CHECK(ozx_zip_local_check(header, size, &expected, &local, error) == 0);
    FUZZ_CHECK(local.size_bytes == size && local.zip64 && !local.extra_odd);
    free(header);
    return 0;
}

static void write_claims(struct list *list, uint64_t salt)
{
    list->used = 0;
    memset(room(list, APART_BYTES), 0, APART_BYTES);
    list->directory_offset = list->used;
    for (size_t i = 0; i < list->count; i++) {
        struct ozx_zip_file *f = &list->entries[i].file;
        uint64_t bits = salt >> i * 5 % 64 | salt << (64 - i * 5 % 64) % 64;
        f->local_offset_bytes = bits & ((UINT64_C(1) << 61) - 1);
        if (!f->is_directory)
            f->size_bytes = (bits * UINT64_C(0x9E3779B97F4A7C15)) >> (4 + bits % 40);
        ozx_zip_put_central(room(list, ozx_zip_central_size(f)), f);
    }
    write_end_records(list, FRONT_BYTES + list->directory_offset);
}

static void check_claims(const struct list *list)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct walk walk = {.list = list};
    struct ozx_source *front, *source;
    struct ozx_zip_end_records records;
    uint8_t *copy = malloc(list->used);

    FUZZ_CHECK(copy && source_open_memory("", FRONT_BYTES, &front) == 0);
    memcpy(copy, list->archive, list->used);
    FUZZ_CHECK(ozx_source_open_concat(front, copy, list->used, &source) == 0);
    FUZZ_CHECK(ozx_zip_end_records_read_own(source, &records, &error) ==
               0); /* the front is never read */
    FUZZ_CHECK(records.zip64 && records.entry_count == list->count && !records.padding_bytes);
    FUZZ_CHECK(records.directory_offset_bytes == FRONT_BYTES + list->directory_offset);
    if (ozx_zip_directory_walk(source, &records, check_header, &walk, &error))
        fprintf(stderr, "%s\n", error.text);
    FUZZ_CHECK(walk.seen == list->count);
    ozx_source_close(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct list list;
    struct ozx_bytes in = ozx_bytes_of(data, size);
    uint64_t salt;

    take_list(data, size, &list);
    list.used = 0;
    write_archive(&list);
    write_end_records(&list, list.directory_offset);
    check_whole(&list);
    salt = take_u64(&in);
    if (salt % 4 == 0) { /* the long way to the records takes most of the time */
        write_claims(&list, salt);
        check_claims(&list);
    }
    free(list.archive);
    list.archive = NULL;
    return 0;
}
