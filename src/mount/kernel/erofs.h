/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The on-disk structures of EROFS that an image of ours has, by the names of the kernel's
 * fs/erofs/erofs_fs.h. All numbers are little-endian. What is not named there as we use it is left
 * out.
 *
 *     block 0            super block at 1024, device slots at 1280
 *     block 1 ...        inodes, each with its map or its directory entries behind it
 *                        blocks of directories that do not fit behind their inodes
 *                        bytes of files that stand in the image
 */
#ifndef OZX_MOUNT_KERNEL_EROFS_H
#define OZX_MOUNT_KERNEL_EROFS_H

#include <assert.h>
#include <endian.h>
#include <stdint.h>

#define OZX_EROFS_BLOCK_BITS 12
#define OZX_EROFS_BLOCK (UINT64_C(1) << OZX_EROFS_BLOCK_BITS)
#define OZX_EROFS_SUPER_OFFSET 1024          /* EROFS_SUPER_OFFSET */
#define OZX_EROFS_MAGIC UINT32_C(0xE0F5E1E2) /* EROFS_SUPER_MAGIC_V1 */
#define OZX_EROFS_SLOT 32                    /* of inodes: a nid is an offset divided by it */

#define OZX_EROFS_INCOMPAT_CHUNKED_FILE UINT32_C(0x004) /* EROFS_FEATURE_INCOMPAT_... */
#define OZX_EROFS_INCOMPAT_DEVICE_TABLE UINT32_C(0x008)
#define OZX_EROFS_INCOMPAT_48BIT UINT32_C(0x080)

struct ozx_erofs_super_block { /* struct erofs_super_block */
    uint32_t magic, checksum, feature_compat;
    uint8_t blkszbits, sb_extslots;
    uint16_t rootnid_2b;
    uint64_t inos;
    uint64_t epoch; /* of the mtimes of compact inodes */
    uint32_t fixed_nsec, blocks_lo, meta_blkaddr, xattr_blkaddr;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint16_t available_compr_algs, extra_devices, devt_slotoff;
    uint8_t dirblkbits, xattr_prefix_count;
    uint32_t xattr_prefix_start;
    uint64_t packed_nid;
    uint8_t xattr_filter_reserved, reserved[3];
    uint32_t build_time;
    uint64_t rootnid_8b, reserved2, metabox_nid, reserved3;
};
static_assert(sizeof(struct ozx_erofs_super_block) == 144, "erofs_super_block");

struct ozx_erofs_device { /* struct erofs_deviceslot */
    uint8_t tag[64];
    uint32_t blocks_lo, uniaddr_lo, blocks_hi;
    uint16_t uniaddr_hi;
    uint8_t reserved[50];
};
static_assert(sizeof(struct ozx_erofs_device) == 128, "erofs_deviceslot");

/* i_format: version in bit 0, layout above it */
#define OZX_EROFS_EXTENDED 1u          /* EROFS_INODE_LAYOUT_EXTENDED */
#define OZX_EROFS_LAYOUT_SHIFT 1       /* EROFS_I_DATALAYOUT_BIT */
#define OZX_EROFS_LAYOUT_MASK 7u       /* EROFS_I_DATALAYOUT_MASK */
#define OZX_EROFS_FLAT_PLAIN 0u        /* EROFS_INODE_... */
#define OZX_EROFS_COMPRESSED_FULL 1u
#define OZX_EROFS_FLAT_INLINE 2u
#define OZX_EROFS_CHUNK_BASED 4u
#define OZX_EROFS_NLINK_1 (1u << 4) /* EROFS_I_NLINK_1_BIT: of files, not directories */

#define OZX_EROFS_CHUNK_BITS_MASK 0x1Fu /* EROFS_CHUNK_FORMAT_BLKBITS_MASK */
#define OZX_EROFS_CHUNK_INDEXES 0x20u   /* EROFS_CHUNK_FORMAT_INDEXES */

