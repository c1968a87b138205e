/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount has to say, for every verb that mounts: to the terminal until it is served, to
 * syslog and the log after that.
 */
#ifndef OZX_CLI_MOUNT_REPORT_H
#define OZX_CLI_MOUNT_REPORT_H

#include "cli/mount_arguments.h"

/* All is borrowed until the mount has ended. */
struct ozx_mount_report {
    const char *archive;    /* as it was given, for the terminal; NULL: several */
    const char *log_name;   /* what the log calls it: an absolute path */
    const char *print_path; /* to stdout when served; NULL: nothing */
    const char *served_at;  /* told on stderr when served; NULL: nothing */
    int log_fd;             /* -1: none */
    bool notifies;          /* the service manager, when served (cli/notify.h) */
    int ready_fd;           /* gets a newline when served, and is closed; -1: none */
};

struct ozx_mount_events ozx_mount_report_events(struct ozx_mount_report *report);

/* The exit status for what failed. */
int ozx_mount_report_status(enum ozx_mount_stage stage, const struct ozx_error *error);

/* Opens the file of -o log=, if there is one, before anything else: what cannot be logged is not
 * begun. An exit status. */
int ozx_mount_report_open_log(struct ozx_mount_arguments *arguments);

#endif
