/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages and exit codes.
 */
#include "cli/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/descriptors.h"
#include "cli/suggest.h"

/* One line in one write, so that lines of several processes do not mix. */
static void put_line(const char *line, size_t size)
{
    (void)!ozx_descriptors_write(STDERR_FILENO, line, size, -1);
}

static void say(const char *subject, const char *kind, const struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE], where[80] = "", line[1536], shown[2048];
    const char *rule_separator = error->offset_bytes == OZX_OFFSET_NONE ? "" : ", ";
    size_t size;

    if (error->offset_bytes != OZX_OFFSET_NONE)
        snprintf(where, sizeof where, " (%s%sat byte %llu)", ozx_rule_id(error->rule),
                 error->rule ? rule_separator : "", (unsigned long long)error->offset_bytes);
    else if (error->rule)
        snprintf(where, sizeof where, " (%s)", ozx_rule_id(error->rule));
    if (subject)
        ozx_escape(name, sizeof name, subject, strlen(subject));
    snprintf(line, sizeof line, "ozxfs: %s%s%s%s%s%s%s", subject ? name : "", subject ? ": " : "",
             kind, error->text, where, error->hint[0] ? ": " : "", error->hint);
    /* Names in it are escaped; this is for what was forgotten, and for characters cut in two. */
    ozx_escape_message(shown, sizeof shown - 1, line);
    size = strlen(shown);
    shown[size++] = '\n';
    put_line(shown, size);
}

void ozx_report_error(const char *subject, const struct ozx_error *error)
{
    say(subject, "", error);
}

void ozx_report_warning(const char *subject, const struct ozx_error *error)
{
    say(subject, "warning: ", error);
}

int ozx_report(int status, const char *subject, const char *format, ...)
{
    struct ozx_error error = OZX_ERROR_INIT;
    va_list args;

    va_start(args, format);
    vsnprintf(error.text, sizeof error.text, format, args);
    va_end(args);
    say(subject, "", &error);
    return status;
}

int ozx_report_usage(const char *verb, const char *format, ...)
{
    struct ozx_error error = OZX_ERROR_INIT;
    va_list args;

    va_start(args, format);
    vsnprintf(error.text, sizeof error.text, format, args);
    va_end(args);
    snprintf(error.hint, sizeof error.hint, "see 'ozxfs %s%s--help'", verb ? verb : "",
             verb ? " " : "");
    say(verb, "", &error);
    return OZX_EXIT_USAGE;
}

int ozx_report_unknown(const char *verb, const char *what, const char *prefix, const char *typed,
                       const struct ozx_suggestion *suggestion)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    if (!suggestion->name)
        return ozx_report_usage(verb, "unknown %s '%s%s'", what, prefix,
                                ozx_escape(name, sizeof name, typed, strlen(typed)));
    ozx_error_set(&error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "unknown %s '%s%s'", what,
                  prefix, ozx_escape(name, sizeof name, typed, strlen(typed)));
    snprintf(error.hint, sizeof error.hint, "did you mean '%s%s'?", suggestion->prefix,
             suggestion->name);
    say(verb, "", &error);
    return OZX_EXIT_USAGE;
}

int ozx_report_exit_status(const struct ozx_error *error)
{
    switch (-error->code) {
    case 0:
        return OZX_EXIT_OK;
    case EBADMSG:
        return OZX_EXIT_INVALID;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
        return OZX_EXIT_NO_INPUT;
    case EACCES:
    case EPERM:
        return OZX_EXIT_PERMISSION;
    case EIO:
    case ESTALE:
    case ENOSPC:
    case EDQUOT:
        return OZX_EXIT_IO;
    case EOPNOTSUPP:
        return OZX_EXIT_UNAVAILABLE;
    case EBUSY:
        return OZX_EXIT_BUSY;
    case EEXIST:
        return OZX_EXIT_CANT_CREATE;
    case EINTR:
        return OZX_EXIT_INTERRUPTED;
    default:
        return OZX_EXIT_SYSTEM;
    }
}

int ozx_report_stdout(int status)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    ozx_error_set(&error, -errno, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot write: %s",
                  strerror(errno));
    say("standard output", "", &error);
    return status == OZX_EXIT_OK ? OZX_EXIT_IO : status;
}
