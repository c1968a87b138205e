/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Command lines and lists of keys, read by their tables.
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/report.h"
#include "cli/suggest.h"
#include "cli/version.h"

#define FIRST_ROW 256 /* above all letters: what getopt_long gives back for row 0 */
#define KEY_PREFIX "-o "

/* --- values ----------------------------------------------------------------------------------- */

int ozx_option_number(const char *text, int base, long long low, long long high, long long *out)
{
    long long number;
    char *end;

    errno = 0;
    number = strtoll(text, &end, base);
    if ((*text != '-' && (*text < '0' || *text > '9')) || errno || end == text || *end ||
        number < low || number > high)
        return -EINVAL;
    *out = number;
    return 0;
}

int ozx_option_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

    if (*text < '1' || *text > '9' || !unit || number > UINT64_C(1) << (62 - shift) ||
        (end[1] && strcmp(end + 1, "iB") != 0 && strcmp(end + 1, "B") != 0))
        return -EINVAL;
    *out = (uint64_t)number << shift;
    return 0;
}

int ozx_option_bad_value(const char *verb, const char *name, const char *value, const char *wanted)
{
    char escaped[OZX_ESCAPED_SIZE];

    if (!value || !*value)
        return ozx_report_usage(verb, "option '%s' requires a value", name);
    return ozx_report_usage(verb, "%s '%s' is not %s", name,
                            ozx_escape(escaped, sizeof escaped, value, strlen(value)), wanted);
}

static int bad_value(const struct ozx_verb *verb, const char *prefix,
                     const struct ozx_option *option, const char *value)
{
    char name[64], wanted[80] = "a valid value";

    snprintf(name, sizeof name, "%s%s", prefix, option->name);
    if (option->kind == OZX_OPTION_NUMBER)
        snprintf(wanted, sizeof wanted, "a number from %u to %u", option->low, option->high);
    else if (option->kind == OZX_OPTION_OCTAL)
        snprintf(wanted, sizeof wanted, "an octal number from %o to %o", option->low, option->high);
    return ozx_option_bad_value(verb->name, name, value, option->wanted ? option->wanted : wanted);
}

static int take_list(const struct ozx_verb *verb, void *context, char *list);

/* 0, -EINVAL for a value that is not allowed, or the exit status of what was reported. */
static int take_value(const struct ozx_verb *verb, const struct ozx_option *option, void *context,
                      char *value)
{
    void *field = (char *)context + option->field;
    long long number;
    int failure = 0;

    if (option->take)
        return option->take(context, value);
    if (!value && option->kind != OZX_OPTION_SWITCH)
        return -EINVAL;
    switch (option->kind) {
    case OZX_OPTION_SWITCH:
        *(bool *)field = !option->clears;
        break;
    case OZX_OPTION_TEXT:
    case OZX_OPTION_NAME:
        *(const char **)field = value;
        failure = *value || option->kind == OZX_OPTION_TEXT ? 0 : -EINVAL;
        break;
    case OZX_OPTION_NUMBER:
    case OZX_OPTION_OCTAL:
        failure = ozx_option_number(value, option->kind == OZX_OPTION_OCTAL ? 8 : 10, option->low,
                                    option->high, &number);
        if (!failure)
            *(unsigned *)field = (unsigned)number;
        break;
    case OZX_OPTION_LIST:
        return take_list(verb, context, value);
    }
    return failure;
}

/* OZX_EXIT_OK, or a usage error. */
static int take(const struct ozx_verb *verb, const char *prefix, const struct ozx_option *option,
                void *context, char *value)
{
    int status = take_value(verb, option, context, value);

    return status < 0 ? bad_value(verb, prefix, option, value) : status;
}

/* --- unknown options -------------------------------------------------------------------------- */

static void consider_rows(struct ozx_suggestion *suggestion, const char *prefix,
                          const struct ozx_option *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].help)
            ozx_suggestion_consider(suggestion, prefix, rows[i].name);
}

static void consider_keys(struct ozx_suggestion *suggestion, const struct ozx_keys *keys)
{
    if (keys)
        consider_rows(suggestion, KEY_PREFIX, keys->rows, keys->count);
}

/* `typed` with all before its name, and perhaps a value. */
static int unknown_option(const struct ozx_verb *verb, const char *prefix, const char *typed)
{
    struct ozx_suggestion suggestion = {.typed = typed + strspn(typed, "-")};

    suggestion.typed_size = strcspn(suggestion.typed, "=");
    consider_rows(&suggestion, "--", verb->options, verb->option_count);
    consider_keys(&suggestion, verb->keys);
    consider_keys(&suggestion, verb->shared_keys);
    return ozx_report_unknown(verb->name, "option", prefix, typed, &suggestion);
}

/* --- lists of keys ---------------------------------------------------------------------------- */

static const struct ozx_option *find_key(const struct ozx_keys *keys, const char *text, size_t size)
{
    for (size_t i = 0; keys && i < keys->count; i++)
        if (strlen(keys->rows[i].name) == size && memcmp(keys->rows[i].name, text, size) == 0)
            return &keys->rows[i];
    return NULL;
}

