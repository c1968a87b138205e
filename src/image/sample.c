/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plane of an array, chunk by chunk, into the boxes of a picture. A shard is a grid as the array
 * is one: what differs is where a chunk is looked up.
 *
 *     array -> grid -> entry -> codecs undone -+-> items
 *                                              +-> shard -> grid -> range -> codecs undone ...
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "base/bytes.h"
#include "image/array.h"
#include "image/boxes.h"
#include "image/codecs.h"

#define RECORD_SIZE 16
#define KEY_SIZE (OZX_DIMENSIONS_MAX * 21 + 2)
#define MIB (1u << 20)

struct sampler {
    struct ozx_pixels *pixels;
    const struct ozx_plane *plane;
    struct ozx_boxes x, y;
    uint32_t dimensions;
    struct ozx_error *error;
};

/* Encoded bytes, in memory or in an entry. */
struct piece {
    const uint8_t *memory; /* NULL: in the entry `node` */
    uint32_t node;
    uint64_t at_bytes, size_bytes;
};

/* A part of the array, by its axes. */
struct part {
    uint64_t origin[OZX_DIMENSIONS_MAX], size[OZX_DIMENSIONS_MAX];
};

/* What is laid out in chunks: the array, or a shard. */
struct grid {
    const struct grid *up;
    const struct ozx_chain *chain; /* of its chunks */
    struct part part;
    uint64_t chunk[OZX_DIMENSIONS_MAX]; /* their size, by the array's axes */
    uint8_t axes[OZX_DIMENSIONS_MAX];   /* dimension i of its chunks is this axis of the array */
    const struct ozx_chain_sharding *sharding; /* NULL: the array */
    struct piece shard;                        /* and its index, decoded: */
    const uint8_t *index;
};

