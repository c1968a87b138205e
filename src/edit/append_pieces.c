/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The new central directory as pieces of the old one and of new headers, so that it is never in
 * memory as a whole: of a million entries all but a few stay as they stand.
 */
#include <string.h>

#include "base/array.h"
#include "base/descriptors.h"
#include "edit/append_parts.h"

#define BLOCK_SIZE ((size_t)1 << 20)
#define CARRY OZX_APPEND_CARRY

/* Behind the last piece, or one with it. */
static void add(struct ozx_append_state *s, enum ozx_append_where where, uint64_t from, uint64_t to,
                uint64_t size_bytes)
{
    struct ozx_append_piece *last = s->piece_count ? &s->pieces[s->piece_count - 1] : NULL;

    s->size_bytes += size_bytes;
    if (last && last->where == where && last->to == from) {
        last->to = to;
        last->size_bytes += size_bytes;
        return;
    }
    if (ozx_array_grow(s->pieces, s->piece_count, &s->piece_room)) {
        s->no_memory = true;
        return;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    s->pieces[s->piece_count++] =
        (struct ozx_append_piece){.where = where, .from = from, .to = to, .size_bytes = size_bytes};
}

void ozx_append_keep(struct ozx_append_state *s, uint64_t to_bytes)
{
    if (to_bytes > s->kept_bytes)
        add(s, OZX_APPEND_OLD, s->kept_bytes, to_bytes, to_bytes - s->kept_bytes);
    s->kept_bytes = to_bytes;
}

void ozx_append_put_new(struct ozx_append_state *s, const struct ozx_zip_file *file)
{
    const uint8_t *end = ozx_zip_put_central(s->fresh + s->fresh_size_bytes, file);
    size_t size = (size_t)(end - s->fresh) - s->fresh_size_bytes;

    add(s, OZX_APPEND_FRESH, s->fresh_size_bytes, s->fresh_size_bytes + size, size);
    s->fresh_size_bytes += size;
    s->entry_count++;
}

void ozx_append_put_tree(struct ozx_append_state *s, const struct ozx_zip_file *file)
{
    add(s, OZX_APPEND_TREE, s->tree_count, s->tree_count + 1, ozx_zip_central_size(file));
    s->tree_count++;
    s->entry_count++;
}

/* A header of the tree, of which a part was read. */
struct header {
    uint64_t next; /* the entry behind it */
    uint8_t bytes[OZX_CENTRAL_SIZE + OZX_NAME_PATH_MAX + 256];
    size_t done, size;
};

static void fill_from_tree(const struct ozx_append_tree *tree, struct header *h, uint8_t *to,
                           size_t size)
{
    char path[OZX_NAME_PATH_MAX + 1];

    while (size) {
        size_t part = h->size - h->done < size ? h->size - h->done : size;
        memcpy(to, h->bytes + h->done, part);
        h->done += part;
        to += part;
        size -= part;
        if (size) {
            struct ozx_zip_file file = tree->file(tree->context, h->next++, path);
            h->size = (size_t)(ozx_zip_put_central(h->bytes, &file) - h->bytes);
            h->done = 0;
        }
    }
}

static int fill(const struct ozx_append_state *s, const struct ozx_append_piece *piece,
                uint64_t done_bytes, struct header *header, uint8_t *to, size_t size)
{
    uint64_t from = piece->from + done_bytes;

    switch (piece->where) {
    case OZX_APPEND_OLD:
        return ozx_descriptors_read_at(s->append->fd, to, size, from);
    case OZX_APPEND_FRESH:
        memcpy(to, s->fresh + from, size);
        break;
    case OZX_APPEND_TREE:
        if (!done_bytes)
            *header = (struct header){.next = piece->from};
        fill_from_tree(s->append->tree, header, to, size);
        break;
    }
    return 0;
}

int ozx_append_each_block(const struct ozx_append_state *s, ozx_append_block block, void *context,
                          struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *buffer = calloc(1, CARRY + BLOCK_SIZE);
    struct header header;
    size_t used = 0;
    int failure = 0;

    if (!buffer)
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < s->piece_count && !failure; i++) {
        const struct ozx_append_piece *piece = &s->pieces[i];
        for (uint64_t done = 0; done < piece->size_bytes && !failure;) {
            uint64_t left = piece->size_bytes - done;
            size_t size = left < BLOCK_SIZE - used ? (size_t)left : BLOCK_SIZE - used;
            failure = fill(s, piece, done, &header, buffer + CARRY + used, size);
            if (failure)
                return ozx_error_set(error, failure, OZX_RULE_NONE, piece->from + done, NULL,
                                     "cannot read: %s", strerror(-failure));
            done += size;
            used += size;
            if (used < BLOCK_SIZE)
                continue;
            failure = block(context, buffer + CARRY, used, error);
            memcpy(buffer, buffer + used, CARRY);
            used = 0;
        }
    }
    return failure || !used ? failure : block(context, buffer + CARRY, used, error);
}
