/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The on-disk structures of a ZIP, as PKWARE's APPNOTE 6.3.10 lays them out. All numbers are
 * little-endian. Every constant of the format stands here and nowhere else.
 *
 *     [local file header | name | extra | data | (data descriptor)] ...
 *     [central directory header | name | extra | comment] ...
 *     [ZIP64 end record | extensible data][ZIP64 locator]
 *     [end record | comment]
 */
#ifndef OZX_ZIP_FORMAT_H
#define OZX_ZIP_FORMAT_H

#include <stdint.h>

/* Local file header, APPNOTE 4.3.7:
 *  0 signature   4 version needed  6 flags   8 method  10 time  12 date
 * 14 CRC-32     18 compressed     22 size   26 name length     28 extra length   30 name, extra */
#define OZX_LOCAL_SIGNATURE UINT32_C(0x04034B50)
#define OZX_LOCAL_SIZE 30

/* Central directory header, APPNOTE 4.3.12:
 *  0 signature   4 made by   6 version needed   8 flags  10 method  12 time  14 date
 * 16 CRC-32     20 compressed       24 size    28 name length  30 extra length  32 comment length
 * 34 disk       36 internal attributes  38 external attributes  42 local header offset
 * 46 name, extra, comment */
#define OZX_CENTRAL_SIGNATURE UINT32_C(0x02014B50)
#define OZX_CENTRAL_SIZE 46

/* Digital signature that may follow the last central header, APPNOTE 4.3.13. */
#define OZX_DIGITAL_SIGNATURE UINT32_C(0x05054B50)

/* Data descriptor's usual, optional signature, APPNOTE 4.3.9. */
#define OZX_DESCRIPTOR_SIGNATURE UINT32_C(0x08074B50)

/* ZIP64 end of central directory record, APPNOTE 4.3.14:
 *  0 signature  4 size of the rest (64)  12 made by  14 needed  16 disk  20 directory's disk
 * 24 entries here (64)  32 entries (64)   40 directory size (64)  48 directory offset (64)
 * 56 extensible data */
#define OZX_END64_SIGNATURE UINT32_C(0x06064B50)
#define OZX_END64_SIZE 56
#define OZX_END64_SIZE_FIELD_EXCLUDES 12 /* the signature and the size field themselves */

/* ZIP64 end of central directory locator, APPNOTE 4.3.15:
 *  0 signature   4 disk of the ZIP64 record   8 its offset (64)   16 number of disks */
#define OZX_LOCATOR_SIGNATURE UINT32_C(0x07064B50)
#define OZX_LOCATOR_SIZE 20

/* End of central directory record, APPNOTE 4.3.16:
 *  0 signature   4 disk   6 directory's disk   8 entries here  10 entries
 * 12 directory size  16 directory offset  20 comment length  22 comment */
#define OZX_END_SIGNATURE UINT32_C(0x06054B50)
#define OZX_END_SIZE 22
#define OZX_COMMENT_MAX 65535

/* Sentinels that send a reader to the ZIP64 field or record, APPNOTE 4.4.1.4. */
#define OZX_SENTINEL16 UINT16_C(0xFFFF)
#define OZX_SENTINEL32 UINT32_C(0xFFFFFFFF)

/* General purpose bit flag, APPNOTE 4.4.4. */
#define OZX_FLAG_ENCRYPTED 0x0001
#define OZX_FLAG_DESCRIPTOR 0x0008 /* CRC and sizes stand behind the data */
#define OZX_FLAG_STRONG_ENCRYPTION 0x0040
#define OZX_FLAG_UTF8 0x0800
#define OZX_FLAG_MASKED 0x2000 /* local header values are masked: central directory encrypted */

/* Compression methods, APPNOTE 4.4.5. */
#define OZX_METHOD_STORED 0
#define OZX_METHOD_DEFLATE 8

/* Extra fields, APPNOTE 4.5: header id (2), size (2), data. */
#define OZX_EXTRA_HEADER_SIZE 4
#define OZX_EXTRA_ZIP64 0x0001     /* APPNOTE 4.5.3 */
#define OZX_EXTRA_TIMESTAMP 0x5455 /* Info-ZIP "UT": flags (1), mtime (4, signed) ... */
#define OZX_EXTRA_UNIX_IDS 0x7875  /* Info-ZIP "ux": owner and group */
#define OZX_EXTRA_UNICODE_PATH 0x7075 /* APPNOTE 4.6.9 */
/* alignment, as zipalign-style tools write it: align (2), zeros */
#define OZX_EXTRA_PADDING 0xD935

/* Version needed to extract, APPNOTE 4.4.3.2, and host systems of "made by", 4.4.2.2. */
#define OZX_VERSION_ZIP64 45
#define OZX_HOST_UNIX 3
#define OZX_HOST_MACOS 19

/* Unix mode in the upper half of the external attributes, as Info-ZIP established it. */
#define OZX_MODE_SHIFT 16
#define OZX_MODE_TYPE_MASK 0170000
#define OZX_MODE_REGULAR 0100000
#define OZX_MODE_DIRECTORY 0040000

#define OZX_NAME_COMPONENT_MAX 255 /* bytes, Linux NAME_MAX */
#define OZX_NAME_PATH_MAX 4095     /* bytes, Linux PATH_MAX without its NUL */

#endif
