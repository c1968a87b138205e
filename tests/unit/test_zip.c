/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/: end records, central directory, names and local headers over forged memory. The policy in
 * breadth is tests/mount's affair; here stand the contracts of the headers.
 */
#include "../kit/source_memory.h"
#include "check.h"
#include "forge.h"
#include "zip/directory.h"
#include "zip/end_records.h"
#include "zip/local.h"
#include "zip/name.h"

/* --- end records --- */

static int read_end_records(const struct forge *f, size_t size, struct ozx_zip_end_records *records,
                            struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;

    if (source_open_memory(f->data, size, &source))
        abort();
    return ozx_zip_end_records_read(source, records, error);
}

static struct forge three_entries(bool zip64, const char *comment)
{
    struct forge f = {0};

    forge_text(&f, "zarr.json", "{}");
    forge_text(&f, "c/0", "chunk zero");
    forge_text(&f, "c/1", "");
    forge_end(&f, zip64, comment);
    return f;
}

static void test_end_records(void)
{
    for (int zip64 = 0; zip64 < 2; zip64++) {
        struct forge f = three_entries(zip64, "{comment}");
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_zip_end_records records = {0};

        CHECK_INT(read_end_records(&f, f.size_bytes, &records, &error), 0);
        CHECK_UINT(records.entry_count, 3);
        CHECK_UINT(records.directory_offset_bytes, f.directory_offset);
        CHECK_UINT(records.directory_size_bytes, 3 * OZX_CENTRAL_SIZE + 15);
        CHECK_UINT(records.end_offset_bytes, f.end_offset);
        CHECK_UINT(records.comment_offset_bytes, f.end_offset + OZX_END_SIZE);
        CHECK_UINT(records.comment_size_bytes, 9);
        CHECK_UINT(records.padding_bytes, 0);
        CHECK(records.zip64 == zip64);
        forge_free(&f);
    }
}

/* No prefix of an archive is an archive, and `out` is untouched on failure. */
static void test_end_records_every_truncation(void)
{
    for (int zip64 = 0; zip64 < 2; zip64++) {
        struct forge f = three_entries(zip64, "{comment}");
        for (size_t size = 0; size < f.size_bytes; size++) {
            struct ozx_error error = OZX_ERROR_INIT;
            struct ozx_zip_end_records records = {.entry_count = 77};
            if (!CHECK_INT(read_end_records(&f, size, &records, &error), -EBADMSG))
                fprintf(stderr, "    cut to %zu bytes\n", size);
            CHECK_STRING(ozx_rule_id(error.rule),
                         size < f.end_offset + OZX_END_SIZE ? "no-end" : "tail-fit");
            CHECK(error.text[0] && records.entry_count == 77);
        }
        forge_free(&f);
    }
}

/* Every single bit of the end records but the comment, the versions and the internal disk of the
 * record, turned over, refuses the archive or is without meaning: it never gives other numbers. */
