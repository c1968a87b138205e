/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A group's text is joined anew around its copies of a node.
 */
#include "edit/consolidated_copy.h"

#include <string.h>

#include "base/array.h"
#include "zarr/consolidated.h"
#include "zarr/json_text.h"
#include "zarr/json_write.h"

#define KEY "consolidated_metadata"

int ozx_copy_refuse(const char *why, struct ozx_error *error)
{
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "remove it first: ozxfs edit FILE GROUP consolidated_metadata=",
                         "a group above has consolidated metadata that %s", why);
}

int ozx_copy_of(const char *text, size_t size_bytes, struct ozx_change_text *out,
                struct ozx_error *error)
{
    struct ozx_json_cursor whole = ozx_json_text(text, size_bytes);
    struct ozx_json_range found, all = {whole.at, whole.end};

    out->text = malloc(size_bytes);
    if (!out->text)
        return ozx_error_memory(error);
    out->size_bytes = size_bytes - all.from;
    memcpy(out->text, text + all.from, out->size_bytes);
    while (out->size_bytes && strchr(" \t\r\n", out->text[out->size_bytes - 1]))
        out->size_bytes--;
    return ozx_json_find(text, all, KEY, &found) ? ozx_change_set(out, KEY, NULL, error) : 0;
}

/* --- replacing -------------------------------------------------------------------------------- */

struct copies {
    const char *path;
    struct ozx_json_range *list; /* owned; in the order of the text, none in another */
    uint32_t count, room;
    bool no_memory;
};

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct copies *c = context;

    if (!node->path || strcmp(node->path, c->path) != 0 ||
        (c->count && node->value.from < c->list[c->count - 1].to))
        return false;
    if (ozx_array_grow(c->list, c->count, &c->room))
        c->no_memory = true;
    else
        c->list[c->count++] = node->value;
    return false;
}

/* `copy`, with what the old one in `text` at `old` consolidates: a text, which no parser has to
 * take. */
static void put(struct ozx_text *out, const char *text, struct ozx_json_range old,
                const struct ozx_change_text *copy)
{
    struct ozx_json_range block;

    if (!ozx_json_find(text, old, KEY, &block)) {
        ozx_text_add(out, copy->text, copy->size_bytes);
        return;
    }
    ozx_text_add(out, copy->text, copy->size_bytes - 1); /* without the last bracket */
    ozx_text_put(out, ", \"" KEY "\": ");
    ozx_text_add(out, text + block.from, block.to - block.from);
    ozx_text_put(out, "}");
}

static int join(const struct ozx_change_text *group, const struct copies *copies,
                const struct ozx_change_text *copy, struct ozx_change_text *made,
                struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text out = {.bytes = NULL};
    size_t at = 0;

    for (uint32_t i = 0; i < copies->count; i++) {
        ozx_text_add(&out, group->text + at, copies->list[i].from - at);
        put(&out, group->text, copies->list[i], copy);
        at = copies->list[i].to;
    }
    ozx_text_add(&out, group->text + at, group->size_bytes - at);
    if (out.no_memory)
        return ozx_error_memory(error);
    *made = (struct ozx_change_text){.text = ozx_take(out.bytes), .size_bytes = out.size_bytes};
    return 0;
}

static int find(const struct ozx_change_text *group, const char *above, struct copies *copies,
                struct ozx_error *error)
{
    const struct ozx_consolidated_walk walk = {.text = group->text,
                                               .size_bytes = group->size_bytes,
                                               .directory = above,
                                               .context = copies,
                                               .listed = listed};
    struct ozx_consolidated_facts facts;
    int failure = ozx_consolidated_each(&walk, &facts);

    if (failure || copies->no_memory)
        return ozx_error_memory(error);
    if (facts.is_other_kind)
        return ozx_copy_refuse("are not of the kind 'inline'", error);
    return facts.is_wrong ? ozx_copy_refuse("cannot be understood", error) : 0;
}

int ozx_copy_replace(struct ozx_change_text *group, const char *above, const char *path,
                     const struct ozx_change_text *text, bool *changed, struct ozx_error *error)
{
    struct copies copies = {.path = path};
    struct ozx_change_text copy = {.text = NULL}, made = {.text = NULL};
    int failure = find(group, above, &copies, error);

    *changed = false;
    if (!failure && copies.count)
        failure = ozx_copy_of(text->text, text->size_bytes, &copy, error);
    if (!failure && copy.text)
        failure = join(group, &copies, &copy, &made, error);
    if (!failure && copy.text) {
        free(group->text);
        *group = made;
        made.text = NULL;
        *changed = true;
    }
    free(made.text);
    free(copy.text);
    free(copies.list);
    return failure;
}
