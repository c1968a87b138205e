/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading and writing JSON. jansson tells a text that is wrong from memory that is out only
 * sometimes (it may call it an invalid token, or leave out a part of a text without a word): here
 * every allocation of it is watched.
 */
#ifndef OZX_ZARR_JANSSON_H
#define OZX_ZARR_JANSSON_H

#include <jansson.h>

#include "base/error.h"

/* `text` need not be terminated; `flags` are jansson's (JSON_REJECT_DUPLICATES ...). -EBADMSG, with
 * the words in `*json_error`; -ENOMEM. Any thread may. */
int ozx_jansson_load(const char *text, size_t size_bytes, size_t flags, json_t **out,
                   json_error_t *json_error) OZX_CHECKED;

/* The name of a file in a report, as it was given; null where it is not UTF-8, which JSON cannot
 * hold: the same in every verb (ozxfs(1), JSON). NULL without memory. */
json_t *ozx_jansson_file_name(const char *name);

/* `json` as a text, which the caller frees: what is not shown of strings (base/text.h) is escaped,
 * which to a reader is the same. -ENOMEM; also for a NULL, which is what jansson makes without
 * memory. */
int ozx_jansson_format(const json_t *json, size_t flags, char **out) OZX_CHECKED;

/* The same into `buffer`, cut at its end and not terminated; `*size_bytes` of the whole text. */
int ozx_jansson_print(const json_t *json, size_t flags, char *buffer, size_t room_bytes,
                   size_t *size_bytes) OZX_CHECKED;

/* Opens /dev/urandom for the seed of jansson's hash tables, once, while that can be done. */
void ozx_jansson_seed(void);

#endif
