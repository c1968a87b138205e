/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "did you mean ...?": the name that is closest to what was typed.
 */
#ifndef OZX_CLI_SUGGEST_H
#define OZX_CLI_SUGGEST_H

#include <stddef.h>

struct ozx_suggestion {
    const char *typed; /* borrowed; `typed_size` bytes of it */
    size_t typed_size;
    const char *prefix; /* what stands before the name: "--", "-o " */
    const char *name;   /* the best so far, borrowed; NULL: none is close */
    unsigned distance;
};

/* Considers `name`: it must be nearer than the best so far, and differ by two letters at most (left
 * out, added, exchanged, or swapped with the next one); by one where either is short. */
void ozx_suggestion_consider(struct ozx_suggestion *suggestion, const char *prefix,
                             const char *name);

#endif
