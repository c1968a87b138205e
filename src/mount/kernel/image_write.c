/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing an image that is planned: every row by itself, so that several threads can, each some of
 * them.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crew.h"
#include "mount/kernel/image_place.h"

#define ALONE_COUNT 16384 /* rows; fewer are written by one thread */

struct writer {
    const struct ozx_kernel_image *image;
    uint8_t *memory;
    ozx_kernel_image_read read;
    void *context;
    atomic_bool has_chunks;
};

static uint16_t mode_of(const struct ozx_kernel_image *image, uint32_t i)
{
    const struct ozx_kernel_image_options *options = &image->options;

    if (image->table->rows[i].kind != OZX_ROW_DIRECTORY)
        return (uint16_t)(S_IFREG | options->file_mode);
    return (uint16_t)(S_IFDIR | (i == 0 ? options->root_mode : options->directory_mode));
}

static void write_inode(const struct writer *w, uint32_t i,
                        const struct ozx_kernel_image_shape *shape)
{
    const struct ozx_kernel_image *image = w->image;
    const struct ozx_row *row = &image->table->rows[i];
    bool is_directory = row->kind == OZX_ROW_DIRECTORY;
    uint32_t links = is_directory ? shape->subdirectory_count + 2 : 1;
    uint32_t uid = i == 0 ? image->options.root_uid : image->options.uid;
    uint64_t size = is_directory ? shape->directory_size : row->size_bytes;
    uint32_t u = 0;

    if (shape->layout == OZX_EROFS_CHUNK_BASED)
        u = OZX_EROFS_CHUNK_INDEXES | (shape->chunk_bits - OZX_EROFS_BLOCK_BITS);
    else if (shape->layout == OZX_EROFS_COMPRESSED_FULL)
        u = (uint32_t)(ozx_kernel_image_round_to_block(size) / OZX_EROFS_BLOCK);
    else if (is_directory && shape->layout == OZX_EROFS_FLAT_PLAIN)
        u = (uint32_t)(shape->directory_bytes / OZX_EROFS_BLOCK);
    if (shape->inode_size == sizeof(struct ozx_erofs_compact)) {
        unsigned format = shape->layout << OZX_EROFS_LAYOUT_SHIFT;
        const struct ozx_erofs_compact inode = {
            .i_format = htole16((uint16_t)(format | (is_directory ? 0 : OZX_EROFS_NLINK_1))),
            .i_mode = htole16(mode_of(image, i)),
            .i_nb = htole16((uint16_t)(is_directory ? links : 0)),
            .i_size = htole32((uint32_t)size),
            .i_mtime = htole32((uint32_t)(row->mtime_s - image->epoch_s)),
            .i_u = htole32(u),
            .i_ino = htole32(image->nids[i]),
            .i_uid = htole16((uint16_t)uid),
            .i_gid = htole16((uint16_t)image->options.gid),
        };
        memcpy(w->memory + shape->inode_bytes, &inode, sizeof inode);
    } else {
        const struct ozx_erofs_extended inode = {
            .i_format =
                htole16((uint16_t)(OZX_EROFS_EXTENDED | shape->layout << OZX_EROFS_LAYOUT_SHIFT)),
            .i_mode = htole16(mode_of(image, i)),
            .i_size = htole64(size),
            .i_u = htole32(u),
            .i_ino = htole32(image->nids[i]),
            .i_uid = htole32(uid),
            .i_gid = htole32(image->options.gid),
            .i_mtime = htole64((uint64_t)row->mtime_s),
            .i_nlink = htole32(links),
        };
        memcpy(w->memory + shape->inode_bytes, &inode, sizeof inode);
    }
}

