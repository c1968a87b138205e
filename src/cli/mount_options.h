/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lists behind -o of `ozxfs mount`.
 */
#ifndef OZX_CLI_MOUNT_OPTIONS_H
#define OZX_CLI_MOUNT_OPTIONS_H

#include "cli/mount_arguments.h"

#define OZX_MOUNT_MAX_READ_BYTES (1U << 20) /* what the kernel asks for at once: 256 pages */

/* A command line half read. */
struct ozx_mount_parse {
    struct ozx_mount_arguments *out;
    bool helper; /* called by mount(8) */
    bool sloppy; /* mount(8) -s: unknown options are no error */
    unsigned file_mask;
    unsigned directory_mask;
    char *fuse_end; /* of out->fuse_options, which has room for whatever is in argv */
};

/* Applies a list, which is taken apart in place at its commas; a backslash makes the next character
 * plain. 0, or the exit status after a message. */
int ozx_mount_apply_list(struct ozx_mount_parse *p, char *list);

/* Reads a plain number of this base, from `least` to `most`: 0 or -EINVAL. */
int ozx_mount_number(const char *text, int base, unsigned least, unsigned most, unsigned *out);

/* Says that `value` is none for `name`; the exit status. */
int ozx_mount_bad_value(const char *name, const char *value);

#endif
