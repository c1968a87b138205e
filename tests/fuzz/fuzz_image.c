/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as the table of files that a worker sends, and as one that is right: what the check
 * lets pass becomes an EROFS image, and a reader of our own, which takes nothing from the builder
 * but the layouts, finds in it every name, size and byte of the table, and none of them once it is
 * poisoned.
 *
 *     byte 0   bit 0: the rest is sent as it is (receive, check), else rows are made of it
 *              bits 1-7: how large the archive is
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "archive/tree.h"
#include "fsck.h"
#include "fuzz.h"
#include "mount/kernel/erofs.h"
#include "mount/kernel/image.h"
#include "mount/table.h"

#define IMAGE_MAX (UINT64_C(64) << 20)
#define ROWS_MAX 400

static uint8_t byte_of_archive(uint64_t offset)
{
    return (uint8_t)(offset * 0x9E3779B97F4A7C15u >> 56);
}

static int read_archive(void *context, void *to, size_t size, uint64_t offset)
{
    const uint64_t *archive_size = context;

    FUZZ_CHECK(offset <= *archive_size && size <= *archive_size - offset);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = byte_of_archive(offset + i);
    return 0;
}

/* --- the reader ------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *memory;
    uint64_t size;
    uint64_t archive_size;
    const struct ozx_table *table;
    struct ozx_erofs_super_block super;
    struct ozx_erofs_device device;
};

struct inode {
    uint64_t end; /* of the inode itself */
    uint64_t size;
    unsigned layout;
    uint32_t mode, nlink, uid, gid, u;
    int64_t mtime_s;
};

static void copy(const struct reader *r, void *to, uint64_t offset, size_t size)
{
    FUZZ_CHECK(offset <= r->size && size <= r->size - offset);
    memcpy(to, r->memory + offset, size);
}

static struct inode read_inode(const struct reader *r, uint64_t nid)
{
    uint64_t at = r->super.meta_blkaddr * OZX_EROFS_BLOCK + nid * OZX_EROFS_SLOT;
    struct ozx_erofs_compact compact;
    struct ozx_erofs_extended extended;
    struct inode out;

    copy(r, &compact, at, sizeof compact);
    out.layout = compact.i_format >> OZX_EROFS_LAYOUT_SHIFT & OZX_EROFS_LAYOUT_MASK;
    if (compact.i_format & OZX_EROFS_EXTENDED) {
        copy(r, &extended, at, sizeof extended);
        out = (struct inode){at + sizeof extended, extended.i_size, out.layout, extended.i_mode,
                             extended.i_nlink, extended.i_uid, extended.i_gid, extended.i_u,
                             (int64_t)extended.i_mtime};
    } else {
        bool one = compact.i_format & OZX_EROFS_NLINK_1;
        out = (struct inode){at + sizeof compact, compact.i_size, out.layout, compact.i_mode,
                             one ? 1 : compact.i_nb, compact.i_uid, compact.i_gid, compact.i_u,
                             (int64_t)(r->super.epoch + compact.i_mtime)};
    }
    return out;
}

/* What stands at an address of the one space of all devices; the archive must have it in whole
 * blocks. */
static uint8_t byte_at(const struct reader *r, uint64_t address)
{
    uint64_t archive = r->device.uniaddr_lo * OZX_EROFS_BLOCK;
    uint8_t byte;

    if (address < archive) {
        copy(r, &byte, address, 1);
        return byte;
    }
    FUZZ_CHECK(address - archive < r->archive_size / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK);
    return byte_of_archive(address - archive);
}

static uint8_t wanted_byte(const struct reader *r, const struct ozx_row *row, uint64_t at)
{
    return row->kind == OZX_ROW_DATA ? r->table->data[row->offset_bytes + at]
                                     : byte_of_archive(row->offset_bytes + at);
}

static void check_piece(const struct reader *r, const struct ozx_row *row, uint64_t at,
                        uint64_t size, uint64_t address)
{
    const uint64_t samples[] = {0, 1, size / 2, size - 1};

    for (size_t i = 0; i < 4; i++)
        if (samples[i] < size)
            FUZZ_CHECK(byte_at(r, address + samples[i]) == wanted_byte(r, row, at + samples[i]));
}

