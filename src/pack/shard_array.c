/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of an array's chunks, before and after they are put into the order of shards.
 */
#include "pack/shard_array.h"

#include <string.h>

#include "base/array.h"
#include "pack/input.h"

#define SUM_EVERY 64
#define PLACES_MORE 65536 /* than twice those of chunks: a list takes less then */
#define RECORD_SIZE 16
#define CRC_SIZE 4
/* Of fewer keys 1 + each fits 3 bytes. */
#define NARROW_KEYS (UINT64_C(1) << 24)

static uint64_t along(const struct ozx_array *array, uint32_t dimension)
{
    uint64_t size = array->shape.sizes[dimension], chunk = array->chunk_shape.sizes[dimension];

    return size / chunk + (size % chunk != 0);
}

int ozx_shard_array_init(struct ozx_shard_array *self, const char *path, size_t path_size_bytes,
                         const struct ozx_array *array)
{
    const struct ozx_shape *chunk_shape =
        array->sharding ? &array->sharding->chunk_shape : &array->chunk_shape;

    *self = (struct ozx_shard_array){.path_size_bytes = path_size_bytes,
                                     .chunks = ozx_chunk_keys_of(array, chunk_shape),
                                     .shards = ozx_chunk_keys_of(array, chunk_shape),
                                     .files = ozx_chunk_keys_of(array, &array->chunk_shape),
                                     .is_sharded = array->sharding != NULL,
                                     .mtime_s = INT64_MIN};
    /* Rounded up to shards it may be twice as many along each dimension. */
    if (ozx_array_chunk_count(&self->chunks) > INT64_MAX)
        return -EFBIG;
    self->path = strndup(path, path_size_bytes);
    return self->path ? 0 : -ENOMEM;
}

void ozx_shard_array_free(struct ozx_shard_array *self)
{
    for (uint32_t i = 0; i < self->other_count; i++)
        free(self->others[i].path);
    free(self->others);
    free(self->directories);
    free(self->origins);
    free(self->firsts);
    free(self->sums);
    ozx_shard_list_free(&self->list);
    free(self->table);
    free(self->path);
    *self = (struct ozx_shard_array){.count = 0};
}

/* --- adding ----------------------------------------------------------------------------------- */

uint64_t ozx_shard_place(const struct ozx_array *grid, const uint64_t *index, uint32_t depth)
{
    uint64_t place = 0;

    for (uint32_t i = 0; i < depth; i++)
        place = place * along(grid, i) + index[i];
    return place;
}