struct ozx_erofs_compact { /* struct erofs_inode_compact */
    uint16_t i_format, i_xattr_icount, i_mode;
    uint16_t i_nb; /* of a directory: its links */
    uint32_t i_size;
    uint32_t i_mtime; /* behind the epoch */
    uint32_t i_u;     /* blocks_lo, startblk_lo or the chunk format */
    uint32_t i_ino;
    uint16_t i_uid, i_gid;
    uint32_t i_reserved;
};
static_assert(sizeof(struct ozx_erofs_compact) == 32, "erofs_inode_compact");

struct ozx_erofs_extended { /* struct erofs_inode_extended */
    uint16_t i_format, i_xattr_icount, i_mode, i_nb;
    uint64_t i_size;
    uint32_t i_u, i_ino, i_uid, i_gid;
    uint64_t i_mtime;
    uint32_t i_mtime_nsec, i_nlink;
    uint8_t i_reserved2[16];
};
static_assert(sizeof(struct ozx_erofs_extended) == 64, "erofs_inode_extended");

/* In front of a file's extents, with these two. */
#define OZX_EROFS_ADVISE_EXTENTS 1u    /* Z_EROFS_ADVISE_EXTENTS */
/* Z_EROFS_ADVISE_EXTRECSZ_BIT: log2 of a quarter of a record */
#define OZX_EROFS_ADVISE_RECSZ_SHIFT 1
struct ozx_erofs_map_header { /* struct z_erofs_map_header */
    uint32_t h_extents_lo;
    uint16_t h_advise, h_extents_hi;
};
static_assert(sizeof(struct ozx_erofs_map_header) == 8, "z_erofs_map_header");

/* The first 16 bytes only, for files below 4 GiB. `plen` has the format in its upper bits: 0 is
 * bytes as they are. Kernels refuse more than a MiB. */
#define OZX_EROFS_PLEN_MAX (UINT32_C(1) << 20)      /* Z_EROFS_PCLUSTER_MAX_SIZE */
#define OZX_EROFS_PLEN_MASK ((UINT32_C(1) << 21) - 1) /* Z_EROFS_EXTENT_PLEN_MASK */
struct ozx_erofs_extent { /* struct z_erofs_extent */
    uint32_t plen, pstart_lo, pstart_hi, lstart_lo, lstart_hi;
    uint8_t reserved[12];
};
static_assert(sizeof(struct ozx_erofs_extent) == 32, "z_erofs_extent");
#define OZX_EROFS_EXTENT_SHORT 16u
#define OZX_EROFS_EXTENT_LONG 32u

struct ozx_erofs_chunk { /* struct erofs_inode_chunk_index */
    uint16_t startblk_hi, device_id;
    uint32_t startblk_lo;
};
static_assert(sizeof(struct ozx_erofs_chunk) == 8, "erofs_inode_chunk_index");

#define OZX_EROFS_TYPE_FILE 1 /* FT_REG_FILE */
#define OZX_EROFS_TYPE_DIR 2  /* FT_DIR */
struct __attribute__((packed)) ozx_erofs_dirent { /* struct erofs_dirent */
    uint64_t nid;
    uint16_t nameoff; /* of the name, in the block */
    uint8_t file_type, reserved;
};
static_assert(sizeof(struct ozx_erofs_dirent) == 12, "erofs_dirent");

/* --- how an image of ours uses it ------------------------------------------------------------- */

/* The devices: 0 is the image, 1 the archive; 2 is the archive again, so that the mask for their
 * numbers is 3, and 3 is nobody. */
#define OZX_EROFS_DEVICES 2
#define OZX_EROFS_ARCHIVE 1
#define OZX_EROFS_NOBODY 3
#define OZX_EROFS_DEVICE_SLOTS 10 /* devt_slotoff: 1280 bytes */
/* Where the archive begins in the one space of addresses of all devices, in blocks: above any
 * image. */
#define OZX_EROFS_ARCHIVE_BLOCK (UINT64_C(1) << 24)
#define OZX_EROFS_BLOCKS_MAX (UINT64_C(1) << 32)
#define OZX_EROFS_META OZX_EROFS_BLOCK  /* where inodes begin */
#define OZX_EROFS_FIRST_NID 1           /* 0 would be an inode number that is none */

#endif
