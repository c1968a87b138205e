/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What metadata name and a command leaves out, counted by kind while it is found, and put into one
 * line for each kind. Knows no command and no file.
 */
#ifndef OZX_ZARR_LEFT_OUT_H
#define OZX_ZARR_LEFT_OUT_H

#include <stdbool.h>

#include "base/error.h"
#include "zarr/references.h"

enum ozx_left_out_kind {
    OZX_LEFT_OUT_REMOVED,    /* nodes that consolidated metadata lose */
    OZX_LEFT_OUT_KEPT,       /* that they keep, as was asked for */
    OZX_LEFT_OUT_STALE,      /* that were not there before, either */
    OZX_LEFT_OUT_WRONG,      /* consolidated metadata that are not understood */
    OZX_LEFT_OUT_OTHER_KIND, /* that are not inline */
    OZX_LEFT_OUT_LARGE,      /* metadata that are too large to look at */
    OZX_LEFT_OUT_V2,         /* consolidated metadata of Zarr v2 */
    OZX_LEFT_OUT_CHUNKS,     /* arrays that stay, without chunks that they had */
    OZX_LEFT_OUT_PARENT,     /* zarr.json files that go, and what is below stays */
    OZX_LEFT_OUT_REFERENCE,  /* and one for each kind of zarr/references.h */
    OZX_LEFT_OUT_KINDS = OZX_LEFT_OUT_REFERENCE + OZX_REFERENCE_KINDS,
};

struct ozx_left_out_count {
    uint64_t count, files;        /* and in how many files */
    uint64_t file;                /* the last of them */
    char in[OZX_ESCAPED_SIZE];    /* the first of them, */
    char first[OZX_ESCAPED_SIZE]; /* and what was the first in it */
};

struct ozx_left_out_tally {
    uint64_t file; /* number of the file at hand */
    struct ozx_left_out_count kinds[OZX_LEFT_OUT_KINDS];
};

/* Counts `name` (bytes), which the file at the path `in` names. */
void ozx_left_out_add(struct ozx_left_out_tally *tally, enum ozx_left_out_kind kind, const char *in,
                      const char *name, size_t name_size_bytes);

/* The line for a kind; false if there is nothing to say. `*is_note`: it is no warning. */
bool ozx_left_out_say(const struct ozx_left_out_tally *tally, enum ozx_left_out_kind kind,
                      struct ozx_error *error, bool *is_note);

#endif
