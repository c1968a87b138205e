/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An EROFS image of a tree, in two passes over the rows: the first says where everything goes, the second
 * writes it there. A file's bytes are described in one of two ways:
 *
 *     extents   of at most 1 << extent_bits bytes, at any byte of the archive (EROFS_INODE_COMPRESSED_FULL with plain
 *               extents: the kernel copies)
 *     chunks    of whole blocks, where a large file begins at a block's start (EROFS_INODE_CHUNK_BASED: it
 *               does not)
 *
 * Bytes that no device has in whole blocks are copied into the image: the archive's last, incomplete block,
 * and a file's last, incomplete chunk, which else showed what stands behind the file in the archive.
 */
#include "mount/kernel/image.h"

#include <string.h>
#include <sys/stat.h>

#include "mount/kernel/erofs.h"
#include "mount/kernel/image_directory.h"

/* Small, since a kernel that reads a part of an extent reads all of it, but no smaller: each has a price of
 * its own. Of 16 to 128 KiB this one has the fastest reads at random, and streams but for a tenth. */
#define EXTENT_BITS 16
#define EXTENT_BITS_MAX 20                     /* OZX_EROFS_PLEN_MAX */
#define RECORDS_BYTES_MAX (UINT64_C(64) << 20) /* of extents; else they are made larger */
#define CHUNK_FILE_BYTES (UINT64_C(64) << 10)  /* smaller files are no chunks */
#define CHUNK_BITS_MAX 16
#define CHUNK_SHARE 16 /* a chunk, and with it a copy, is at most this part of its file */
#define CHUNK_COPIES_MAX (UINT64_C(64) << 20)

/* To a power of two. */
static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) & ~(to - 1);
}

static uint64_t round_to_block(uint64_t value)
{
    return round_up(value, OZX_EROFS_BLOCK);
}

/* Where the passes are. */
struct cursor {
    uint32_t child;            /* the next directory's first row */
    uint64_t meta_bytes;       /* the next inode, at the earliest */
    uint64_t directory_bytes;  /* the next directory's blocks */
    uint64_t chunk_copy_bytes; /* the next copy of a last chunk */
};

/* What stands where, of a row. */
struct shape {
    uint64_t inode_bytes;  /* where, */
    uint64_t inode_size;   /* and its size */
    unsigned layout;       /* OZX_EROFS_FLAT_PLAIN ... */
    uint64_t records_bytes; /* extents, chunks, inline entries: where, */
    uint64_t record_size, record_count;
    unsigned chunk_bits;
    struct ozx_image_listing listing; /* of a directory, */
    uint32_t subdirectory_count;
    uint64_t directory_size, directory_bytes;
};

/* --- where everything goes --------------------------------------------------------------------- */

/* The part of a file's bytes that stands in the archive's last, incomplete block. */
static uint64_t tail_size(const struct ozx_image *image, const struct ozx_row *row)
{
    uint64_t whole = image->options.archive_size_bytes / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK;
    uint64_t end = row->offset_bytes + row->size_bytes;

    if (row->kind != OZX_ROW_FILE || end <= whole)
        return 0;
    return row->offset_bytes > whole ? row->size_bytes : end - whole;
}

static uint64_t count_extents(const struct ozx_image *image, const struct ozx_row *row)
{
    uint64_t tail = tail_size(image, row), extent = UINT64_C(1) << image->extent_bits;

    return ((row->size_bytes - tail + extent - 1) >> image->extent_bits) + (tail > 0);
}

static unsigned chunk_bits_of(const struct ozx_row *row)
{
    unsigned bits = CHUNK_BITS_MAX;

    while (bits > OZX_EROFS_BLOCK_BITS && UINT64_C(1) << bits > row->size_bytes / CHUNK_SHARE)
        bits--;
    return bits;
}

static uint64_t last_chunk_size(const struct ozx_row *row, unsigned chunk_bits)
{
    return row->size_bytes & ((UINT64_C(1) << chunk_bits) - 1);
}

