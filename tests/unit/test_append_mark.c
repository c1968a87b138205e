/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/append_mark: a mark comes back as it was put; no other bytes, no numbers that do not fit each
 * other or the file are one; which size an append that was cut short leads to.
 */
#include "../kit/source_memory.h"
#include "zip/append_mark.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "check.h"
#include "io/source.h"
#include "zip/format.h"

#define OLD UINT64_C(500)
#define NEW UINT64_C(9000)
#define DIRECTORY UINT64_C(8000)
#define OLD_END (OLD - OZX_END_SIZE - 3) /* comments of 3 and of 5 bytes */
#define NEW_END (NEW - OZX_END_SIZE - 5)
#define SIZE (NEW + OZX_APPEND_MARK_SIZE)

static const struct ozx_append_mark RIGHT = {
    .old_size_bytes = OLD,
    .new_size_bytes = NEW,
    .old_end_offset_bytes = OLD_END,
    .new_end_offset_bytes = NEW_END,
    .clear_offsets_bytes = {0, 77, OZX_OFFSET_NONE, OZX_OFFSET_NONE}};

static bool parses(const struct ozx_append_mark *mark, uint64_t size_bytes)
{
    uint8_t bytes[OZX_APPEND_MARK_SIZE];
    struct ozx_append_mark out = {.old_size_bytes = 1};
    bool good;

    ozx_append_mark_put(mark, bytes);
    good = ozx_append_mark_parse(bytes, size_bytes, &out);
    if (good)
        CHECK_MEMORY(&out, sizeof out, mark, sizeof *mark);
    else
        CHECK_UINT(out.old_size_bytes, 1);
    return good;
}

static void test_numbers(void)
{
    static const struct {
        size_t field;
        uint64_t value;
        bool good;
    } rows[] = {
        {offsetof(struct ozx_append_mark, old_size_bytes), NEW, false},
        {offsetof(struct ozx_append_mark, old_size_bytes), NEW_END, true},
        {offsetof(struct ozx_append_mark, old_size_bytes), NEW_END + 1, false},
        {offsetof(struct ozx_append_mark, old_size_bytes), OLD_END + OZX_END_SIZE - 1, false},
        {offsetof(struct ozx_append_mark, old_size_bytes), OZX_END_SIZE - 1, false},
        {offsetof(struct ozx_append_mark, new_size_bytes), NEW + 1, false},
        {offsetof(struct ozx_append_mark, new_size_bytes), UINT64_MAX, false},
        {offsetof(struct ozx_append_mark, new_size_bytes), OLD, false},
        {offsetof(struct ozx_append_mark, old_end_offset_bytes), OLD - OZX_END_SIZE, true},
        {offsetof(struct ozx_append_mark, old_end_offset_bytes), OLD - OZX_END_SIZE + 1, false},
        {offsetof(struct ozx_append_mark, old_end_offset_bytes), UINT64_MAX, false},
        {offsetof(struct ozx_append_mark, new_end_offset_bytes), OLD, true},
        {offsetof(struct ozx_append_mark, new_end_offset_bytes), OLD - 1, false},
        {offsetof(struct ozx_append_mark, new_end_offset_bytes), UINT64_MAX, false},
        {offsetof(struct ozx_append_mark, clear_offsets_bytes), OLD_END - OZX_END_SIZE, true},
        {offsetof(struct ozx_append_mark, clear_offsets_bytes), OLD_END, false},
        {offsetof(struct ozx_append_mark, clear_offsets_bytes) + 24, UINT64_MAX - 1, false},
    };

    CHECK(parses(&RIGHT, NEW));
    CHECK(!parses(&RIGHT, NEW - 1));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ozx_append_mark mark = RIGHT;
        memcpy((uint8_t *)&mark + rows[i].field, &rows[i].value, sizeof rows[i].value);
        CHECK_INT(parses(&mark, NEW), rows[i].good);
    }
}

static void test_every_bit(void)
{
    uint8_t bytes[OZX_APPEND_MARK_SIZE];
    struct ozx_append_mark out;

    ozx_append_mark_put(&RIGHT, bytes);
    CHECK_MEMORY(bytes, 8, OZX_APPEND_MAGIC, 8);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!ozx_append_mark_parse(bytes, NEW, &out));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(ozx_append_mark_parse(bytes, NEW, &out));
}

