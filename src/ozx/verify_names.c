/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What shows only between names: the same twice, the same but for case, archives within the
 * archive.
 */
#include <string.h>
#include <sys/random.h>

#include "ozx/verify_parts.h"

#define EMPTY UINT32_MAX

/* --- the table of paths ----------------------------------------------------------------------- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed: nobody can choose paths that meet in one slot. */
static uint64_t hash(const struct ozx_verify *v, const char *text, size_t size)
{
    uint64_t h = fold(v->key[0] ^ size, v->key[1]);

    while (size) {
        uint64_t word = 0;
        size_t step = size < 8 ? size : 8;
        memcpy(&word, text, step);
        h = fold(h ^ word ^ v->key[1], v->key[0]);
        text += step;
        size -= step;
    }
    return fold(h, v->key[1]);
}

/* The slot of the path, or the empty one where it belongs. */
static uint32_t *find_slot(const struct ozx_verify *v, const char *path, size_t size)
{
    uint32_t mask = v->slot_count - 1;

    for (uint32_t i = (uint32_t)hash(v, path, size) & mask;; i = (i + 1) & mask) {
        const struct ozx_verify_entry *e;
        if (v->slots[i] == EMPTY)
            return &v->slots[i];
        e = &v->entries[v->slots[i]];
        if (e->path_size_bytes == size && memcmp(ozx_verify_path(v, e), path, size) == 0)
            return &v->slots[i];
    }
}

const struct ozx_verify_entry *ozx_verify_names_find(const struct ozx_verify *v, const char *path,
                                                     size_t path_size_bytes)
{
    uint32_t slot = v->slots ? *find_slot(v, path, path_size_bytes) : EMPTY;

    return slot == EMPTY ? NULL : &v->entries[slot];
}

/* Two entries of one name; the one that comes last in the directory is served. */
static void meet(struct ozx_verify *v, uint32_t *slot, uint32_t index)
{
    const struct ozx_verify_entry *there = &v->entries[*slot], *other = &v->entries[index];

    if (other->header_offset_bytes > there->header_offset_bytes) {
        const struct ozx_verify_entry *swap = there;
        *slot = index;
        there = other;
        other = swap;
    }
    ozx_verify_find(v, "duplicate", OZX_VERDICT_FAIL, other, OZX_OFFSET_NONE,
                    "is there again at byte %llu; the last in the directory is shown",
                    (unsigned long long)there->local_offset_bytes);
}

int ozx_verify_names_index(struct ozx_verify *v, struct ozx_error *error)
{
    uint64_t wanted = 16;

    while (wanted < 2 * (uint64_t)v->entry_count)
        wanted *= 2;
    if (wanted > UINT32_C(1) << 31)
        return ozx_error_memory(error);
    v->slots = malloc((size_t)wanted * sizeof *v->slots);
    if (!v->slots)
        return ozx_error_memory(error);
    memset(v->slots, 0xFF, (size_t)wanted * sizeof *v->slots);
    v->slot_count = (uint32_t)wanted;
    if (getrandom(v->key, sizeof v->key, GRND_NONBLOCK) != sizeof v->key)
        v->key[0] = (uint64_t)(uintptr_t)v, v->key[1] = (uint64_t)(uintptr_t)v->slots;
    v->key[0] |= 1;
    v->key[1] |= 1;
    for (uint32_t i = 0; i < v->entry_count; i++) {
        const struct ozx_verify_entry *e = &v->entries[i];
        uint32_t *slot = find_slot(v, ozx_verify_path(v, e), e->path_size_bytes);
        if (*slot == EMPTY)
            *slot = i;
        else
            meet(v, slot, i);
    }
    return 0;
}

/* --- case and nesting ------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool has_upper(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            return true;
    return false;
}

static int compare_folded(const struct ozx_verify *v, uint32_t a, uint32_t b)
{
    size_t a_size, b_size;
    const char *x = ozx_archive_name(v->archive, a, &a_size);
    const char *y = ozx_archive_name(v->archive, b, &b_size);

    for (size_t i = 0; i < a_size && i < b_size; i++) {
        unsigned char c = (unsigned char)lower(x[i]), d = (unsigned char)lower(y[i]);
        if (c != d)
            return c < d ? -1 : 1;
    }
    return (a_size > b_size) - (a_size < b_size);
}

static int by_folded_name(const void *a, const void *b, void *context)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = compare_folded(context, x, y);

    return order ? order : (x > y) - (x < y);
}

/* Two names that are one to a file system without case: at least one of them has a capital. */
static int judge_case(struct ozx_verify *v, uint32_t first, uint32_t count, struct ozx_error *error)
{
    OZX_AUTO_FREE uint32_t *order = NULL;
    bool capital = false;

    for (uint32_t i = 0; i < count && !capital; i++) {
        size_t size;
        const char *name = ozx_archive_name(v->archive, first + i, &size);
        capital = has_upper(name, size);
    }
    if (!capital || count < 2)
        return 0;
    order = malloc(count * sizeof *order);
    if (!order)
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < count; i++)
        order[i] = first + i;
    qsort_r(order, count, sizeof *order, by_folded_name, v);
    for (uint32_t i = 1; i < count; i++) {
        char escaped[OZX_ESCAPED_SIZE];
        size_t size;
        const char *name = ozx_archive_name(v->archive, order[i - 1], &size);
        if (compare_folded(v, order[i - 1], order[i]) == 0)
            ozx_verify_find_node(v, "case", OZX_VERDICT_WARN, order[i],
                                 "differs only by case from '%s' beside it",
                                 ozx_escape(escaped, sizeof escaped, name, size));
    }
    return 0;
}

static void judge_nesting(struct ozx_verify *v, uint32_t node)
{
    static const char suffix[] = ".ozx";
    const size_t suffix_size = sizeof suffix - 1;
    size_t size;
    const char *name = ozx_archive_name(v->archive, node, &size);

    if (size < suffix_size)
        return;
    for (size_t i = 0; i < suffix_size; i++)
        if (lower(name[size - suffix_size + i]) != suffix[i])
            return;
    ozx_verify_find_node(v, "no-nesting", OZX_VERDICT_FAIL, node, "a .ozx inside the hierarchy");
    ozx_verify_find_node(v, "nested", OZX_VERDICT_FAIL, node,
                         "is shown as it is: a mount does not look into it");
}

int ozx_verify_names_tree(struct ozx_verify *v, struct ozx_error *error)
{
    uint32_t node_count = ozx_archive_node_count(v->archive);

    for (uint32_t node = 0; node < node_count; node++) {
        uint32_t first, count;
        int failure;
        judge_nesting(v, node);
        ozx_archive_children(v->archive, node, &first, &count);
        failure = judge_case(v, first, count, error);
        if (failure)
            return failure;
    }
    return 0;
}
