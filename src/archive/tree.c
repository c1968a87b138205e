/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking the tree.
 */
#include "archive/tree.h"

#include <string.h>

#include "zip/format.h"

_Static_assert(sizeof(struct ozx_node) == 32, "a million nodes are 32 MB, not more");
_Static_assert(sizeof(struct ozx_oddity) == 24, "no more, of archives that are compressed");

void ozx_tree_free(struct ozx_tree *tree)
{
    free(tree->nodes);
    free(tree->oddities);
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

    if (!ozx_node_is_directory(parent))
        return -ENOTDIR;
    high = low + parent->child_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t size;
        const char *child = ozx_node_name(tree->names, &tree->nodes[middle], &size);
        int order = ozx_name_compare(name, name_size_bytes, child, size);
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
        const char *name = ozx_node_name(tree->names, &tree->nodes[node], &size);
        if (front != end)
            front = put_front(front, path, "/", 1);
        front = put_front(front, path, name, size);
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

uint32_t ozx_oddity_find(const struct ozx_oddity *records, uint32_t count, uint32_t node)
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

const struct ozx_oddity *ozx_tree_oddity(const struct ozx_tree *tree, uint32_t node)
{
    return ozx_node_kind(&tree->nodes[node]) & OZX_KIND_ODD
               ? &tree->oddities[ozx_oddity_find(tree->oddities, tree->oddity_count, node)]
               : NULL;
}

uint64_t ozx_tree_size(const struct ozx_tree *tree, uint32_t file)
{
    uint64_t size_bytes = tree->nodes[file].size_bytes;
    const struct ozx_oddity *oddity =
        size_bytes == OZX_SIZE_ODD ? ozx_tree_oddity(tree, file) : NULL;

    return oddity ? oddity->size_bytes : size_bytes;
}

uint16_t ozx_tree_flags(const struct ozx_tree *tree, uint32_t file)
{
    const struct ozx_oddity *oddity = ozx_tree_oddity(tree, file);
    uint8_t kind = ozx_node_kind(&tree->nodes[file]);

    return oddity ? oddity->flags
                  : (uint16_t)((kind & OZX_KIND_UTF8 ? OZX_FLAG_UTF8 : 0) |
                               (kind & OZX_KIND_DESCRIPTOR ? OZX_FLAG_DESCRIPTOR : 0));
}

enum ozx_eio ozx_tree_eio(const struct ozx_tree *tree, uint32_t file)
{
    const struct ozx_oddity *oddity = ozx_tree_oddity(tree, file);

    return oddity ? (enum ozx_eio)oddity->eio : OZX_EIO_NONE;
}

enum ozx_rule ozx_tree_eio_rule(const struct ozx_tree *tree, uint32_t file)
{
    static const enum ozx_rule rules[] = {
        [OZX_EIO_NONE] = OZX_RULE_NONE,        [OZX_EIO_ENCRYPTED] = OZX_RULE_ENCRYPTED,
        [OZX_EIO_METHOD] = OZX_RULE_METHOD,    [OZX_EIO_SPECIAL] = OZX_RULE_SPECIAL,
        [OZX_EIO_RATIO] = OZX_RULE_COMPRESSED,
    };

    return rules[ozx_tree_eio(tree, file)];
}
