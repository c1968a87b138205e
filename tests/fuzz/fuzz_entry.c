/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One entry, with nothing in the way of it: the input is a central header and, behind it, what that
 * speaks of (local header, data, data descriptor). An archive is made of them whose end records are
 * right, so that every input gets as far as its local header, and the data through whatever method
 * it names. What is served must be the same however it is asked for.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "archive/archive.h"
#include "base/bytes.h"
#include "fuzz.h"
#include "archive/archive.h"
#include "zip/descriptor.h"
#include "zip/directory.h"
#include "zip/format.h"
#include "zip/local.h"

#define READ_MAX (1u << 18) /* of an entry, so that a bomb costs no time */

struct made {
    uint8_t *data;
    size_t size, directory_offset;
};

/* [local header ...][central header][end record]; false if the input is no central header. */
static int make_archive(const uint8_t *input, size_t size, struct made *out)
{
    static const uint8_t here[4] = {0};
    struct ozx_bytes lengths;
    size_t central = OZX_CENTRAL_SIZE, rest;
    uint8_t *p;

    if (size < OZX_CENTRAL_SIZE)
        return 0;
    lengths = ozx_bytes_of(input + 28, 6);
    for (int i = 0; i < 3; i++)
        central += ozx_bytes_u16(&lengths);
    if (central > size)
        return 0;
    rest = size - central;
    out->size = size + OZX_END_SIZE;
    out->directory_offset = rest;
    out->data = malloc(out->size);
    if (!out->data)
        return 0;
    memcpy(out->data, input + central, rest);
    p = out->data + rest;
    memcpy(p, input, central);
    ozx_put_u32(p, OZX_CENTRAL_SIGNATURE);
    if (memcmp(p + 42, "\xff\xff\xff\xff", 4) != 0)
        memcpy(p + 42, here, sizeof here);
    p = ozx_put_u32(p + central, OZX_END_SIGNATURE);
    p = ozx_put_u32(p, 0);
    p = ozx_put_u16(ozx_put_u16(p, 1), 1);
    p = ozx_put_u32(ozx_put_u32(p, (uint32_t)central), (uint32_t)rest);
    ozx_put_u16(p, 0);
    return 1;
}

/* --- the local header ------------------------------------------------------------------------- */

static void check_descriptor(const struct made *made, const struct ozx_zip_expected *expected,
                             uint64_t data_offset)
{
    uint64_t behind = data_offset + expected->compressed_size_bytes;
    size_t left = made->directory_offset - (size_t)behind;
    size_t size = ozx_zip_descriptor_size(made->data + behind, left, expected->crc32,
                                          expected->compressed_size_bytes,
                                          expected->uncompressed_size_bytes);

    FUZZ_CHECK(size == 0 || size == 12 || size == 16 || size == 20 || size == 24);
    FUZZ_CHECK(size <= left);
}

/* Over bytes that come piece by piece, and by the source: one answer. */
static int check_local(void *context, const struct ozx_zip_entry *entry, struct ozx_error *walking)
{
    const struct made *made = context;
    const struct ozx_zip_expected expected = {
        .local_offset_bytes = entry->local_offset_bytes,
        .compressed_size_bytes = entry->compressed_size_bytes,
        .uncompressed_size_bytes = entry->uncompressed_size_bytes,
        .data_end_limit_bytes = made->directory_offset,
        .name = entry->path,
        .name_size_bytes = (size_t)entry->path_size_bytes + entry->is_directory,
        .name_cp437 = entry->name_cp437,
        .flags = entry->flags,
        .method = entry->method,
        .crc32 = entry->crc32,
    };
    const uint8_t *at = made->data + entry->local_offset_bytes;
    size_t left = made->directory_offset - (size_t)entry->local_offset_bytes;
    struct ozx_error error = OZX_ERROR_INIT, again = OZX_ERROR_INIT;
    struct ozx_source *source;
    struct ozx_zip_local local = {0};
    int64_t result = OZX_LOCAL_SIZE;
    uint64_t offset = 0;
    int failure;

    (void)walking;
    if (source_open_memory(made->data, made->size, &source))
        return 0;
    for (size_t size = 0; result > 0;) {
        FUZZ_CHECK((size_t)result > size && (size_t)result <= left);
        size = (size_t)result;
        result = ozx_zip_local_check(at, size, &expected, &local, &error);
    }
    failure = ozx_zip_local_resolve(source, &expected, &offset, &again);
    FUZZ_CHECK(result == failure && strcmp(error.text, again.text) == 0);
    FUZZ_CHECK(failure == 0 || (failure == -EIO && error.rule));
    if (!failure) {
        FUZZ_CHECK(offset == entry->local_offset_bytes + local.size_bytes);
        FUZZ_CHECK(offset + expected.compressed_size_bytes <= made->directory_offset);
        check_descriptor(made, &expected, offset);
    }
    ozx_source_close(source);
    return 0;
}

