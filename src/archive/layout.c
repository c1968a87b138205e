/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the draft to the final tree: children grouped by their parent (a counting sort), each group
 * sorted by name, then numbered breadth-first. Besides the nodes it takes 4 bytes for each of them
 * and 4 for each directory: a node's number stands in the place of its parent until all are moved.
 * A large group is sorted in parts, as all of it would take 32 bytes more for each.
 * Equal names meet here: the last entry of a name stays (rule duplicate), a file and a directory of
 * one name refuse the archive (rule conflict).
 */
#include "archive/index.h"

#include <endian.h>
#include <string.h>

#include "base/array.h"

#define NOT_SHOWN UINT32_MAX
#define STEPS_AHEAD 16
#define PARTS 256
#define SPLIT_MIN 65536 /* children, to be sorted in parts */
#define SAMPLES (4 * PARTS)

/* A child to be sorted: the first eight bytes of its name decide almost always. */
struct key {
    uint64_t prefix;
    uint32_t draft;
};

struct layout {
    struct ozx_draft *draft;
    uint32_t *order; /* drafts grouped by parent */
    struct key *keys;
    uint32_t key_room;
    uint32_t *directories; /* drafts, in the order of their numbers */
    uint32_t directory_count, directory_room;
    uint32_t node_count;
    uint32_t *odd_nodes; /* final node of each, 0 (the root) if it is not shown */
    struct ozx_warnings *warnings;
    struct ozx_error *error;
};

static uint64_t prefix_of(const char *name, size_t size)
{
    char bytes[8] = {0};
    uint64_t word;

    memcpy(bytes, name, size < 8 ? size : 8);
    memcpy(&word, bytes, 8);
    return be64toh(word);
}

static struct key key_of(const struct ozx_draft *d, uint32_t draft)
{
    size_t size;
    const char *name = ozx_node_name(d->names, &d->nodes[draft], &size);

    return (struct key){.prefix = prefix_of(name, size), .draft = draft};
}

static int compare_names(const struct key *x, const struct key *y, const struct ozx_draft *d)
{
    size_t m_size, n_size;
    const char *m, *n;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    m = ozx_node_name(d->names, &d->nodes[x->draft], &m_size);
    n = ozx_node_name(d->names, &d->nodes[y->draft], &n_size);
    return ozx_name_compare(m, m_size, n, n_size);
}

/* By name, and drafts of one name in the order of their entries. */
static int compare_keys(const void *a, const void *b, void *context)
{
    const struct key *x = a, *y = b;
    int order = compare_names(x, y, context);

    return order ? order : (x->draft > y->draft) - (x->draft < y->draft);
}

/* Each directory's first_child and child_count become its range of `order`. */
static void group_by_parent(struct layout *l)
{
    struct ozx_node *nodes = l->draft->nodes;
    uint32_t count = l->draft->node_count, next = 0;

    for (uint32_t i = 1; i < count; i++)
        nodes[nodes[i].parent].child_count++;
    for (uint32_t i = 0; i < count; i++)
        if (ozx_node_is_directory(&nodes[i])) {
            nodes[i].first_child = next;
            next += nodes[i].child_count;
            nodes[i].child_count = 0;
        }
    for (uint32_t i = 1; i < count; i++) {
        struct ozx_node *parent = &nodes[nodes[i].parent];
        l->order[parent->first_child + parent->child_count++] = i;
    }
}

static int reserve_keys(struct layout *l, uint32_t count)
{
    if (count <= l->key_room)
        return 0;
    free(l->keys);
    l->key_room = 0;
    l->keys = malloc(count * sizeof *l->keys);
    if (!l->keys)
        return ozx_error_memory(l->error);
    l->key_room = count;
    return 0;
}

static int sort_children(struct layout *l, const uint32_t *children, uint32_t count)
{
    bool sorted = true;
    int failure = reserve_keys(l, count);

    for (uint32_t i = 0; i < count && !failure; i++) {
        l->keys[i] = key_of(l->draft, children[i]);
        if (i && sorted)
            sorted = compare_keys(&l->keys[i - 1], &l->keys[i], l->draft) < 0;
    }
    if (!failure && !sorted)
        qsort_r(l->keys, count, sizeof *l->keys, compare_keys, l->draft);
    return failure;
}

