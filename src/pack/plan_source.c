/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Headers are made when they are read, data come from the plan's input:
 *
 *     entry: header, data | entry | ... | central headers | end records
 */
#include "pack/plan_source.h"

#include <string.h>

#include "io/source_kind.h"

#define HEADER_ROOM (2 * OZX_ALIGN_MAX + 2 * OZX_NAME_PATH_MAX + 4096)

struct planned {
    struct ozx_source source;
    const struct ozx_plan *plan;
    struct ozx_plan_cursor cursor;
    struct ozx_input_reader reader;
    uint8_t *header;                        /* HEADER_ROOM; owned */
    uint64_t central, central_offset_bytes; /* an entry, and where its central header is */
};

/* What of `size` bytes of `from`, which stand at `at`, is wanted. */
static size_t copy(const uint8_t *from, uint64_t at, size_t size, uint8_t *to, size_t wanted,
                   uint64_t offset)
{
    const size_t skipped = (size_t)(offset - at), left = size - skipped;
    const size_t count = left < wanted ? left : wanted;

    memcpy(to, from + skipped, count);
    return count;
}

/* --- entries ---------------------------------------------------------------------------------- */

static int read_data(struct planned *self, const struct ozx_plan_entry *entry, uint8_t *to,
                     size_t size, uint64_t offset)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    OZX_AUTO_CLOSE int fd = -1;
    int failure = ozx_plan_open(self->plan, &self->reader, entry, &fd, &ignored);

    return failure
               ? failure
               : ozx_plan_read(self->plan, &self->reader, entry, fd, to, size, offset, &ignored);
}

static int read_entry(struct planned *self, uint8_t *to, size_t wanted, uint64_t offset,
                      size_t *got)
{
    const struct ozx_plan_entry *entry =
        ozx_plan_entry(&self->cursor, ozx_plan_entry_at(self->plan, offset));
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_zip_file file = ozx_plan_file(self->plan, entry, path);
    const size_t header = ozx_zip_local_size(&file);
    uint64_t within = offset - entry->local_offset_bytes;

    if (header > HEADER_ROOM)
        return -EIO;
    if (within < header) {
        ozx_zip_put_local(self->header, &file);
        *got = copy(self->header, entry->local_offset_bytes, header, to, wanted, offset);
        return 0;
    }
    within -= header;
    if (within >= entry->size_bytes)
        return -EIO;
    *got = entry->size_bytes - within < wanted ? (size_t)(entry->size_bytes - within) : wanted;
    return read_data(self, entry, to, *got, within);
}

/* --- behind them ------------------------------------------------------------------------------ */

/* From front to back it is found at once. */
static int read_central(struct planned *self, uint8_t *to, size_t wanted, uint64_t offset,
                        size_t *got)
{
    if (offset < self->central_offset_bytes) {
        self->central = 0;
        self->central_offset_bytes = ozx_plan_directory_offset(self->plan);
    }
    for (; self->central < ozx_plan_entry_count(self->plan); self->central++) {
        char path[OZX_NAME_PATH_MAX + 1];
        struct ozx_zip_file file =
            ozx_plan_file(self->plan, ozx_plan_entry(&self->cursor, self->central), path);
        const size_t size = ozx_zip_central_size(&file);
        if (size > HEADER_ROOM)
            return -EIO;
        if (offset - self->central_offset_bytes < size) {
            ozx_zip_put_central(self->header, &file);
            *got = copy(self->header, self->central_offset_bytes, size, to, wanted, offset);
            return 0;
        }
        self->central_offset_bytes += size;
    }
    return -EIO;
}

static void read_end(struct planned *self, uint8_t *to, size_t wanted, uint64_t offset, size_t *got)
{
    const uint64_t directory = ozx_plan_directory_offset(self->plan);
    const uint64_t size = ozx_plan_directory_bytes(self->plan);

    ozx_zip_put_end_records(self->header, directory, size, ozx_plan_entry_count(self->plan), "", 0);
    *got = copy(self->header, directory + size, ozx_zip_end_records_size(0), to, wanted, offset);
}

static int read_planned(struct ozx_source *source, void *buffer, size_t size_bytes,
                        uint64_t offset_bytes)
{
    struct planned *self = (struct planned *)source;
    const uint64_t directory = ozx_plan_directory_offset(self->plan);
    uint8_t *to = buffer;
    int failure = 0;

    while (!failure && size_bytes) {
        size_t got = 0;
        if (offset_bytes < directory)
            failure = read_entry(self, to, size_bytes, offset_bytes, &got);
        else if (offset_bytes - directory < ozx_plan_directory_bytes(self->plan))
            failure = read_central(self, to, size_bytes, offset_bytes, &got);
        else
            read_end(self, to, size_bytes, offset_bytes, &got);
        to += got;
        size_bytes -= got;
        offset_bytes += got;
    }
    return failure;
}

static void close_planned(struct ozx_source *source)
{
    struct planned *self = (struct planned *)source;

    ozx_input_reader_release(&self->reader);
    free(self->header);
    free(self);
}

static const struct ozx_source_kind planned_kind = {.read = read_planned, .close = close_planned};

int ozx_plan_source(const struct ozx_plan *plan, struct ozx_source **out)
{
    struct planned *self = calloc(1, sizeof *self);
    uint8_t *header = malloc(HEADER_ROOM);

    if (!self || !header) {
        free(self);
        free(header);
        return -ENOMEM;
    }
    self->source = (struct ozx_source){.kind = &planned_kind,
                                       .size_bytes = ozx_plan_directory_offset(plan) +
                                                     ozx_plan_directory_bytes(plan) +
                                                     ozx_zip_end_records_size(0),
                                       .fd = -1};
    self->plan = plan;
    self->cursor.plan = plan;
    self->reader = (struct ozx_input_reader)OZX_INPUT_READER_INIT;
    self->header = header;
    self->central_offset_bytes = ozx_plan_directory_offset(plan);
    *out = &self->source;
    return 0;
}