static void test_end_records_every_bit(void)
{
    struct forge f = three_entries(true, "");
    size_t start = f.end_offset - OZX_END64_SIZE - OZX_LOCATOR_SIZE;

    for (size_t bit = 8 * start; bit < 8 * f.size_bytes; bit++) {
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_zip_end_records records = {0};
        f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (read_end_records(&f, f.size_bytes, &records, &error) == 0) {
            size_t field = bit / 8 - start;
            CHECK(records.entry_count == 3 && records.directory_offset_bytes == f.directory_offset);
            if (!CHECK(field >= 12 && field < 16)) /* made by and version needed */
                fprintf(stderr, "    bit %zu of byte %zu\n", bit % 8, field);
        } else {
            CHECK_INT(error.code, -EBADMSG);
        }
        f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    forge_free(&f);
}

static void test_end_records_padding(void)
{
    static const struct {
        size_t nuls;
        bool good;
    } cases[] = {{1, true}, {65536, true}, {65537, false}};

    for (size_t i = 0; i < 3; i++) {
        struct forge f = three_entries(false, "x");
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_zip_end_records records = {0};
        forge_room(&f, cases[i].nuls);
        CHECK_INT(read_end_records(&f, f.size_bytes, &records, &error),
                  cases[i].good ? 0 : -EBADMSG);
        CHECK_UINT(records.padding_bytes, cases[i].good ? cases[i].nuls : 0);
        forge_free(&f);
    }
}

/* --- directory --- */

struct seen {
    size_t count, stop_at;
    char names[256];
    uint64_t sizes;
};

static int visit(void *context, const struct ozx_zip_entry *entry, struct ozx_error *error)
{
    struct seen *seen = context;

    if (seen->stop_at && seen->count + 1 == seen->stop_at)
        return ozx_error_set(error, -ECANCELED, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "stop");
    seen->count++;
    seen->sizes += entry->uncompressed_size_bytes;
    strncat(seen->names, entry->path, entry->path_size_bytes);
    strcat(seen->names, entry->is_directory ? "/|" : "|");
    CHECK(entry->mtime_known);
    CHECK_INT(entry->mtime_s, 1714979290); /* 2024-05-06 07:08:10 UTC */
    return 0;
}

static int walk(const struct forge *f, struct seen *seen, struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    struct ozx_zip_end_records records;

    if (source_open_memory(f->data, f->size_bytes, &source))
        abort();
    if (!CHECK_INT(ozx_zip_end_records_read(source, &records, error), 0))
        return -1;
    return ozx_zip_directory_walk(source, &records, visit, seen, error);
}

static void test_directory(void)
{
    struct forge f = {0};
    struct ozx_error error = OZX_ERROR_INIT;
    struct seen seen = {0};

    forge_text(&f, "zarr.json", "{}");
    forge_text(&f, "d/", "");
    forge_text(&f, "caf\x82", "four"); /* CP437 */
    forge_text(&f, "gr\xc3\xb6\xc3\x9f" "e", "");
    forge_end(&f, false, "");
    CHECK_INT(walk(&f, &seen, &error), 0);
    CHECK_STRING(seen.names, "zarr.json|d/|caf\xc3\xa9|gr\xc3\xb6\xc3\x9f" "e|");
    CHECK_UINT(seen.sizes, 6);
    seen = (struct seen){.stop_at = 3};
    CHECK_INT(walk(&f, &seen, &error), -ECANCELED);
    CHECK_UINT(seen.count, 2);
    forge_free(&f);
}

/* One field of the second header set to a value; what must happen. */
static void expect_refusal(size_t at, size_t size, uint64_t value, const char *rule)
{
    struct forge f = three_entries(false, "");
    struct ozx_error error = OZX_ERROR_INIT;
    struct seen seen = {0};
    uint8_t *field = f.data + f.entry[1].central_offset + at;

    if (size == 4)
        ozx_put_u32(field, (uint32_t)value);
    else
        ozx_put_u16(field, (uint16_t)value);
    CHECK_INT(walk(&f, &seen, &error), rule ? -EBADMSG : 0);
    CHECK_STRING(ozx_rule_id(error.rule), rule ? rule : "");
    if (rule && strcmp(rule, "count") != 0)
        CHECK_UINT(error.offset_bytes, f.entry[1].central_offset);
    forge_free(&f);
}

static void test_directory_refuses(void)
{
    expect_refusal(0, 4, 0x02014B51, "count");
    expect_refusal(20, 4, 9, "bounds");           /* STORED, two sizes */
    expect_refusal(24, 4, 11, "bounds");
    expect_refusal(20, 4, 0xFFFFFFFF, "zip64-extra");
    expect_refusal(24, 4, 0xFFFFFFFF, "zip64-extra");
    expect_refusal(42, 4, 0xFFFFFFFF, "zip64-extra");
    expect_refusal(34, 2, 1, "disks");
    expect_refusal(42, 4, 0x7FFFFFFF, "bounds");
    expect_refusal(28, 2, 0xFFFF, "count");
    expect_refusal(46, 2, 0x2F2F, "name");        /* "//0" */
    expect_refusal(46, 2, 0x002F, "name");
    expect_refusal(36, 2, 0xFFFF, NULL);          /* internal attributes */
    expect_refusal(6, 2, 63, NULL);               /* version needed */
}

/* --- names --- */

static void test_name_defects(void)
{
    static const char *good[] = {"a",  "a/",  "a/b", "...", ".a",
                                 "a.", "..a", "a b", "C:",  "a\xc2\x85"};
    static const char *bad[] = {"",       "/",    "/a",  "//",    "a//b", "a//",    ".",
                                "./",     "./a",  "a/.", "a/./b", "..",   "../a",   "a/..",
                                "a/../b", "a\\b", "\\",  "a\nb",  "\x1f", "a/\x7f", "\x01"};
    char name[5000];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!CHECK(!ozx_zip_name_defect(good[i], strlen(good[i]))))
            fprintf(stderr, "    '%s'\n", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!CHECK(ozx_zip_name_defect(bad[i], strlen(bad[i]))))
            fprintf(stderr, "    '%s'\n", bad[i]);
    CHECK(ozx_zip_name_defect("a\0b", 3));
    memset(name, 'x', sizeof name);
    CHECK(!ozx_zip_name_defect(name, 255));
    CHECK(ozx_zip_name_defect(name, 256));
    name[255] = '/';
    CHECK(!ozx_zip_name_defect(name, 256)); /* a directory of 255 */
    for (size_t i = 1; i < sizeof name; i += 2)
        name[i] = '/';
    CHECK(!ozx_zip_name_defect(name, 4095));
    CHECK(!ozx_zip_name_defect(name, 4096)); /* a directory: the slash is not part of the path */
    CHECK(ozx_zip_name_defect(name, 4097));
}

