/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line on a terminal that says how far the work is: bytes, files, rate, time left. Written to
 * stderr, and only if that is a terminal; no colour, and with NO_COLOR or TERM=dumb no escape
 * sequence at all. Work that is done at once shows nothing.
 */
#ifndef OZX_CLI_PROGRESS_H
#define OZX_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ozx_progress {
    bool enabled;
    bool shown;          /* there is a line to be cleared */
    bool escapes;        /* the terminal may be sent escape sequences */
    unsigned line_width; /* of what is shown */
    const char *label;   /* of the phase that `since_s` belongs to */
    double began_s, drawn_s, since_s;
};

/* What to show. Totals of 0 are not known. */
struct ozx_progress_state {
    const char *label; /* static: "writing" */
    uint64_t items, items_total;
    uint64_t bytes, bytes_total;
};

/* `wanted` false (--quiet): nothing is ever shown. */
void ozx_progress_start(struct ozx_progress *progress, bool wanted);

/* The line: files first, then what fits of bytes, rate and time left, in whole fields; at most
 * `columns`, at least
 * 9. `elapsed_s`: since this work began. */
void ozx_progress_line(char *line, size_t size, unsigned columns,
                       const struct ozx_progress_state *state, double elapsed_s);

/* May be called as often as one likes. */
void ozx_progress_show(struct ozx_progress *progress, const struct ozx_progress_state *state);

/* Removes the line: before any message, and at the end. */
void ozx_progress_clear(struct ozx_progress *progress);

/* "1.5 GiB" into `buffer`, which is returned. */
#define OZX_AMOUNT_SIZE 24
const char *ozx_progress_amount(char buffer[OZX_AMOUNT_SIZE], double bytes);

/* "1,234,567" into `buffer`, which is returned. */
#define OZX_COUNT_SIZE 32
const char *ozx_progress_count(char buffer[OZX_COUNT_SIZE], uint64_t count);

#endif
