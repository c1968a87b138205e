/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/second: a second archive at every place where it counts, and at the next where it does not.
 */
#include "../kit/source_memory.h"
#include "check.h"
#include "forge.h"
#include "zip/second.h"

static const uint8_t END[4] = {'P', 'K', 5, 6}, END64[4] = {'P', 'K', 6, 6};

/* The rule that refuses the end records of `f`, "" if none does; `*at` is where the error points.
 */
static const char *verdict(const struct forge *f, uint64_t *at)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_zip_end_records records;

    if (source_open_memory(f->data, f->size_bytes, &source))
        abort();
    if (!ozx_zip_end_records_read(source, &records, &error))
        return "";
    CHECK_INT(error.code, -EBADMSG);
    *at = error.offset_bytes;
    return ozx_rule_id(error.rule);
}

static void test_every_place_of_the_comment(void)
{
    static const char comment[] = "a comment that is somewhat longer than an end record";

    for (size_t i = 0; i + sizeof END < sizeof comment; i++) {
        struct forge f = {0};
        uint64_t at = 0;
        forge_text(&f, "zarr.json", "{}");
        forge_end(&f, i % 2, comment);
        CHECK_STRING(verdict(&f, &at), "");
        memcpy(f.data + f.end_offset + OZX_END_SIZE + i, END, sizeof END);
        CHECK_STRING(verdict(&f, &at), "no-end");
        CHECK_UINT(at, f.end_offset + OZX_END_SIZE + i);
        forge_free(&f);
    }
}

/* An end record in an entry's data that says (size, offset), `nuls` behind the archive's end. */
static const char *with_claim(uint32_t size, uint32_t offset, size_t nuls)
{
    uint8_t data[80] = {0};
    struct forge f = {0};
    uint64_t at = 0;
    const char *rule;

    ozx_put_u32(data, OZX_CENTRAL_SIGNATURE);
    ozx_put_u32(data + OZX_CENTRAL_SIZE, OZX_END_SIGNATURE);
    ozx_put_u32(ozx_put_u32(data + OZX_CENTRAL_SIZE + 12, size), offset);
    forge_entry(&f, "trap", 4, data, sizeof data);
    forge_end(&f, false, "");
    forge_room(&f, nuls);
    rule = verdict(&f, &at);
    if (*rule)
        CHECK_UINT(at, OZX_LOCAL_SIZE + 4 + OZX_CENTRAL_SIZE);
    forge_free(&f);
    return rule;
}

static void test_in_front_of_the_end_record(void)
{
    uint32_t directory = OZX_LOCAL_SIZE + 4; /* where the data begins with a central header */

    CHECK_STRING(with_claim(46, directory, 0), "no-end");
    CHECK_STRING(with_claim(46, directory + 1, 0), "");
    CHECK_STRING(with_claim(47, directory, 0), ""); /* beyond the record */
    CHECK_STRING(with_claim(0, directory, 0), "");
    CHECK_STRING(with_claim(46, 0, 0), "");       /* counted from its own archive's start, and */
    CHECK_STRING(with_claim(46, 0, 1), "no-end"); /* whoever meets padding goes on to look */
    CHECK_STRING(with_claim(45, 0, 1), "");
    CHECK_STRING(with_claim(UINT32_MAX, UINT32_MAX, 1), "");
}

/* ZIP64, with `size` bytes of extensible data; the end record's size is a sentinel or a number. */
static struct forge extensible(size_t size, bool sentinel)
{
    struct forge f = {0}, whole = {0};
    size_t record, locator;

    forge_text(&f, "zarr.json", "{}");
    forge_end(&f, true, "");
    locator = f.end_offset - OZX_LOCATOR_SIZE;
    record = locator - OZX_END64_SIZE;
    forge_bytes(&whole, f.data, locator);
    forge_room(&whole, size);
    forge_bytes(&whole, f.data + locator, f.size_bytes - locator);
    whole.end_offset = f.end_offset + size;
    ozx_put_u64(whole.data + record + 4,
                OZX_END64_SIZE - OZX_END64_SIZE_FIELD_EXCLUDES + (uint64_t)size);
    if (sentinel)
        ozx_put_u32(whole.data + whole.end_offset + 12, UINT32_MAX);
    whole.directory_offset = f.directory_offset;
    forge_free(&f);
    return whole;
}

