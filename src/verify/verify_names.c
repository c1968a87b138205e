/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What shows only between names: the same twice, the same but for case, archives within the
 * archive.
 */
#include <string.h>

#include "verify/verify_parts.h"

/* --- where entries are ------------------------------------------------------------------------ */

/* An entry of the directory; the one that comes last is served. */
static int visit(void *context, const struct ozx_zip_entry *header, struct ozx_error *error)
{
    struct ozx_verify *v = context;
    struct ozx_verify_entry e;
    uint64_t *offset;
    uint32_t node;

    if (v->options->cancel && *v->options->cancel)
        return ozx_error_interrupted(error);
    ozx_verify_entry_set(&e, header);
    if (ozx_archive_find(v->archive, e.path, &node))
        return 0; /* the directory changed: whoever reads next finds that */
    offset = &v->local_offsets[node];
    if (*offset != OZX_OFFSET_NONE)
        ozx_verify_find_path(v, OZX_RULE_DUPLICATE, OZX_VERDICT_FAIL, e.path, e.path_size_bytes,
                             *offset, NULL,
                             "appears again at byte %llu; the last one in the directory is served",
                             (unsigned long long)header->local_offset_bytes);
    *offset = header->local_offset_bytes;
    return 0;
}

int ozx_verify_names_index(struct ozx_verify *v, struct ozx_error *error)
{
    uint32_t node_count = ozx_archive_node_count(v->archive);
    struct ozx_archive_facts facts;
    uint64_t files = 0;

    v->local_offsets = malloc(node_count * sizeof *v->local_offsets);
    if (!v->local_offsets)
        return ozx_error_memory(error);
    for (uint32_t node = 0; node < node_count; node++) {
        v->local_offsets[node] = ozx_archive_local_offset(v->archive, node);
        files += v->local_offsets[node] != OZX_OFFSET_NONE;
    }
    ozx_archive_facts(v->archive, &facts);
    if (facts.entry_count == files)
        return 0;
    /* Entries of directories, or of one name: the tree does not say where they are. */
    memset(v->local_offsets, 0xFF, node_count * sizeof *v->local_offsets);
    return ozx_zip_directory_walk(v->source, &v->records, visit, v, error);
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
            ozx_verify_find_node(v, OZX_RULE_CASE, OZX_VERDICT_WARN, order[i],
                                 "differs only by case from its sibling '%s'",
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
    ozx_verify_find_node(v, OZX_RULE_NO_NESTING, OZX_VERDICT_FAIL, node,
                         "a .ozx inside the hierarchy");
    ozx_verify_find_node(v, OZX_RULE_NESTED, OZX_VERDICT_FAIL, node,
                         "is served as a plain file: a mount does not look into it");
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
