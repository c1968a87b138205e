/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A verb's work on an archive in a process without rights (cage/cage.h), and what the verb says and ends
 * with when that process did not come to its end.
 */
#ifndef OZX_CLI_CAGED_H
#define OZX_CLI_CAGED_H

#include <stdbool.h>

#include "io/source.h"
#include "cage/cage.h"

struct ozx_caged {
    const char *file; /* the archive, for messages */
    const struct ozx_source *source;
    enum ozx_sandbox_work allowed;
    int tree;        /* of OZX_SANDBOX_TREE; else -1 */
    int output;      /* open file to be written; -1: none */
    int print_to;    /* becomes standard output; -1: that stays */
    int (*work)(void *context); /* gives the exit status; has written out what it printed */
    void *context;
};

/* The exit status of the work; if the child did not come to its end, that is told. Signals that end a
 * process (INT, PIPE, ...) end this one as they ended the child. `*interrupted`, if not NULL, is set if a
 * signal was passed on to a child that catches it. */
int ozx_caged(const struct ozx_caged *caged, bool *interrupted);

#endif
