/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts of strangers, as they may be shown: one list of what is not, for messages, terminals, logs
 * and JSON. Nothing here allocates, and any thread may call it.
 */
#ifndef OZX_BASE_TEXT_H
#define OZX_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 sequence (Unicode, table 3-7) that the `left` > 0 bytes at `text`
 * begin with, and what it stands for; 0 if they begin with none. */
size_t ozx_utf8_step(const void *text, size_t left, uint32_t *code_point);

/* True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong). */
int ozx_utf8_valid(const void *text, size_t size);

/* False for what a terminal obeys or a reader does not see: controls (C0, DEL, C1), line and
 * paragraph separators, format characters (Unicode's general category Cf: what turns the direction
 * of writing, joins, annotates, tags), all that is ignorable by default (zero-width characters,
 * variation selectors, fillers), and noncharacters. */
bool ozx_is_shown(uint32_t code_point);

#define OZX_ESCAPED_SIZE 256 /* a buffer that holds any name worth printing in a message */

/* Writes `name` (any bytes) so that it is harmless on a terminal and in one line: what is not
 * shown, backslashes and bytes that are not UTF-8 become \n, \t, \\ or, byte by byte, \xNN; what
 * does not fit ends in "...". Always terminated. Returns `buffer`. */
const char *ozx_escape(char *buffer, size_t buffer_size, const void *name, size_t name_size);

/* The same for a text in which names are escaped already: backslashes stay, so it may be done
 * again. */
const char *ozx_escape_message(char *buffer, size_t buffer_size, const char *text);

#endif
