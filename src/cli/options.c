/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tables of options, for getopt_long and for --help.
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/report.h"

#define FIRST_ROW 256 /* above all letters: what getopt_long gives back for row 0 */
#define LEFT_MAX 24   /* wider left sides of --help get a line of their own */

static const struct ozx_option help_option = {
    .name = "help", .letter = 'h', .help = "show this help"};

/* --- help ------------------------------------------------------------------------------------- */

static int print_left(const struct ozx_option *option, char *left, size_t size)
{
    char letter[5] = "    ";

    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    return snprintf(left, size, "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
                    option->value ? option->value : "");
}

static int column_of(const struct ozx_verb *verb)
{
    char left[80];
    int column = print_left(&help_option, left, sizeof left) + 2;

    for (size_t i = 0; i < verb->option_count; i++) {
        int width = print_left(&verb->options[i], left, sizeof left) + 2;
        if (width > column && width <= LEFT_MAX)
            column = width;
    }
    return column;
}

static void print_option(const struct ozx_option *option, int column)
{
    char left[80];
    const char *line = option->help;
    bool own_line = print_left(option, left, sizeof left) + 2 > column;

    if (own_line)
        printf("%s\n", left);
    for (bool first = !own_line; line; first = false) {
        const char *end = strchr(line, '\n');
        int size = end ? (int)(end - line) : (int)strlen(line);
        printf("%-*s%.*s\n", column, first ? left : "", size, line);
        line = end ? end + 1 : NULL;
    }
}

static int print_help(const struct ozx_verb *verb)
{
    const char *line = verb->usage;
    int column = column_of(verb);

    for (const char *head = "Usage:"; line; head = "      ") {
        const char *end = strchr(line, '\n');
        int size = end ? (int)(end - line) : (int)strlen(line);
        printf("%s ozxfs %s %.*s\n", head, verb->name, size, line);
        line = end ? end + 1 : NULL;
    }
    printf("\n%s\n\n", verb->about);
    for (size_t i = 0; i < verb->option_count; i++)
        print_option(&verb->options[i], column);
    print_option(&help_option, column);
    if (verb->after)
        printf("\n%s\n", verb->after);
    return ozx_report_stdout(OZX_EXIT_OK);
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct tables {
    struct option *longs; /* owned; the rows, help, the end */
    char *letters;        /* owned; as getopt wants them */
};

static int make_tables(const struct ozx_verb *verb, struct tables *tables)
{
    char *letter;

    tables->longs = calloc(verb->option_count + 2, sizeof *tables->longs);
    tables->letters = letter = malloc(2 * verb->option_count + 4);
    if (!tables->longs || !letter)
        return -ENOMEM;
    *letter++ = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i <= verb->option_count; i++) {
        const struct ozx_option *option = i < verb->option_count ? &verb->options[i] : &help_option;

        tables->longs[i] =
            (struct option){.name = option->name,
                            .has_arg = option->value ? required_argument : no_argument,
                            .val = FIRST_ROW + (int)i};
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && option->value)
            *letter++ = ':';
    }
    *letter = '\0';
    return 0;
}

/* The row that getopt_long means; the number of rows is help. */
static size_t row_of(const struct ozx_verb *verb, int found)
{
    size_t row = 0;

    if (found >= FIRST_ROW)
        return (size_t)(found - FIRST_ROW);
    while (row < verb->option_count && verb->options[row].letter != found)
        row++;
    return row;
}

/* What the user typed: a whole argument, or one letter of several. */
static int bad_option(const struct ozx_verb *verb, char **argv, const char *what)
{
    char name[OZX_ESCAPED_SIZE], letter[3] = {'-', (char)optopt, '\0'};
    const char *typed = argv[optind - 1];

    if (optopt > 0 && optopt < FIRST_ROW)
        typed = letter;
    return ozx_report_usage(verb->name, what, ozx_escape(name, sizeof name, typed, strlen(typed)));
}

static int take(const struct ozx_verb *verb, void *context, size_t row, const char *value)
{
    const struct ozx_option *option = &verb->options[row];

    if (option->value)
        return option->take(context, verb->name, value);
    *(bool *)((char *)context + option->flag) = !option->clears;
    return OZX_EXIT_OK;
}

static int parse(const struct ozx_verb *verb, const struct tables *tables, void *context, int argc,
                 char **argv)
{
    int found, status = OZX_EXIT_OK;

    opterr = 0;
    optind = 0;
    while (!status &&
           (found = getopt_long(argc, argv, tables->letters, tables->longs, NULL)) != -1) {
        size_t row = row_of(verb, found);

        if (found == ':')
            return bad_option(verb, argv, "option '%s' requires a value");
        if (found == '?' && optopt >= FIRST_ROW)
            return bad_option(verb, argv, "option '%s' takes no value");
        if (found == '?')
            return bad_option(verb, argv, "unknown option '%s'");
        if (row == verb->option_count)
            return print_help(verb);
        status = take(verb, context, row, optarg);
    }
    return status ? status : -1;
}

int ozx_options_parse(const struct ozx_verb *verb, void *context, int argc, char **argv, int *first)
{
    struct tables tables = {0};
    int status = make_tables(verb, &tables) ? ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory")
                                            : parse(verb, &tables, context, argc, argv);

    free(tables.longs);
    free(tables.letters);
    *first = optind;
    return status;
}