/* --- the data --------------------------------------------------------------------------------- */

/* Pieces of several sizes, forwards; how many bytes came before the first failure. */
static uint64_t read_forwards(struct ozx_archive *archive, uint32_t node, uint64_t size,
                              uint8_t *out)
{
    static const size_t pieces[] = {1, 4096, 100, 65536, 7};
    struct ozx_error error = OZX_ERROR_INIT;
    uint64_t at = 0;

    for (size_t i = 0; at < size; i = (i + 1) % 5) {
        size_t want = size - at < pieces[i] ? (size_t)(size - at) : pieces[i], got = 0;
        if (ozx_archive_read(archive, node, out + at, want, at, &got, &error)) {
            FUZZ_CHECK(error.text[0] && error.code < 0);
            return at;
        }
        FUZZ_CHECK(got == want);
        at += got;
    }
    return at;
}

/* The same again from the back, so that streams start anew: every byte as before. */
static void read_backwards(struct ozx_archive *archive, uint32_t node, uint64_t known,
                           const uint8_t *want, uint8_t *room)
{
    struct ozx_error error = OZX_ERROR_INIT;
    uint64_t step = known / 5 + 1;

    for (uint64_t at = known; at > 0;) {
        uint64_t from = at > step ? at - step : 0;
        size_t got = 0;
        if (ozx_archive_read(archive, node, room, (size_t)(at - from), from, &got, &error) == 0) {
            FUZZ_CHECK(got == at - from);
            FUZZ_CHECK(memcmp(room, want + from, got) == 0);
        }
        at = from;
    }
}

static void check_data(struct ozx_archive *archive, uint32_t node, const struct made *made)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    uint8_t *forwards = malloc(READ_MAX), *room = malloc(READ_MAX);
    uint64_t size, known, offset;
    size_t got = 0;

    FUZZ_CHECK(forwards && room);
    ozx_archive_stat(archive, node, &stat);
    ozx_archive_entry(archive, node, &entry);
    size = stat.size_bytes < READ_MAX ? stat.size_bytes : READ_MAX;
    known = read_forwards(archive, node, size, forwards);
    read_backwards(archive, node, known, forwards, room);
    if (ozx_archive_read(archive, node, room, (size_t)size, 0, &got, &error) == 0) {
        FUZZ_CHECK(got == size && known == size && !entry.eio_rule);
        FUZZ_CHECK(memcmp(room, forwards, got) == 0);
    }
    if (entry.method == OZX_METHOD_STORED && known) {
        FUZZ_CHECK(ozx_archive_data_offset(archive, node, &offset, &error) == 0);
        FUZZ_CHECK(known == size && offset + stat.size_bytes <= made->directory_offset);
        FUZZ_CHECK(memcmp(forwards, made->data + offset, known) == 0);
    }
    free(forwards);
    free(room);
}

static void check_archive(const struct made *made)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_zip_end_records records;
    struct ozx_archive *archive = NULL;
    struct ozx_source *source;

    if (source_open_memory(made->data, made->size, &source))
        return;
    if (ozx_zip_end_records_read(source, &records, &error) == 0 &&
        records.directory_offset_bytes == made->directory_offset)
        (void)!ozx_zip_directory_walk(source, &records, check_local, (void *)(uintptr_t)made,
                                      &error);
    if (ozx_archive_open(source, NULL, &archive, &error)) {
        ozx_source_close(source);
        return;
    }
    for (uint32_t node = 0; node < ozx_archive_node_count(archive); node++) {
        struct ozx_node_stat stat;
        ozx_archive_stat(archive, node, &stat);
        if (!stat.is_directory)
            check_data(archive, node, made);
    }
    ozx_archive_close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct made made;

    if (make_archive(data, size, &made)) {
        check_archive(&made);
        free(made.data);
    }
    return 0;
}
