/* SPDX-License-Identifier: BSD-2-Clause
 *
 * base/: the byte cursor, errors and escaping, UTF-8, sources over memory and files, threads.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "../kit/source_memory.h"
#include "base/bytes.h"
#include "base/crew.h"
#include "base/error.h"
#include "check.h"
#include "io/source.h"

static void test_bytes_numbers(void)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xFF};
    struct ozx_bytes b = ozx_bytes_of(data, sizeof data);

    CHECK_UINT(ozx_bytes_u16(&b), 0x0201);
    CHECK_UINT(ozx_bytes_u32(&b), 0x06050403);
    CHECK_UINT(b.left_bytes, 8);
    CHECK_UINT(ozx_bytes_u64(&b), UINT64_C(0xFF0D0C0B0A090807));
    CHECK(!b.bad && b.left_bytes == 0);
}

static void test_bytes_fail_sticky(void)
{
    static const uint8_t data[] = {1, 2, 3};
    struct ozx_bytes b = ozx_bytes_of(data, sizeof data);

    CHECK_UINT(ozx_bytes_u32(&b), 0);
    CHECK(b.bad);
    CHECK_UINT(ozx_bytes_u16(&b), 0); /* three bytes are there: still bad */
    CHECK(!ozx_bytes_take(&b, 1));
    b = ozx_bytes_of(data, 3);
    CHECK(ozx_bytes_take(&b, 3) == data && !b.bad);
    CHECK(!ozx_bytes_take(&b, SIZE_MAX) && b.bad);
    b = ozx_bytes_of(data, 6 - 3);
    CHECK_UINT(ozx_bytes_u64(&b), 0); /* half of it is there: no half number */
}

static void test_bytes_written_are_read(void)
{
    uint8_t data[14], *end;
    struct ozx_bytes b;

    end = ozx_put_u64(ozx_put_u32(ozx_put_u16(data, 0xBEEF), 0xDEADC0DE),
                      UINT64_C(0x0123456789ABCDEF));
    CHECK(end == data + sizeof data);
    b = ozx_bytes_of(data, sizeof data);
    CHECK_UINT(ozx_bytes_u16(&b), 0xBEEF);
    CHECK_UINT(ozx_bytes_u32(&b), 0xDEADC0DE);
    CHECK_UINT(ozx_bytes_u64(&b), UINT64_C(0x0123456789ABCDEF));
}

static void test_error_is_filled_and_cut(void)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char longer[2000];

    CHECK(error.code == 0 && error.offset_bytes == OZX_OFFSET_NONE);
    CHECK_INT(ozx_error_set(&error, -EBADMSG, OZX_RULE_LOCAL, 7, NULL, "%d of %s", 3, "them"),
              -EBADMSG);
    CHECK_INT(error.code, -EBADMSG);
    CHECK_INT(error.rule, OZX_RULE_LOCAL);
    CHECK_STRING(error.text, "3 of them");
    CHECK_STRING(error.hint, "");
    CHECK_UINT(error.offset_bytes, 7);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_INT(ozx_error_set(&error, -EIO, OZX_RULE_NONE, 0, longer, "%s", longer), -EIO);
    CHECK_UINT(strlen(error.text), sizeof error.text - 1);
    CHECK_UINT(strlen(error.hint), sizeof error.hint - 1);
    CHECK_INT(ozx_error_memory(&error), -ENOMEM);
}

static const char *escaped(const char *name, size_t size)
{
    static char buffer[OZX_ESCAPED_SIZE];
    return ozx_escape(buffer, sizeof buffer, name, size);
}

static void test_escape(void)
{
    CHECK_STRING(escaped("", 0), "");
    CHECK_STRING(escaped("a b/c", 5), "a b/c");
    CHECK_STRING(escaped("a\nb\tc\rd", 7), "a\\nb\\tc\\rd");
    CHECK_STRING(escaped("a\\b", 3), "a\\\\b");
    CHECK_STRING(escaped("\x1b[2J\x7f\x01", 6), "\\x1B[2J\\x7F\\x01");
    CHECK_STRING(escaped("a\0b", 3), "a\\x00b");
    CHECK_STRING(escaped("gr\xc3\xb6\xc3\x9f", 6), "gr\xc3\xb6\xc3\x9f");
    CHECK_STRING(escaped("\xc3", 1), "\\xC3");
    CHECK_STRING(escaped("\xff\xfe", 2), "\\xFF\\xFE");
    CHECK_STRING(escaped("\xc2\x9b", 2), "\\xC2\\x9B"); /* CSI of eight-bit terminals */
    CHECK_STRING(escaped("\xed\xa0\x80", 3), "\\xED\\xA0\\x80");
}

