/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Problems into lines and a status. Knows no verb.
 */
#include "cli/problems.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/report.h"

#define TOLD_MAX 100 /* lines; more are only counted */

static int status_of(enum ozx_problem_place place, const struct ozx_error *error)
{
    if (place == OZX_PROBLEM_USAGE)
        return OZX_EXIT_USAGE;
    /* EAGAIN: no thread can be started. */
    if (error->code == -EINTR || error->code == -ENOMEM || error->code == -EAGAIN ||
        place == OZX_PROBLEM_INPUT)
        return ozx_report_exit_status(error);
    if (error->code == -EACCES || error->code == -EPERM)
        return OZX_EXIT_PERMISSION;
    return place == OZX_PROBLEM_OUTPUT_CREATE ? OZX_EXIT_CANT_CREATE : OZX_EXIT_IO;
}

void ozx_problems_tell(struct ozx_problems *problems, enum ozx_problem_place place,
                       const char *subject, const struct ozx_error *error)
{
    if (!problems->count)
        problems->status = status_of(place, error);
    ozx_progress_clear(&problems->progress);
    if (problems->count++ < TOLD_MAX)
        ozx_report_error(subject, error);
}

void ozx_problems_warn(struct ozx_problems *problems, const char *subject,
                       const struct ozx_error *warning)
{
    ozx_progress_clear(&problems->progress);
    ozx_report_warning(subject, warning);
}

void ozx_problems_note(struct ozx_problems *problems, const char *subject,
                       const struct ozx_error *note)
{
    ozx_progress_clear(&problems->progress);
    ozx_report_error(subject, note);
}

void ozx_problems_end(const struct ozx_problems *problems, const char *subject)
{
    if (problems->count > TOLD_MAX)
        (void)ozx_report(0, subject, "and %" PRIu64 " more like these", problems->count - TOLD_MAX);
}
