/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Consolidated metadata (zarr/consolidated.h) of a group above a tree that is added: the tree's
 * nodes and the groups that were made or changed are listed in it, as they are; what it says of
 * others stays as it stands.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "edit/add_parents.h"
#include "edit/consolidated_copy.h"
#include "zarr/json_text.h"
#include "zarr/json_write.h"

struct block {
    const struct ozx_add_options *options;
    const struct ozx_add_parents *parents;
    uint32_t number;  /* the group */
    const char *path; /* of the tree, from the group */
    const char *text; /* of the group's zarr.json */
    struct ozx_text *out;
    bool any;
};

/* The path of a group below this one, from it; terminated in `buffer`. */
static const char *below(const struct block *b, const struct ozx_add_parent *parent,
                         char buffer[OZX_PATH_SIZE])
{
    size_t skipped = (size_t)(b->path - b->options->path);

    memcpy(buffer, b->path, parent->path_size_bytes - skipped);
    buffer[parent->path_size_bytes - skipped] = '\0';
    return buffer;
}

/* It is one of those that are listed anew. */
static bool is_ours(const struct block *b, const char *key)
{
    size_t size = strlen(b->path);
    char path[OZX_PATH_SIZE];

    if (strncmp(key, b->path, size) == 0 && (!key[size] || key[size] == '/'))
        return true;
    for (uint32_t i = b->number + 1; i < b->parents->count; i++)
        if (b->parents->list[i].text.text && strcmp(key, below(b, &b->parents->list[i], path)) == 0)
            return true;
    return false;
}

static void keep_others(struct block *b, struct ozx_json_range metadata)
{
    struct ozx_json_cursor cursor = ozx_json_within(b->text, metadata);
    struct ozx_json_member member;
    char key[OZX_PATH_SIZE];
    size_t size;

    if (!ozx_json_enter(&cursor, '{'))
        return;
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        if (ozx_json_decode(b->text, member.key, key, sizeof key, &size) && is_ours(b, key))
            continue;
        ozx_text_put(b->out, b->any ? ", " : "");
        ozx_text_add(b->out, b->text + member.start, member.value.to - member.start);
        b->any = true;
    }
}

/* A node, at `path` below `group`. */
static int put(struct block *b, const char *group, const char *path, const char *text, size_t size,
               struct ozx_error *error)
{
    struct ozx_change_text copy = {.text = NULL};
    char key[OZX_PATH_SIZE]; /* part of a path of the archive */
    int failure = ozx_copy_of(text, size, &copy, error);

    if (!failure) {
        snprintf(key, sizeof key, "%s%s%s", group, *group && *path ? "/" : "", path);
        ozx_text_put(b->out, b->any ? ", " : "");
        ozx_text_string(b->out, key);
        ozx_text_put(b->out, ": ");
        ozx_text_add(b->out, copy.text, copy.size_bytes);
        b->any = true;
    }
    free(copy.text);
    return failure;
}

static int put_new(struct block *b, struct ozx_error *error)
{
    char path[OZX_PATH_SIZE];
    int failure = 0;

    for (uint32_t i = b->number + 1; i < b->parents->count && !failure; i++) {
        const struct ozx_add_parent *parent = &b->parents->list[i];
        if (parent->text.text)
            failure = put(b, below(b, parent, path), "", parent->text.text, parent->text.size_bytes,
                          error);
    }
    for (size_t i = 0; i < b->options->node_count && !failure; i++) {
        const struct ozx_add_node *node = &b->options->nodes[i];
        failure = put(b, b->path, node->path, node->text, node->size_bytes, error);
    }
    return failure;
}

static int find_block(const struct ozx_change_text *text, struct ozx_json_range *metadata,
                      struct ozx_error *error)
{
    struct ozx_json_cursor whole = ozx_json_text(text->text, text->size_bytes);
    struct ozx_json_range all = {whole.at, whole.end}, block, kind, word;

    if (!ozx_json_find(text->text, all, "consolidated_metadata", &block) ||
        !ozx_json_find(text->text, block, "metadata", metadata) ||
        text->text[metadata->from] != '{' || !ozx_json_find(text->text, block, "kind", &kind) ||
        !ozx_json_string_of(text->text, kind, &word) || !ozx_json_is(text->text, word, "inline"))
        return ozx_copy_refuse("are not of the kind 'inline'", error);
    return 0;
}

int ozx_add_consolidated(const struct ozx_add_options *options,
                         const struct ozx_add_parents *parents, uint32_t number,
                         struct ozx_error *error)
{
    struct ozx_add_parent *group = &parents->list[number];
    OZX_AUTO_TEXT struct ozx_text made = {.bytes = NULL};
    struct block b = {.options = options,
                      .parents = parents,
                      .number = number,
                      .path =
                          options->path + group->path_size_bytes + (group->path_size_bytes != 0),
                      .text = group->text.text,
                      .out = &made};
    struct ozx_json_range metadata = {0, 0};
    int failure = find_block(&group->text, &metadata, error);

    if (failure)
        return failure;
    if (!options->has_all_nodes)
        return ozx_copy_refuse("would become too large", error);
    ozx_text_put(&made, "{");
    keep_others(&b, metadata);
    failure = put_new(&b, error);
    ozx_text_put(&made, "}");
    if (!failure && made.no_memory)
        failure = ozx_error_memory(error);
    if (!failure)
        failure = ozx_change_set(&group->text, "consolidated_metadata.metadata", made.bytes, error);
    return failure;
}