static void test_name_cp437(void)
{
    char raw[128], out[3 * 128];
    size_t size;

    size = ozx_zip_name_from_cp437(out, "az/\x81\xe1\xb0\xff", 7);
    CHECK_MEMORY(out, size, "az/\xc3\xbc\xc3\x9f\xe2\x96\x91\xc2\xa0", 12);
    for (int i = 0; i < 128; i++)
        raw[i] = (char)(0x80 + i);
    size = ozx_zip_name_from_cp437(out, raw, sizeof raw);
    CHECK(ozx_utf8_valid(out, size));
    CHECK_UINT(ozx_zip_name_from_cp437(out, "", 0), 0);
}

/* --- local headers --- */

static struct ozx_zip_expected second_entry(const struct forge *f)
{
    return (struct ozx_zip_expected){.local_offset_bytes = f->entry[1].local_offset,
                                     .compressed_size_bytes = 10,
                                     .uncompressed_size_bytes = 10,
                                     .data_end_limit_bytes = f->entry[2].local_offset,
                                     .name = "c/0",
                                     .name_size_bytes = 3};
}

static int resolve(const struct forge *f, const struct ozx_zip_expected *expected, uint64_t *offset,
                   struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;

    if (source_open_memory(f->data, f->size_bytes, &source))
        abort();
    return ozx_zip_local_resolve(source, expected, offset, error);
}

static void test_local(void)
{
    struct forge f = three_entries(false, "");
    struct ozx_zip_expected expected = second_entry(&f);
    struct ozx_error error = OZX_ERROR_INIT;
    uint64_t offset = 0;

    CHECK_INT(resolve(&f, &expected, &offset, &error), 0);
    CHECK_UINT(offset, f.entry[1].local_offset + OZX_LOCAL_SIZE + 3);
    expected.data_end_limit_bytes -= 1;
    CHECK_INT(resolve(&f, &expected, &offset, &error), -EIO);
    CHECK_STRING(ozx_rule_id(error.rule), "overlap");
    forge_free(&f);
}

/* Every bit of the local header: most must be noticed, the rest change nothing. */
static void test_local_every_bit(void)
{
    struct forge f = three_entries(false, "");
    struct ozx_zip_expected expected = second_entry(&f);
    uint8_t *header = f.data + f.entry[1].local_offset;

    for (size_t bit = 0; bit < 8 * (OZX_LOCAL_SIZE + 3); bit++) {
        struct ozx_error error = OZX_ERROR_INIT;
        uint64_t offset = 77;
        size_t at = bit / 8;
        bool free_field = at == 4 || at == 5 || (at >= 10 && at < 14); /* version, time, date */
        header[at] ^= (uint8_t)(1 << bit % 8);
        if (!CHECK_INT(resolve(&f, &expected, &offset, &error), free_field ? 0 : -EIO))
            fprintf(stderr, "    bit %zu of byte %zu\n", bit % 8, at);
        if (!free_field) {
            CHECK_UINT(offset, 77);
            CHECK(strcmp(ozx_rule_id(error.rule), "local") == 0 ||
                  strcmp(ozx_rule_id(error.rule), "overlap") == 0);
        }
        header[at] ^= (uint8_t)(1 << bit % 8);
    }
    forge_free(&f);
}

static void test_local_with_descriptor(void)
{
    struct forge f = three_entries(false, "");
    struct ozx_zip_expected expected = second_entry(&f);
    struct ozx_error error = OZX_ERROR_INIT;
    uint8_t *header = f.data + f.entry[1].local_offset;
    uint64_t offset;

    expected.flags = OZX_FLAG_DESCRIPTOR;
    CHECK_INT(resolve(&f, &expected, &offset, &error), -EIO); /* only the central header says so */
    ozx_put_u16(header + 6, OZX_FLAG_DESCRIPTOR);
    memset(header + 14, 0xA5, 12); /* CRC and sizes */
    CHECK_INT(resolve(&f, &expected, &offset, &error), 0);
    ozx_put_u16(header + 8, OZX_METHOD_DEFLATE);
    CHECK_INT(resolve(&f, &expected, &offset, &error), -EIO);
    CHECK_STRING(ozx_rule_id(error.rule), "local");
    forge_free(&f);
}

CHECK_MAIN({"end records", test_end_records},
           {"end records: every truncation", test_end_records_every_truncation},
           {"end records: every bit", test_end_records_every_bit},
           {"end records: padding", test_end_records_padding}, {"directory", test_directory},
           {"directory: refusals", test_directory_refuses}, {"name: defects", test_name_defects},
           {"name: CP437", test_name_cp437}, {"local", test_local},
           {"local: every bit", test_local_every_bit},
           {"local: descriptor", test_local_with_descriptor})