static void check_extents(const struct reader *r, const struct ozx_row *row,
                          const struct inode *inode, bool poisoned)
{
    struct ozx_erofs_map_header header;
    uint64_t size, at, count, done = 0, address_before = 0;

    copy(r, &header, inode->end, sizeof header);
    FUZZ_CHECK(header.h_advise & OZX_EROFS_ADVISE_EXTENTS);
    size = UINT64_C(4) << (header.h_advise >> OZX_EROFS_ADVISE_RECSZ_SHIFT & 3);
    FUZZ_CHECK(size == OZX_EROFS_EXTENT_SHORT || size == OZX_EROFS_EXTENT_LONG);
    at = (inode->end + sizeof header + size - 1) / size * size;
    count = header.h_extents_lo | (uint64_t)header.h_extents_hi << 32;
    FUZZ_CHECK(count > 0);
    for (uint64_t i = 0; i < count; i++, at += size) {
        struct ozx_erofs_extent extent = {0};
        uint64_t address, archive = r->device.uniaddr_lo * OZX_EROFS_BLOCK;
        copy(r, &extent, at, (size_t)size);
        if (poisoned) {
            FUZZ_CHECK(extent.plen > OZX_EROFS_PLEN_MAX && extent.plen <= OZX_EROFS_PLEN_MASK);
            continue;
        }
        address = extent.pstart_lo | (uint64_t)extent.pstart_hi << 32;
        FUZZ_CHECK(extent.plen > 0 && extent.plen <= OZX_EROFS_PLEN_MAX);
        FUZZ_CHECK((extent.lstart_lo | (uint64_t)extent.lstart_hi << 32) == done);
        check_piece(r, row, done, extent.plen, address);
        /* Not taken for neighbours: one of the archive, then one of the image. */
        if (i && address_before >= archive && address < archive)
            FUZZ_CHECK((address_before - archive) != address / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK);
        address_before =
            (address + extent.plen + OZX_EROFS_BLOCK - 1) / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK;
        done += extent.plen;
    }
    FUZZ_CHECK(poisoned || done == row->size_bytes);
}

static void check_chunks(const struct reader *r, const struct ozx_row *row,
                         const struct inode *inode, bool poisoned)
{
    unsigned bits = OZX_EROFS_BLOCK_BITS + (inode->u & OZX_EROFS_CHUNK_BITS_MASK);
    uint64_t at = (inode->end + 7) / 8 * 8, step = UINT64_C(1) << bits;

    FUZZ_CHECK(r->super.feature_incompat & OZX_EROFS_INCOMPAT_CHUNKED_FILE);
    FUZZ_CHECK(inode->u & OZX_EROFS_CHUNK_INDEXES);
    for (uint64_t done = 0; done < row->size_bytes;
         done += step, at += sizeof(struct ozx_erofs_chunk)) {
        struct ozx_erofs_chunk chunk;
        uint64_t left = row->size_bytes - done, address;
        copy(r, &chunk, at, sizeof chunk);
        if (poisoned) {
            FUZZ_CHECK(chunk.device_id == OZX_EROFS_NOBODY);
            continue;
        }
        FUZZ_CHECK(chunk.device_id <= OZX_EROFS_ARCHIVE);
        address = chunk.startblk_lo * OZX_EROFS_BLOCK;
        if (chunk.device_id == OZX_EROFS_ARCHIVE)
            address += r->device.uniaddr_lo * OZX_EROFS_BLOCK;
        check_piece(r, row, done, left < step ? left : step, address);
        /* mmap shows the rest of the last page. */
        for (uint64_t i = left; left < step && i % OZX_EROFS_BLOCK; i++)
            FUZZ_CHECK(byte_at(r, address + i) == 0);
    }
}

static void check_file(const struct reader *r, uint32_t i, const struct inode *inode, bool poisoned)
{
    const struct ozx_row *row = &r->table->rows[i];

    FUZZ_CHECK(S_ISREG(inode->mode) && inode->size == row->size_bytes && inode->nlink == 1);
    if (row->size_bytes == 0)
        FUZZ_CHECK(inode->layout == OZX_EROFS_FLAT_PLAIN);
    else if (inode->layout == OZX_EROFS_CHUNK_BASED)
        check_chunks(r, row, inode, poisoned);
    else if (inode->layout == OZX_EROFS_COMPRESSED_FULL)
        check_extents(r, row, inode, poisoned);
    else
        FUZZ_CHECK(inode->layout == OZX_EROFS_CHUNK_BASED);
}

/* The child rows of a directory, in the order of its entries, which are those of the table and the
 * two dots. */
