/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/: CRC-32 in parts, extra fields, the scan of an archive without an end, decompression by many
 * threads at once.
 */
#include <pthread.h>

#include "../kit/source_memory.h"
#include "check.h"
#include "forge.h"
#include "zip/crc.h"
#include "zip/decompress.h"
#include "zip/extra.h"
#include "zip/scan.h"
#include "zip/writer.h"

/* --- CRC-32 --- */

static void test_crc(void)
{
    static uint8_t data[5000];

    CHECK_UINT(ozx_crc32(0, "123456789", 9), 0xCBF43926); /* the check value of CRC-32 */
    CHECK_UINT(ozx_crc32(0, data, 0), 0);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t cut = 0; cut <= sizeof data; cut += 137) {
        size_t behind = sizeof data - cut;
        uint32_t front = ozx_crc32(0, data, cut), back = ozx_crc32(0, data + cut, behind);
        CHECK_UINT(ozx_crc32(front, data + cut, behind), ozx_crc32(0, data, sizeof data));
        CHECK_UINT(ozx_crc32_shift(front, behind) ^ back, ozx_crc32(0, data, sizeof data));
    }
    CHECK_UINT(ozx_crc32_shift(0x12345678, 0), 0x12345678);
    CHECK(strstr(ozx_crc32_library(), "libdeflate ") || strstr(ozx_crc32_library(), "zlib "));
}

/* --- extra fields --- */

static void test_extra_timestamp(void)
{
    static const uint8_t none[] = {0x55, 0x54, 0, 0}, cut[] = {0x55, 0x54, 2, 0, 1, 9};
    static const uint8_t other[] = {0x55, 0x54, 5, 0, 2, 1, 2, 3, 4};
    static const uint8_t before_1970[] = {0x55, 0x54, 5, 0, 1, 0xFE, 0xFF, 0xFF, 0xFF};
    struct ozx_zip_extra extra = ozx_zip_extra_parse(none, sizeof none);

    CHECK(extra.odd && !extra.mtime_known);
    extra = ozx_zip_extra_parse(cut, sizeof cut);
    CHECK(extra.odd && !extra.mtime_known);
    extra = ozx_zip_extra_parse(other, sizeof other);
    CHECK(!extra.odd && !extra.mtime_known);
    extra = ozx_zip_extra_parse(before_1970, sizeof before_1970);
    CHECK(!extra.odd && extra.mtime_known);
    CHECK_INT(extra.mtime_s, -2);
}

/* Only what is a sentinel is taken from the field, the disk too; too short: nothing is changed. */
static void test_zip64_with_disk(void)
{
    uint8_t field[4 + 8 + 4] = {1, 0, 12, 0};
    uint64_t size = 5, compressed = OZX_SENTINEL32, offset = 7;
    uint32_t disk = OZX_SENTINEL16;
    const struct ozx_zip64_values values = {&size, &compressed, &offset, &disk};
    struct ozx_zip_extra extra;

    ozx_put_u32(ozx_put_u64(field + 4, UINT64_C(0x123456789)), 3);
    extra = ozx_zip_extra_parse(field, sizeof field);
    CHECK_INT(ozx_zip64_apply(&extra, &values), OZX_ZIP64_OK);
    CHECK(size == 5 && offset == 7 && disk == 3);
    CHECK_UINT(compressed, UINT64_C(0x123456789));
    field[2] = 11;
    compressed = OZX_SENTINEL32;
    disk = OZX_SENTINEL16;
    extra = ozx_zip_extra_parse(field, sizeof field - 1);
    CHECK_INT(ozx_zip64_apply(&extra, &values), OZX_ZIP64_SHORT);
    CHECK(compressed == OZX_SENTINEL32 && disk == OZX_SENTINEL16);
}

/* --- the scan --- */

struct scanned {
    unsigned found, lost;
    volatile sig_atomic_t cancel;
    int cancel_at;   /* set `cancel` at that entry */
    char first[640]; /* the first loss */
    uint64_t offset; /* of the last entry found */
};

static int on_found(void *context, const struct ozx_zip_scanned *entry, struct ozx_error *error)
{
    struct scanned *s = context;

    (void)error;
    s->offset = entry->local_offset_bytes;
    if ((int)++s->found == s->cancel_at)
        s->cancel = 1;
    return 0;
}

