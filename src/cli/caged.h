/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A verb's work on an archive in a process without rights (cage/cage.h), and what the verb says and
 * ends with when that process did not come to its end.
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

struct ozx_caged_end {
    bool interrupted; /* a signal was passed on to the work, which catches it */
    struct ozx_error error; /* why the work did not come to its end, told already; code 0: it did */
};

/* The exit status of the work; if the work did not come to its end, that is told. Signals that end
 * a process (INT, PIPE, ...) end this one as they ended the child. `end` may be NULL. */
int ozx_caged(const struct ozx_caged *caged, struct ozx_caged_end *end);

/* Memory, zeroed, that parent and child both see: for results that are told. The parent believes
 * nothing of it: a child that was taken over writes there what it likes. NULL: out of memory. */
void *ozx_caged_memory(size_t size_bytes);
void ozx_caged_memory_free(void *memory, size_t size_bytes); /* NULL is fine */

#endif
