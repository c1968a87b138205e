/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a JSON text that nobody vouches for to one that jansson takes, and that has nothing in it
 * that no part of ozxfs looks at. For zarr/json*.c only.
 *
 * Every byte is checked against RFC 8259, of what is left out, too. Nothing recurses, and nothing
 * is allocated by a number that the text states: the brackets that are open take a bit each.
 */
#ifndef OZX_ZARR_JSON_SCAN_H
#define OZX_ZARR_JSON_SCAN_H

#include "zarr/json.h"

/* Where in a hierarchy's metadata a member stands. */
enum ozx_json_place {
    OZX_JSON_ROOT,         /* of a zarr.json, .zarray, .zattrs, or an archive comment */
    OZX_JSON_ATTRIBUTES,   /* attributes of a zarr.json */
    OZX_JSON_OME,          /* anywhere in an OME block */
    OZX_JSON_WHOLE,        /* anywhere in what is kept as it is */
    OZX_JSON_EXTENSION,    /* an object at the root that is not known here */
    OZX_JSON_CONSOLIDATED, /* consolidated_metadata */
};

enum ozx_json_fate {
    OZX_JSON_KEEP,
    OZX_JSON_EMPTY,   /* without contents: {}, [] or "" */
    OZX_JSON_UNKNOWN, /* the same, but only so many */
    OZX_JSON_DROP,
};

/* json_keep.c: what becomes of a member of an object that stands in `place`; the place of the
 * contents goes to `*below`. */
enum ozx_json_fate ozx_json_judge_key(enum ozx_json_place place, const char *key, size_t size_bytes,
                                      enum ozx_json_place *below);

struct ozx_json_scan {
    char *text; /* what is kept, terminated; the caller frees it, after a failure too */
    size_t size_bytes;
    bool big_integers; /* an integer that does not fit 64 bits was made a real */
    /* In: a place in `text`; out: where in the source the last key that is not behind it starts. */
    size_t watched, watched_origin;
};

/* `cost_max_bytes`: of what jansson may allocate for what is kept. Fills in the problem's defects;
 * those of the kind OZX_JSON_DUPLICATE are not found here. -EBADMSG with the problem, -ENOMEM. */
int ozx_json_scan(const char *source, size_t size_bytes, size_t cost_max_bytes,
                  struct ozx_json_scan *scan, struct ozx_json_problem *problem) OZX_CHECKED;

/* The line and the column (from 1, in bytes) of a place in the source. */
void ozx_json_locate(const char *source, size_t offset, int *line, int *column);

#endif