static void test_every_place_of_the_record(void)
{
    for (size_t i = 0; i + sizeof END64 <= 100; i++) {
        struct forge f = extensible(100, true);
        uint64_t at = 0;
        size_t place = f.end_offset - OZX_LOCATOR_SIZE - 100 + i;
        memcpy(f.data + place, END64, sizeof END64);
        CHECK_STRING(verdict(&f, &at), "zip64-tail");
        CHECK_UINT(at, place);
        forge_free(&f);
    }
}

static void test_long_record(void)
{
    struct forge f = extensible(16384 - OZX_END64_SIZE, true);
    uint64_t at = 0;

    CHECK_STRING(verdict(&f, &at), "");
    forge_free(&f);
    f = extensible(16384 - OZX_END64_SIZE + 1, true);
    CHECK_STRING(verdict(&f, &at), "zip64-tail");
    forge_free(&f);
}

/* A directory that is counted back from the end record. */
static void test_directory_behind_the_record(void)
{
    for (int sentinel = 0; sentinel < 2; sentinel++) {
        struct forge f = extensible(100, sentinel);
        uint64_t at = 0;
        size_t place = f.end_offset - (OZX_CENTRAL_SIZE + 9);
        ozx_put_u32(f.data + place, OZX_CENTRAL_SIGNATURE);
        CHECK_STRING(verdict(&f, &at), sentinel ? "" : "zip64-tail");
        if (!sentinel)
            CHECK_UINT(at, place);
        forge_free(&f);
    }
}

#define FRONT_SIZE 200000

static int front(const uint8_t *mark, size_t mark_size, size_t at, uint64_t *found)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    uint8_t *data = calloc(1, FRONT_SIZE);
    int result;

    if (!data || source_open_memory(data, FRONT_SIZE, &source))
        abort();
    memcpy(data + at, mark, mark_size);
    result = ozx_zip_second_front(source, FRONT_SIZE - 100, &error);
    *found = error.offset_bytes;
    free(data);
    return result;
}

static void test_in_front_of_the_first_entry(void)
{
    static const uint8_t split[6] = {'P', 'K', 7, 8, 'P', 'K'}, local[4] = {'P', 'K', 3, 4},
                         central[4] = {'P', 'K', 1, 2}, once[6] = {'P', 'K', '0', '0', 'P', 'K'};
    size_t stop = FRONT_SIZE - 100;
    uint64_t found;

    for (size_t i = 0; i < 60; i++) { /* blocks of the scan meet close to 64 and 128 KiB */
        size_t at = i < 20 ? i : (i < 40 ? 65516 : 131042) + i % 20;
        CHECK_INT(front(local, 4, at, &found), -EBADMSG);
        CHECK_UINT(found, at);
        CHECK_INT(front(split, 6, at, &found), -EBADMSG);
        CHECK_UINT(found, at);
    }
    CHECK_INT(front(END, 4, 77, &found), -EBADMSG);
    CHECK_INT(front(END64, 4, 77, &found), -EBADMSG);
    CHECK_INT(front(once, 6, 77, &found), -EBADMSG);
    CHECK_INT(front(central, 4, 77, &found), 0);
    CHECK_INT(front(split, 4, 77, &found), 0);
    CHECK_INT(front(local, 4, stop - 4, &found), -EBADMSG);
    CHECK_INT(front(local, 4, stop - 3, &found), 0); /* the first entry's business */
    CHECK_INT(front(split, 6, stop - 4, &found), 0); /* a mark, then the first entry */
}

CHECK_MAIN({"second: every place of the comment", test_every_place_of_the_comment},
           {"second: in front of the end record", test_in_front_of_the_end_record},
           {"second: every place of the ZIP64 record", test_every_place_of_the_record},
           {"second: a long ZIP64 record", test_long_record},
           {"second: a directory behind it", test_directory_behind_the_record},
           {"second: in front of the first entry", test_in_front_of_the_first_entry})