static bool is_chunked(const struct cursor *cursor, const struct ozx_image *image,
                       const struct ozx_row *row)
{
    return row->kind == OZX_ROW_FILE && row->offset_bytes % OZX_EROFS_BLOCK == 0 &&
           row->size_bytes >= CHUNK_FILE_BYTES &&
           cursor->chunk_copy_bytes - image->chunks_bytes +
                   last_chunk_size(row, chunk_bits_of(row)) <=
               CHUNK_COPIES_MAX;
}

static bool is_extended(const struct ozx_image *image, const struct ozx_row *row, uint32_t links)
{
    uint64_t age = (uint64_t)row->mtime_s - (uint64_t)image->epoch_s;

    return row->size_bytes > UINT32_MAX || age > UINT32_MAX || links > UINT16_MAX ||
           image->options.uid > UINT16_MAX || image->options.gid > UINT16_MAX ||
           image->options.root_uid > UINT16_MAX;
}

/* The children of the directory at `row`: those from the cursor on that have it as their parent. */
static void list(struct cursor *cursor, const struct ozx_image *image, uint32_t row, struct shape *out)
{
    const struct ozx_table *table = image->table;
    uint32_t end = cursor->child;

    out->subdirectory_count = 0;
    for (; end < table->count && table->rows[end].parent == row; end++)
        out->subdirectory_count += table->rows[end].kind == OZX_ROW_DIRECTORY;
    out->listing = (struct ozx_image_listing){table, image->nids, row, cursor->child, end};
    cursor->child = end;
    out->directory_size = ozx_image_directory_size(&out->listing);
}

/* Behind its inode, if both fit a block; the inode begins another one where only that helps. */
static void place_directory(struct cursor *cursor, struct shape *out)
{
    uint64_t whole = out->inode_size + out->directory_size;

    if (whole > OZX_EROFS_BLOCK) {
        out->layout = OZX_EROFS_FLAT_PLAIN;
        out->directory_bytes = cursor->directory_bytes;
        cursor->directory_bytes += round_to_block(out->directory_size);
        cursor->meta_bytes = out->inode_bytes + out->inode_size;
        return;
    }
    if (out->inode_bytes % OZX_EROFS_BLOCK + whole > OZX_EROFS_BLOCK)
        out->inode_bytes = round_to_block(out->inode_bytes);
    out->layout = OZX_EROFS_FLAT_INLINE;
    out->directory_bytes = out->inode_bytes + out->inode_size;
    cursor->meta_bytes = out->inode_bytes + whole;
}

static void place_file(struct cursor *cursor, const struct ozx_image *image,
                       const struct ozx_row *row, struct shape *out)
{
    uint64_t end = out->inode_bytes + out->inode_size;

    if (row->size_bytes == 0) {
        out->layout = OZX_EROFS_FLAT_PLAIN;
        cursor->meta_bytes = end;
        return;
    }
    if (is_chunked(cursor, image, row)) {
        out->layout = OZX_EROFS_CHUNK_BASED;
        out->chunk_bits = chunk_bits_of(row);
        out->record_size = sizeof(struct ozx_erofs_chunk);
        out->record_count = ((row->size_bytes - 1) >> out->chunk_bits) + 1;
        out->records_bytes = end;
        cursor->chunk_copy_bytes += round_to_block(last_chunk_size(row, out->chunk_bits));
    } else {
        out->layout = OZX_EROFS_COMPRESSED_FULL;
        out->record_size =
            row->size_bytes > UINT32_MAX ? OZX_EROFS_EXTENT_LONG : OZX_EROFS_EXTENT_SHORT;
        out->record_count = count_extents(image, row);
        out->records_bytes =
            round_up(end + sizeof(struct ozx_erofs_map_header), out->record_size);
    }
    cursor->meta_bytes = out->records_bytes + out->record_size * out->record_count;
}