/* --- in parts --------------------------------------------------------------------------------- */

/* If they are in order: parts of equal size, but no two of one name in different ones. */
static bool cut_sorted(const struct ozx_draft *d, const uint32_t *children, uint32_t count,
                       uint32_t ends[PARTS])
{
    struct key last = key_of(d, children[0]);
    uint32_t part = 0;

    for (uint32_t i = 1; i < count; i++) {
        const struct key next = key_of(d, children[i]);
        int order = compare_names(&last, &next, d);

        if (order > 0 || (order == 0 && last.draft > next.draft))
            return false;
        if (order && i >= (uint64_t)count * (part + 1) / PARTS)
            ends[part++] = i;
        last = next;
    }
    while (part < PARTS)
        ends[part++] = count;
    return true;
}

/* The number of bounds that are not behind the name. */
static uint32_t part_of(const struct ozx_draft *d, const struct key *bounds, const struct key *key)
{
    uint32_t low = 0, high = PARTS - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_names(&bounds[middle], key, d) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Every child to its part, in place; until then the part's number stands for its parent's. */
static void gather(struct ozx_node *nodes, uint32_t *children, uint32_t starts[PARTS],
                   const uint32_t ends[PARTS])
{
    for (uint32_t part = 0; part < PARTS; part++)
        while (starts[part] < ends[part]) {
            uint32_t from = starts[part], child = children[from];
            uint32_t to = starts[nodes[child].parent]++;

            children[from] = children[to];
            children[to] = child;
            nodes[child].parent = NOT_SHOWN;
        }
}

/* Parts so that all of one are in front of all of the next; the bounds are some of the names. */
static int split(struct layout *l, uint32_t *children, uint32_t count, uint32_t ends[PARTS])
{
    uint32_t starts[PARTS], sizes[PARTS] = {0}, end = 0;
    struct ozx_node *nodes = l->draft->nodes;

    if (reserve_keys(l, SAMPLES))
        return -ENOMEM;
    for (uint32_t i = 0; i < SAMPLES; i++)
        l->keys[i] = key_of(l->draft, children[(uint64_t)i * count / SAMPLES]);
    qsort_r(l->keys, SAMPLES, sizeof *l->keys, compare_keys, l->draft);
    for (uint32_t i = 1; i < PARTS; i++)
        l->keys[i - 1] = l->keys[i * (SAMPLES / PARTS)];
    for (uint32_t i = 0; i < count; i++) {
        const struct key key = key_of(l->draft, children[i]);
        nodes[children[i]].parent = part_of(l->draft, l->keys, &key);
        sizes[nodes[children[i]].parent]++;
    }
    for (uint32_t i = 0; i < PARTS; i++) {
        starts[i] = end;
        end += sizes[i];
        ends[i] = end;
    }
    gather(nodes, children, starts, ends);
    return 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void count_replaced(struct ozx_draft *d, const struct ozx_node *node)
{
    d->replaced_count++;
    if (ozx_node_kind(node) & OZX_KIND_ODD)
        d->replaced_bytes +=
            d->oddities[ozx_oddity_find(d->oddities, d->oddity_count, (uint32_t)(node - d->nodes))]
                .compressed_size_bytes;
    else
        d->replaced_bytes += node->size_bytes;
}

/* Two children of one name: fine if both are files, the later one stays. */
static int judge_equal(struct layout *l, const struct ozx_node *first,
                       const struct ozx_node *second)
{
    size_t size;
    const char *name = ozx_node_name(l->draft->names, first, &size);
    const struct ozx_node *file = ozx_node_is_directory(first) ? second : first;
    char escaped[OZX_ESCAPED_SIZE];

    if (ozx_node_is_directory(first) == ozx_node_is_directory(second)) {
        ozx_warnings_add(l->warnings, OZX_RULE_DUPLICATE, OZX_WARNING_MAJOR, ozx_node_offset(first),
                         name, size, "appears more than once; the last one is served");
        count_replaced(l->draft, first);
        return 0;
    }
    return ozx_error_set(l->error, -EBADMSG, OZX_RULE_CONFLICT, ozx_node_offset(file),
                         "recreate the archive with another tool",
                         "'%s' is both a file and a directory",
                         ozx_escape(escaped, sizeof escaped, name, size));
}

static bool equal_names(const struct layout *l, uint32_t a, uint32_t b)
{
    const struct ozx_draft *d = l->draft;
    size_t m_size, n_size;
    const char *m, *n;

    if (l->keys[a].prefix != l->keys[b].prefix)
        return false;
    m = ozx_node_name(d->names, &d->nodes[l->keys[a].draft], &m_size);
    n = ozx_node_name(d->names, &d->nodes[l->keys[b].draft], &n_size);
    return m_size == n_size && memcmp(m, n, m_size) == 0;
}

static int add_directory(struct layout *l, uint32_t draft)
{
    if (ozx_array_grow(l->directories, l->directory_count, &l->directory_room))
        return ozx_error_memory(l->error);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    l->directories[l->directory_count++] = draft;
    return 0;
}

/* Numbers sorted children of a directory, behind those that have a number. */
static int place_children(struct layout *l, struct ozx_node *parent, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t draft = l->keys[i].draft;
        struct ozx_node *node = &l->draft->nodes[draft];
        if (i + 1 < count && equal_names(l, i, i + 1)) {
            int failure = judge_equal(l, node, &l->draft->nodes[l->keys[i + 1].draft]);
            if (failure)
                return failure;
            continue;
        }
        if (ozx_node_is_directory(node)) {
            if (add_directory(l, draft))
                return -ENOMEM;
            parent->subdirectory_count++;
        } else if (ozx_node_kind(node) & OZX_KIND_ODD)
            l->odd_nodes[ozx_oddity_find(l->draft->oddities, l->draft->oddity_count, draft)] =
                l->node_count;
        node->parent = l->node_count++;
    }
    return 0;
}

/* All of a directory's children, which are its range of `order` yet. */
static int place_directory(struct layout *l, struct ozx_node *parent)
{
    uint32_t *children = l->order + parent->first_child;
    uint32_t count = parent->child_count, first = l->node_count, at = 0;
    uint32_t ends[PARTS] = {count};
    int failure = 0;

    if (count >= SPLIT_MIN && !cut_sorted(l->draft, children, count, ends))
        failure = split(l, children, count, ends);
    parent->subdirectory_count = 0;
    for (uint32_t part = 0; at < count && !failure; part++) {
        failure = sort_children(l, children + at, ends[part] - at);
        if (!failure)
            failure = place_children(l, parent, ends[part] - at);
        at = ends[part];
    }
    parent->first_child = l->node_count > first ? first : 0;
    parent->child_count = l->node_count - first;
    return failure;
}

static int by_node(const void *a, const void *b)
{
    const struct ozx_oddity *x = a, *y = b;

    return (x->node > y->node) - (x->node < y->node);
}

/* The oddities with final numbers, without those of entries that a duplicate replaced. */
static void settle_oddities(struct layout *l)
{
    struct ozx_draft *d = l->draft;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < d->oddity_count; i++)
        if (l->odd_nodes[i]) {
            d->oddities[kept] = d->oddities[i];
            d->oddities[kept++].node = l->odd_nodes[i];
        }
    d->oddity_count = kept;
    if (kept)
        qsort(d->oddities, kept, sizeof *d->oddities, by_node);
}

