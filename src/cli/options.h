/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options of a verb as a table: what getopt_long takes, what --help says, and where the value goes come
 * from the same row.
 */
#ifndef OZX_CLI_OPTIONS_H
#define OZX_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* A row. Without `value` it is a switch. */
struct ozx_option {
    const char *name;  /* long, without the dashes; "help" is there by itself */
    char letter;       /* the short one; 0: none */
    const char *value; /* what help calls the value */
    const char *help;  /* one or more lines */
    size_t flag;       /* of a switch: offsetof its bool in the context, */
    bool clears;       /* which becomes false in place of true */
    /* Of an option with a value: takes it into the context. OZX_EXIT_OK, or a usage error, which was
     * reported. `value` lives as long as argv. */
    int (*take)(void *context, const char *verb, const char *value);
};

struct ozx_verb {
    const char *name;
    const char *usage; /* one or more lines, each behind "ozxfs NAME " */
    const char *about; /* what it does; lines */
    const char *after; /* behind the options; may be NULL */
    const struct ozx_option *options;
    size_t option_count;
};

#define OZX_OPTIONS(table) .options = (table), .option_count = sizeof(table) / sizeof(table)[0]

/* Takes the options into `context`. -1: go on, the operands begin at argv[*first]; else the exit status
 * (--help, a usage error). */
int ozx_options_parse(const struct ozx_verb *verb, void *context, int argc, char **argv,
                      int *first) OZX_CHECKED;

#endif
