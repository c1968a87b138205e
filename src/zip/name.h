/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entry names: what is a path that can be shown (APPNOTE 4.4.17), and the charset they are in
 * (appendix D: UTF-8 if bit 11 says so, else CP437; names that are valid UTF-8 without the bit are
 * taken as they are). Nothing is repaired: a name is good or the archive is refused (rule name).
 */
#ifndef OZX_ZIP_NAME_H
#define OZX_ZIP_NAME_H

#include <stdbool.h>

#include "base/error.h"

/* One CP437 byte is at most three bytes of UTF-8. */
#define OZX_NAME_DECODED_MAX (3 * 65535)

/* NULL if the decoded path (UTF-8; a directory's final '/' included) is relative, in its shortest
 * form and within Linux's limits; else what is wrong with it, in a few words (static). */
const char *ozx_zip_name_defect(const char *path, size_t size_bytes);

/* The bytes that a decoded name has in the archive: CP437 has one for each code point. */
size_t ozx_zip_name_raw_size(const char *path, size_t size_bytes, bool cp437);

/* Decodes CP437 into `out`, which has room for three times `size_bytes`; the number of bytes
 * written. */
size_t ozx_zip_name_from_cp437(char *out, const char *raw, size_t size_bytes);

#endif
