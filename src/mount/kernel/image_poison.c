/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of an image: the same walk over its inodes as the kernel could take, in the image itself.
 *
 * What is written is chosen with care. An extent with a length of 0 would be a hole, which reads as
 * zeros; so could one that begins elsewhere be; and directory entries that lead nowhere would be
 * names that are not there, which Zarr takes for the fill value. A length beyond what kernels take,
 * and a device that there is not, are errors to every kernel.
 */
#include "mount/kernel/image.h"

#include <string.h>
#include <sys/stat.h>

#include "mount/kernel/erofs.h"

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

/* The kernel may read them at this moment: each is one store. */
static void store32(uint8_t *to, uint32_t value)
{
    __atomic_store_n((uint32_t *)(void *)to, value, __ATOMIC_RELAXED);
}

static void store16(uint8_t *to, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)to, value, __ATOMIC_RELAXED);
}

/* Returns where the records end. */
static uint64_t poison_extents(uint8_t *memory, uint64_t header_bytes)
{
    struct ozx_erofs_map_header header;
    uint64_t size, at, end;

    memcpy(&header, memory + header_bytes, sizeof header);
    size = UINT64_C(4) << (le16toh(header.h_advise) >> OZX_EROFS_ADVISE_RECSZ_SHIFT & 3);
    at = round_up(header_bytes + sizeof header, size);
    end = at + size * (le32toh(header.h_extents_lo) | (uint64_t)le16toh(header.h_extents_hi) << 32);
    for (; at < end; at += size)
        store32(memory + at + offsetof(struct ozx_erofs_extent, plen),
                htole32(OZX_EROFS_PLEN_MASK));
    return end;
}

static uint64_t poison_chunks(uint8_t *memory, uint64_t at, uint32_t format, uint64_t file_size)
{
    unsigned bits = OZX_EROFS_BLOCK_BITS + (format & OZX_EROFS_CHUNK_BITS_MASK);
    uint64_t end = at + (((file_size - 1) >> bits) + 1) * sizeof(struct ozx_erofs_chunk);

    for (; at < end; at += sizeof(struct ozx_erofs_chunk))
        store16(memory + at + offsetof(struct ozx_erofs_chunk, device_id),
                htole16(OZX_EROFS_NOBODY));
    return end;
}

/* Poisons the file at `at`. Returns where the next inode can be. */
static uint64_t poison_inode(uint8_t *memory, uint64_t at)
{
    struct ozx_erofs_compact inode; /* the fields in front are the same in both kinds */
    uint64_t size, end = at + sizeof inode;
    unsigned layout;

    memcpy(&inode, memory + at, sizeof inode);
    if (!inode.i_mode)
        return end; /* room that was left free */
    layout = le16toh(inode.i_format) >> OZX_EROFS_LAYOUT_SHIFT & OZX_EROFS_LAYOUT_MASK;
    size = le32toh(inode.i_size);
    if (le16toh(inode.i_format) & OZX_EROFS_EXTENDED) {
        struct ozx_erofs_extended extended;
        memcpy(&extended, memory + at, sizeof extended);
        size = le64toh(extended.i_size);
        end = at + sizeof extended;
        inode.i_u = extended.i_u;
    }
    if (layout == OZX_EROFS_COMPRESSED_FULL)
        return poison_extents(memory, end);
    if (layout == OZX_EROFS_CHUNK_BASED)
        return poison_chunks(memory, end, le32toh(inode.i_u), size);
    return layout == OZX_EROFS_FLAT_INLINE ? end + size : end;
}

void ozx_kernel_image_poison(uint8_t *memory, uint64_t meta_end_bytes)
{
    uint64_t at = OZX_EROFS_META + OZX_EROFS_FIRST_NID * OZX_EROFS_SLOT;

    while (at < meta_end_bytes)
        at = round_up(poison_inode(memory, at), OZX_EROFS_SLOT);
}
