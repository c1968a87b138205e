/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What standard output is written to: its width, whether it takes colour, and how wide a text is
 * there.
 */
#ifndef OZX_CLI_TERMINAL_H
#define OZX_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct ozx_terminal {
    bool is_terminal;
    bool colour;      /* it is one, NO_COLOR is not set and TERM is not `dumb` */
    bool utf8;        /* the locale's characters are UTF-8 */
    unsigned columns; /* 0: as wide as one likes (it is no terminal) */
};

/* Takes the character set from the locale of the environment (LC_CTYPE), for the whole program. */
void ozx_terminal_of_stdout(struct ozx_terminal *terminal);

/* A name to standard output: as it is, or escaped (ozx_escape) if that is a terminal. */
void ozx_terminal_put_name(bool is_terminal, const char *name);

/* Columns that `size` bytes of UTF-8 take. Without a UTF-8 locale, each character counts as one. */
size_t ozx_terminal_width(const struct ozx_terminal *terminal, const char *text, size_t size);

/* How many bytes of `text`, in whole characters, take at most `columns`. */
size_t ozx_terminal_fit(const struct ozx_terminal *terminal, const char *text, size_t columns);

#endif
