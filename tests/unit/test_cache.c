/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was fetched, in memory and in a file: the right bytes or none, no more of them than is
 * allowed, and a file that nobody finds.
 */
#include "check.h"
#include "fetch/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (UINT64_C(4) << 20) /* of the cache: the smallest there is */
#define PAGES (SIZE / OZX_PAGE)
#define END (8 * PAGES) /* pages from here on are kept */
#define OFTEN 16        /* a page that is asked for, not of the first block */

static char folder[] = "/tmp/ozxfs-cache-test-XXXXXX";
static bool named_only; /* the file system knows no files without a name */

/* The linker's --wrap: open(2) of all that is linked here, by whichever of its names. */
int __real_open(const char *path, int flags, ...);   /* NOLINT */
int __wrap_open(const char *path, int flags, ...);   /* NOLINT */
int __wrap_open64(const char *path, int flags, ...); /* NOLINT */

static int open_or_not(const char *path, int flags, mode_t mode)
{
    if (named_only && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open(path, flags | O_LARGEFILE, mode);
}

#define PASS_ON(path, flags)                                                                       \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    int fd = open_or_not(path, flags, va_arg(rest, mode_t));                                       \
    va_end(rest);                                                                                  \
    return fd

int __wrap_open(const char *path, int flags, ...) /* NOLINT */
{
    PASS_ON(path, flags);
}

int __wrap_open64(const char *path, int flags, ...) /* NOLINT */
{
    PASS_ON(path, flags);
}

static void fill(uint8_t *page, uint64_t number)
{
    for (size_t i = 0; i < OZX_PAGE; i++)
        page[i] = (uint8_t)((number * OZX_PAGE + i) * UINT64_C(0x9E3779B97F4A7C15) >> 56);
}

static void put(struct ozx_cache *cache, uint64_t number)
{
    uint8_t page[OZX_PAGE];

    fill(page, number);
    ozx_cache_put(cache, number, page, sizeof page);
}

/* Whether it is there; if so, it is right. */
static bool is_there(struct ozx_cache *cache, uint64_t number)
{
    uint8_t page[OZX_PAGE], right[OZX_PAGE];

    if (!ozx_cache_get(cache, number, page, sizeof page))
        return false;
    fill(right, number);
    CHECK(memcmp(page, right, sizeof page) == 0);
    return true;
}

static unsigned count_names(const char *where)
{
    DIR *opened = opendir(where);
    unsigned count = 0;

    CHECK(opened != NULL);
    while (opened && readdir(opened))
        count++;
    if (opened)
        closedir(opened);
    return count - 2;
}

static int make_file(const char *where)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int fd = -1;

    CHECK(ozx_cache_make_file(where, &fd, &error) == 0);
    return fd;
}

static void check_nobody_finds_it(void)
{
    struct stat st;
    int fd = make_file(folder);

    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0600);
    CHECK(count_names(folder) == 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    close(fd);
}

static void test_folders_that_are_none(void)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int fd = -1;

    CHECK(ozx_cache_make_file("/nonexistent/x", &fd, &error) == -ENOENT && fd == -1);
    CHECK(strstr(error.text, "cache directory"));
    CHECK(ozx_cache_make_file("/dev/null", &fd, &error) == -ENOTDIR && fd == -1);
}

/* What is asked for again and again stays, and so do the first block and the end; of what does not
 * fit the oldest goes. */
static void check_no_more_than_allowed(int fd)
{
    struct ozx_cache *cache = NULL;
    struct stat st;
    unsigned there = 0;

    CHECK(ozx_cache_open(SIZE, fd, &cache) == 0);
    ozx_cache_keep_from(cache, END);
    for (uint64_t number = END; number < END + OZX_CACHE_KEPT; number++)
        put(cache, number);
    for (uint64_t number = 0; number < 4 * PAGES; number++) {
        put(cache, number);
        CHECK(ozx_cache_has(cache, number));
        CHECK(number < OFTEN || is_there(cache, OFTEN));
    }
    CHECK(is_there(cache, 0));
    for (uint64_t number = 0; number < 4 * PAGES; number++)
        there += is_there(cache, number);
    for (uint64_t number = END; number < END + OZX_CACHE_KEPT; number++, there++)
        CHECK(is_there(cache, number));
    CHECK(there > PAGES / 2 && there <= PAGES);
    if (fd >= 0)
        CHECK(fstat(fd, &st) == 0 && (uint64_t)st.st_size <= SIZE);
    ozx_cache_close(cache);
}

static void test_a_disk_that_is_full(void)
{
    int fd = make_file(folder);
    struct rlimit before, little;
    struct ozx_cache *cache = NULL;
    unsigned there = 0;

    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    little = (struct rlimit){SIZE / 2 + 100, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &little) == 0);
    CHECK(ozx_cache_open(SIZE, fd, &cache) == 0);
    for (uint64_t number = 0; number < 2 * PAGES; number++) {
        put(cache, number);
        there += is_there(cache, number);
    }
    CHECK(there > PAGES / 4 && there < 2 * PAGES);
    ozx_cache_close(cache);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
}

/* Somebody shortened it: what is gone is not there, and nothing else comes in its place. */
static void test_a_disk_that_loses(void)
{
    int fd = make_file(folder);
    struct ozx_cache *cache = NULL;

    CHECK(ozx_cache_open(SIZE, fd, &cache) == 0);
    put(cache, 7);
    CHECK(is_there(cache, 7) && ftruncate(fd, 0) == 0);
    CHECK(!is_there(cache, 7) && !ozx_cache_has(cache, 7));
    put(cache, 7);
    CHECK(is_there(cache, 7));
    ozx_cache_close(cache);
}

static void test_a_file(void)
{
    check_nobody_finds_it();
    check_no_more_than_allowed(make_file(folder));
    named_only = true;
    check_nobody_finds_it();
    check_no_more_than_allowed(make_file(folder));
    named_only = false;
}

static void test_memory(void)
{
    check_no_more_than_allowed(-1);
}

static void test_the_folder(void)
{
    CHECK(mkdtemp(folder) != NULL);
}

static void test_nothing_is_left(void)
{
    CHECK(rmdir(folder) == 0);
}

CHECK_MAIN({"a folder", test_the_folder}, {"a file", test_a_file}, {"memory", test_memory},
           {"folders that are none", test_folders_that_are_none},
           {"a disk that is full", test_a_disk_that_is_full},
           {"a disk that loses", test_a_disk_that_loses}, {"nothing is left", test_nothing_is_left})
