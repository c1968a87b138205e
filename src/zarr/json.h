/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON texts of a hierarchy, which nobody vouches for. Three steps:
 *
 *     text -> json_scan.c: checks every byte, notes what some readers refuse, leaves out what no
 *             part of ozxfs looks at (json_keep.c), and counts what jansson will take for the rest
 *          -> jansson.c: json_t
 *
 * What is no JSON to any reader is refused. What one reader takes and another refuses (NaN, a byte
 * order mark, ...) is a defect, told and read round. Memory follows what is looked at, not the
 * text: jansson makes up to 80 bytes of one byte of text ("{},{},"), and what would take too much
 * is not parsed.
 *
 * Sources: RFC 8259; which reader refuses what is tried by tests/interop/test_json_readers.py.
 */
#ifndef OZX_ZARR_JSON_H
#define OZX_ZARR_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define OZX_JSON_SIZE_MAX (64u << 20)   /* bytes of one text */
#define OZX_JSON_DEPTH_MAX 256          /* lists and objects inside each other that are looked at */
#define OZX_JSON_MEMORY_MAX (32u << 20) /* and half the text's size: of what jansson makes of it */
#define OZX_JSON_UNKNOWN_MAX 256        /* members that nobody here knows, kept without contents */

/* What some readers take for JSON and others do not. */
enum ozx_json_kind {
    OZX_JSON_NUL,        /* \u0000 in a text or a key: JSON, but texts end there in C */
    OZX_JSON_SURROGATE,  /* half of a surrogate pair, escaped or as three bytes */
    OZX_JSON_BOM,        /* a byte order mark in front */
    OZX_JSON_NOT_FINITE, /* NaN, Infinity, -Infinity */
    OZX_JSON_RANGE,      /* a number that no double holds: 1e400, an integer of 310 digits */
    OZX_JSON_NESTING,    /* lists and objects inside each other, more than OZX_JSON_NESTING_MAX */
    OZX_JSON_DUPLICATE,  /* a key twice in an object that is looked at: the last counts */
    OZX_JSON_PADDING,    /* NUL bytes behind the end */
    OZX_JSON_KINDS
};
#define OZX_JSON_NESTING_MAX 127 /* what serde_json, the parser of zarrs, takes */

struct ozx_json_defect {
    uint64_t count;   /* 0: there is none of the kind */
    size_t offset;    /* of the first, in bytes */
    int line, column; /* of the first, both from 1; columns are bytes */
    char what[24];    /* its text, cut, in printable ASCII: "-Infinity"; or the depth */
};

struct ozx_json_problem {
    const char *bound; /* not parsed: why (static); NULL: it is not JSON, see `json` */
    json_error_t json;
    struct ozx_json_defect defects[OZX_JSON_KINDS]; /* of what was parsed */
};

/* Parses an object or a list. In what comes out, a number that is not finite is a string ("NaN",
 * "-Infinity"); \u0000 and half a surrogate pair are the six characters of their escapes, so that a
 * path with one is the path of nothing. `*as_real` (may be NULL) becomes true if an integer did not
 * fit 64 bits (the fill value of an uint64 array) and was read as real. -ENOMEM; -EBADMSG with the
 * problem. The caller has the reference. */
int ozx_json_parse(const char *text, size_t size_bytes, json_t **out, bool *as_real,
                   struct ozx_json_problem *problem) OZX_CHECKED;

#define OZX_JSON_TEXT_SIZE 192 /* room for either text below */

/* "NaN is not JSON: tensorstore, zarrs and zarrita.js refuse it". Returns `out`. */
const char *ozx_json_defect_text(enum ozx_json_kind kind, const struct ozx_json_defect *defect,
                                 char out[OZX_JSON_TEXT_SIZE]);
/* "line 3, column 5", "line 3, column 5, and 11 more". Returns `out`. */
const char *ozx_json_defect_place(const struct ozx_json_defect *defect,
                                  char out[OZX_JSON_TEXT_SIZE]);

static inline void ozx_cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define OZX_AUTO_JSON OZX_CLEANUP(ozx_cleanup_json)

#endif
