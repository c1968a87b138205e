/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount has to say.
 */
#include "cli/mount_report.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "cli/mount_log.h"
#include "cli/notify.h"
#include "cli/report.h"
#include "cli/terminal.h"

static void on_warning(void *context, const struct ozx_error *warning)
{
    const struct ozx_mount_report *report = context;

    ozx_report_warning(report->archive, warning);
}

static void on_info(void *context, const char *text)
{
    const struct ozx_mount_report *report = context;

    ozx_report(OZX_EXIT_OK, report->archive, "%s", text);
}

static void on_served(void *context)
{
    const struct ozx_mount_report *report = context;
    int fd = report->ready_fd;

    ozx_mount_log_write(report->log_fd, report->log_name, "mounted", NULL);
    if (report->print_path) {
        ozx_terminal_put_name(isatty(STDOUT_FILENO), report->print_path);
        putchar('\n');
        fflush(stdout);
    }
    if (report->served_at) {
        char name[OZX_ESCAPED_SIZE];
        ozx_report(OZX_EXIT_OK, report->archive, "mounted at '%s': ^C unmounts it",
                   ozx_escape(name, sizeof name, report->served_at, strlen(report->served_at)));
    }
    if (report->notifies)
        ozx_notify_ready();
    if (fd >= 0) {
        (void)!write(fd, "\n", 1);
        close(fd);
    }
}

static void on_note(void *context, const struct ozx_error *note, bool background)
{
    const struct ozx_mount_report *report = context;
    char name[OZX_ESCAPED_SIZE], where[64] = "", line[1536], shown[2048];

    ozx_mount_log_write(report->log_fd, report->log_name, NULL, note);
    if (!background) {
        ozx_report_warning(report->archive, note);
        return;
    }
    if (note->offset_bytes != OZX_OFFSET_NONE)
        snprintf(where, sizeof where, " (at byte %llu)", (unsigned long long)note->offset_bytes);
    openlog("ozxfs", LOG_PID, LOG_DAEMON);
    snprintf(line, sizeof line, "%s: %s%s%s%s%s%s",
             ozx_escape(name, sizeof name, report->log_name, strlen(report->log_name)), note->text,
             where, note->rule ? ", rule " : "", ozx_rule_id(note->rule), note->hint[0] ? ": " : "",
             note->hint);
    syslog(LOG_WARNING, "%s", ozx_escape_message(shown, sizeof shown, line));
    closelog();
}

struct ozx_mount_events ozx_mount_report_events(struct ozx_mount_report *report)
{
    return (struct ozx_mount_events){.context = report,
                                     .warning = on_warning,
                                     .info = on_info,
                                     .served = on_served,
                                     .note = on_note};
}

int ozx_mount_report_status(enum ozx_mount_stage stage, const struct ozx_error *error)
{
    switch (stage) {
    case OZX_MOUNT_STAGE_ARCHIVE:
        return ozx_report_exit_status(error);
    case OZX_MOUNT_STAGE_MOUNT:
        if (error->code == -EACCES || error->code == -EPERM)
            return OZX_EXIT_PERMISSION;
        if (error->code == -EBUSY || error->code == -ESTALE)
            return OZX_EXIT_CANT_CREATE;
        return error->code == -ENODEV || error->code == -EAGAIN ? OZX_EXIT_UNAVAILABLE
                                                                : OZX_EXIT_SYSTEM;
    case OZX_MOUNT_STAGE_CRASH:
        return OZX_EXIT_BUG;
    case OZX_MOUNT_STAGE_INTERRUPTED:
        return OZX_EXIT_INTERRUPTED;
    case OZX_MOUNT_STAGE_SYSTEM:
        break;
    }
    return OZX_EXIT_SYSTEM;
}

int ozx_mount_report_open_log(struct ozx_mount_arguments *arguments)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!arguments->log ||
        ozx_mount_log_open(arguments->log, &arguments->options.log_fd, &error) == 0)
        return OZX_EXIT_OK;
    ozx_report_error(arguments->log, &error);
    return error.code == -EACCES || error.code == -EPERM ? OZX_EXIT_PERMISSION
                                                         : OZX_EXIT_CANT_CREATE;
}
