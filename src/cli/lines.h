/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lines of a tree on standard output that fit the terminal, and texts put together for them.
 */
#ifndef OZX_CLI_LINES_H
#define OZX_CLI_LINES_H

#include <stdint.h>

#include "base/error.h"
#include "cli/terminal.h"

#define OZX_WORDS_SIZE 1024

/* A text that is added to until it is full; then it ends in "...". */
struct ozx_words {
    char text[OZX_WORDS_SIZE];
    size_t size;
    bool full;
};

/* Names in it must be escaped already; what is not shown is escaped again. */
void ozx_words_add(struct ozx_words *words, const char *format, ...) OZX_PRINTF(2, 3);
/* A text of the metadata, made harmless. */
void ozx_words_add_name(struct ozx_words *words, const char *name);

enum ozx_style { OZX_PLAIN, OZX_BOLD, OZX_DIM, OZX_WARN, OZX_FAIL };

/* `prefix`, then `head` in that style, then `rest`; cut to the terminal's width. */
void ozx_line(const struct ozx_terminal *terminal, const char *prefix, enum ozx_style style,
              const char *head, const char *rest);

/* A label and what it says; what is too long goes on below, broken behind commas if possible. */
void ozx_line_field(const struct ozx_terminal *terminal, const char *prefix, enum ozx_style style,
                    const char *label, const char *text);

/* `text` in that style; the line goes on. */
void ozx_line_put(const struct ozx_terminal *terminal, enum ozx_style style, const char *text);

/* The rest of a line, from the column `column` on; what does not fit goes on below, there too,
 * broken at spaces if possible. */
void ozx_line_wrap(const struct ozx_terminal *terminal, size_t column, const char *text);

#endif