static void on_lost(void *context, const struct ozx_error *what)
{
    struct scanned *s = context;

    if (s->lost++ == 0)
        snprintf(s->first, sizeof s->first, "%s", what->text);
}

static int scan(const struct forge *f, size_t size, struct scanned *s, bool *complete)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    const struct ozx_zip_scan options = {
        .cancel = &s->cancel, .context = s, .found = on_found, .lost = on_lost};
    struct ozx_error error = OZX_ERROR_INIT;
    int result;

    if (source_open_memory(f->data, size, &source))
        abort();
    result = ozx_zip_scan(source, &options, complete, &error);
    CHECK(result == error.code);
    return result;
}

static struct forge three_entries(void)
{
    struct forge f = {0};

    forge_text(&f, "zarr.json", "{}");
    forge_text(&f, "c/0", "chunk zero");
    forge_text(&f, "c/1", "chunk one");
    forge_end(&f, false, "");
    return f;
}

/* Cut anywhere: never more entries than are whole, and a loss is told unless it is cut between two.
 */
static void test_scan_every_truncation(void)
{
    struct forge f = three_entries();

    for (size_t size = 0; size <= f.size_bytes; size++) {
        struct scanned s = {0};
        unsigned whole = 0;
        bool complete = false, between = size == 0;
        for (size_t i = 0; i < 3; i++) {
            size_t end = f.entry[i].local_offset + OZX_LOCAL_SIZE + f.entry[i].name_size +
                         f.entry[i].data_size;
            whole += end <= size;
            between |= end == size;
        }
        CHECK_INT(scan(&f, size, &s, &complete), 0);
        if (!CHECK_UINT(s.found, whole) ||
            !CHECK(between || size >= f.directory_offset + 4 || s.lost > 0))
            fprintf(stderr, "    cut to %zu bytes: %s\n", size, s.first);
        CHECK(complete == (size >= f.directory_offset + 4));
    }
    forge_free(&f);
}

static void test_scan_cancelled(void)
{
    struct forge f = three_entries();
    struct scanned s = {.cancel_at = 2};
    bool complete;

    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), -EINTR);
    CHECK_UINT(s.found, 2);
    s = (struct scanned){.cancel = 1};
    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), -EINTR);
    CHECK_UINT(s.found, 0);
    forge_free(&f);
}

/* While bytes are passed over, too, and while the end of an entry is searched. */
static void test_scan_cancelled_in_between(void)
{
    struct forge f = {0};
    struct scanned s = {.cancel_at = 1};
    bool complete;

    forge_text(&f, "zarr.json", "{}");
    memset(forge_room(&f, 1000), 'x', 1000);
    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), -EINTR);
    forge_free(&f);
    f = (struct forge){0};
    s = (struct scanned){.cancel_at = 1};
    forge_text(&f, "zarr.json", "{}");
    forge_text(&f, "streamed", "whose end is nowhere");
    ozx_put_u16(f.data + f.entry[1].local_offset + 6, OZX_FLAG_DESCRIPTOR);
    ozx_put_u32(ozx_put_u32(f.data + f.entry[1].local_offset + 18, 0), 0);
    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), -EINTR);
    CHECK_UINT(s.found, 1);
    s = (struct scanned){0};
    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), 0);
    CHECK(s.found == 1 && s.lost == 1 && strstr(s.first, "its end is unknown"));
    forge_free(&f);
}

/* Behind bytes that belong to nothing, the next entry is found; what only looks like one is not. */
static void test_scan_gap(void)
{
    static const uint8_t like_local[] = "PK\3\4\x63\1........................";
    static const uint8_t cut_local[] = "PK\3\4\x14\0......................\xff\xff\xff\xff";
    static const uint8_t like_central[] = "PK\1\2..\x64.......................................";
    struct forge f = {0};
    struct scanned s = {0};
    bool complete;

    forge_text(&f, "zarr.json", "{}");
    forge_bytes(&f, "some bytes, PK, PK\7", 19);
    forge_bytes(&f, like_local, 30);
    forge_bytes(&f, like_central, 46);
    forge_bytes(&f, cut_local, 30);
    forge_text(&f, "a/../b", "a name that is no path");
    forge_text(&f, "behind", "bytes");
    CHECK_INT(scan(&f, f.size_bytes, &s, &complete), 0);
    CHECK(s.found == 2 && s.lost == 1 && !complete);
    CHECK(strstr(s.first, "not part of any entry"));
    CHECK_UINT(s.offset, f.entry[2].local_offset);
    forge_free(&f);
}

