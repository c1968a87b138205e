/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of the preloaded library: memory that is not to be had, and comparisons that are counted.
 */
#include "inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- memory ----------------------------------------------------------------------------------- */

static bool lacks_memory(void)
{
    if (inject_judge(MEMORY) == PASS)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return lacks_memory() ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
    return lacks_memory() ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
    return lacks_memory() ? NULL : REAL(realloc)(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return lacks_memory() ? NULL : REAL(aligned_alloc)(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    return lacks_memory() ? ENOMEM : REAL(posix_memalign)(out, alignment, size);
}

/* --- counting comparisons --------------------------------------------------------------------- */

int memcmp(const void *a, const void *b, size_t size)
{
    inject_step();
    return REAL(memcmp)(a, b, size);
}

struct comparison {
    int (*with)(const void *a, const void *b, void *context);
    int (*without)(const void *a, const void *b);
    void *context;
};

static int compare(const void *a, const void *b, void *context)
{
    const struct comparison *how = context;

    inject_step();
    return how->with ? how->with(a, b, how->context) : how->without(a, b);
}

void qsort(void *base, size_t count, size_t size, int (*how)(const void *a, const void *b))
{
    REAL(qsort_r)(base, count, size, compare, &(struct comparison){.without = how});
}

void qsort_r(void *base, size_t count, size_t size,
             int (*how)(const void *a, const void *b, void *context), void *context)
{
    REAL(qsort_r)
    (base, count, size, compare, &(struct comparison){.with = how, .context = context});
}