/* What other programs write behind a switch. */
static bool is_yes(const char *value)
{
    return strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
}

/* "KEY" or "KEY=VALUE". */
static int take_key(const struct ozx_verb *verb, void *context, char *text)
{
    size_t size = strcspn(text, "=");
    char *value = text[size] ? text + size + 1 : NULL;
    const struct ozx_option *key = find_key(verb->keys, text, size);

    if (!key) {
        key = find_key(verb->shared_keys, text, size);
        if (key)
            context = (char *)context + verb->shared_field;
    }
    if (!key) {
        int status = verb->keys && verb->keys->other ? verb->keys->other(context, text) : -ENOENT;
        return status == -ENOENT ? unknown_option(verb, KEY_PREFIX, text) : status;
    }
    if (value && !key->value && is_yes(value))
        value = NULL;
    if (value && !key->value)
        return ozx_report_usage(verb->name, "option '-o %s' takes no value", key->name);
    if (!value && key->value)
        return bad_value(verb, KEY_PREFIX, key, NULL);
    return take(verb, KEY_PREFIX, key, context, value);
}

static int take_list(const struct ozx_verb *verb, void *context, char *list)
{
    char *key = list, *to = list;

    for (const char *from = list;; from++) {
        if (*from == '\\' && from[1]) {
            *to++ = *++from;
            continue;
        }
        if (*from && *from != ',') {
            *to++ = *from;
            continue;
        }
        bool end = *from == '\0'; /* `to` may stand on it */
        *to++ = '\0';
        int status = *key ? take_key(verb, context, key) : OZX_EXIT_OK;
        if (status || end)
            return status;
        key = to;
    }
}

/* --- the command line ------------------------------------------------------------------------- */

struct tables {
    struct option *longs; /* owned; the rows, help, version, the end */
    char *letters;        /* owned; as getopt wants them */
};

static int make_tables(const struct ozx_verb *verb, struct tables *tables)
{
    char *letter;

    tables->longs = calloc(verb->option_count + 3, sizeof *tables->longs);
    tables->letters = letter = malloc(2 * verb->option_count + 4);
    if (!tables->longs || !letter)
        return -ENOMEM;
    *letter++ = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i <= verb->option_count; i++) {
        const struct ozx_option *option =
            i < verb->option_count ? &verb->options[i] : &ozx_option_help;

        tables->longs[i] = (struct option){.name = option->name,
                                           .has_arg = option->may_lack_value ? optional_argument
                                                      : option->value        ? required_argument
                                                                             : no_argument,
                                           .val = FIRST_ROW + (int)i};
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && option->value)
            *letter++ = ':';
    }
    *letter = '\0';
    tables->longs[verb->option_count + 1] =
        (struct option){.name = "version", .val = FIRST_ROW + (int)verb->option_count + 1};
    return 0;
}

/* The row that getopt_long means; the number of rows is help, one more is version. */
static size_t row_of(const struct ozx_verb *verb, int found)
{
    size_t row = 0;

    if (found >= FIRST_ROW)
        return (size_t)(found - FIRST_ROW);
    while (row < verb->option_count && verb->options[row].letter != found)
        row++;
    return row;
}

/* The argument that an unknown letter is in, if that is the name of an option with one dash too
 * few; else NULL. Among letters getopt is not past their argument yet. */
static const char *one_dash(const struct ozx_verb *verb, char **argv)
{
    for (int i = optind - 1; i <= optind && argv[i]; i++)
        for (size_t row = 0; row < verb->option_count; row++)
            if (argv[i][0] == '-' && strcmp(argv[i] + 1, verb->options[row].name) == 0)
                return argv[i];
    return NULL;
}

/* What getopt_long does not take: `found` is '?' or ':'. */
static int bad_option(const struct ozx_verb *verb, int found, char **argv)
{
    char name[OZX_ESCAPED_SIZE], letter[3] = {'-', (char)optopt, '\0'};
    const char *typed = argv[optind - 1]; /* a whole argument, */

    if (optopt > 0 && optopt < FIRST_ROW)
        typed = letter; /* or one letter of several */
    if (found == '?' && typed == letter && one_dash(verb, argv))
        typed = one_dash(verb, argv);
    if (found == '?' && optopt < FIRST_ROW)
        return unknown_option(verb, "", typed);
    ozx_escape(name, sizeof name, typed, strlen(typed));
    return ozx_report_usage(
        verb->name, found == '?' ? "option '%s' takes no value" : "option '%s' requires a value",
        name);
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

        if (found == '?' || found == ':')
            return bad_option(verb, found, argv);
        if (row == verb->option_count)
            return ozx_options_help(verb->help ? verb->help : verb);
        if (row == verb->option_count + 1)
            return ozx_version();
        /* -long, where there is an -l and an -o: no list has come with "ng" in it. */
        if (verb->options[row].kind == OZX_OPTION_LIST && optarg != argv[optind - 1] &&
            one_dash(verb, argv))
            return unknown_option(verb, "", one_dash(verb, argv));
        status = take(verb, "--", &verb->options[row], context, optarg);
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