static void check_directory(const struct reader *r, uint32_t i, uint64_t nid,
                            const struct inode *inode, uint64_t *nids)
{
    const struct ozx_table *table = r->table;
    uint64_t at = inode->layout == OZX_EROFS_FLAT_PLAIN ? inode->u * OZX_EROFS_BLOCK : inode->end;
    uint32_t child = 1, dots = 0, links = 2;
    const char *before = NULL;
    size_t before_size = 0;

    FUZZ_CHECK(S_ISDIR(inode->mode) && inode->size > 0);
    if (inode->layout == OZX_EROFS_FLAT_INLINE)
        FUZZ_CHECK(inode->end % OZX_EROFS_BLOCK + inode->size <= OZX_EROFS_BLOCK);
    while (child < table->count && table->rows[child].parent < i)
        child++;
    for (uint64_t done = 0; done < inode->size; done += OZX_EROFS_BLOCK) {
        uint64_t left = inode->size - done, size = left < OZX_EROFS_BLOCK ? left : OZX_EROFS_BLOCK;
        struct ozx_erofs_dirent first, entry, next;
        copy(r, &first, at + done, sizeof first);
        FUZZ_CHECK(first.nameoff >= sizeof first && first.nameoff % sizeof first == 0);
        for (size_t k = 0; k < first.nameoff / sizeof first; k++) {
            const char *name;
            size_t name_size;
            copy(r, &entry, at + done + k * sizeof entry, sizeof entry);
            FUZZ_CHECK(entry.nameoff < size);
            name = (const char *)r->memory + at + done + entry.nameoff;
            if ((k + 1) * sizeof entry < first.nameoff) {
                copy(r, &next, at + done + (k + 1) * sizeof next, sizeof next);
                name_size = (size_t)next.nameoff - entry.nameoff;
            } else {
                name_size = strnlen(name, (size_t)size - entry.nameoff);
            }
            FUZZ_CHECK(name_size >= 1 && name_size <= 255 && entry.nameoff + name_size <= size);
            FUZZ_CHECK(!before || ozx_name_compare(before, before_size, name, name_size) < 0);
            before = name;
            before_size = name_size;
            if (name_size <= 2 && memcmp(name, "..", name_size) == 0) {
                FUZZ_CHECK(entry.nid == (name_size == 1 ? nid : nids[table->rows[i].parent]));
                dots++;
                continue;
            }
            FUZZ_CHECK(child < table->count && table->rows[child].parent == i);
            FUZZ_CHECK(name_size == table->rows[child].name_size &&
                       memcmp(name, table->names + table->rows[child].name_offset, name_size) == 0);
            FUZZ_CHECK((entry.file_type == OZX_EROFS_TYPE_DIR) ==
                       (table->rows[child].kind == OZX_ROW_DIRECTORY));
            links += entry.file_type == OZX_EROFS_TYPE_DIR;
            nids[child++] = entry.nid;
        }
    }
    FUZZ_CHECK(dots == 2 && inode->nlink == links);
    FUZZ_CHECK(child == table->count || table->rows[child].parent != i);
}

static void check_image(struct reader *r, const struct ozx_kernel_image_options *options,
                        bool poisoned)
{
    const struct ozx_table *table = r->table;
    uint64_t *nids = calloc(table->count, sizeof *nids);

    FUZZ_CHECK(nids);
    copy(r, &r->super, OZX_EROFS_SUPER_OFFSET, sizeof r->super);
    copy(r, &r->device, r->super.devt_slotoff * sizeof r->device, sizeof r->device);
    FUZZ_CHECK(r->super.magic == OZX_EROFS_MAGIC && r->super.inos == table->count);
    FUZZ_CHECK(r->super.blocks_lo * OZX_EROFS_BLOCK == r->size);
    FUZZ_CHECK(r->size <= r->device.uniaddr_lo * OZX_EROFS_BLOCK);
    nids[0] = r->super.rootnid_2b;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct ozx_row *row = &table->rows[i];
        const struct inode inode = read_inode(r, nids[i]);
        FUZZ_CHECK(inode.mtime_s == row->mtime_s && inode.gid == options->gid);
        FUZZ_CHECK(inode.uid == (i ? options->uid : options->root_uid));
        if (row->kind == OZX_ROW_DIRECTORY)
            check_directory(r, i, nids[i], &inode, nids);
        else
            check_file(r, i, &inode, poisoned);
    }
    free(nids);
}

