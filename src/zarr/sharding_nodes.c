/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the metadata of the arrays that change in a text, and has them changed.
 */
#include "zarr/sharding_nodes.h"

#include <stdio.h>
#include <string.h>

#include "zarr/consolidated.h"
#include "zarr/sharding_text.h"

struct rewrite {
    const struct ozx_sharding_change *change;
    const char *text;
    struct ozx_text_edits edits;
    int failure;
    char array[OZX_ESCAPED_SIZE]; /* whose metadata differ; "": another reason */
};

static const enum ozx_node_field compared[] = {OZX_FIELD_TYPE, OZX_FIELD_SHAPE,
                                               OZX_FIELD_CHUNK_GRID, OZX_FIELD_CHUNK_KEYS,
                                               OZX_FIELD_CODECS, OZX_FIELD_TRANSFORMERS};

/* True: an array that changes. */
static bool put(struct rewrite *r, const char *path, struct ozx_json_range node)
{
    const struct ozx_node_digest *own;
    const struct ozx_shape *shape;
    struct ozx_node_digest digest;

    if (r->failure || !r->change->find(r->change->context, path, &own, &shape))
        return false;
    r->failure = ozx_node_digest(r->text, node, &digest);
    for (size_t i = 0; i < sizeof compared / sizeof compared[0] && !r->failure; i++)
        if (digest.fields[compared[i]] != own->fields[compared[i]])
            r->failure = -EBADMSG;
    if (!r->failure)
        r->failure = shape ? ozx_sharding_put(r->text, node, shape, &r->edits)
                           : ozx_sharding_remove(r->text, node, &r->edits);
    if (r->failure == -EBADMSG)
        ozx_escape(r->array, sizeof r->array, path, strlen(path));
    return true;
}

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    if (node->path)
        (void)put(context, node->path, node->value);
    return false;
}

static void rewrite(struct rewrite *r, const char *directory, size_t size_bytes)
{
    struct ozx_json_cursor cursor = ozx_json_text(r->text, size_bytes);
    const struct ozx_consolidated_walk walk = {.text = r->text,
                                               .size_bytes = size_bytes,
                                               .directory = directory,
                                               .context = r,
                                               .listed = listed};
    struct ozx_consolidated_facts facts;

    if (put(r, directory, (struct ozx_json_range){cursor.at, cursor.end}))
        return;
    if (ozx_consolidated_each(&walk, &facts) || r->failure)
        return;
    if (facts.is_there && (facts.is_wrong || facts.is_other_kind))
        r->failure = -EBADMSG;
}

static int say(const struct rewrite *r, const char *directory, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE], why[OZX_ESCAPED_SIZE + 80];

    snprintf(why, sizeof why,
             r->array[0] ? "metadata of array '%s' differ from its own" : "they are not understood",
             r->array);
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, r->change->hint,
                         "consolidated metadata in '%s%szarr.json' cannot be rewritten: %s",
                         ozx_escape(name, sizeof name, directory, strlen(directory)),
                         *directory ? "/" : "", why);
}

int ozx_sharding_change_text(const struct ozx_sharding_change *change, const char *directory,
                             const char *text, size_t size_bytes, char **out,
                             size_t *out_size_bytes, struct ozx_error *error)
{
    OZX_AUTO_FREE struct rewrite *r = calloc(1, sizeof *r);

    if (!r)
        return ozx_error_memory(error);
    r->change = change;
    r->text = text;
    rewrite(r, directory, size_bytes);
    if (!r->failure && r->edits.count)
        r->failure = ozx_text_edits_apply(&r->edits, text, size_bytes, out, out_size_bytes);
    ozx_text_edits_free(&r->edits);
    if (!r->failure)
        return 0;
    return r->failure == -EBADMSG ? say(r, directory, error) : ozx_error_memory(error);
}
