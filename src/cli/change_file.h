/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive that is changed in place (edit, add): open to nobody else, and whole.
 */
#ifndef OZX_CLI_CHANGE_FILE_H
#define OZX_CLI_CHANGE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "io/source.h"

struct ozx_change_file {
    const char *path; /* borrowed */
    bool force;       /* though it has other names */
    int fd;           /* owned; -1: not open */
    struct ozx_source
        *source; /* over the file as it is, with a descriptor of its own; owned; may be taken */
};

/* Opens it with a lease, and ends a change that was cut short, which is told. OZX_EXIT_OK, or the
 * exit status of what was reported. */
int ozx_change_open(struct ozx_change_file *file);
void ozx_change_close(struct ozx_change_file *file);

/* The file was written to: another source, as a source remembers what it was. */
int ozx_change_open_again(struct ozx_change_file *file);

/* Ends a change that was cut short; `quiet`: without saying so. */
int ozx_change_settle(struct ozx_change_file *file, bool quiet);

#endif