/* fsck.erofs gives up at a path that no system call takes; the kernel does not. */
static bool has_long_path(const struct ozx_table *table)
{
    size_t *sizes = calloc(table->count, sizeof *sizes), longest = 0;

    FUZZ_CHECK(sizes);
    for (uint32_t i = 1; i < table->count; i++) {
        sizes[i] = sizes[table->rows[i].parent] + 1 + table->rows[i].name_size;
        longest = sizes[i] > longest ? sizes[i] : longest;
    }
    free(sizes);
    return longest > 4000;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void check_table(struct ozx_table *table, uint64_t archive_size, bool is_large_id)
{
    const struct ozx_kernel_image_options options = {.uid = is_large_id ? 70000 : 1000,
                                              .gid = 5,
                                              .file_mode = 0444,
                                              .directory_mode = 0555,
                                              .root_uid = 0,
                                              .root_mode = 0500,
                                              .archive_size_bytes = archive_size};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_kernel_image image;
    struct reader r = {.archive_size = archive_size, .table = table};
    uint8_t *memory;

    if (ozx_table_check(table, archive_size, &error) ||
        ozx_kernel_image_plan(table, &options, &image, &error))
        return;
    if (image.size_bytes <= IMAGE_MAX) {
        memory = calloc(1, (size_t)image.size_bytes);
        FUZZ_CHECK(memory && image.size_bytes % OZX_EROFS_BLOCK == 0);
        FUZZ_CHECK(ozx_kernel_image_write(&image, memory, read_archive, &archive_size) == 0);
        r.memory = memory;
        r.size = image.size_bytes;
        check_image(&r, &options, false);
        if (!has_long_path(table))
            fuzz_fsck(memory, (size_t)image.size_bytes, archive_size);
        ozx_kernel_image_poison(memory, image.meta_end_bytes);
        check_image(&r, &options, true);
        free(memory);
    }
    ozx_kernel_image_free(&image);
}

static uint64_t size_of_archive(unsigned code)
{
    return code < 64 ? code * UINT64_C(997) : (UINT64_C(1) << (code - 64) / 2 % 33) + code * 611;
}

/* As a worker's pipe would have it. */
static void receive(const uint8_t *data, size_t size, uint64_t archive_size)
{
    struct ozx_table_reader reader = {.got_bytes = 0};
    int fd = memfd_create("table", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    if (ozx_table_receive(&reader, fd) == 0)
        check_table(&reader.table, archive_size, false);
    ozx_table_free(&reader.table);
    close(fd);
}

struct maker {
    const uint8_t *at, *end;
    struct ozx_row rows[ROWS_MAX];
    char names[ROWS_MAX * 256];
    uint8_t data[4096];
    uint32_t names_size;
};

static unsigned take(struct maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

static void make_row(struct maker *m, uint32_t i, uint64_t archive_size)
{
    struct ozx_row *row = &m->rows[i], *before = row - 1;
    unsigned kind = take(m), size = take(m), offset = take(m), name = take(m);
    uint64_t whole = kind % 8 == 2 ? sizeof m->data : archive_size;

    *row = (struct ozx_row){.parent = before->parent,
                            .mtime_s = (int64_t)take(m) << kind % 48,
                            .name_offset = m->names_size};
    if (kind & 64) /* the next directory */
        while (row->parent + 1 < i && m->rows[++row->parent].kind != OZX_ROW_DIRECTORY)
            ;
    if (m->rows[row->parent].kind != OZX_ROW_DIRECTORY)
        row->parent = before->parent;
    row->kind = kind % 8 < 2 ? OZX_ROW_DIRECTORY : kind % 8 == 2 ? OZX_ROW_DATA : OZX_ROW_FILE;
    row->name_size = (uint8_t)(4 + (name & 128 ? name % 251 : 0));
    memset(m->names + m->names_size, 'a' + name % 26, row->name_size);
    m->names[m->names_size] = (char)(name & 1 ? '!' : 'x');
    m->names[m->names_size + 1] = (char)('0' + i / 100);
    m->names[m->names_size + 2] = (char)('0' + i / 10 % 10);
    m->names[m->names_size + 3] = (char)('0' + i % 10);
    if (i > 1 && row->parent == before->parent) /* sorted */
        m->names[m->names_size] =
            m->names[before->name_offset] == 'x' ? 'x' : m->names[m->names_size];
    m->names_size += row->name_size;
    if (row->kind == OZX_ROW_DIRECTORY || !whole)
        return;
    row->offset_bytes = offset & 1 ? whole * offset / 256 / 4096 * 4096 : whole * offset / 256;
    row->size_bytes = (whole - row->offset_bytes) * size / 255;
}

static void make(const uint8_t *data, size_t size, uint64_t archive_size)
{
    struct maker *m = calloc(1, sizeof *m);
    struct ozx_table table = {.count = 1};

    FUZZ_CHECK(m);
    table = (struct ozx_table){
        .rows = m->rows, .names = m->names, .data = m->data, .data_size = sizeof m->data};
    m->at = data;
    m->end = data + size;
    for (size_t i = 0; i < sizeof m->data; i++)
        m->data[i] = (uint8_t)(i * 7);
    m->rows[0].kind = OZX_ROW_DIRECTORY;
    for (table.count = 1; table.count < ROWS_MAX && m->at < m->end; table.count++)
        make_row(m, table.count, archive_size);
    table.names_size = m->names_size;
    check_table(&table, archive_size, size & 1);
    free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] & 1)
        receive(data + 1, size - 1, size_of_archive(data[0] >> 1));
    else
        make(data + 1, size - 1, size_of_archive(data[0] >> 1));
    return 0;
}
