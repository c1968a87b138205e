/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/dictionary: frames of Zstandard (which this libzip may not have), LZMA and .xz headers, shown
 * at once and byte by byte. Whole .xz files of all kinds: tests/mount/test_bombs.py.
 */
#include "check.h"
#include "zip/dictionary.h"

#define MAGIC 0x28, 0xB5, 0x2F, 0xFD
#define RAW_3 0x18, 0, 0, 'a', 'b', 'c' /* a block of 3 bytes, and not the last */
#define RLE_LAST 0x0B, 0, 0x10, 'x'      /* the last: one byte again and again */

static int show(uint16_t method, const uint8_t *data, size_t size, size_t step)
{
    struct ozx_dictionary_watch watch;
    int failure = 0;

    ozx_dictionary_watch_start(&watch, method);
    for (size_t at = 0; at < size && !failure; at += step)
        failure = ozx_dictionary_watch_show(&watch, data + at, size - at < step ? size - at : step);
    return failure;
}

static void check_both(uint16_t method, const uint8_t *data, size_t size, int want)
{
    CHECK_INT(show(method, data, size, size), want);
    CHECK_INT(show(method, data, size, 1), want);
}

#define CHECK_SHOWN(method, want, ...)                                                             \
    do {                                                                                           \
        static const uint8_t data[] = {__VA_ARGS__};                                               \
        check_both(method, data, sizeof data, want);                                               \
    } while (0)

static void test_zstd_window(void)
{
    CHECK_SHOWN(93, 0, MAGIC, 0x00, 0x80, RAW_3, RLE_LAST); /* 64 MiB */
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0x00, 0x81, RAW_3, RLE_LAST);
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0x00, 0xF8, RLE_LAST);
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0x03, 0x88, 1, 2, 3, 4, RLE_LAST); /* behind it an id */
    CHECK_SHOWN(93, 0, MAGIC, 0x20, 200, RLE_LAST);
    CHECK_SHOWN(93, 0, MAGIC, 0x60, 0xFF, 0xFF, RLE_LAST);
    CHECK_SHOWN(93, 0, MAGIC, 0xA0, 0, 0, 0, 4, RLE_LAST);
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0xA0, 1, 0, 0, 4, RLE_LAST);
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80, RLE_LAST);
}

static void test_zstd_frames(void)
{
    CHECK_SHOWN(93, 0, MAGIC, 0x04, 0x50, RAW_3, RLE_LAST, 1, 2, 3, 4, MAGIC, 0x00, 0x50, RLE_LAST);
    CHECK_SHOWN(93, -E2BIG, MAGIC, 0x04, 0x50, RAW_3, RLE_LAST, 1, 2, 3, 4, MAGIC, 0x00, 0x98);
    CHECK_SHOWN(93, -E2BIG, 0x5F, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 'a', 'b', 'c', MAGIC, 0, 0x98);
    CHECK_SHOWN(93, -EBADMSG, MAGIC, 0x00, 0x50, 0x07, 0, 0);
    CHECK_SHOWN(93, -EBADMSG, 'P', 'K', 3, 4);
}

static void test_lzma(void)
{
    CHECK_SHOWN(14, 0, 9, 20, 5, 0, 0x5D, 0, 0, 0, 4, 0, 1, 2);
    CHECK_SHOWN(14, -E2BIG, 9, 20, 5, 0, 0x5D, 1, 0, 0, 4);
    CHECK_SHOWN(14, -EBADMSG, 9, 20, 6, 0, 0x5D, 0, 0, 0, 0);
}

#define XZ 0xFD, '7', 'z', 'X', 'Z', 0, 0, 1, 1, 2, 3, 4       /* CRC32 behind blocks */
#define BLOCK(code) 2, 0, 0x21, 1, code, 0, 0, 0, 1, 2, 3, 4   /* its own CRC is not checked */
#define CHUNKS 1, 0, 2, 'a', 'b', 'c', 0x80, 0, 9, 0, 1, 'x', 'y', 0, 0, 0, 1, 2, 3, 4
#define INDEX(n) 0, n, 0x81, 0x01, 5, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'Y', 'Z'

static void test_xz(void)
{
    /* 64 MiB */
    CHECK_SHOWN(95, 0, XZ, BLOCK(28), CHUNKS, INDEX(1), 0, 0, 0, 0, XZ, BLOCK(28), CHUNKS);
    CHECK_SHOWN(95, -E2BIG, XZ, BLOCK(29), CHUNKS);
    CHECK_SHOWN(95, -E2BIG, XZ, BLOCK(0), CHUNKS, BLOCK(40));
    CHECK_SHOWN(95, -E2BIG, XZ, BLOCK(0), CHUNKS, INDEX(1), 0, 0, 0, 0, XZ, BLOCK(40));
    CHECK_SHOWN(95, -EBADMSG, XZ, BLOCK(41));
    CHECK_SHOWN(95, -EBADMSG, XZ, 2, 0, 0x03, 1, 0, 0, 0, 0, 1, 2, 3, 4); /* delta alone */
    CHECK_SHOWN(95, -EBADMSG, XZ, BLOCK(0), 3, 0, 0);
    CHECK_SHOWN(95, -EBADMSG, 'x', 'z', 'x', 'z', 0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_others(void)
{
    CHECK_SHOWN(8, 0, MAGIC, 0xFF, 0xFF);
    CHECK_SHOWN(12, 0, 'B', 'Z', 'h', '9');
}

CHECK_MAIN({"zstd-window", test_zstd_window}, {"zstd-frames", test_zstd_frames},
           {"lzma", test_lzma}, {"xz", test_xz}, {"others", test_others})
