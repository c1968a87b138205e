/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The check harness of the unit tests: a test is a function, a check that fails says where and goes
 * on, the program's exit code is the verdict. Header-only; knows nothing of ozxfs.
 *
 *     static void test_sum(void) { CHECK(1 + 1 == 2); CHECK_UINT(1 + 1, 2); }
 *     CHECK_MAIN({"sum", test_sum})
 */
#ifndef OZX_TESTS_CHECK_H
#define OZX_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check_test {
    const char *name;
    void (*run)(void);
};

static unsigned check_failures;

static inline void check_failed(const char *file, int line, const char *text)
{
    check_failures++;
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
}

static inline bool check_uint(uint64_t got, uint64_t want, const char *text, const char *file,
                              int line)
{
    if (got == want)
        return true;
    check_failed(file, line, text);
    fprintf(stderr, "    is %" PRIu64 " (%#" PRIx64 "), should be %" PRIu64 "\n", got, got, want);
    return false;
}

static inline bool check_int(int64_t got, int64_t want, const char *text, const char *file,
                             int line)
{
    if (got == want)
        return true;
    check_failed(file, line, text);
    fprintf(stderr, "    is %" PRId64 ", should be %" PRId64 "\n", got, want);
    return false;
}

static inline bool check_string(const char *got, const char *want, const char *text,
                                const char *file, int line)
{
    if (got && want ? strcmp(got, want) == 0 : got == want)
        return true;
    check_failed(file, line, text);
    fprintf(stderr, "    is \"%s\", should be \"%s\"\n", got ? got : "(null)",
            want ? want : "(null)");
    return false;
}

static inline bool check_memory(const void *got, size_t got_size, const void *want,
                                size_t want_size, const char *text, const char *file, int line)
{
    if (got_size == want_size && (got_size == 0 || memcmp(got, want, got_size) == 0))
        return true;
    check_failed(file, line, text);
    fprintf(stderr, "    %zu bytes, should be %zu, or they differ\n", got_size, want_size);
    return false;
}

#define CHECK(condition)                                                                           \
    ((condition) ? true : (check_failed(__FILE__, __LINE__, #condition), false))
#define CHECK_UINT(got, want) check_uint((got), (want), #got, __FILE__, __LINE__)
#define CHECK_INT(got, want) check_int((got), (want), #got, __FILE__, __LINE__)
#define CHECK_STRING(got, want) check_string((got), (want), #got, __FILE__, __LINE__)
#define CHECK_MEMORY(got, got_size, want, want_size)                                               \
    check_memory((got), (got_size), (want), (want_size), #got, __FILE__, __LINE__)

static inline int check_run(const struct check_test *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned before = check_failures;
        tests[i].run();
        printf("%s %s\n", check_failures == before ? "ok  " : "FAIL", tests[i].name);
    }
    printf("%zu tests, %u failed checks\n", count, check_failures);
    return check_failures != 0;
}

#define CHECK_MAIN(...)                                                                            \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct check_test check_tests[] = {__VA_ARGS__};                              \
        return check_run(check_tests, sizeof check_tests / sizeof check_tests[0]);                 \
    }

#endif
