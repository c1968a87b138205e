/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of an array's chunks, before and after they are put into the order of shards.
 */
#include "pack/shard_array.h"

#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "zarr/crc32c.h"

#define SUM_EVERY 64
#define RECORD_SIZE 16
#define CRC_SIZE 4
#define ABSENT UINT64_MAX

static uint64_t along(const struct ozx_array *array, uint32_t dimension)
{
    uint64_t size = array->shape.sizes[dimension], chunk = array->chunk_shape.sizes[dimension];

    return size / chunk + (size % chunk != 0);
}

/* Only what keys need: the pointers of the metadata are not to be used. */
static struct ozx_array keys_of(const struct ozx_array *array)
{
    return (struct ozx_array){.has_shape = true,
                              .shape = array->shape,
                              .has_grid = true,
                              .chunk_shape = array->chunk_shape,
                              .key_encoding = array->key_encoding,
                              .separator = array->separator};
}

int ozx_shard_array_init(struct ozx_shard_array *self, const char *path, size_t path_size_bytes,
                         const struct ozx_array *array)
{
    *self = (struct ozx_shard_array){.path_size_bytes = path_size_bytes,
                                     .chunks = keys_of(array),
                                     .shards = keys_of(array),
                                     .mtime_s = INT64_MIN};
    /* Rounded up to shards it may be twice as many along each dimension. */
    if (ozx_array_chunk_count(array) > INT64_MAX)
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
    free(self->firsts);
    free(self->sums);
    free(self->list);
    free(self->path);
    *self = (struct ozx_shard_array){.count = 0};
}

/* --- adding ----------------------------------------------------------------------------------- */

static uint64_t place_of(const struct ozx_array *grid, const uint64_t *index, uint32_t depth)
{
    uint64_t place = 0;

    for (uint32_t i = 0; i < depth; i++)
        place = place * along(grid, i) + index[i];
    return place;
}

int ozx_shard_array_add(struct ozx_shard_array *self, const uint64_t index[OZX_DIMENSIONS_MAX],
                        uint64_t size_bytes, uint64_t key)
{
    void *array = self->list;
    int failure = ozx_array_reserve(&array, self->count, &self->room, sizeof *self->list);

    self->list = array;
    if (failure)
        return failure;
    self->list[self->count++] =
        (struct ozx_shard_chunk){.place = place_of(&self->chunks, index, self->chunks.shape.count),
                                 .key = key,
                                 .size_bytes = size_bytes};
    self->data_bytes += size_bytes;
    return 0;
}

int ozx_shard_array_add_directory(struct ozx_shard_array *self, const uint64_t *index,
                                  uint32_t depth, bool is_root, uint64_t fingerprint)
{
    void *array = self->directories;
    int failure = ozx_array_reserve(&array, self->directory_count, &self->directory_room,
                                    sizeof *self->directories);

    self->directories = array;
    if (failure)
        return failure;
    self->directories[self->directory_count++] =
        (struct ozx_shard_directory){.fingerprint = fingerprint,
                                     .place = place_of(&self->chunks, index, depth),
                                     .depth = (uint8_t)depth,
                                     .is_root = is_root};
    return 0;
}