/* Places the row at `i`, and moves the cursor behind it. Sets no more of `out` than its layout has. */
static void place(struct cursor *cursor, const struct ozx_image *image, uint32_t i,
                  struct shape *out)
{
    const struct ozx_row *row = &image->table->rows[i];
    const bool is_directory = row->kind == OZX_ROW_DIRECTORY;

    out->inode_bytes = round_up(cursor->meta_bytes, OZX_EROFS_SLOT);
    if (is_directory)
        list(cursor, image, i, out);
    out->inode_size = is_extended(image, row, is_directory ? out->subdirectory_count + 2 : 1)
                          ? sizeof(struct ozx_erofs_extended)
                          : sizeof(struct ozx_erofs_compact);
    if (is_directory)
        place_directory(cursor, out);
    else
        place_file(cursor, image, row, out);
}

static struct cursor begin(const struct ozx_image *image)
{
    return (struct cursor){.child = 1,
                           .meta_bytes = OZX_EROFS_META + OZX_EROFS_FIRST_NID * OZX_EROFS_SLOT,
                           .directory_bytes = image->directories_bytes,
                           .chunk_copy_bytes = image->chunks_bytes};
}

static void survey(struct ozx_image *image)
{
    const struct ozx_table *table = image->table;

    image->epoch_s = table->rows[0].mtime_s;
    for (uint32_t i = 1; i < table->count; i++)
        if (table->rows[i].mtime_s < image->epoch_s)
            image->epoch_s = table->rows[i].mtime_s;
    for (image->extent_bits = EXTENT_BITS; image->extent_bits < EXTENT_BITS_MAX;
         image->extent_bits++) {
        uint64_t records_bytes = 0;
        for (uint32_t i = 0; i < table->count; i++)
            if (table->rows[i].kind != OZX_ROW_DIRECTORY)
                records_bytes += count_extents(image, &table->rows[i]) * OZX_EROFS_EXTENT_SHORT;
        if (records_bytes <= RECORDS_BYTES_MAX)
            break;
    }
}