/* The central directory behind a gap ends the scan, whole or cut inside its first header. */
static void test_scan_gap_and_directory(void)
{
    struct forge f = {0};
    bool complete = false;

    forge_text(&f, "zarr.json", "{}");
    memset(forge_room(&f, 50), 'x', 50);
    forge_end(&f, false, "");
    for (int cut = 0; cut < 2; cut++) {
        struct scanned s = {0};
        CHECK_INT(
            scan(&f, cut ? f.directory_offset + OZX_CENTRAL_SIZE + 2 : f.size_bytes, &s, &complete),
            0);
        CHECK(s.found == 1 && s.lost == 1 && complete);
    }
    forge_free(&f);
}

/* Many headers, each of which claims a large extra field: what is spent on them is bounded by the
 * size of the gap. It shows in an entry behind them that is passed over, unless more bytes, which
 * cost nothing, come before it. */
static void test_scan_gap_work_is_bounded(void)
{
    static const struct {
        int headers;
        size_t zeros;
        unsigned found;
    } cases[] = {{10, 0, 1}, {4000, 0, 0}, {4000, 70000, 1}};
    uint8_t header[OZX_LOCAL_SIZE] = {'P', 'K', 3, 4, 20};
    bool complete;

    ozx_put_u16(header + 28, 65000); /* and no name */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct forge f = {0};
        struct scanned s = {0};
        forge_bytes(&f, "gap", 3);
        for (int k = 0; k < cases[i].headers; k++)
            forge_bytes(&f, header, sizeof header);
        forge_room(&f, cases[i].zeros);
        forge_text(&f, "entry", "bytes");
        forge_room(&f, 70000);
        CHECK_INT(scan(&f, f.size_bytes, &s, &complete), 0);
        CHECK_UINT(s.found, cases[i].found);
        forge_free(&f);
    }
}

/* --- streams --- */

#define STREAM_SIZE (1u << 20)
#define BLOCK_SIZE 50000u
#define READERS 4

/* Deflate's stored blocks: a valid stream that needs no compressor. */
static size_t deflate_stored(uint8_t *out, const uint8_t *data, size_t size)
{
    uint8_t *p = out;

    for (size_t at = 0; at < size;) {
        uint16_t part = (uint16_t)(size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE);
        *p++ = at + part == size;
        p = ozx_put_u16(ozx_put_u16(p, part), (uint16_t)~part);
        memcpy(p, data + at, part);
        p += part;
        at += part;
    }
    return (size_t)(p - out);
}

struct readers {
    struct ozx_zip_streams *streams;
    struct ozx_zip_compressed compressed;
    const uint8_t *data;
    pthread_mutex_t lock;
    uint64_t next;
    unsigned wrong;
};

/* All together read the entry forwards, as the kernel does: whose turn it is waits for the stream.
 */
static void *read_pieces(void *argument)
{
    struct readers *r = argument;
    static _Thread_local uint8_t piece[4096];

    for (;;) {
        struct ozx_error error = OZX_ERROR_INIT;
        uint64_t at;
        bool wrong;
        pthread_mutex_lock(&r->lock);
        at = r->next;
        r->next += sizeof piece;
        pthread_mutex_unlock(&r->lock);
        if (at >= STREAM_SIZE)
            return NULL;
        wrong = ozx_zip_streams_read(r->streams, &r->compressed, piece, sizeof piece, at, &error) ||
                memcmp(piece, r->data + at, sizeof piece) != 0;
        pthread_mutex_lock(&r->lock);
        r->wrong += wrong;
        pthread_mutex_unlock(&r->lock);
    }
}