static int fail(const struct sampler *s, int code, const char *text)
{
    return ozx_error_set(s->error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s", text);
}

/* --- memory ----------------------------------------------------------------------------------- */

static int take_memory(const struct sampler *s, uint64_t size, uint8_t **out)
{
    if (size > OZX_CHUNK_MAX)
        return ozx_error_set(s->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "%" PRIu64 " bytes are more than the %u MiB that are decoded at once",
                             size, OZX_CHUNK_MAX / MIB);
    if (s->pixels->effort->live_bytes + size > OZX_DECODED_LIVE_MAX)
        return fail(s, -ENOTSUP, "its codecs need more memory than is taken for a picture");
    *out = malloc(size ? (size_t)size : 1);
    if (!*out)
        return ozx_error_memory(s->error);
    s->pixels->effort->live_bytes += size;
    return 0;
}

static void give_back(const struct sampler *s, uint8_t *memory, uint64_t size)
{
    if (memory)
        s->pixels->effort->live_bytes -= size;
    free(memory);
}

/* What was decoded: `room_bytes` are counted as live. */
struct decoded {
    uint8_t *bytes; /* owned; NULL: none */
    size_t size_bytes, room_bytes;
};

static int read_piece(const struct sampler *s, const struct piece *piece, struct decoded *out)
{
    struct ozx_node_stat stat;
    size_t got = 0;
    int failure = take_memory(s, piece->size_bytes, &out->bytes);

    if (failure)
        return failure;
    out->size_bytes = out->room_bytes = (size_t)piece->size_bytes;
    s->pixels->effort->decoded_bytes += piece->size_bytes;
    if (piece->memory) {
        memcpy(out->bytes, piece->memory + piece->at_bytes, out->size_bytes);
        return 0;
    }
    ozx_archive_stat(s->pixels->archive, piece->node, &stat);
    if (piece->size_bytes == stat.size_bytes)
        return ozx_archive_read_all(s->pixels->archive, piece->node, out->bytes, s->error);
    failure = ozx_archive_read(s->pixels->archive, piece->node, out->bytes, out->size_bytes,
                               piece->at_bytes, &got, s->error);
    if (!failure && got < out->size_bytes)
        failure = fail(s, -EIO, "the entry ends early");
    return failure;
}

static int undo_one(const struct sampler *s, enum ozx_chain_codec codec, uint64_t room,
                    struct decoded *d)
{
    struct decoded next = {.size_bytes = (size_t)room, .room_bytes = (size_t)room};
    int failure = take_memory(s, room, &next.bytes);

    if (!failure)
        failure = ozx_codec_decode(codec, d->bytes, d->size_bytes, next.bytes, &next.size_bytes,
                                   s->error);
    if (failure) {
        give_back(s, next.bytes, next.room_bytes);
        return failure;
    }
    give_back(s, d->bytes, d->room_bytes);
    *d = next;
    return 0;
}

/* Undoes what was done to the bytes. `expected`: how many there are; 0 is any number. */
static int undo(const struct sampler *s, const struct ozx_chain *chain, const struct piece *piece,
                uint64_t expected, struct decoded *out)
{
    struct decoded d = {.bytes = NULL};
    int failure = read_piece(s, piece, &d);

    for (uint32_t i = chain->behind_count; !failure && i-- > 0;) {
        uint64_t room = !expected ? OZX_CHUNK_MAX : i ? expected + expected / 8 + 65536 : expected;
        if (chain->behind[i] == OZX_CHAIN_CRC32C && room > d.size_bytes)
            room = d.size_bytes; /* it takes four bytes away */
        failure = undo_one(s, chain->behind[i], room < OZX_CHUNK_MAX ? room : OZX_CHUNK_MAX, &d);
        s->pixels->effort->decoded_bytes += d.size_bytes;
    }
    if (!failure && expected && d.size_bytes != expected)
        failure = ozx_error_set(s->error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "%zu bytes where %" PRIu64 " belong", d.size_bytes, expected);
    if (!failure && s->pixels->effort->decoded_bytes > OZX_DECODED_MAX)
        failure =
            fail(s, -ENOTSUP, "the picture takes more decoding than is done for one (16 GiB)");
    if (failure)
        give_back(s, d.bytes, d.room_bytes);
    else
        *out = d;
    return failure;
}

/* --- pixels ----------------------------------------------------------------------------------- */

/* The items of a part in memory: where it starts, and how far the next one of x and y is. */
struct items {
    const uint8_t *bytes; /* NULL: all have the fill value */
    size_t x_step, y_step;
    uint64_t x_origin, y_origin;
    bool big_endian;
};

static void add_box(const struct sampler *s, const struct items *items, const uint64_t y[2],
                    const uint64_t x[2], double *sum, uint32_t *count)
{
    const struct ozx_pixel item = s->pixels->item;

    if (!items->bytes) {
        uint64_t pixels = (y[1] - y[0]) * (x[1] - x[0]);
        if (!isfinite(s->pixels->fill))
            return;
        *sum += s->pixels->fill * (double)pixels;
        *count += (uint32_t)pixels;
        return;
    }
    for (uint64_t j = y[0]; j < y[1]; j++) {
        const uint8_t *row = items->bytes + (size_t)(j - items->y_origin) * items->y_step;
        for (uint64_t i = x[0]; i < x[1]; i++) {
            double value = ozx_pixel_read(item, items->big_endian,
                                          row + (size_t)(i - items->x_origin) * items->x_step);
            if (!isfinite(value))
                continue;
            *sum += value;
            (*count)++;
        }
    }
}

/* Where the part of an axis, some of which is shown, starts and ends in the window. */
static uint64_t start_of(const struct ozx_boxes *boxes, const struct part *part, int axis)
{
    return axis >= 0 && part->origin[axis] > boxes->origin ? part->origin[axis] : boxes->origin;
}

static uint64_t end_of(const struct ozx_boxes *boxes, const struct part *part, int axis)
{
    const uint64_t end = ozx_boxes_end(boxes);

    if (axis < 0 || part->size[axis] >= end - part->origin[axis])
        return end;
    return part->origin[axis] + part->size[axis];
}

static void add_part(const struct sampler *s, const struct part *part, const struct items *items)
{
    const struct ozx_plane *plane = s->plane;
    const int xa = plane->x_axis, ya = plane->y_axis;
    const uint64_t x0 = start_of(&s->x, part, xa), x1 = end_of(&s->x, part, xa);
    const uint64_t y0 = start_of(&s->y, part, ya), y1 = end_of(&s->y, part, ya);
    uint64_t x[2], y[2];

    for (uint32_t j = ozx_boxes_at(&s->y, y0); j < s->y.count && ozx_boxes_from(&s->y, j) < y1;
         j++) {
        if (!ozx_boxes_part(&s->y, j, y0, y1, &y[0], &y[1]))
            continue;
        for (uint32_t i = ozx_boxes_at(&s->x, x0); i < s->x.count && ozx_boxes_from(&s->x, i) < x1;
             i++) {
            size_t at = (size_t)j * s->x.count + i;
            if (ozx_boxes_part(&s->x, i, x0, x1, &x[0], &x[1]))
                add_box(s, items, y, x, &plane->sums[at], &plane->counts[at]);
        }
    }
}

/* The items of a chunk that is no shard. */
static int add_chunk(const struct sampler *s, const struct grid *grid, const struct part *part,
                     const uint8_t *axes, const struct piece *piece)
{
    const struct ozx_plane *plane = s->plane;
    uint64_t size = s->pixels->item.size_bytes, start = 0;
    struct items items = {.x_origin = part->origin[plane->x_axis],
                          .big_endian = grid->chain->big_endian};
    struct decoded d;
    int failure;

    for (uint32_t i = grid->chain->dimensions; i-- > 0;) {
        const int axis = axes[i];
        if (axis == plane->x_axis)
            items.x_step = (size_t)size;
        else if (axis == plane->y_axis)
            items.y_step = (size_t)size;
        else
            start += (plane->at[axis] - part->origin[axis]) * size;
        if (!ozx_multiply(size, part->size[axis], &size))
            size = UINT64_MAX;
        if (size > OZX_CHUNK_MAX)
            return ozx_error_set(s->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 "chunks of that size cannot be shown",
                                 "it decodes to more than %u MiB", OZX_CHUNK_MAX / MIB);
    }
    if (plane->y_axis >= 0)
        items.y_origin = part->origin[plane->y_axis];
    failure = undo(s, grid->chain, piece, size, &d);
    if (failure)
        return failure;
    items.bytes = d.bytes + start;
    add_part(s, part, &items);
    give_back(s, d.bytes, d.room_bytes);
    return 0;
}

/* --- grids ------------------------------------------------------------------------------------ */

static int visit(const struct sampler *s, const struct grid *grid);

/* The piece of a chunk of the array; -ENOENT: it is missing. */
static int find_entry(const struct sampler *s, const uint64_t *place, struct piece *out)
{
    const struct ozx_pixels *p = s->pixels;
    const uint32_t count = s->dimensions;
    const bool v2 = p->keys->key_encoding == OZX_KEYS_V2;
    struct ozx_node_stat stat;
    char key[KEY_SIZE];
    size_t used = 0;
    uint32_t node;

    if (!v2)
        key[used++] = 'c';
    for (uint32_t i = 0; i < count; i++) {
        if (used)
            key[used++] = p->keys->separator;
        used += (size_t)snprintf(key + used, sizeof key - used, "%" PRIu64, place[i]);
    }
    key[used] = '\0';
    if (ozx_metadata_resolve(p->archive, p->directory, key, &node))
        return -ENOENT;
    ozx_archive_stat(p->archive, node, &stat);
    if (stat.is_directory)
        return -ENOENT;
    *out = (struct piece){.node = node, .size_bytes = stat.size_bytes};
    return 0;
}

/* The piece of a chunk of a shard; -ENOENT: it is missing. */
static int find_inner(const struct sampler *s, const struct grid *grid, const uint64_t *place,
                      struct piece *out)
{
    const struct ozx_chain_sharding *sharding = grid->sharding;
    uint64_t number = 0, offset, size;
    struct ozx_bytes record;

    for (uint32_t i = 0; i < sharding->chunk_shape.count; i++) {
        const int axis = grid->axes[i];
        number = number * (grid->part.size[axis] / grid->chunk[axis]) + place[axis];
    }
    record = ozx_bytes_of(grid->index + number * RECORD_SIZE, RECORD_SIZE);
    offset = ozx_bytes_u64(&record);
    size = ozx_bytes_u64(&record);
    if (sharding->index.big_endian) {
        offset = __builtin_bswap64(offset);
        size = __builtin_bswap64(size);
    }
    if (offset == UINT64_MAX && size == UINT64_MAX)
        return -ENOENT;
    if (offset > grid->shard.size_bytes || size > grid->shard.size_bytes - offset)
        return ozx_error_set(s->error, -EBADMSG, OZX_RULE_SHARD_INDEX, OZX_OFFSET_NONE, NULL,
                             "inner chunk %" PRIu64 " is stated to be %" PRIu64 " bytes at %" PRIu64
                             ", which the shard of %" PRIu64 " bytes does not hold",
                             number, size, offset, grid->shard.size_bytes);
    *out = grid->shard;
    out->at_bytes += offset;
    out->size_bytes = size;
    return 0;
}

static int visit_shard(const struct sampler *s, struct grid *inner)
{
    const struct ozx_chain_sharding *sharding = inner->sharding;
    struct piece index = inner->shard;
    struct decoded records = {.bytes = NULL};
    int failure;

    if (sharding->index_size_bytes > inner->shard.size_bytes)
        return fail(s, -EBADMSG, "the shard is too short for its index");
    index.size_bytes = sharding->index_size_bytes;
    if (!sharding->index_at_start)
        index.at_bytes += inner->shard.size_bytes - sharding->index_size_bytes;
    failure = undo(s, &sharding->index, &index, sharding->chunk_count * RECORD_SIZE, &records);
    if (failure)
        return failure;
    inner->index = records.bytes;
    failure = visit(s, inner);
    give_back(s, records.bytes, records.room_bytes);
    return failure;
}

/* A chunk that is there: items, or a grid of its own. */
static int add_piece(const struct sampler *s, const struct grid *grid, const struct part *part,
                     const struct piece *piece)
{
    const struct ozx_chain *chain = grid->chain;
    const struct ozx_chain_sharding *sharding = chain->sharding;
    uint8_t axes[OZX_DIMENSIONS_MAX] = {0};
    struct decoded d = {.bytes = NULL};
    struct grid inner;
    int failure = 0;

    for (uint32_t i = 0; i < chain->dimensions; i++)
        axes[i] = grid->axes[chain->axes[i]];
    if (!sharding)
        return add_chunk(s, grid, part, axes, piece);
    inner = (struct grid){.up = grid,
                          .chain = &sharding->inner,
                          .part = *part,
                          .sharding = sharding,
                          .shard = *piece};
    memcpy(inner.axes, axes, sizeof axes);
    for (uint32_t i = 0; i < chain->dimensions; i++)
        inner.chunk[axes[i]] = sharding->chunk_shape.sizes[i];
    if (chain->behind_count) { /* the shard as a whole was encoded */
        failure = undo(s, chain, piece, 0, &d);
        inner.shard = (struct piece){.memory = d.bytes, .size_bytes = d.size_bytes};
    }
    if (!failure)
        failure = visit_shard(s, &inner);
    give_back(s, d.bytes, d.room_bytes);
    return failure;
}

/* The same error, with the chunk in front. */
static int in_chunk(const struct sampler *s, const struct piece *piece)
{
    struct ozx_error inner = *s->error;
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];

    if (strncmp(inner.text, "entry '", 7) == 0)
        return inner.code;
    ozx_escape(name, sizeof name, path, ozx_archive_path(s->pixels->archive, piece->node, path));
    return ozx_error_set(s->error, inner.code, inner.rule, inner.offset_bytes,
                         inner.hint[0] ? inner.hint : NULL, "chunk '%s': %s", name, inner.text);
}