static void test_hidden(void)
{
    static const uint32_t are[] = {0,       0x1F,    0x7F,    0x80,    0x9F,    0xAD,   0x34F,
                                   0x61C,   0x115F,  0x180E,  0x200B,  0x200F,  0x2028, 0x202E,
                                   0x2060,  0x206F,  0xFDD0,  0xFE0F,  0xFEFF,  0xFFF9, 0xFFFF,
                                   0x1D173, 0xE0001, 0xE007F, 0xE01EF, 0x10FFFE};
    static const uint32_t are_not[] = {0x20,   0x7E,   0xA0,   0xB5,    0x34E,   0x350,   0x61B,
                                       0x61D,  0x200A, 0x2010, 0x2027,  0x202F,  0x2070,  0x20AC,
                                       0xFE10, 0xFFFC, 0xFFFD, 0x1F600, 0x10000, 0xE1000, 0x10FFFD};

    for (size_t i = 0; i < sizeof are / sizeof are[0]; i++)
        CHECK(!ozx_is_shown(are[i]));
    for (size_t i = 0; i < sizeof are_not / sizeof are_not[0]; i++)
        CHECK(ozx_is_shown(are_not[i]));
    CHECK_STRING(escaped("a\xe2\x80\xae", 4), "a\\xE2\\x80\\xAE");
    CHECK_STRING(escaped("\xd8\x9c\xf3\xa0\x81\x81z", 7), "\\xD8\\x9C\\xF3\\xA0\\x81\\x81z");
}

static void test_escape_message(void)
{
    char once[64], twice[64];

    ozx_escape_message(once, sizeof once, "'a\\x1B' \x1b[2J\n\xc2\x9b\xff \xc2\xb5");
    CHECK_STRING(once, "'a\\x1B' \\x1B[2J\\n\\xC2\\x9B\\xFF \xc2\xb5");
    CHECK_STRING(ozx_escape_message(twice, sizeof twice, once), once);
}

static void test_escape_is_cut(void)
{
    char name[1000], buffer[OZX_ESCAPED_SIZE], small[8];

    memset(name, 'n', sizeof name);
    ozx_escape(buffer, sizeof buffer, name, sizeof name);
    CHECK(strlen(buffer) < sizeof buffer);
    CHECK_STRING(buffer + strlen(buffer) - 4, "n...");
    memset(name, '\n', sizeof name);
    ozx_escape(buffer, sizeof buffer, name, sizeof name);
    CHECK_STRING(buffer + strlen(buffer) - 5, "\\n...");
    for (size_t size = 0; size <= 40; size++) {
        memset(name, 'a', size);
        ozx_escape(small, sizeof small, name, size);
        CHECK(strlen(small) < sizeof small);
        if (size < sizeof small)
            CHECK_UINT(strlen(small), size);
    }
    CHECK_STRING(ozx_escape(small, sizeof small, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 9),
                 "\xe2\x82\xac..."); /* no character is cut in two */
}

static void test_utf8(void)
{
    static const char *good[] = {"",
                                 "ascii",
                                 "\xc2\x80",
                                 "\xdf\xbf",
                                 "\xe0\xa0\x80",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xf0\x90\x80\x80",
                                 "\xf4\x8f\xbf\xbf"};
    static const char *bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2",
                                "\xe2\x82", "\xf0\x9f\x92", "a\xff", "\xc2\x41"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK(ozx_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!ozx_utf8_valid(bad[i], strlen(bad[i])));
    CHECK(ozx_utf8_valid("a\0b", 3));
}

