/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs umount`.
 */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "mount/unmount.h"

struct command {
    bool lazy;
};

static const struct ozx_option rows[] = {
    {.name = "lazy",
     .letter = 'z',
     .help = "detach it even if it is in use; it ends with its last user",
     .field = offsetof(struct command, lazy)},
};

static const struct ozx_verb verb = {
    .name = "umount",
    .usage = "[OPTIONS] DIR",
    .about =
        "Unmounts DIR and returns when its daemon is gone. Also works if the daemon has died. If\n"
        "it is still mounted elsewhere (bind mounts, containers), it says so, and the daemon "
        "lives\n"
        "as long. A mount in use stays: exit status 72.",
    OZX_OPTIONS(rows)};

int ozx_cmd_umount(int argc, char **argv)
{
    struct ozx_error error = OZX_ERROR_INIT, note = OZX_ERROR_INIT;
    struct command command = {.lazy = false};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (argc - first != 1)
        return ozx_report_usage("umount", "expected one directory");
    if (ozx_umount_run(argv[first], command.lazy, &note, &error) == 0) {
        if (note.text[0])
            ozx_report_error(argv[first], &note);
        return OZX_EXIT_OK;
    }
    ozx_report_error(argv[first], &error);
    return ozx_report_exit_status(&error);
}
