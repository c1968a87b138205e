/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lines for people. Knows terminals, not what is told.
 */
#include "cli/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 10

/* --- texts ------------------------------------------------------------------------------------ */

static void add_piece(struct ozx_words *words, const char *piece)
{
    size_t size = strlen(piece);

    if (words->full)
        return;
    if (size + 4 > sizeof words->text - words->size) { /* in whole pieces: no character is cut */
        words->full = true;
        piece = "...";
        size = 3;
    }
    memcpy(words->text + words->size, piece, size + 1);
    words->size += size;
}

void ozx_words_add(struct ozx_words *words, const char *format, ...)
{
    char piece[OZX_WORDS_SIZE], shown[OZX_WORDS_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    add_piece(words, ozx_escape_message(shown, sizeof shown, piece));
}

void ozx_words_add_name(struct ozx_words *words, const char *name)
{
    char escaped[OZX_ESCAPED_SIZE];

    add_piece(words, ozx_escape(escaped, sizeof escaped, name, strlen(name)));
}

/* --- lines ------------------------------------------------------------------------------------ */

static const char *style_start(const struct ozx_terminal *terminal, enum ozx_style style)
{
    static const char *const starts[] = {
        [OZX_PLAIN] = "", [OZX_BOLD] = "\033[1m", [OZX_DIM] = "\033[2m", [OZX_WARN] = "\033[33m",
        [OZX_FAIL] = "\033[31m"};

    return terminal->colour ? starts[style] : "";
}

static void put_styled(const struct ozx_terminal *terminal, enum ozx_style style, const char *text,
                       size_t size)
{
    const char *start = size ? style_start(terminal, style) : "";

    printf("%s%.*s%s", start, (int)size, text, *start ? "\033[0m" : "");
}

/* Puts as much of `text` as fits; "..." stands for the rest. Gives the columns that are left. */
static size_t put_cut(const struct ozx_terminal *terminal, enum ozx_style style, const char *text,
                      size_t left)
{
    size_t size = strlen(text), width = ozx_terminal_width(terminal, text, size);

    if (!terminal->columns || width <= left) {
        put_styled(terminal, style, text, size);
        return left - (width < left ? width : left);
    }
    put_styled(terminal, style, text, ozx_terminal_fit(terminal, text, left > 3 ? left - 3 : 0));
    printf("%.*s", (int)(left < 3 ? left : 3), "...");
    return 0;
}

void ozx_line(const struct ozx_terminal *terminal, const char *prefix, enum ozx_style style,
              const char *head, const char *rest)
{
    size_t left = terminal->columns ? terminal->columns : SIZE_MAX;

    left = put_cut(terminal, OZX_DIM, prefix, left);
    left = put_cut(terminal, style, head, left);
    if (left)
        put_cut(terminal, OZX_PLAIN, rest, left);
    putchar('\n');
}

/* Where a text that does not fit is best broken: behind the last space that follows a comma, else
 * behind the last space, else anywhere. */
static size_t find_break(const char *text, size_t fits)
{
    size_t space = 0;

    for (size_t i = fits; i > 0; i--)
        if (text[i - 1] == ' ') {
            if (i > 1 && (text[i - 2] == ',' || text[i - 2] == ';'))
                return i;
            if (!space)
                space = i;
        }
    return space ? space : fits;
}

void ozx_line_field(const struct ozx_terminal *terminal, const char *prefix, enum ozx_style style,
                    const char *label, const char *text)
{
    size_t used = ozx_terminal_width(terminal, prefix, strlen(prefix)) + LABEL_COLUMNS + 1;
    size_t left = terminal->columns > used + 8 ? terminal->columns - used : SIZE_MAX;

    do {
        size_t size = strlen(text);
        size_t fits = left == SIZE_MAX ? size : ozx_terminal_fit(terminal, text, left);
        if (fits < size)
            fits = find_break(text, fits ? fits : 1);
        put_styled(terminal, OZX_DIM, prefix, strlen(prefix));
        put_styled(terminal, OZX_DIM, label, strlen(label));
        printf("%*s", LABEL_COLUMNS + 1 - (int)strlen(label), "");
        put_styled(terminal, style, text, fits && text[fits - 1] == ' ' ? fits - 1 : fits);
        putchar('\n');
        text += fits;
        label = "";
    } while (*text);
}

void ozx_line_put(const struct ozx_terminal *terminal, enum ozx_style style, const char *text)
{
    put_styled(terminal, style, text, strlen(text));
}

void ozx_line_wrap(const struct ozx_terminal *terminal, size_t column, const char *text)
{
    size_t left = terminal->columns > column ? terminal->columns - column : SIZE_MAX;

    for (;;) {
        size_t size = strlen(text);
        size_t fits = left == SIZE_MAX ? size : ozx_terminal_fit(terminal, text, left),
               space = fits;
        if (fits < size && text[fits] != ' ') {
            while (space && text[space - 1] != ' ')
                space--;
            fits = space ? space : fits ? fits : 1;
        }
        printf("%.*s\n", (int)(fits && text[fits - 1] == ' ' ? fits - 1 : fits), text);
        text += fits;
        text += *text == ' ';
        if (!*text)
            return;
        printf("%*s", (int)column, "");
    }
}