static void test_source_of_memory(void)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    char buffer[8] = "........";

    CHECK_INT(source_open_memory("0123456789", 10, &source), 0);
    CHECK_UINT(ozx_source_size(source), 10);
    CHECK_INT(ozx_source_fd(source), -1);
    CHECK_INT(ozx_source_read(source, buffer, 4, 6), 0);
    CHECK_MEMORY(buffer, 8, "6789....", 8);
    CHECK_INT(ozx_source_read(source, buffer, 0, 10), 0);
    CHECK_INT(ozx_source_read(source, buffer, 1, 10), -EIO);
    CHECK_INT(ozx_source_read(source, buffer, 5, 6), -EIO);
    CHECK_INT(ozx_source_read(source, buffer, 1, UINT64_MAX), -EIO);
    CHECK_INT(ozx_source_read(source, buffer, SIZE_MAX, 1), -EIO);
    CHECK_MEMORY(buffer, 8, "6789....", 8);
}

/* A file of ten bytes without a name. */
static int ten_bytes(void)
{
    char path[] = "/tmp/ozxfs-unit.XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || unlink(path) < 0 || write(fd, "0123456789", 10) != 10)
        abort();
    return fd;
}

static void test_source_of_file(void)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    int fd = ten_bytes();
    char buffer[8] = "........";

    CHECK_INT(ozx_source_open_fd(fd, &source), 0);
    CHECK_UINT(ozx_source_size(source), 10);
    CHECK(ozx_source_mtime(source) > 1500000000);
    CHECK_INT(ozx_source_read(source, buffer, 3, 7), 0);
    CHECK_MEMORY(buffer, 8, "789.....", 8);
    CHECK_INT(ozx_source_read(source, buffer, 3, 8), -EIO);
    CHECK_INT(ozx_source_read(source, buffer, 0, 10), 0);
}

static void expect_stale(int (*change)(int fd))
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;
    int fd = ten_bytes();
    char buffer[4];

    CHECK_INT(ozx_source_open_fd(fd, &source), 0);
    CHECK_INT(ozx_source_read(source, buffer, 4, 0), 0);
    CHECK_INT(change(fd), 0);
    CHECK_INT(ozx_source_read(source, buffer, 4, 0), -ESTALE);
    CHECK_INT(ftruncate(fd, 10), 0); /* the old size again: it stays stale */
    CHECK_INT(ozx_source_read(source, buffer, 4, 0), -ESTALE);
}

static int cut(int fd)
{
    return ftruncate(fd, 5);
}

static int grow(int fd)
{
    return pwrite(fd, "x", 1, 10) == 1 ? 0 : -1;
}

static int touch(int fd)
{
    const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5, .tv_nsec = 1}};
    return futimens(fd, times);
}

static void test_source_notices_changes(void)
{
    expect_stale(cut);
    expect_stale(grow);
    expect_stale(touch);
}

static void test_source_refuses_what_is_no_file(void)
{
    struct ozx_source *source = NULL;
    int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ends[2];

    CHECK_INT(ozx_source_open_fd(directory, &source), -EISDIR);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK_INT(ozx_source_open_fd(ends[0], &source), -EINVAL);
    CHECK(!source);
    CHECK_INT(ozx_source_open_fd(-1, &source), -EBADF);
    close(directory);
    close(ends[0]);
    close(ends[1]);
    ozx_source_close(NULL);
}

static void check_ranges(uint32_t count, unsigned threads, uint32_t first_size)
{
    struct ozx_crew_range range = {0};
    uint32_t cursor = 0, seen = 0;

    while (ozx_crew_next_range(&cursor, count, threads, &range) && range.first == seen) {
        if (!seen)
            CHECK_UINT(range.last, first_size);
        seen = range.last;
    }
    CHECK_UINT(seen, count);
}

static void test_crew_shares_few_large_pieces_too(void)
{
    check_ranges(0, 2, 0);
    check_ranges(42, 2, 1);
    check_ranges(96, 2, 3);
    check_ranges(100001, 16, 64);
}

/* A crew that adds up 1 ... 1000, and what can go wrong with it. */
struct sum {
    struct ozx_crew crew;
    uint32_t cursor, fail_at;
    atomic_uint_fast64_t total, begun, ended;
    bool fail_begin;
    unsigned told;
};

static int sum_begin(void *context, void *member)
{
    struct sum *sum = context;
    struct ozx_error error = OZX_ERROR_INIT;

    *(uint64_t *)member = 0;
    atomic_fetch_add(&sum->begun, 1);
    if (!sum->fail_begin)
        return 0;
    ozx_error_set(&error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "begin");
    return ozx_crew_stop(&sum->crew, &error, false);
}