static void write_extents(const struct writer *w, const struct ozx_row *row,
                          const struct ozx_kernel_image_shape *shape)
{
    const struct ozx_kernel_image *image = w->image;
    const uint64_t archive = OZX_EROFS_ARCHIVE_BLOCK * OZX_EROFS_BLOCK;
    const uint64_t extent_bytes = UINT64_C(1) << image->extent_bits;
    const uint64_t tail = row->size_bytes - ozx_kernel_image_tail_size(image, row);
    const unsigned recsz = shape->record_size == OZX_EROFS_EXTENT_LONG ? 3 : 2;
    const struct ozx_erofs_map_header header = {
        .h_extents_lo = htole32((uint32_t)shape->record_count),
        .h_extents_hi = htole16((uint16_t)(shape->record_count >> 32)),
        .h_advise =
            htole16((uint16_t)(OZX_EROFS_ADVISE_EXTENTS | recsz << OZX_EROFS_ADVISE_RECSZ_SHIFT))};
    uint8_t *to = w->memory + shape->records_bytes;
    uint64_t at = 0;

    memcpy(w->memory + shape->inode_bytes + shape->inode_size, &header, sizeof header);
    for (uint64_t i = 0; i < shape->record_count; i++, to += shape->record_size) {
        uint64_t end = at < tail ? tail : row->size_bytes;
        uint64_t size = end - at < extent_bytes ? end - at : extent_bytes;
        uint64_t from = row->offset_bytes + at;
        uint64_t place = row->kind == OZX_ROW_DATA ? image->data_bytes + from
                         : at < tail               ? archive + from
                                                   : image->tail_bytes + from % OZX_EROFS_BLOCK;
        const struct ozx_erofs_extent extent = {
            .plen = htole32((uint32_t)size),
            .pstart_lo = htole32((uint32_t)place),
            .pstart_hi = htole32((uint32_t)(place >> 32)),
            .lstart_lo = htole32((uint32_t)at),
            .lstart_hi = htole32((uint32_t)(at >> 32)),
        };
        memcpy(to, &extent, shape->record_size);
        at += size;
    }
}

static int write_chunks(struct writer *w, const struct ozx_row *row,
                        const struct ozx_kernel_image_shape *shape, uint64_t copy_bytes)
{
    uint64_t last = ozx_kernel_image_last_chunk_size(row, shape->chunk_bits);
    uint64_t block = row->offset_bytes / OZX_EROFS_BLOCK;

    w->has_chunks = true;
    for (uint64_t i = 0; i < shape->record_count; i++) {
        bool is_copy = last && i + 1 == shape->record_count;
        uint64_t from = is_copy ? copy_bytes / OZX_EROFS_BLOCK
                                : block + (i << (shape->chunk_bits - OZX_EROFS_BLOCK_BITS));
        const struct ozx_erofs_chunk chunk = {
            .device_id = htole16(is_copy ? 0 : OZX_EROFS_ARCHIVE),
            .startblk_lo = htole32((uint32_t)from),
        };
        memcpy(w->memory + shape->records_bytes + i * sizeof chunk, &chunk, sizeof chunk);
    }
    return last ? w->read(w->context, w->memory + copy_bytes, (size_t)last,
                          row->offset_bytes + row->size_bytes - last)
                : 0;
}

static void write_super_block(const struct writer *w)
{
    const struct ozx_kernel_image *image = w->image;
    uint64_t archive_blocks =
        ozx_kernel_image_round_to_block(image->options.archive_size_bytes) / OZX_EROFS_BLOCK;
    const struct ozx_erofs_super_block super = {
        .magic = htole32(OZX_EROFS_MAGIC),
        .blkszbits = OZX_EROFS_BLOCK_BITS,
        .rootnid_2b = htole16((uint16_t)image->nids[0]), /* of the first two blocks */
        .inos = htole64(image->table->count),
        .epoch = htole64((uint64_t)image->epoch_s),
        .blocks_lo = htole32((uint32_t)(image->size_bytes / OZX_EROFS_BLOCK)),
        .meta_blkaddr = htole32((uint32_t)(OZX_EROFS_META / OZX_EROFS_BLOCK)),
        .feature_incompat = htole32(OZX_EROFS_INCOMPAT_DEVICE_TABLE | OZX_EROFS_INCOMPAT_48BIT |
                                    (w->has_chunks ? OZX_EROFS_INCOMPAT_CHUNKED_FILE : 0)),
        .extra_devices = htole16(OZX_EROFS_DEVICES),
        .devt_slotoff = htole16(OZX_EROFS_DEVICE_SLOTS),
    };
    const struct ozx_erofs_device archive = {.blocks_lo = htole32((uint32_t)archive_blocks),
                                             .uniaddr_lo =
                                                 htole32((uint32_t)OZX_EROFS_ARCHIVE_BLOCK)};

    memcpy(w->memory + OZX_EROFS_SUPER_OFFSET, &super, sizeof super);
    memcpy(w->memory + OZX_EROFS_DEVICE_SLOTS * sizeof archive, &archive, sizeof archive);
}

