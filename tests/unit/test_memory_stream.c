/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stream in memory: all that was written, or an error, wherever memory runs out.
 */
#include <stdlib.h>

#include "base/memory_stream.h"
#include "check.h"

static unsigned reallocs_left = UINT32_MAX;

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_realloc(void *block, size_t size)
{
    if (reallocs_left == 0)
        return NULL; /* that time alone: what comes later has a place again */
    return __real_realloc(block, size);
}

/* 1,000 lines of growing length, the `from`-th of them where memory is out, `count` long. */
static int write_lines(struct ozx_memory_stream *memory, unsigned from, unsigned count)
{
    if (ozx_memory_stream_begin(memory))
        return 1;
    for (unsigned i = 0; i < 1000; i++) {
        reallocs_left = i >= from && i < from + count ? 0 : UINT32_MAX;
        fprintf(memory->out, "%*u\n", (int)i, i);
        fflush(memory->out);
    }
    reallocs_left = UINT32_MAX;
    return ozx_memory_stream_end(memory);
}

static void test_whole(void)
{
    struct ozx_memory_stream memory;
    size_t at = 0;

    CHECK_INT(write_lines(&memory, 2000, 0), 0);
    for (unsigned i = 0; i < 1000 && memory.bytes; i++) {
        char line[1024];
        size_t size = (size_t)snprintf(line, sizeof line, "%*u\n", (int)i, i);
        CHECK(at + size <= memory.size_bytes && memcmp(memory.bytes + at, line, size) == 0);
        at += size;
    }
    CHECK_UINT(memory.size_bytes, at);
    free(memory.bytes);
}

static void test_nothing(void)
{
    struct ozx_memory_stream memory;

    CHECK_INT(ozx_memory_stream_begin(&memory), 0);
    CHECK_INT(ozx_memory_stream_end(&memory), 0);
    CHECK_UINT(memory.size_bytes, 0);
    free(memory.bytes);
}

/* Out of memory for some lines, at any place. Where they found room all is there. */
static void test_gaps(void)
{
    unsigned failed = 0;

    for (unsigned from = 0; from < 1000; from += 3) {
        struct ozx_memory_stream memory;
        int failure = write_lines(&memory, from, 20);
        CHECK(failure == 0 || failure == -ENOMEM);
        CHECK(failure ? !memory.bytes : memory.size_bytes > 400000);
        failed += failure != 0;
        free(memory.bytes);
    }
    CHECK(failed > 10);
}

CHECK_MAIN({"whole", test_whole}, {"nothing", test_nothing}, {"gaps", test_gaps})