static bool sum_next(void *context, void *job)
{
    struct sum *sum = context;

    return ozx_crew_next_range(&sum->cursor, 1000, 4, job);
}

static int sum_work(void *context, void *member, const void *job)
{
    struct sum *sum = context;
    const struct ozx_crew_range *range = job;
    struct ozx_error error = OZX_ERROR_INIT;

    if (sum->fail_at && range->last >= sum->fail_at) {
        ozx_error_set(&error, -EBADMSG, OZX_RULE_CRC, 7, NULL, "work");
        return ozx_crew_stop(&sum->crew, &error, true);
    }
    for (uint32_t i = range->first; i < range->last; i++)
        *(uint64_t *)member += i + 1;
    return 0;
}

static void sum_end(void *context, void *member)
{
    struct sum *sum = context;

    atomic_fetch_add(&sum->total, *(uint64_t *)member);
    atomic_fetch_add(&sum->ended, 1);
}

static void sum_progress(void *context)
{
    ((struct sum *)context)->told++;
}

static int run_sum(struct sum *sum, const volatile sig_atomic_t *cancel, bool *output,
                   struct ozx_error *error)
{
    const struct ozx_crew_task task = {.threads = 4,
                                       .member_size = sizeof(uint64_t),
                                       .context = sum,
                                       .cancel = cancel,
                                       .begin = sum_begin,
                                       .next = sum_next,
                                       .work = sum_work,
                                       .end = sum_end,
                                       .progress = sum_progress};

    ozx_crew_init(&sum->crew, &task);
    ozx_crew_run(&sum->crew);
    return ozx_crew_end(&sum->crew, output, error);
}

static void test_crew_does_all(void)
{
    struct sum sum = {.cursor = 0};
    struct ozx_error error = OZX_ERROR_INIT;

    CHECK_INT(run_sum(&sum, NULL, NULL, &error), 0);
    CHECK_UINT(sum.total, 500500);
    CHECK_UINT(sum.begun, 4);
    CHECK_UINT(sum.ended, 4);
    CHECK(sum.told >= 1);
    CHECK_INT(error.code, 0);
}

static void test_crew_tells_the_first_error(void)
{
    struct sum sum = {.fail_at = 500}, early = {.fail_begin = true};
    struct ozx_error error = OZX_ERROR_INIT;
    bool output = false;

    CHECK_INT(run_sum(&sum, NULL, &output, &error), -EBADMSG);
    CHECK(output && error.rule == OZX_RULE_CRC && error.offset_bytes == 7);
    CHECK(sum.total < 500500 && sum.begun == sum.ended);
    CHECK_INT(run_sum(&early, NULL, &output, &error), -EIO);
    CHECK(!output && early.total == 0 && early.begun == early.ended);
}

static void test_crew_is_cancelled(void)
{
    static volatile sig_atomic_t cancel = 1;
    struct sum sum = {.cursor = 0};
    struct ozx_error error = OZX_ERROR_INIT;
    bool output = false;

    /* The threads may be done before it is asked: cancelled all the same, and told so. */
    CHECK_INT(run_sum(&sum, &cancel, &output, &error), -EINTR);
    CHECK(output);
    CHECK_STRING(error.text, "interrupted");
}

CHECK_MAIN({"bytes: numbers", test_bytes_numbers},
           {"bytes: failure is sticky", test_bytes_fail_sticky},
           {"bytes: written and read", test_bytes_written_are_read},
           {"error: filled and cut", test_error_is_filled_and_cut}, {"escape", test_escape},
           {"escape: what is not shown", test_hidden}, {"escape: messages", test_escape_message},
           {"escape: cut", test_escape_is_cut}, {"utf-8", test_utf8},
           {"source: memory", test_source_of_memory}, {"source: file", test_source_of_file},
           {"source: changes", test_source_notices_changes},
           {"source: no file", test_source_refuses_what_is_no_file},
           {"crew: shares", test_crew_shares_few_large_pieces_too},
           {"crew: does all", test_crew_does_all},
           {"crew: the first error", test_crew_tells_the_first_error},
           {"crew: cancelled", test_crew_is_cancelled})