/* The chunk of the grid that holds this pixel of the plane. */
static int visit_chunk(const struct sampler *s, const struct grid *grid, struct part *part,
                       uint64_t x, uint64_t y)
{
    const uint32_t count = s->dimensions;
    const struct items fill = {.bytes = NULL};
    uint64_t place[OZX_DIMENSIONS_MAX];
    struct piece piece = {.memory = NULL};
    int failure;

    if (++s->pixels->effort->visits > OZX_CHUNK_VISITS_MAX)
        return fail(s, -ENOTSUP, "the picture takes more chunks than are read for one (1048576)");
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = (int)i == s->plane->x_axis   ? x
                      : (int)i == s->plane->y_axis ? y
                                                   : s->plane->at[i];
        place[i] = (at - grid->part.origin[i]) / grid->chunk[i];
        part->origin[i] = grid->part.origin[i] + place[i] * grid->chunk[i];
        part->size[i] = grid->chunk[i];
    }
    failure = grid->sharding ? find_inner(s, grid, place, &piece) : find_entry(s, place, &piece);
    if (failure == -ENOENT) {
        add_part(s, part, &fill);
        return 0;
    }
    if (!failure)
        failure = add_piece(s, grid, part, &piece);
    return failure && !grid->up ? in_chunk(s, &piece) : failure;
}

