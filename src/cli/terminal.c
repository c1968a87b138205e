/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Standard output as a place to read from.
 */
#include "cli/terminal.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 20 /* narrower ones get lines that wrap */

static unsigned columns_of_terminal(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    long number = columns ? strtol(columns, NULL, 10) : 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        number = size.ws_col;
    if (number <= 0 || number > 10000)
        number = COLUMNS_DEFAULT;
    return number < COLUMNS_MIN ? COLUMNS_MIN : (unsigned)number;
}

void ozx_terminal_of_stdout(struct ozx_terminal *terminal)
{
    const char *type = getenv("TERM"), *no_colour = getenv("NO_COLOR");

    setlocale(LC_CTYPE, "");
    terminal->is_terminal = isatty(STDOUT_FILENO);
    terminal->colour =
        terminal->is_terminal && type && strcmp(type, "dumb") != 0 && !(no_colour && no_colour[0]);
    terminal->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    terminal->columns = terminal->is_terminal ? columns_of_terminal() : 0;
    /* The C library opens what it needs for this at the first call; later there may be no right to.
     */
    if (terminal->utf8)
        (void)ozx_terminal_width(terminal, "\u00b5", strlen("\u00b5"));
}

void ozx_terminal_put_name(bool is_terminal, const char *name)
{
    char escaped[4 * PATH_MAX];

    fputs(is_terminal ? ozx_escape(escaped, sizeof escaped, name, strlen(name)) : name, stdout);
}

/* Bytes of the character at `text`, and its columns. */
static size_t step(const struct ozx_terminal *terminal, const char *text, size_t left,
                   size_t *columns)
{
    mbstate_t state = {0};
    size_t size = 1;
    wchar_t wide;
    int width;

    *columns = 1;
    if (terminal->utf8 && (signed char)*text < 0) {
        size = mbrtowc(&wide, text, left, &state);
        if (size == 0 || size > left)
            return 1;
        width = wcwidth(wide);
        *columns = width < 0 ? 1 : (size_t)width;
        return size;
    }
    while (size < left && (text[size] & 0xC0) == 0x80)
        size++;
    return size;
}

size_t ozx_terminal_width(const struct ozx_terminal *terminal, const char *text, size_t size)
{
    size_t total = 0, columns;

    for (size_t i = 0; i < size; total += columns)
        i += step(terminal, text + i, size - i, &columns);
    return total;
}

size_t ozx_terminal_fit(const struct ozx_terminal *terminal, const char *text, size_t columns)
{
    size_t size = strlen(text), used = 0, at = 0;

    while (at < size) {
        size_t width, bytes = step(terminal, text + at, size - at, &width);
        if (used + width > columns)
            break;
        used += width;
        at += bytes;
    }
    return at;
}