/* Bytes that stand in the image. */
static int write_copies(const struct writer *w)
{
    const struct ozx_kernel_image *image = w->image;
    uint64_t tail = image->options.archive_size_bytes % OZX_EROFS_BLOCK;

    if (image->table->data_size)
        memcpy(w->memory + image->data_bytes, image->table->data, (size_t)image->table->data_size);
    return tail ? w->read(w->context, w->memory + image->tail_bytes, (size_t)tail,
                          image->options.archive_size_bytes - tail)
                : 0;
}

static int write_row(struct writer *w, struct ozx_kernel_image_cursor *cursor, uint32_t i)
{
    const struct ozx_row *row = &w->image->table->rows[i];
    uint64_t copy_bytes = cursor->chunk_copy_bytes;
    struct ozx_kernel_image_shape shape;

    ozx_kernel_image_place(cursor, w->image, i, &shape);
    write_inode(w, i, &shape);
    if (row->kind == OZX_ROW_DIRECTORY)
        ozx_kernel_image_directory_write(&shape.listing, w->memory + shape.directory_bytes);
    else if (shape.layout == OZX_EROFS_CHUNK_BASED)
        return write_chunks(w, row, &shape, copy_bytes);
    else if (shape.layout == OZX_EROFS_COMPRESSED_FULL)
        write_extents(w, row, &shape);
    return 0;
}

/* One of the parts. */
static int write_part(struct writer *w, uint32_t part)
{
    const struct ozx_kernel_image *image = w->image;
    struct ozx_kernel_image_cursor cursor = image->parts[part];
    uint32_t end = ozx_kernel_image_part(image, part + 1);
    int failure = 0;

    cursor.directory_bytes += image->directories_bytes;
    cursor.chunk_copy_bytes += image->chunks_bytes;
    for (uint32_t i = ozx_kernel_image_part(image, part); i < end && !failure; i++)
        failure = write_row(w, &cursor, i);
    return failure;
}

/* --- by several threads ----------------------------------------------------------------------- */

struct crew {
    struct writer *writer;
    struct ozx_crew crew;
    uint32_t next;
};

static bool next_part(void *context, void *job)
{
    struct crew *c = context;

    memcpy(job, &c->next, sizeof c->next);
    return c->next++ < OZX_IMAGE_PARTS;
}

static int work(void *context, void *member, const void *job)
{
    struct crew *c = context;
    struct ozx_error error = OZX_ERROR_INIT;
    uint32_t part;
    int failure;

    (void)member;
    memcpy(&part, job, sizeof part);
    failure = write_part(c->writer, part);
    if (failure)
        ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s",
                      strerror(-failure));
    return failure ? ozx_crew_stop(&c->crew, &error, false) : 0;
}

static int write_rows(struct writer *w)
{
    unsigned processors = ozx_processor_count();
    const struct ozx_crew_task task = {.threads = processors < OZX_IMAGE_PARTS ? processors
                                                                               : OZX_IMAGE_PARTS,
                                       .member_size = 1,
                                       .context = &(struct crew){.writer = w},
                                       .next = next_part,
                                       .work = work};
    struct crew *c = task.context;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = 0;

    if (w->image->table->count < ALONE_COUNT) {
        for (uint32_t part = 0; part < OZX_IMAGE_PARTS && !failure; part++)
            failure = write_part(w, part);
        return failure;
    }
    ozx_crew_init(&c->crew, &task);
    ozx_crew_run(&c->crew);
    return ozx_crew_end(&c->crew, NULL, &error);
}

int ozx_kernel_image_write(const struct ozx_kernel_image *image, uint8_t *memory,
                           ozx_kernel_image_read read, void *context)
{
    struct writer w = {.image = image, .memory = memory, .read = read, .context = context};
    int failure = write_copies(&w);

    if (!failure)
        failure = write_rows(&w);
    if (!failure)
        write_super_block(&w);
    return failure;
}
