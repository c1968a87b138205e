/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON texts of a hierarchy, which nobody vouches for, through jansson, which makes up to 80 bytes
 * of memory of one byte of text ("{},{},"). What a text will take is counted before jansson sees
 * it, and what takes too much is not parsed.
 *
 * Consolidated metadata repeat every node below the root, some MiB in the root zarr.json of a large
 * plate, and nobody here asks for them. Each node in them is parsed by itself, only to see that it
 * is JSON, and is [] in what is returned.
 */
#ifndef OZX_ZARR_JSON_H
#define OZX_ZARR_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define OZX_JSON_SIZE_MAX (64u << 20)   /* bytes of one text */
#define OZX_JSON_DEPTH_MAX 256          /* lists and objects inside each other */
#define OZX_JSON_MEMORY_MAX (32u << 20) /* and half the text's size: of what jansson makes of it   \
                                         */

struct ozx_json_problem {
    const char *bound; /* not parsed: why (static); NULL: it is not JSON, see `json` */
    json_error_t json;
};

/* Parses an object or a list; the text is written to. `*as_real` (may be NULL) becomes true if an
 * integer did not fit 64 bits (the fill value of an uint64 array), so that all numbers were read as
 * real; without it they are, too. -ENOMEM; -EBADMSG with the problem. The caller has the reference.
 */
int ozx_json_parse(char *text, size_t size_bytes, json_t **out, bool *as_real,
                   struct ozx_json_problem *problem) OZX_CHECKED;

static inline void ozx_cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define OZX_AUTO_JSON OZX_CLEANUP(ozx_cleanup_json)

#endif
