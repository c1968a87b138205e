/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the command says: the one line of an error, warnings, and the exit codes (man page, EXIT
 * STATUS). The only place that turns library errors into words on stderr and a status.
 */
#ifndef OZX_CLI_REPORT_H
#define OZX_CLI_REPORT_H

#include "base/error.h"

enum ozx_exit {
    OZX_EXIT_OK = 0,
    OZX_EXIT_WARNINGS = 1, /* with --strict */
    OZX_EXIT_INVALID = 2,  /* archive invalid or refused */
    OZX_EXIT_USAGE = 64,
    OZX_EXIT_NO_INPUT = 66,    /* input missing or unreadable */
    OZX_EXIT_UNAVAILABLE = 69, /* FUSE not available; a server that gives no ranges */
    OZX_EXIT_BUG = 70,
    OZX_EXIT_SYSTEM = 71,
    OZX_EXIT_BUSY = 72,
    OZX_EXIT_CANT_CREATE = 73, /* output exists or cannot be made */
    OZX_EXIT_IO = 74,
    OZX_EXIT_INTERRUPTED = 75,
    OZX_EXIT_PERMISSION = 77,
};

/* Prints `ozxfs: SUBJECT: TEXT (RULE, at byte N): HINT`, the subject (a path; may be NULL) escaped.
 * One write, one line. */
void ozx_report_error(const char *subject, const struct ozx_error *error);

/* The same for something that is wrong but does not stop the work: `ozxfs: SUBJECT: warning: ...`.
 */
void ozx_report_warning(const char *subject, const struct ozx_error *error);

/* An error with no struct at hand; prints `ozxfs: SUBJECT: text` and returns `status`. */
int ozx_report(int status, const char *subject, const char *format, ...) OZX_PRINTF(3, 4);

/* A wrong command line: prints `ozxfs: VERB: text: see 'ozxfs VERB --help'`; OZX_EXIT_USAGE. */
int ozx_report_usage(const char *verb, const char *format, ...) OZX_PRINTF(2, 3);

struct ozx_suggestion;

/* The same for a word that is not known, or `ozxfs: VERB: unknown WHAT 'TYPED': did you mean
 * 'NAME'?`. What was typed is escaped here; `prefix` stands before it. */
int ozx_report_unknown(const char *verb, const char *what, const char *prefix, const char *typed,
                       const struct ozx_suggestion *suggestion);

/* The status for an error of reading an input: -EBADMSG invalid, -ENOENT ... no input, -EACCES ...
 * permission, -EIO, -ESTALE ... I/O, -EBUSY busy, -ENOMEM ... system. */
int ozx_report_exit_status(const struct ozx_error *error);

/* True if everything written to stdout arrived; else says so. For the end of a verb that prints. */
int ozx_report_stdout(int status);

#endif