static uint32_t table_get(const struct ozx_shard_array *self, uint64_t place)
{
    const uint8_t *at = self->table + place * self->table_width_bytes;
    uint32_t value = 0;

    for (uint32_t i = 0; i < self->table_width_bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

static void table_put(const struct ozx_shard_array *self, uint64_t place, uint32_t value)
{
    uint8_t *at = self->table + place * self->table_width_bytes;

    for (uint32_t i = 0; i < self->table_width_bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

int ozx_shard_array_add(struct ozx_shard_array *self, const uint64_t index[OZX_DIMENSIONS_MAX],
                        uint64_t size_bytes, uint64_t key)
{
    uint64_t place = ozx_shard_place(&self->chunks, index, self->chunks.shape.count);
    int failure;

    self->data_bytes += size_bytes;
    if (self->table) {
        table_put(self, place, (uint32_t)key + 1);
        self->count++;
        return 0;
    }
    failure = ozx_shard_list_add(
        &self->list, self->count,
        &(struct ozx_shard_chunk){.place = place, .key = key, .size_bytes = size_bytes});
    self->count += !failure;
    return failure;
}

int ozx_shard_array_add_directory(struct ozx_shard_array *self, const uint64_t *index,
                                  uint32_t depth, bool is_root, uint64_t fingerprint)
{
    int failure = ozx_array_grow(self->directories, self->directory_count, &self->directory_room);

    if (failure)
        return failure;
    self->directories[self->directory_count++] =
        (struct ozx_shard_directory){.fingerprint = fingerprint,
                                     .place = ozx_shard_place(&self->files, index, depth),
                                     .depth = (uint8_t)depth,
                                     .is_root = is_root};
    return 0;
}

int ozx_shard_array_add_other(struct ozx_shard_array *self, const char *path, uint32_t key,
                              bool is_directory, bool is_lost)
{
    int failure = ozx_array_grow(self->others, self->other_count, &self->other_room);
    char *copy;

    if (failure)
        return failure;
    copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    self->others[self->other_count++] = (struct ozx_shard_other){
        .path = copy, .key = key, .is_directory = is_directory, .is_lost = is_lost};
    return 0;
}

/* --- the order -------------------------------------------------------------------------------- */

/* From a chunk's number in the grid to one that has the shard's number first. */
static uint64_t in_shards(const struct ozx_shard_array *self, uint64_t place)
{
    uint64_t index[OZX_DIMENSIONS_MAX], shard = 0, inner = 0;
    uint32_t count = self->chunks.shape.count;

    for (uint32_t i = count; i-- > 0;) {
        index[i] = place % along(&self->chunks, i);
        place /= along(&self->chunks, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        shard = shard * along(&self->shards, i) + index[i] / self->factors[i];
        inner = inner * self->factors[i] + index[i] % self->factors[i];
    }
    return shard * self->chunks_per_shard + inner;
}

/* Places of all shards. */
static uint64_t places_of(const struct ozx_shard_array *self)
{
    uint64_t places = 1;

    for (uint32_t i = 0; i < self->shards.shape.count; i++)
        if (__builtin_mul_overflow(places, along(&self->shards, i) * self->factors[i], &places))
            return UINT64_MAX;
    return places;
}

int ozx_shard_array_use_table(struct ozx_shard_array *self, uint64_t *budget,
                              uint64_t (*size_of)(const struct ozx_input *input, uint64_t key),
                              const struct ozx_input *input)
{
    uint64_t places = ozx_array_chunk_count(&self->chunks);

    if (!places || places > *budget)
        return 0;
    self->table_width_bytes = input->kind->key_count(input) < NARROW_KEYS ? 3 : 4;
    /* what is not there takes no memory */
    self->table = calloc((size_t)places, self->table_width_bytes);
    if (!self->table)
        return -ENOMEM;
    *budget -= places;
    self->size_of = size_of;
    self->input = input;
    return 0;
}

static int drop_table(struct ozx_shard_array *self)
{
    uint64_t places = ozx_array_chunk_count(&self->chunks);
    uint32_t count = 0;
    int failure = 0;

    for (uint64_t place = 0; place < places && !failure; place++) {
        uint64_t key = table_get(self, place);
        if (!key--)
            continue;
        failure = ozx_shard_list_add(
            &self->list, count,
            &(struct ozx_shard_chunk){
                .place = place, .key = key, .size_bytes = self->size_of(self->input, key)});
        count++;
    }
    if (!failure)
        free(ozx_take(self->table));
    return failure;
}

/* The chunks of the list. */
static int put_in_shards(struct ozx_shard_array *self)
{
    if (places_of(self) >= UINT32_MAX && ozx_shard_list_widen(&self->list, self->count))
        return -ENOMEM;
    for (uint32_t i = 0; i < self->count; i++) {
        struct ozx_shard_chunk chunk = ozx_shard_list_get(&self->list, i);
        chunk.place = in_shards(self, chunk.place);
        ozx_shard_list_put(&self->list, i, &chunk);
    }
    ozx_shard_list_sort(&self->list, 0, self->count, false);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct ozx_shard_origin *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static void sort_origins(struct ozx_shard_array *self)
{
    if (self->origin_count)
        qsort(self->origins, self->origin_count, sizeof *self->origins, by_place);
}

static int by_path(const void *a, const void *b)
{
    const struct ozx_shard_other *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static int add_first(struct ozx_shard_array *self, uint32_t chunk)
{
    int failure = ozx_array_grow(self->firsts, self->shard_count, &self->firsts_room);

    if (!failure)
        self->firsts[self->shard_count++] = chunk;
    return failure;
}

static int find_shards(struct ozx_shard_array *self)
{
    uint64_t bytes = 0, last = UINT64_MAX;
    uint32_t all = self->table ? (uint32_t)places_of(self) : self->count;
    int failure = 0;

    self->sums = malloc(((size_t)all / SUM_EVERY + 1) * sizeof *self->sums);
    if (!self->sums)
        return -ENOMEM;
    for (uint32_t i = 0; i < all && !failure; i++) {
        struct ozx_shard_chunk chunk;
        if (i % SUM_EVERY == 0)
            self->sums[i / SUM_EVERY] = bytes;
        if (!ozx_shard_chunk(self, i, &chunk))
            continue;
        bytes += chunk.size_bytes;
        if (chunk.place / self->chunks_per_shard == last)
            continue;
        last = chunk.place / self->chunks_per_shard;
        failure = add_first(self, self->table ? (uint32_t)(last * self->chunks_per_shard) : i);
    }
    if (all % SUM_EVERY == 0)
        self->sums[all / SUM_EVERY] = bytes;
    if (!failure)
        failure = add_first(self, all);
    self->shard_count -= self->shard_count != 0;
    return failure;
}

/* A file where a shard or a directory of shards is to be, or a directory where a shard is. Where
 * shards become smaller, the names of more of them are an array's: what nobody read would be read
 * as one. */
static bool is_in_the_way(const struct ozx_shard_array *self, const struct ozx_shard_other *other)
{
    uint64_t index[OZX_DIMENSIONS_MAX];
    uint32_t depth, first, end;
    size_t size = strlen(other->path);
    bool inside;

    if (ozx_shard_find(self, other->path, size, &first))
        return true;
    if (!other->is_directory &&
        ozx_array_judge_key(&self->shards, other->path, size, index) == OZX_KEY_INSIDE)
        return true;
    if (!ozx_chunk_is_directory(&self->shards, other->path, size, index, &depth, &inside))
        return false;
    if (other->is_directory)
        return inside;
    ozx_shard_below(self, index, depth, &first, &end);
    return first < end;
}

int ozx_shard_array_settle(struct ozx_shard_array *self, const struct ozx_shard_other **other)
{
    int failure;

    self->chunks_per_shard = 1;
    for (uint32_t i = 0; i < self->chunks.shape.count; i++) {
        self->chunks_per_shard *= self->factors[i]; /* ozx_shard_choose bounds it */
        self->shards.chunk_shape.sizes[i] = self->chunks.chunk_shape.sizes[i] * self->factors[i];
    }
    if (self->table && places_of(self) > 2 * ozx_array_chunk_count(&self->chunks) + PLACES_MORE &&
        drop_table(self))
        return -ENOMEM;
    if (!self->table && put_in_shards(self))
        return -ENOMEM;
    sort_origins(self);
    if (self->other_count)
        qsort(self->others, self->other_count, sizeof *self->others, by_path);
    failure = find_shards(self);
    for (uint32_t i = 0; i < self->other_count && !failure; i++)
        if (is_in_the_way(self, &self->others[i])) {
            *other = &self->others[i];
            failure = -EEXIST;
        }
    return failure;
}

/* --- asking ----------------------------------------------------------------------------------- */

uint64_t ozx_shard_number(const struct ozx_shard_array *self, uint32_t shard)
{
    uint32_t first = self->firsts[shard];

    return (self->table ? first : ozx_shard_list_get(&self->list, first).place) /
           self->chunks_per_shard;
}

uint32_t ozx_shard_end(const struct ozx_shard_array *self, uint32_t shard)
{
    return self->table ? self->firsts[shard] + (uint32_t)self->chunks_per_shard
                       : self->firsts[shard + 1];
}

static uint64_t size_of(const struct ozx_shard_array *self, uint32_t chunk)
{
    struct ozx_shard_chunk found;

    return ozx_shard_chunk(self, chunk, &found) ? found.size_bytes : 0;
}

/* The first shard whose number is not less. */
static uint32_t lower_bound(const struct ozx_shard_array *self, uint64_t number)
{
    uint32_t low = 0, high = self->shard_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ozx_shard_number(self, middle) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ozx_shard_find(const struct ozx_shard_array *self, const char *key, size_t key_size_bytes,
                    uint32_t *shard)
{
    uint64_t index[OZX_DIMENSIONS_MAX], number;
    uint32_t found;

    if (ozx_array_judge_key(&self->shards, key, key_size_bytes, index) != OZX_KEY_INSIDE)
        return false;
    number = ozx_shard_place(&self->shards, index, self->shards.shape.count);
    found = lower_bound(self, number);
    if (found == self->shard_count || ozx_shard_number(self, found) != number)
        return false;
    *shard = found;
    return true;
}

void ozx_shard_below(const struct ozx_shard_array *self, const uint64_t *index, uint32_t depth,
                     uint32_t *first, uint32_t *end)
{
    uint64_t place = ozx_shard_place(&self->shards, index, depth), size = 1;

    for (uint32_t i = 0; i < depth; i++)
        if (index[i] >= along(&self->shards, i)) {
            *first = *end = 0;
            return;
        }
    for (uint32_t i = depth; i < self->shards.shape.count; i++)
        size *= along(&self->shards, i);
    *first = lower_bound(self, place * size);
    *end = lower_bound(self, (place + 1) * size);
}

void ozx_shard_index(const struct ozx_shard_array *self, uint32_t shard,
                     uint64_t index[OZX_DIMENSIONS_MAX])
{
    uint64_t number = ozx_shard_number(self, shard);

    for (uint32_t i = self->shards.shape.count; i-- > 0;) {
        index[i] = number % along(&self->shards, i);
        number /= along(&self->shards, i);
    }
}

uint64_t ozx_shard_bytes_before(const struct ozx_shard_array *self, uint32_t chunk)
{
    uint64_t bytes = self->sums[chunk / SUM_EVERY];

    for (uint32_t i = chunk / SUM_EVERY * SUM_EVERY; i < chunk; i++)
        bytes += size_of(self, i);
    return bytes;
}

uint64_t ozx_shard_data_size(const struct ozx_shard_array *self, uint32_t shard)
{
    return ozx_shard_bytes_before(self, ozx_shard_end(self, shard)) -
           ozx_shard_bytes_before(self, self->firsts[shard]);
}

uint64_t ozx_shard_index_size(const struct ozx_shard_array *self)
{
    return self->chunks_per_shard * RECORD_SIZE + CRC_SIZE;
}

uint64_t ozx_shard_size(const struct ozx_shard_array *self, uint32_t shard)
{
    return ozx_shard_data_size(self, shard) + ozx_shard_index_size(self);
}

uint32_t ozx_shard_chunk_at(const struct ozx_shard_array *self, uint32_t shard,
                            uint64_t offset_bytes)
{
    uint32_t low = self->firsts[shard], high = ozx_shard_end(self, shard);
    uint64_t wanted = ozx_shard_bytes_before(self, low) + offset_bytes;

    while (high - low >
           1) { /* the last chunk that does not begin behind the byte: the one with it */
        uint32_t middle = low + (high - low) / 2;
        if (ozx_shard_bytes_before(self, middle) <= wanted)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The numbers of a place in the order of shards. */
static void index_of(const struct ozx_shard_array *self, uint64_t place,
                     uint64_t index[OZX_DIMENSIONS_MAX])
{
    uint64_t inner = place % self->chunks_per_shard, number = place / self->chunks_per_shard;

    for (uint32_t i = self->shards.shape.count; i-- > 0;) {
        uint64_t shard_along = along(&self->shards, i);
        index[i] = number % shard_along * self->factors[i] + inner % self->factors[i];
        number /= shard_along;
        inner /= self->factors[i];
    }
}

void ozx_shard_chunk_index(const struct ozx_shard_array *self, uint32_t chunk,
                           uint64_t index[OZX_DIMENSIONS_MAX])
{
    index_of(self, self->table ? chunk : ozx_shard_list_get(&self->list, chunk).place, index);
}

bool ozx_shard_chunk(const struct ozx_shard_array *self, uint32_t chunk,
                     struct ozx_shard_chunk *out)
{
    uint64_t index[OZX_DIMENSIONS_MAX];
    uint32_t key;

    if (!self->table) {
        *out = ozx_shard_list_get(&self->list, chunk);
        return true;
    }
    index_of(self, chunk, index);
    for (uint32_t i = 0; i < self->chunks.shape.count; i++)
        if (index[i] >= along(&self->chunks, i))
            return false;
    key = table_get(self, ozx_shard_place(&self->chunks, index, self->chunks.shape.count));
    if (!key)
        return false;
    *out = (struct ozx_shard_chunk){
        .place = chunk, .key = key - 1, .size_bytes = self->size_of(self->input, key - 1)};
    return true;
}
