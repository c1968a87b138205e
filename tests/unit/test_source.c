/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io/source: what a kind of source may rely on, and that a source made of another one hands on all
 * that it is asked: the hooks of waiting, what is needed soon, whether it is still the same thing.
 */
#include <stdlib.h>

#include "check.h"
#include "io/source_kind.h"

#define SIZE 1000

/* A kind that counts: byte i is i modulo 251. */
static struct counted {
    struct ozx_source source;
    unsigned reads, twos, closes, stale;
    struct ozx_range needed[100];
    size_t needed_count;
} counted;

static int read_counted(struct ozx_source *source, void *buffer, size_t size_bytes,
                        uint64_t offset_bytes)
{
    ozx_source_will_wait(source);
    counted.reads++;
    for (size_t i = 0; i < size_bytes; i++)
        ((uint8_t *)buffer)[i] = (uint8_t)((offset_bytes + i) % 251);
    return ozx_source_stopped(source);
}

static int read_two(struct ozx_source *source, void *first, size_t first_size_bytes, void *second,
                    size_t second_size_bytes, uint64_t offset_bytes)
{
    (void)source;
    counted.twos++;
    for (size_t i = 0; i < first_size_bytes; i++)
        ((uint8_t *)first)[i] = (uint8_t)((offset_bytes + i) % 251);
    for (size_t i = 0; i < second_size_bytes; i++)
        ((uint8_t *)second)[i] = (uint8_t)((offset_bytes + first_size_bytes + i) % 251);
    return 0;
}

static void will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count)
{
    (void)source;
    for (size_t i = 0; i < count && counted.needed_count < 100; i++)
        counted.needed[counted.needed_count++] = ranges[i];
}

static int identity(struct ozx_source *source)
{
    (void)source;
    return counted.stale ? -ESTALE : 0;
}

static void close_counted(struct ozx_source *source)
{
    (void)source;
    counted.closes++;
}

static const struct ozx_source_kind kind = {.read = read_counted,
                                            .read_two = read_two,
                                            .will_need = will_need,
                                            .identity = identity,
                                            .close = close_counted};

static struct ozx_source *make(void)
{
    memset(&counted, 0, sizeof counted);
    counted.source = (struct ozx_source){.kind = &kind, .size_bytes = SIZE, .fd = -1};
    return &counted.source;
}

static unsigned waited;

static void on_wait(void)
{
    waited++;
}

static int stopped(void)
{
    return -EINTR;
}

static void test_ranges(void)
{
    struct ozx_source *source = make();
    uint8_t bytes[SIZE];

    CHECK(ozx_source_read(source, bytes, SIZE, 0) == 0);
    CHECK(ozx_source_read(source, bytes, 0, SIZE) == 0);
    CHECK(ozx_source_read(source, bytes, 1, SIZE) == -EIO);
    CHECK(ozx_source_read(source, bytes, 2, UINT64_MAX) == -EIO);
    CHECK(ozx_source_read_two(source, bytes, 10, bytes + 10, SIZE - 9, 0) == -EIO);
    CHECK_UINT(counted.reads, 2);
    CHECK_UINT(counted.twos, 0);
    CHECK(ozx_source_read_two(source, bytes, 10, bytes + 10, 20, 5) == 0);
    CHECK_UINT(counted.twos, 1);
    CHECK_UINT(bytes[29], 34);
}

/* Without a way to ask, nothing is in memory. */
static void test_now(void)
{
    struct ozx_source *source = make();
    uint8_t bytes[8];

    CHECK(ozx_source_read_now(source, bytes, 8, 0) == -EAGAIN);
    CHECK(ozx_source_read_now(source, bytes, 8, SIZE - 7) == -EIO);
    CHECK_UINT(counted.reads, 0);
}

static void test_changed(void)
{
    struct ozx_source *source = make(), *behind, *concat;
    uint8_t bytes[8];

    if (ozx_source_open_behind(source, 10, &behind) ||
        ozx_source_open_concat(behind, calloc(1, 5), 5, &concat))
        abort();
    CHECK(ozx_source_read(concat, bytes, 8, 0) == 0);
    counted.stale = 1;
    CHECK(ozx_source_read(concat, bytes, 8, 0) == -ESTALE);
    CHECK(ozx_source_read_two(behind, bytes, 4, bytes + 4, 4, 0) == -ESTALE);
    ozx_source_own(behind);
    ozx_source_close(concat);
    CHECK_UINT(counted.closes, 1);
}

static void test_handed_on(void)
{
    struct ozx_source *source = make(), *behind, *concat;
    struct ozx_range ranges[70];
    uint8_t bytes[8];

    if (ozx_source_open_behind(source, 10, &behind) ||
        ozx_source_open_concat(behind, calloc(1, 5), 5, &concat))
        abort();
    waited = 0;
    ozx_source_on_wait(concat, on_wait);
    CHECK(ozx_source_read(concat, bytes, 8, 980) == 0);
    CHECK_UINT(waited, 1);
    CHECK_UINT(bytes[7], 997 % 251);
    CHECK(ozx_source_read(concat, bytes, 8, 987) == 0); /* over the seam */
    CHECK_UINT(bytes[2], 999 % 251);
    CHECK_UINT(bytes[3], 0);
    ozx_source_on_work(concat, stopped);
    CHECK(ozx_source_read(concat, bytes, 8, 0) == -EINTR);

    for (unsigned i = 0; i < 70; i++)
        ranges[i] = (struct ozx_range){i, 2};
    ozx_source_will_need(concat, ranges, 70);
    CHECK_UINT(counted.needed_count, 70);
    CHECK_UINT(counted.needed[69].offset_bytes, 79);
    CHECK_UINT(counted.needed[69].size_bytes, 2);
    ozx_source_close(concat);
    CHECK_UINT(counted.closes, 0); /* borrowed */
}

CHECK_MAIN({"ranges", test_ranges}, {"now", test_now}, {"changed", test_changed},
           {"handed-on", test_handed_on})
