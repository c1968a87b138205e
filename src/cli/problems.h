/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs that write say while they work: each problem in a line, up to a number, and the
 * exit status that the first one calls for. The progress line makes way.
 */
#ifndef OZX_CLI_PROBLEMS_H
#define OZX_CLI_PROBLEMS_H

#include "base/error.h"
#include "cli/progress.h"

struct ozx_problems {
    struct ozx_progress progress;
    int status;     /* of the first problem; 0 before it */
    uint64_t count; /* all of them */
};

/* Where a problem is: the same errno means different exit codes. */
enum ozx_problem_place {
    OZX_PROBLEM_INPUT,
    OZX_PROBLEM_OUTPUT,        /* writing it */
    OZX_PROBLEM_OUTPUT_CREATE, /* making it: its name, its directory, its permissions */
    OZX_PROBLEM_USAGE,         /* the command line */
};

/* `subject` is the path that the line begins with. */
void ozx_problems_tell(struct ozx_problems *problems, enum ozx_problem_place place,
                       const char *subject, const struct ozx_error *error);
void ozx_problems_warn(struct ozx_problems *problems, const char *subject,
                       const struct ozx_error *warning);

/* Something that is not wrong, but worth a line. */
void ozx_problems_note(struct ozx_problems *problems, const char *subject,
                       const struct ozx_error *note);

/* At the end: says how many were not told. `subject` as above. */
void ozx_problems_end(const struct ozx_problems *problems, const char *subject);

#endif
