/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entries of an archive for `ozxfs ls --json`, one at a time: a listing of a million entries is
 * never in memory.
 */
#ifndef OZX_INFO_LISTING_H
#define OZX_INFO_LISTING_H

#include "archive/archive.h"

/* The method's usual name ("deflate"), or "method 99" in `buffer`. */
#define OZX_METHOD_NAME_SIZE 16
const char *ozx_method_name(uint16_t method, char buffer[OZX_METHOD_NAME_SIZE]);

/* Seconds since 1970 as "2026-01-31T12:00:00Z" in `buffer`, which is returned. */
#define OZX_TIME_SIZE 32
const char *ozx_time_utc(int64_t seconds, char buffer[OZX_TIME_SIZE]);

/* `text` as a JSON text, "null" if it is not UTF-8. The caller frees `*out`. -ENOMEM. */
int ozx_json_quote(const char *text, char **out) OZX_CHECKED;

/* A node as a JSON object in one line (ozxfs-ls(1), JSON OUTPUT). The caller frees `*out`. -ENOMEM.
 */
int ozx_listing_json(const struct ozx_archive *archive, uint32_t node, char **out) OZX_CHECKED;

#endif
