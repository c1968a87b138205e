/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs umount`.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "cli/verbs.h"
#include "mount/unmount.h"

static const char usage[] =
    "Usage: ozxfs umount [OPTIONS] DIR\n"
    "\n"
    "Ends the ozxfs mount on DIR and returns when its daemon is gone. Works on a mount whose\n"
    "daemon died, too. If it is still mounted elsewhere (bind mounts, containers), it says so,\n"
    "and its daemon lives as long. A mount in use stays: exit status 72.\n"
    "\n"
    "  -z, --lazy   detach it even if it is in use; it ends with its last user\n"
    "  -h, --help\n";

static const struct option long_options[] = {
    {"lazy", no_argument, NULL, 'z'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

int ozx_cmd_umount(int argc, char **argv)
{
    struct ozx_error error = OZX_ERROR_INIT, note = OZX_ERROR_INIT;
    char escaped[OZX_ESCAPED_SIZE];
    const char *wrong;
    bool lazy = false;
    int name;

    opterr = 0;
    while ((name = getopt_long(argc, argv, "zh", long_options, NULL)) != -1) {
        if (name == 'h') {
            fputs(usage, stdout);
            return ozx_report_stdout(OZX_EXIT_OK);
        }
        wrong = argv[optind - 1];
        if (name != 'z')
            return ozx_report_usage("umount", "unknown option '%s'",
                                    ozx_escape(escaped, sizeof escaped, wrong, strlen(wrong)));
        lazy = true;
    }
    if (argc - optind != 1)
        return ozx_report_usage("umount", "expected one directory");
    if (ozx_umount_run(argv[optind], lazy, &note, &error) == 0) {
        if (note.text[0])
            ozx_report_error(argv[optind], &note);
        return OZX_EXIT_OK;
    }
    ozx_report_error(argv[optind], &error);
    return ozx_report_exit_status(&error);
}