static int number_nodes(struct layout *l, uint32_t root)
{
    struct ozx_node *nodes = l->draft->nodes;

    group_by_parent(l);
    for (uint32_t i = 0; i < l->draft->node_count; i++)
        nodes[i].parent = NOT_SHOWN;
    nodes[root].parent = 0;
    nodes[root].name_offset = nodes[0].name_offset; /* it has no name */
    l->node_count = 1;
    if (add_directory(l, root))
        return -ENOMEM;
    for (uint32_t i = 0; i < l->directory_count; i++) {
        int failure = place_directory(l, &nodes[l->directories[i]]);
        if (failure)
            return failure;
    }
    settle_oddities(l);
    return 0;
}

static void swap(struct ozx_node *a, struct ozx_node *b)
{
    struct ozx_node held;

    memcpy((void *)&held, a, sizeof held);
    memcpy((void *)a, b, sizeof held);
    memcpy((void *)b, &held, sizeof held);
}

/* The local header, which is as it should be, is so long; 0: nobody has looked. */
static void settle_header(struct ozx_node *node, uint32_t size_bytes)
{
    if (size_bytes) /* no carry out of the offset: index.c has seen to that */
        atomic_init(&node->where, (ozx_node_where(node) + size_bytes) | OZX_WHERE_RESOLVED);
}