int ozx_shard_array_add_other(struct ozx_shard_array *self, const char *path, uint32_t key,
                              bool is_directory, bool is_lost)
{
    void *array = self->others;
    int failure = ozx_array_reserve(&array, self->other_count, &self->other_room,
                                    sizeof *self->others);
    char *copy;

    self->others = array;
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

static void sift(struct ozx_shard_chunk *list, uint32_t at, uint32_t count)
{
    struct ozx_shard_chunk moved = list[at];
    uint64_t child;

    while ((child = 2 * (uint64_t)at + 1) < count) {
        child += child + 1 < count && list[child + 1].place > list[child].place;
        if (list[child].place <= moved.place)
            break;
        list[at] = list[child];
        at = (uint32_t)child;
    }
    list[at] = moved;
}

/* A heap: qsort of glibc would take the memory of the list once more. */
static void sort(struct ozx_shard_chunk *list, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift(list, i, count);
    for (uint32_t i = count; i-- > 1;) {
        struct ozx_shard_chunk last = list[i];
        list[i] = list[0];
        list[0] = last;
        sift(list, 0, i);
    }
}

static int by_path(const void *a, const void *b)
{
    const struct ozx_shard_other *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static int add_first(struct ozx_shard_array *self, uint32_t chunk)
{
    void *array = self->firsts;
    int failure = ozx_array_reserve(&array, self->shard_count, &self->firsts_room,
                                    sizeof *self->firsts);

    self->firsts = array;
    if (!failure)
        self->firsts[self->shard_count++] = chunk;
    return failure;
}

static int find_shards(struct ozx_shard_array *self)
{
    uint64_t bytes = 0;
    int failure = 0;

    self->sums = malloc(((size_t)self->count / SUM_EVERY + 1) * sizeof *self->sums);
    if (!self->sums)
        return -ENOMEM;
    for (uint32_t i = 0; i < self->count && !failure; i++) {
        if (i % SUM_EVERY == 0)
            self->sums[i / SUM_EVERY] = bytes;
        bytes += self->list[i].size_bytes;
        if (!i || self->list[i].place / self->chunks_per_shard !=
                      self->list[i - 1].place / self->chunks_per_shard)
            failure = add_first(self, i);
    }
    if (self->count % SUM_EVERY == 0)
        self->sums[self->count / SUM_EVERY] = bytes;
    if (!failure)
        failure = add_first(self, self->count);
    self->shard_count -= self->shard_count != 0;
    return failure;
}

/* A file where a shard or a directory of shards is to be, or a directory where a shard is. */
static bool is_in_the_way(const struct ozx_shard_array *self, const struct ozx_shard_other *other)
{
    uint64_t index[OZX_DIMENSIONS_MAX];
    uint32_t depth, first, end;
    size_t size = strlen(other->path);

    if (ozx_shard_find(self, other->path, size, &first))
        return true;
    if (other->is_directory ||
        !ozx_chunk_is_directory(&self->shards, other->path, size, index, &depth, NULL))
        return false;
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
    for (uint32_t i = 0; i < self->count; i++)
        self->list[i].place = in_shards(self, self->list[i].place);
    sort(self->list, self->count);
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

static uint64_t number_of(const struct ozx_shard_array *self, uint32_t shard)
{
    return self->list[self->firsts[shard]].place / self->chunks_per_shard;
}

/* The first shard whose number is not less. */
static uint32_t lower_bound(const struct ozx_shard_array *self, uint64_t number)
{
    uint32_t low = 0, high = self->shard_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (number_of(self, middle) < number)
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
    number = place_of(&self->shards, index, self->shards.shape.count);
    found = lower_bound(self, number);
    if (found == self->shard_count || number_of(self, found) != number)
        return false;
    *shard = found;
    return true;
}

void ozx_shard_below(const struct ozx_shard_array *self, const uint64_t *index, uint32_t depth,
                     uint32_t *first, uint32_t *end)
{
    uint64_t place = place_of(&self->shards, index, depth), size = 1;

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
    uint64_t number = number_of(self, shard);

    for (uint32_t i = self->shards.shape.count; i-- > 0;) {
        index[i] = number % along(&self->shards, i);
        number /= along(&self->shards, i);
    }
}

uint64_t ozx_shard_bytes_before(const struct ozx_shard_array *self, uint32_t chunk)
{
    uint64_t bytes = self->sums[chunk / SUM_EVERY];

    for (uint32_t i = chunk / SUM_EVERY * SUM_EVERY; i < chunk; i++)
        bytes += self->list[i].size_bytes;
    return bytes;
}

uint64_t ozx_shard_data_size(const struct ozx_shard_array *self, uint32_t shard)
{
    return ozx_shard_bytes_before(self, self->firsts[shard + 1]) -
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
    uint32_t low = self->firsts[shard], high = self->firsts[shard + 1];
    uint64_t wanted = ozx_shard_bytes_before(self, low) + offset_bytes;

    while (high - low > 1) { /* the last chunk that does not begin behind the byte: the one with it */
        uint32_t middle = low + (high - low) / 2;
        if (ozx_shard_bytes_before(self, middle) <= wanted)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void ozx_shard_chunk_index(const struct ozx_shard_array *self, uint32_t chunk,
                           uint64_t index[OZX_DIMENSIONS_MAX])
{
    uint64_t inner = self->list[chunk].place % self->chunks_per_shard;
    uint64_t number = self->list[chunk].place / self->chunks_per_shard;

    for (uint32_t i = self->shards.shape.count; i-- > 0;) {
        uint64_t shard_along = along(&self->shards, i);
        index[i] = number % shard_along * self->factors[i] + inner % self->factors[i];
        number /= shard_along;
        inner /= self->factors[i];
    }
}

/* --- the index -------------------------------------------------------------------------------- */

/* Goes through the records of a shard's index, in order. */
struct records {
    const struct ozx_shard_array *self;
    uint64_t number, base; /* of the next record; the place of record 0 */
    uint32_t chunk, end;   /* the next that is there */
    uint64_t offset_bytes; /* of it in the shard */
};

static struct records records_from(const struct ozx_shard_array *self, uint32_t shard,
                                   uint64_t number)
{
    uint32_t first = self->firsts[shard], low = first, high = self->firsts[shard + 1];
    struct records records = {.self = self,
                              .number = number,
                              .base = number_of(self, shard) * self->chunks_per_shard,
                              .end = high};

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->list[middle].place < records.base + number)
            low = middle + 1;
        else
            high = middle;
    }
    records.chunk = low;
    records.offset_bytes =
        ozx_shard_bytes_before(self, low) - ozx_shard_bytes_before(self, first);
    return records;
}

static void next_record(struct records *records, uint8_t record[RECORD_SIZE])
{
    const struct ozx_shard_chunk *chunk = &records->self->list[records->chunk];

    if (records->chunk < records->end && chunk->place == records->base + records->number) {
        ozx_put_u64(ozx_put_u64(record, records->offset_bytes), chunk->size_bytes);
        records->offset_bytes += chunk->size_bytes;
        records->chunk++;
    } else {
        ozx_put_u64(ozx_put_u64(record, ABSENT), ABSENT);
    }
    records->number++;
}

static uint32_t sum_index(const struct ozx_shard_array *self, uint32_t shard)
{
    struct records records = records_from(self, shard, 0);
    uint8_t record[RECORD_SIZE];
    uint32_t crc = 0;

    while (records.number < self->chunks_per_shard) {
        next_record(&records, record);
        crc = ozx_crc32c(crc, record, sizeof record);
    }
    return crc;
}

void ozx_shard_read_index(const struct ozx_shard_array *self, uint32_t shard, uint8_t *buffer,
                          size_t size_bytes, uint64_t offset_bytes)
{
    struct records records = records_from(self, shard, offset_bytes / RECORD_SIZE);
    size_t skip = offset_bytes % RECORD_SIZE;

    while (size_bytes) {
        uint8_t record[RECORD_SIZE];
        size_t size = RECORD_SIZE;

        if (records.number < self->chunks_per_shard) {
            next_record(&records, record);
        } else {
            ozx_put_u32(record, sum_index(self, shard));
            size = CRC_SIZE;
        }
        size = size - skip < size_bytes ? size - skip : size_bytes;
        memcpy(buffer, record + skip, size);
        buffer += size;
        size_bytes -= size;
        skip = 0;
    }
}
