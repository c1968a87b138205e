/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The new central directory as pieces of the old one and of new headers, so that it is never in memory as a whole:
 * of a million entries all but a few stay as they stand.
 */
#include <string.h>

#include "base/array.h"
#include "base/descriptors.h"
#include "edit/append_parts.h"

#define BLOCK_SIZE ((size_t)1 << 20)
#define CARRY OZX_APPEND_CARRY

/* Behind the last piece, or one with it. */
static void add(struct ozx_append_state *s, bool is_old, uint64_t offset_bytes, uint64_t size_bytes)
{
    struct ozx_append_piece *last = s->piece_count ? &s->pieces[s->piece_count - 1] : NULL;

    s->size_bytes += size_bytes;
    if (last && last->is_old == is_old && last->offset_bytes + last->size_bytes == offset_bytes) {
        last->size_bytes += size_bytes;
        return;
    }
    if (ozx_array_grow(s->pieces, s->piece_count, &s->piece_room)) {
        s->no_memory = true;
        return;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    s->pieces[s->piece_count++] = (struct ozx_append_piece){
        .is_old = is_old, .offset_bytes = offset_bytes, .size_bytes = size_bytes};
}

void ozx_append_keep(struct ozx_append_state *s, uint64_t to_bytes)
{
    if (to_bytes > s->kept_bytes)
        add(s, true, s->kept_bytes, to_bytes - s->kept_bytes);
    s->kept_bytes = to_bytes;
}

void ozx_append_put_new(struct ozx_append_state *s, const struct ozx_zip_file *file)
{
    const uint8_t *end = ozx_zip_put_central(s->fresh + s->fresh_size_bytes, file);
    size_t size = (size_t)(end - s->fresh) - s->fresh_size_bytes;

    add(s, false, s->fresh_size_bytes, size);
    s->fresh_size_bytes += size;
    s->entry_count++;
}

static int fill(const struct ozx_append_state *s, const struct ozx_append_piece *piece,
                uint64_t done_bytes, uint8_t *to, size_t size)
{
    uint64_t from = piece->offset_bytes + done_bytes;

    if (piece->is_old)
        return ozx_descriptors_read_at(s->append->fd, to, size, from);
    memcpy(to, s->fresh + from, size);
    return 0;
}

int ozx_append_each_block(const struct ozx_append_state *s, ozx_append_block block, void *context,
                          struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *buffer = calloc(1, CARRY + BLOCK_SIZE);
    size_t used = 0;
    int failure = 0;

    if (!buffer)
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < s->piece_count && !failure; i++) {
        const struct ozx_append_piece *piece = &s->pieces[i];
        for (uint64_t done = 0; done < piece->size_bytes && !failure;) {
            uint64_t left = piece->size_bytes - done;
            size_t size = left < BLOCK_SIZE - used ? (size_t)left : BLOCK_SIZE - used;
            failure = fill(s, piece, done, buffer + CARRY + used, size);
            if (failure)
                return ozx_error_set(error, failure, OZX_RULE_NONE, piece->offset_bytes + done,
                                     NULL, "cannot read: %s", strerror(-failure));
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
