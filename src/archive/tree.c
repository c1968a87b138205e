/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking the tree.
 */
#include "archive/tree.h"

#include <string.h>

_Static_assert(sizeof(struct ozx_node) == 40, "a million nodes are 40 MB, not more");

void ozx_tree_free(struct ozx_tree *tree)
{
    free(tree->nodes);
    free(tree->compressed);
    free(tree->names);
    free(tree->prefix);
    *tree = (struct ozx_tree){0};
}

int ozx_name_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    if (order)
        return order;
    return (a_size > b_size) - (a_size < b_size);
}

int ozx_tree_lookup(const struct ozx_tree *tree, uint32_t directory, const char *name,
                    size_t name_size_bytes, uint32_t *node)
{
    const struct ozx_node *parent = &tree->nodes[directory];
    uint32_t low = parent->first_child, high;

    if (!(parent->kind & OZX_KIND_DIRECTORY))
        return -ENOTDIR;
    high = low + parent->child_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct ozx_node *child = &tree->nodes[middle];
        int order = ozx_name_compare(name, name_size_bytes, tree->names + child->name_offset,
                                     child->name_size);
        if (order == 0) {
            *node = middle;
            return 0;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -ENOENT;
}

/* Copies the `size` bytes in front of `end`; the new front. A path that would not fit cannot be: no
 * name longer than OZX_NAME_PATH_MAX was let in. */
static char *put_front(char *end, const char *start, const char *text, size_t size)
{
    if ((size_t)(end - start) < size)
        size = (size_t)(end - start);
    return memcpy(end - size, text, size);
}

const char *ozx_tree_next_component(const char *path)
{
    while (*path == '/' || (*path == '.' && (path[1] == '/' || !path[1])))
        path++;
    return path;
}

size_t ozx_tree_path(const struct ozx_tree *tree, uint32_t node, char path[OZX_PATH_SIZE])
{
    char *end = path + OZX_PATH_SIZE - 1, *front = end;
    size_t prefix_size = strlen(tree->prefix), size;

    for (; node != OZX_NODE_ROOT; node = tree->nodes[node].parent) {
        const struct ozx_node *n = &tree->nodes[node];
        if (front != end)
            front = put_front(front, path, "/", 1);
        front = put_front(front, path, tree->names + n->name_offset, n->name_size);
    }
    if (prefix_size) {
        if (front != end)
            front = put_front(front, path, "/", 1);
        front = put_front(front, path, tree->prefix, prefix_size);
    }
    size = (size_t)(end - front);
    memmove(path, front, size);
    path[size] = '\0';
    return size;
}

uint32_t ozx_compressed_find(const struct ozx_compressed *records, uint32_t count, uint32_t node)
{
    uint32_t low = 0, high = count;

    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (records[middle].node <= node)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const struct ozx_compressed *ozx_tree_compressed(const struct ozx_tree *tree, uint32_t node)
{
    return &tree->compressed[ozx_compressed_find(tree->compressed, tree->compressed_count, node)];
}

enum ozx_rule ozx_node_eio_rule(const struct ozx_node *node)
{
    static const enum ozx_rule rules[] = {
        [OZX_EIO_NONE] = OZX_RULE_NONE,        [OZX_EIO_ENCRYPTED] = OZX_RULE_ENCRYPTED,
        [OZX_EIO_METHOD] = OZX_RULE_METHOD,    [OZX_EIO_SPECIAL] = OZX_RULE_SPECIAL,
        [OZX_EIO_RATIO] = OZX_RULE_COMPRESSED,
    };

    return rules[node->eio];
}
