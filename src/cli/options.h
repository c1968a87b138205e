/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options of a verb as a table, and the keys of its lists (-o KEY=VALUE,...) as a second one of the
 * same rows. What getopt_long takes, what --help shows, what values are allowed, what a message
 * says of a wrong one, and where the value goes come from the same row.
 */
#ifndef OZX_CLI_OPTIONS_H
#define OZX_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* What an option does, unless its row has a `take`. */
enum ozx_option_kind {
    OZX_OPTION_SWITCH, /* no value: the bool becomes true; with `clears`, false */
    OZX_OPTION_TEXT,   /* to the const char *, which lives as long as argv */
    OZX_OPTION_NAME,   /* the same, and not empty */
    OZX_OPTION_NUMBER, /* decimal, from `low` to `high`, to the unsigned */
    OZX_OPTION_OCTAL,  /* the same, with base 8 */
    OZX_OPTION_LIST,   /* keys of the verb, taken apart in place: a backslash makes a comma plain */
};

struct ozx_option {
    const char *name;  /* long, without the dashes; "help" is there by itself. Of a key: the key */
    char letter;       /* the short one; 0: none. Keys have none */
    const char *value; /* what help calls the value; NULL: it has none */
    const char *help;  /* one or more lines; NULL: not shown */
    enum ozx_option_kind kind;
    size_t field; /* its offset in the context */
    bool clears;
    bool may_lack_value; /* `take` gets NULL then; a value comes as --name=VALUE only */
    unsigned low, high;
    /* In place of `kind`: takes the value (NULL, if it has none) into the context. OZX_EXIT_OK;
     * -EINVAL for a value that is not `wanted`; else the exit status of what it has reported
     * itself. */
    int (*take)(void *context, const char *value);
    const char *wanted; /* "--name 'VALUE' is not ..."; NULL: by `kind` */
};

/* What may stand in a list. */
struct ozx_keys {
    const struct ozx_option *rows;
    size_t count;
    /* What is no row: OZX_EXIT_OK, -ENOENT if it is unknown, else the exit status of what it has
     * reported. NULL: all of it is unknown. */
    int (*other)(void *context, const char *key);
};

struct ozx_verb {
    const char *name;
    const char *usage; /* one or more lines, each behind "ozxfs NAME " */
    const char *about; /* what it does; lines */
    const char *after; /* behind the options; may be NULL */
    const struct ozx_option *options;
    size_t option_count;
    const struct ozx_keys *keys;        /* of its lists; NULL: none but the shared ones */
    const struct ozx_keys *shared_keys; /* that other verbs have, too; NULL: none */
    size_t shared_field;         /* the offset in the context of what those set: their context */
    const struct ozx_verb *help; /* the verb whose help is shown; NULL: this one */
};

#define OZX_OPTIONS(table) .options = (table), .option_count = sizeof(table) / sizeof(table)[0]

/* Takes the options into `context`. -1: go on, the operands begin at argv[*first]; else the exit
 * status (--help, --version, a usage error). */
int ozx_options_parse(const struct ozx_verb *verb, void *context, int argc, char **argv,
                      int *first) OZX_CHECKED;

/* A plain number of this base, from `low` to `high`: 0, or -EINVAL. */
int ozx_option_number(const char *text, int base, long long low, long long high,
                      long long *out) OZX_CHECKED;
/* 64M, 512KiB, 1G, in powers of 1,024: 0, or -EINVAL. */
int ozx_option_size(const char *text, uint64_t *out) OZX_CHECKED;

/* Reports that "NAME 'VALUE' is not WANTED" or, where it is empty, that NAME requires one; the exit
 * status. */
int ozx_option_bad_value(const char *verb, const char *name, const char *value, const char *wanted);

/* The row that --help shows below all others. */
extern const struct ozx_option ozx_option_help;

/* Prints the help of `verb`; the exit status. */
int ozx_options_help(const struct ozx_verb *verb);

#endif
