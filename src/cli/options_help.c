/* SPDX-License-Identifier: BSD-2-Clause
 *
 * --help of a verb, from its tables.
 */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/report.h"

#define LEFT_MAX 24 /* wider left sides get a line of their own */

const struct ozx_option ozx_option_help = {.name = "help", .letter = 'h', .help = "show this help"};

/* A table as it is shown: options are "-x, --name VALUE", keys "name=VALUE". */
struct table {
    const struct ozx_option *rows;
    size_t count;
    bool keys;
    struct ozx_option help; /* the last row, if these are options */
};

/* Without its letter, where a verb has another use for that. */
static struct ozx_option help_row(const struct ozx_verb *verb)
{
    struct ozx_option row = ozx_option_help;

    for (size_t i = 0; i < verb->option_count; i++)
        if (verb->options[i].letter == row.letter)
            row.letter = 0;
    return row;
}

static int print_left(const struct table *table, const struct ozx_option *option, char *left,
                      size_t size)
{
    const char *value = option->value ? option->value : "";
    char letter[5] = "    ";

    if (table->keys)
        return snprintf(left, size, "  %s%s%s", option->name, *value ? "=" : "", value);
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    if (option->may_lack_value)
        return snprintf(left, size, "  %s--%s[=%s]", letter, option->name, value);
    return snprintf(left, size, "  %s--%s%s%s", letter, option->name, *value ? " " : "", value);
}

static int column_of(const struct table *table)
{
    char left[80];
    int column = table->keys ? 0 : print_left(table, &table->help, left, sizeof left) + 2;

    for (size_t i = 0; i < table->count; i++) {
        int width = print_left(table, &table->rows[i], left, sizeof left) + 2;
        if (table->rows[i].help && width > column && width <= LEFT_MAX)
            column = width;
    }
    return column;
}

static void print_option(const struct table *table, const struct ozx_option *option, int column)
{
    char left[80];
    const char *line = option->help;
    bool own_line = print_left(table, option, left, sizeof left) + 2 > column;

    if (line && own_line)
        printf("%s\n", left);
    for (bool first = !own_line; line; first = false) {
        const char *end = strchr(line, '\n');
        int size = end ? (int)(end - line) : (int)strlen(line);
        printf("%-*s%.*s\n", column, first ? left : "", size, line);
        line = end ? end + 1 : NULL;
    }
}

static void print_table(const struct table *table, int column)
{
    for (size_t i = 0; i < table->count; i++)
        print_option(table, &table->rows[i], column);
    if (!table->keys)
        print_option(table, &table->help, column);
}

static struct table table_of(const struct ozx_keys *keys)
{
    return keys ? (struct table){.rows = keys->rows, .count = keys->count, .keys = true}
                : (struct table){.keys = true};
}

/* As one table. */
static void print_keys(const struct ozx_verb *verb)
{
    const struct table own = table_of(verb->keys), shared = table_of(verb->shared_keys);
    int column = column_of(&own), shared_column = column_of(&shared);

    if (shared_column > column)
        column = shared_column;
    puts("\nOptions for -o:");
    print_table(&own, column);
    print_table(&shared, column);
}

int ozx_options_help(const struct ozx_verb *verb)
{
    const struct table options = {
        .rows = verb->options, .count = verb->option_count, .help = help_row(verb)};
    const char *line = verb->usage;

    for (const char *head = "Usage:"; line; head = "      ") {
        const char *end = strchr(line, '\n');
        int size = end ? (int)(end - line) : (int)strlen(line);
        printf("%s ozxfs %s %.*s\n", head, verb->name, size, line);
        line = end ? end + 1 : NULL;
    }
    printf("\n%s\n\n", verb->about);
    print_table(&options, column_of(&options));
    if (verb->keys || verb->shared_keys)
        print_keys(verb);
    if (verb->after)
        printf("\n%s\n", verb->after);
    return ozx_report_stdout(OZX_EXIT_OK);
}