static int visit(const struct sampler *s, const struct grid *grid)
{
    const int xa = s->plane->x_axis, ya = s->plane->y_axis;
    const uint64_t x_end = end_of(&s->x, &grid->part, xa), y_end = end_of(&s->y, &grid->part, ya);
    const uint64_t x_first = ozx_boxes_next(&s->x, grid->part.origin[xa]);
    uint64_t y = ozx_boxes_next(&s->y, ya < 0 ? 0 : grid->part.origin[ya]);
    struct part part;
    int failure = 0;

    while (!failure && y < y_end) {
        uint64_t x = x_first, y_next = y_end;
        while (!failure && x < x_end) {
            failure = visit_chunk(s, grid, &part, x, y);
            if (failure)
                break;
            x = ozx_boxes_next(&s->x, end_of(&s->x, &part, xa));
            y_next = ozx_boxes_next(&s->y, end_of(&s->y, &part, ya));
        }
        y = y_next;
    }
    return failure;
}

int ozx_pixels_sample(struct ozx_pixels *pixels, const struct ozx_plane *plane,
                      struct ozx_error *error)
{
    const struct ozx_shape *shape = &pixels->array->shape;
    const uint64_t height = plane->y_axis < 0 ? 1 : shape->sizes[plane->y_axis];
    const struct ozx_plane_window all = {0, 0, shape->sizes[plane->x_axis], height};
    const struct ozx_plane_window window = plane->window.width ? plane->window : all;
    struct sampler s = {
        .pixels = pixels, .plane = plane, .dimensions = shape->count, .error = error};
    struct grid grid = {.chain = pixels->chain};
    bool nearest = plane->nearest;
    uint64_t area;

    if (shape->sizes[plane->x_axis] > OZX_AXIS_MAX || height > OZX_AXIS_MAX)
        return fail(&s, -ENOTSUP, "the image is larger than any that can be shown");
    if (!ozx_multiply(window.width, window.height, &area) || area > OZX_BOX_MEAN_MAX)
        nearest = true;
    s.x = (struct ozx_boxes){window.width, plane->width, nearest, window.x};
    s.y = (struct ozx_boxes){window.height, plane->height, nearest, window.y};
    for (uint32_t i = 0; i < shape->count; i++) {
        grid.part.size[i] = shape->sizes[i];
        grid.chunk[i] = pixels->array->chunk_shape.sizes[i];
        grid.axes[i] = (uint8_t)i;
    }
    return visit(&s, &grid);
}
