/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The index of a shard, made as it is read (Zarr's sharding_indexed codec): offset and size of each
 * chunk, and CRC-32C.
 */
#include <string.h>

#include "base/bytes.h"
#include "pack/shard_array.h"
#include "zarr/crc32c.h"

#define RECORD_SIZE 16
#define CRC_SIZE 4
#define ABSENT UINT64_MAX

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
    uint32_t first = self->firsts[shard], low = first, high = ozx_shard_end(self, shard);
    struct records records = {.self = self,
                              .number = number,
                              .base = ozx_shard_number(self, shard) * self->chunks_per_shard,
                              .end = high};

    if (self->table)
        low += (uint32_t)(number < self->chunks_per_shard ? number : self->chunks_per_shard);
    while (low < high && !self->table) {
        uint32_t middle = low + (high - low) / 2;
        if (ozx_shard_list_get(&self->list, middle).place < records.base + number)
            low = middle + 1;
        else
            high = middle;
    }
    records.chunk = low;
    records.offset_bytes = ozx_shard_bytes_before(self, low) - ozx_shard_bytes_before(self, first);
    return records;
}

static void next_record(struct records *records, uint8_t record[RECORD_SIZE])
{
    const struct ozx_shard_array *self = records->self;
    struct ozx_shard_chunk chunk;
    bool is_there = records->chunk < records->end &&
                    ozx_shard_chunk(self, records->chunk, &chunk) &&
                    chunk.place == records->base + records->number;

    if (is_there) {
        ozx_put_u64(ozx_put_u64(record, records->offset_bytes), chunk.size_bytes);
        records->offset_bytes += chunk.size_bytes;
    } else {
        ozx_put_u64(ozx_put_u64(record, ABSENT), ABSENT);
    }
    records->chunk += is_there || self->table; /* of a list the one that is there comes later */
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