/* Moves every node to its place, within the memory that they are in: a second array of them would
 * be the most that opening an archive takes. What stands in the place is moved on in turn, and
 * where that will lead is asked a few steps ahead, for these steps are far apart. */
static void move_nodes(struct layout *l)
{
    struct ozx_node *nodes = l->draft->nodes;
    uint32_t *places = l->order; /* of each draft; its own work is done */
    uint64_t files = 0;

    ozx_headers_ahead_end(l->draft->ahead);
    for (uint32_t i = 0; i < l->draft->node_count; i++) {
        places[i] = nodes[i].parent;
        if (l->draft->ahead && !ozx_node_is_directory(&nodes[i]))
            settle_header(&nodes[i], ozx_headers_ahead_size(l->draft->ahead, files++));
    }
    for (uint32_t i = 0; i < l->draft->node_count; i++) {
        uint32_t ahead = i, steps = 0;
        while (places[i] != NOT_SHOWN && places[i] != i) {
            uint32_t place = places[i];
            for (; steps < STEPS_AHEAD && ahead != NOT_SHOWN; steps++) {
                __builtin_prefetch(&nodes[ahead], 1);
                ahead = places[ahead];
            }
            swap(&nodes[i], &nodes[place]);
            places[i] = places[place];
            places[place] = place;
            steps--;
        }
    }
}

static void set_parents(const struct layout *l)
{
    struct ozx_node *nodes = l->draft->nodes;

    nodes[0].parent = 0;
    for (uint32_t i = 0; i < l->node_count; i++)
        for (uint32_t k = 0; ozx_node_is_directory(&nodes[i]) && k < nodes[i].child_count; k++)
            nodes[nodes[i].first_child + k].parent = i;
}

/* Gives back what `size` bytes do not need; the block stays as it is if that fails. */
static void *shrink(void *block, size_t size)
{
    void *smaller = realloc(block, size ? size : 1);

    return smaller ? smaller : block;
}

int ozx_layout(struct ozx_draft *draft, uint32_t root, struct ozx_tree *out,
               struct ozx_warnings *warnings, struct ozx_error *error)
{
    struct layout l = {.draft = draft, .warnings = warnings, .error = error};
    int failure = -ENOMEM;

    l.order = malloc(draft->node_count * sizeof *l.order);
    l.odd_nodes = calloc(draft->oddity_count + (size_t)1, sizeof *l.odd_nodes);
    if (l.order && l.odd_nodes)
        failure = number_nodes(&l, root);
    else
        (void)!ozx_error_memory(error);
    if (!failure)
        move_nodes(&l);
    if (!failure)
        set_parents(&l);
    free(l.order);
    free(l.keys);
    free(l.directories);
    free(l.odd_nodes);
    if (failure)
        return failure;
    out->nodes = shrink(ozx_take(draft->nodes), l.node_count * sizeof *out->nodes);
    out->node_count = l.node_count;
    out->oddity_count = draft->oddity_count;
    out->oddities = shrink(ozx_take(draft->oddities), out->oddity_count * sizeof *out->oddities);
    out->names = shrink(ozx_take(draft->names), draft->names_size);
    return 0;
}
