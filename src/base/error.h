/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why something failed, in a form that a person can act on.
 *
 * Functions of the library floors return 0 or -errno. Where a person needs the reason, the last
 * parameter is a `struct ozx_error *` (never NULL): it is filled in on failure and untouched on
 * success. Nothing here prints or exits: `cli/report` makes the one line
 *
 *     ozxfs: FILE: TEXT (at byte OFFSET): HINT
 *
 * The struct holds no pointers, so that it can be sent from one process to another as it is.
 */
#ifndef OZX_BASE_ERROR_H
#define OZX_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/rule.h"
#include "base/text.h"

#define OZX_OFFSET_NONE UINT64_MAX

struct ozx_error {
    int code;              /* -errno, always negative once set; 0: nothing went wrong */
    enum ozx_rule rule;    /* OZX_RULE_NONE if it is about no rule */
    uint64_t offset_bytes; /* where in the file, OZX_OFFSET_NONE if nowhere in particular */
    char text[640];        /* what is wrong; names in it are escaped already */
    char hint[192];        /* what to do, "" if there is nothing to advise */
};

#define OZX_ERROR_INIT                                                                             \
    {                                                                                              \
        .offset_bytes = OZX_OFFSET_NONE                                                            \
    }

/* Fills `error` and returns `code` (-errno), so that a caller can `return ozx_error_set(...)`.
 * `hint` may be NULL. The text is cut, never overrun. */
int ozx_error_set(struct ozx_error *error, int code, enum ozx_rule rule, uint64_t offset_bytes,
                  const char *hint, const char *format, ...) OZX_PRINTF(6, 7);

/* -ENOMEM with the words for it; -EINTR. */
int ozx_error_memory(struct ozx_error *error);
int ozx_error_interrupted(struct ozx_error *error);

/* Puts "NAME: " in front of the text; it is escaped already: where one of several files is meant.
 */
void ozx_error_put_name(struct ozx_error *error, const char *name);

/* The ending of a noun behind a count: "1 byte", "2 bytes". */
#define OZX_S(count) ((count) == 1 ? "" : "s")

/* What to do about an output that cannot be written: the hint for a full disk or quota, else NULL.
 */
const char *ozx_hint_no_space(int code);

#endif