static int fail_size(struct ozx_error *error)
{
    return ozx_error_set(error, -EFBIG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the archive is too large for an EROFS image");
}

uint64_t ozx_image_guess(uint32_t count, uint32_t names_size_bytes)
{
    const uint64_t inode =
        round_up(sizeof(struct ozx_erofs_compact) + sizeof(struct ozx_erofs_map_header) +
                     OZX_EROFS_EXTENT_SHORT,
                 OZX_EROFS_SLOT);

    return round_to_block(OZX_EROFS_META + count * (inode + sizeof(struct ozx_erofs_dirent)) +
                          names_size_bytes);
}

int ozx_image_plan(const struct ozx_table *table, const struct ozx_image_options *options,
                   struct ozx_image *out, struct ozx_error *error)
{
    struct ozx_image image = {.table = table, .options = *options};
    uint64_t archive_blocks = round_to_block(options->archive_size_bytes) / OZX_EROFS_BLOCK;
    struct cursor cursor;

    if (archive_blocks >= OZX_EROFS_BLOCKS_MAX - OZX_EROFS_ARCHIVE_BLOCK)
        return fail_size(error);
    image.nids = malloc(sizeof *image.nids * table->count);
    if (!image.nids)
        return ozx_error_memory(error);
    survey(&image);
    cursor = begin(&image);
    for (uint32_t i = 0; i < table->count; i++) {
        struct shape shape;
        place(&cursor, &image, i, &shape);
        if (cursor.meta_bytes / OZX_EROFS_SLOT > UINT32_MAX) {
            free(image.nids);
            return fail_size(error);
        }
        image.nids[i] = (uint32_t)((shape.inode_bytes - OZX_EROFS_META) / OZX_EROFS_SLOT);
    }
    image.meta_end_bytes = cursor.meta_bytes;
    image.directories_bytes = round_to_block(cursor.meta_bytes);
    image.data_bytes = image.directories_bytes + cursor.directory_bytes;
    image.chunks_bytes = image.data_bytes + round_to_block(table->data_size);
    image.chunk_copies_bytes = cursor.chunk_copy_bytes;
    image.size_bytes = image.chunks_bytes + image.chunk_copies_bytes;
    if (options->archive_size_bytes % OZX_EROFS_BLOCK) {
        uint64_t whole = options->archive_size_bytes / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK;
        image.tail_bytes = image.size_bytes;
        /* Kernels (6.18) take two extents for neighbours whose addresses are, whatever their devices, and
         * read both from the first one's. */
        if (image.tail_bytes == whole)
            image.tail_bytes += OZX_EROFS_BLOCK;
        image.size_bytes = image.tail_bytes + OZX_EROFS_BLOCK;
    }
    if (image.size_bytes / OZX_EROFS_BLOCK >= OZX_EROFS_ARCHIVE_BLOCK) {
        free(image.nids);
        return fail_size(error);
    }
    *out = image;
    return 0;
}

void ozx_image_free(struct ozx_image *image)
{
    free(image->nids);
    image->nids = NULL;
}

/* --- writing ----------------------------------------------------------------------------------- */

struct writer {
    const struct ozx_image *image;
    uint8_t *memory;
    ozx_image_read read;
    void *context;
    bool has_chunks;
};

static uint16_t mode_of(const struct ozx_image *image, uint32_t i)
{
    const struct ozx_image_options *options = &image->options;

    if (image->table->rows[i].kind != OZX_ROW_DIRECTORY)
        return (uint16_t)(S_IFREG | options->file_mode);
    return (uint16_t)(S_IFDIR | (i == 0 ? options->root_mode : options->directory_mode));
}

static void write_inode(const struct writer *w, uint32_t i, const struct shape *shape)
{
    const struct ozx_image *image = w->image;
    const struct ozx_row *row = &image->table->rows[i];
    bool is_directory = row->kind == OZX_ROW_DIRECTORY;
    uint32_t links = is_directory ? shape->subdirectory_count + 2 : 1;
    uint32_t uid = i == 0 ? image->options.root_uid : image->options.uid;
    uint64_t size = is_directory ? shape->directory_size : row->size_bytes;
    uint32_t u = 0;

    if (shape->layout == OZX_EROFS_CHUNK_BASED)
        u = OZX_EROFS_CHUNK_INDEXES | (shape->chunk_bits - OZX_EROFS_BLOCK_BITS);
    else if (shape->layout == OZX_EROFS_COMPRESSED_FULL)
        u = (uint32_t)(round_to_block(size) / OZX_EROFS_BLOCK);
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
            .i_format = htole16(
                (uint16_t)(OZX_EROFS_EXTENDED | shape->layout << OZX_EROFS_LAYOUT_SHIFT)),
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
                          const struct shape *shape)
{
    const struct ozx_image *image = w->image;
    const uint64_t archive = OZX_EROFS_ARCHIVE_BLOCK * OZX_EROFS_BLOCK;
    const uint64_t extent_bytes = UINT64_C(1) << image->extent_bits;
    const uint64_t tail = row->size_bytes - tail_size(image, row);
    const unsigned recsz = shape->record_size == OZX_EROFS_EXTENT_LONG ? 3 : 2;
    const struct ozx_erofs_map_header header = {
        .h_extents_lo = htole32((uint32_t)shape->record_count),
        .h_extents_hi = htole16((uint16_t)(shape->record_count >> 32)),
        .h_advise = htole16(
            (uint16_t)(OZX_EROFS_ADVISE_EXTENTS | recsz << OZX_EROFS_ADVISE_RECSZ_SHIFT))};
    uint8_t *to = w->memory + shape->records_bytes;
    uint64_t at = 0;

    memcpy(w->memory + shape->inode_bytes + shape->inode_size, &header, sizeof header);
    for (uint64_t i = 0; i < shape->record_count; i++, to += shape->record_size) {
        uint64_t end = at < tail ? tail : row->size_bytes;
        uint64_t size = end - at < extent_bytes ? end - at : extent_bytes;
        uint64_t from = row->offset_bytes + at;
        uint64_t place = row->kind == OZX_ROW_DATA ? image->data_bytes + from
                         : at < tail
                             ? archive + from
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

static int write_chunks(struct writer *w, const struct ozx_row *row, const struct shape *shape,
                        uint64_t copy_bytes)
{
    uint64_t last = last_chunk_size(row, shape->chunk_bits);
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
    const struct ozx_image *image = w->image;
    uint64_t archive_blocks = round_to_block(image->options.archive_size_bytes) / OZX_EROFS_BLOCK;
    const struct ozx_erofs_super_block super = {
        .magic = htole32(OZX_EROFS_MAGIC),
        .blkszbits = OZX_EROFS_BLOCK_BITS,
        .rootnid_2b = htole16((uint16_t)image->nids[0]), /* of the first two blocks */
        .inos = htole64(image->table->count),
        .epoch = htole64((uint64_t)image->epoch_s),
        .blocks_lo = htole32((uint32_t)(image->size_bytes / OZX_EROFS_BLOCK)),
        .meta_blkaddr = htole32((uint32_t)(OZX_EROFS_META / OZX_EROFS_BLOCK)),
        .feature_incompat =
            htole32(OZX_EROFS_INCOMPAT_DEVICE_TABLE | OZX_EROFS_INCOMPAT_48BIT |
                    (w->has_chunks ? OZX_EROFS_INCOMPAT_CHUNKED_FILE : 0)),
        .extra_devices = htole16(OZX_EROFS_DEVICES),
        .devt_slotoff = htole16(OZX_EROFS_DEVICE_SLOTS),
    };
    const struct ozx_erofs_device archive = {
        .blocks_lo = htole32((uint32_t)archive_blocks),
        .uniaddr_lo = htole32((uint32_t)OZX_EROFS_ARCHIVE_BLOCK)};

    memcpy(w->memory + OZX_EROFS_SUPER_OFFSET, &super, sizeof super);
    memcpy(w->memory + OZX_EROFS_DEVICE_SLOTS * sizeof archive, &archive, sizeof archive);
}

/* Bytes that stand in the image. */
static int write_copies(const struct writer *w)
{
    const struct ozx_image *image = w->image;
    uint64_t tail = image->options.archive_size_bytes % OZX_EROFS_BLOCK;

    if (image->table->data_size)
        memcpy(w->memory + image->data_bytes, image->table->data, (size_t)image->table->data_size);
    return tail ? w->read(w->context, w->memory + image->tail_bytes, (size_t)tail,
                          image->options.archive_size_bytes - tail)
                : 0;
}

static int write_row(struct writer *w, struct cursor *cursor, uint32_t i)
{
    const struct ozx_row *row = &w->image->table->rows[i];
    uint64_t copy_bytes = cursor->chunk_copy_bytes;
    struct shape shape;

    place(cursor, w->image, i, &shape);
    write_inode(w, i, &shape);
    if (row->kind == OZX_ROW_DIRECTORY)
        ozx_image_directory_write(&shape.listing, w->memory + shape.directory_bytes);
    else if (shape.layout == OZX_EROFS_CHUNK_BASED)
        return write_chunks(w, row, &shape, copy_bytes);
    else if (shape.layout == OZX_EROFS_COMPRESSED_FULL)
        write_extents(w, row, &shape);
    return 0;
}

int ozx_image_write(const struct ozx_image *image, uint8_t *memory, ozx_image_read read,
                    void *context)
{
    struct writer w = {.image = image, .memory = memory, .read = read, .context = context};
    struct cursor cursor = begin(image);
    int failure = write_copies(&w);

    for (uint32_t i = 0; i < image->table->count && !failure; i++)
        failure = write_row(&w, &cursor, i);
    if (!failure)
        write_super_block(&w);
    return failure;
}