/* --- in a file -------------------------------------------------------------------------------- */

/* The end records, each with its comment, and the two marks. */
static void fill(uint8_t file[SIZE])
{
    memset(file, 0, SIZE);
    ozx_put_u32(file + OLD_END, OZX_END_SIGNATURE);
    ozx_put_u16(file + OLD_END + OZX_END_SIZE - 2, 3);
    ozx_put_u32(file + NEW_END, OZX_END_SIGNATURE);
    ozx_put_u16(file + NEW_END + OZX_END_SIZE - 2, 5);
    ozx_append_mark_put(&RIGHT, file + DIRECTORY - OZX_APPEND_MARK_SIZE);
    ozx_append_mark_put(&RIGHT, file + NEW);
}

static struct ozx_source *source_of(const uint8_t *file, uint64_t size_bytes)
{
    struct ozx_source *source = NULL;

    if (source_open_memory(file, size_bytes, &source))
        abort();
    return source;
}

static bool finds(const uint8_t *file, uint64_t size_bytes)
{
    OZX_AUTO_SOURCE struct ozx_source *source = source_of(file, size_bytes);
    struct ozx_append_mark out;

    return ozx_append_mark_find(source, &out);
}

static void test_at_the_end(void)
{
    static uint8_t file[SIZE];

    fill(file);
    CHECK(finds(file, SIZE));
    CHECK(!finds(file, SIZE - 1));
    CHECK(!finds(file, NEW));
    CHECK(!finds(file + NEW, OZX_APPEND_MARK_SIZE)); /* nothing but a mark */
    CHECK(!finds(file, OZX_APPEND_MARK_SIZE - 1));
    CHECK(!finds(file, 0));
}

static bool has(const uint8_t *file, uint64_t directory_bytes, uint64_t end_bytes)
{
    OZX_AUTO_SOURCE struct ozx_source *source = source_of(file, NEW);
    const struct ozx_zip_end_records records = {.directory_offset_bytes = directory_bytes,
                                                .end_offset_bytes = end_bytes};
    struct ozx_append_mark out;

    return ozx_append_mark_of_directory(source, &records, &out);
}

static void test_of_the_directory(void)
{
    static uint8_t file[SIZE];

    fill(file);
    CHECK(has(file, DIRECTORY, NEW_END));
    CHECK(!has(file, DIRECTORY, NEW_END + 1)); /* something was written since */
    CHECK(!has(file, DIRECTORY - 1, NEW_END));
    CHECK(!has(file, OZX_APPEND_MARK_SIZE - 1, NEW_END));
    CHECK(!has(file, NEW + 100, NEW_END));
    ozx_append_mark_put(&RIGHT, file + OLD); /* the least that is possible */
    CHECK(has(file, OLD + OZX_APPEND_MARK_SIZE, NEW_END));
    ozx_append_mark_put(&RIGHT, file + OLD - 1); /* it would stand in the old archive */
    CHECK(!has(file, OLD + OZX_APPEND_MARK_SIZE - 1, NEW_END));
}

static uint64_t settled(const uint8_t *file, uint64_t size_bytes)
{
    OZX_AUTO_SOURCE struct ozx_source *source = source_of(file, size_bytes);

    return ozx_append_mark_settled_size(source, &RIGHT);
}

static void test_settled(void)
{
    static uint8_t file[SIZE];

    fill(file);
    CHECK_UINT(settled(file, SIZE), NEW);
    ozx_put_u16(file + NEW_END + OZX_END_SIZE - 2, 6); /* the comment leads beyond */
    CHECK_UINT(settled(file, SIZE), OLD);
    ozx_put_u16(file + NEW_END + OZX_END_SIZE - 2, 4); /* a NUL behind it */
    CHECK_UINT(settled(file, SIZE), NEW);
    CHECK_UINT(settled(file, NEW_END + OZX_END_SIZE - 1), OLD); /* it cannot be read */
    file[NEW_END] ^= 1;
    CHECK_UINT(settled(file, SIZE), OLD);
    file[OLD_END] ^= 1;
    CHECK_UINT(settled(file, SIZE), 0);
}

CHECK_MAIN({"mark: numbers", test_numbers}, {"mark: every bit", test_every_bit},
           {"mark: at the end", test_at_the_end},
           {"mark: of the directory", test_of_the_directory}, {"mark: settled", test_settled})