static void test_streams_and_threads(void)
{
    static uint8_t data[STREAM_SIZE], compressed[STREAM_SIZE + 200];
    struct readers r = {.data = data, .lock = PTHREAD_MUTEX_INITIALIZER};
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    pthread_t threads[READERS];

    for (size_t i = 0; i < STREAM_SIZE; i++)
        data[i] = (uint8_t)(i * i >> 7);
    r.compressed = (struct ozx_zip_compressed){.compressed_size_bytes =
                                                   deflate_stored(compressed, data, STREAM_SIZE),
                                               .uncompressed_size_bytes = STREAM_SIZE,
                                               .crc32 = ozx_crc32(0, data, STREAM_SIZE),
                                               .method = OZX_METHOD_DEFLATE};
    if (source_open_memory(compressed, sizeof compressed, &source) ||
        ozx_zip_streams_open(source, &r.streams))
        abort();
    for (int i = 0; i < READERS; i++)
        if (pthread_create(&threads[i], NULL, read_pieces, &r))
            abort();
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_UINT(r.wrong, 0);
    ozx_zip_streams_close(r.streams);
    ozx_zip_streams_close(NULL);
    CHECK(ozx_zip_method_supported(OZX_METHOD_DEFLATE) && !ozx_zip_method_supported(97));
    CHECK(ozx_zip_library_version()[0] >= '1');
}

/* --- writer ----------------------------------------------------------------------------------- */

/* The end record has each number that it can hold, the ZIP64 record has all. */
static void test_end_records_at_the_limits(void)
{
    static const struct {
        uint64_t offset, size, count;
        uint32_t said_offset, said_size;
        uint16_t said_count;
    } cases[] = {
        {0, 0, 0, 0, 0, 0},
        {1, 65534 * 46, 65534, 1, 65534 * 46, 65534},
        {1, 65535 * 46, 65535, 1, 65535 * 46, UINT16_MAX},
        {1, 65536 * 46, 65536, 1, 65536 * 46, UINT16_MAX},
        {UINT32_MAX - 1, 46, 1, UINT32_MAX - 1, 46, 1},
        {UINT32_MAX, 46, 1, UINT32_MAX, 46, 1},
        {UINT64_C(1) << 32, 46, 1, UINT32_MAX, 46, 1},
        {7, UINT32_MAX - 1, 9, 7, UINT32_MAX - 1, 9},
        {7, UINT32_MAX, 9, 7, UINT32_MAX, 9},
        {7, UINT64_C(1) << 32, 9, 7, UINT32_MAX, 9},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t records[OZX_END64_SIZE + OZX_LOCATOR_SIZE + OZX_END_SIZE + 2];
        struct ozx_bytes b = ozx_bytes_of(records + 24, 32);
        CHECK_UINT(ozx_zip_end_records_size(2), sizeof records);
        CHECK(ozx_zip_put_end_records(records, cases[i].offset, cases[i].size, cases[i].count, "{}",
                                      2) == records + sizeof records);
        CHECK_UINT(ozx_bytes_u64(&b), cases[i].count);
        CHECK_UINT(ozx_bytes_u64(&b), cases[i].count);
        CHECK_UINT(ozx_bytes_u64(&b), cases[i].size);
        CHECK_UINT(ozx_bytes_u64(&b), cases[i].offset);
        b = ozx_bytes_of(records + OZX_END64_SIZE, OZX_LOCATOR_SIZE);
        CHECK_UINT(ozx_bytes_u32(&b), OZX_LOCATOR_SIGNATURE);
        b = ozx_bytes_of(records + OZX_END64_SIZE + OZX_LOCATOR_SIZE + 8, OZX_END_SIZE - 8);
        CHECK_UINT(ozx_bytes_u16(&b), cases[i].said_count);
        CHECK_UINT(ozx_bytes_u16(&b), cases[i].said_count);
        CHECK_UINT(ozx_bytes_u32(&b), cases[i].said_size);
        CHECK_UINT(ozx_bytes_u32(&b), cases[i].said_offset);
        CHECK_UINT(ozx_bytes_u16(&b), 2);
    }
}

CHECK_MAIN({"crc", test_crc}, {"writer: end records at the limits", test_end_records_at_the_limits},
           {"extra: timestamp", test_extra_timestamp},
           {"extra: ZIP64 with disk", test_zip64_with_disk},
           {"scan: every truncation", test_scan_every_truncation},
           {"scan: cancelled", test_scan_cancelled},
           {"scan: cancelled in between", test_scan_cancelled_in_between},
           {"scan: gap", test_scan_gap},
           {"scan: gap, then the directory", test_scan_gap_and_directory},
           {"scan: bounded work in a gap", test_scan_gap_work_is_bounded},
           {"streams: many threads", test_streams_and_threads})
