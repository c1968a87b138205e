/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the child of a cage does until its work begins: for cage.c and cage_start.c.
 */
#ifndef OZX_CAGE_CHILD_H
#define OZX_CAGE_CHILD_H

#include "cage/cage.h"

/* How entering went. In memory that both see until the work begins. */
struct ozx_cage_entry {
    bool in_force;
    struct ozx_error error;
};

/* NULL: out of memory. */
struct ozx_cage_entry *ozx_cage_entry_make(void);
void ozx_cage_entry_free(struct ozx_cage_entry *entry);

/* In the child: gives up what `cage` does not leave it, and does the work. `entered` (-1: none) is
 * kept, and closed when that is in force. */
_Noreturn void ozx_cage_child(const struct ozx_cage *cage, pid_t parent,
                              struct ozx_cage_entry *entry, int entered);

/* "WHAT: strerror". Returns the code. */
int ozx_cage_fail(int code, const char *what, struct ozx_error *error);

#endif
