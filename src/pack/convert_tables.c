/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Nodes and texts of a conversion, found by a hash.
 */
#include <string.h>

#include "base/array.h"
#include "pack/convert.h"

int ozx_convert_refuse(const struct ozx_convert *c, const char *path, size_t size_bytes,
                       const char *hint, const char *what, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, hint, "%s'%s' %s",
                         c->kind.subject,
                         size_bytes ? ozx_escape(name, sizeof name, path, size_bytes) : "/", what);
}

const char *ozx_convert_file_name(enum ozx_convert_file file)
{
    static const char *const names[] = {[OZX_ZGROUP] = OZX_NAME_ZGROUP,
                                        [OZX_ZARRAY] = OZX_NAME_ZARRAY,
                                        [OZX_ZATTRS] = OZX_NAME_ZATTRS};

    return names[file];
}

/* --- tables ----------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint32_t hash_of(const char *bytes, size_t size)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT32_C(16777619);
    return hash ^ hash >> 15;
}

typedef uint32_t hash_function(const struct ozx_convert *c, uint32_t number);

static uint32_t hash_node(const struct ozx_convert *c, uint32_t number)
{
    return hash_of(c->nodes[number].path, c->nodes[number].path_size_bytes);
}

static uint32_t hash_text(const struct ozx_convert *c, uint32_t number)
{
    return c->texts[number].hash;
}

static void put_slot(struct ozx_convert_index *index, uint32_t hash, uint32_t number)
{
    uint32_t at = hash & (index->room - 1);

    while (index->slots[at])
        at = (at + 1) & (index->room - 1);
    index->slots[at] = number + 1;
}

/* Room for one more than `count`, half of it free. -ENOMEM. */
static int reserve_slot(const struct ozx_convert *c, struct ozx_convert_index *index,
                        uint32_t count, hash_function *hash)
{
    struct ozx_convert_index larger = {.room = index->room ? 2 * index->room : 64};

    if (count < index->room / 2)
        return 0;
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        put_slot(&larger, hash(c, i), i);
    free(index->slots);
    *index = larger;
    return 0;
}

uint32_t ozx_convert_find(const struct ozx_convert *c, const char *path, size_t size_bytes)
{
    const struct ozx_convert_index *index = &c->node_index;
    uint32_t at, number;

    if (!index->room)
        return OZX_CONVERT_NONE;
    at = hash_of(path, size_bytes) & (index->room - 1);
    for (; (number = index->slots[at]); at = (at + 1) & (index->room - 1)) {
        const struct ozx_convert_node *node = &c->nodes[number - 1];
        if (node->path_size_bytes == size_bytes && memcmp(node->path, path, size_bytes) == 0)
            return number - 1;
    }
    return OZX_CONVERT_NONE;
}

/* Takes the text, or frees it if there is one like it. */
int ozx_convert_keep_text(struct ozx_convert *c, struct ozx_text *text, uint32_t *number)
{
    uint32_t hash = hash_of(text->bytes, text->size_bytes), at, slot;
    char *fitted;

    if (reserve_slot(c, &c->text_index, c->text_count, hash_text) ||
        ozx_array_grow(c->texts, c->text_count, &c->text_room))
        return -ENOMEM;
    at = hash & (c->text_index.room - 1);
    for (; (slot = c->text_index.slots[at]); at = (at + 1) & (c->text_index.room - 1)) {
        const struct ozx_convert_text *kept = &c->texts[slot - 1];
        if (kept->hash == hash && kept->size_bytes == text->size_bytes &&
            memcmp(kept->bytes, text->bytes, text->size_bytes) == 0) {
            *number = slot - 1;
            return 0;
        }
    }
    fitted = realloc(text->bytes, text->size_bytes + 1);
    c->texts[c->text_count] = (struct ozx_convert_text){
        .bytes = fitted ? fitted : text->bytes, .size_bytes = text->size_bytes, .hash = hash};
    text->bytes = NULL;
    put_slot(&c->text_index, hash, c->text_count);
    *number = c->text_count++;
    return 0;
}

int ozx_convert_keep_node(struct ozx_convert *c, struct ozx_convert_node *node, uint32_t *number)
{
    if (reserve_slot(c, &c->node_index, c->node_count, hash_node) ||
        ozx_array_grow(c->nodes, c->node_count, &c->node_room))
        return -ENOMEM;
    c->nodes[c->node_count] = *node;
    node->path = NULL;
    put_slot(&c->node_index, hash_node(c, c->node_count), c->node_count);
    *number = c->node_count++;
    return 0;
}

void ozx_convert_free_nodes(struct ozx_convert *c)
{
    for (uint32_t i = 0; i < c->node_count; i++)
        free(c->nodes[i].path);
    for (uint32_t i = 0; i < c->text_count; i++)
        free(c->texts[i].bytes);
    for (uint32_t i = 0; i < c->image_count; i++)
        ozx_metadata_free(c->images[i].metadata);
    free(c->nodes);
    free(c->texts);
    free(c->images);
    free(c->node_index.slots);
    free(c->text_index.slots);
}
