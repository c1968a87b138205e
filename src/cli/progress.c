/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The progress line. Knows terminals; not what the work is.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_AFTER_S 0.4 /* shorter work needs no progress */
#define REDRAW_S 0.1
#define RATE_AFTER_S 0.3 /* a rate of less is a guess */
#define WIDTH_DEFAULT 80
#define WIDTH_MAX 200

static unsigned terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 10)
        return WIDTH_DEFAULT;
    return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

const char *ozx_progress_amount(char buffer[OZX_AMOUNT_SIZE], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, OZX_AMOUNT_SIZE, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes,
             units[unit]);
    return buffer;
}

const char *ozx_progress_count(char buffer[OZX_COUNT_SIZE], uint64_t count)
{
    char digits[24];
    size_t size = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *out = buffer;

    for (size_t i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return buffer;
}

void ozx_progress_start(struct ozx_progress *progress, bool wanted)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");

    *progress = (struct ozx_progress){
        .enabled = wanted && isatty(STDERR_FILENO),
        .escapes = terminal && strcmp(terminal, "dumb") != 0 && !(no_colour && no_colour[0]),
        .began_s = ozx_clock_s(),
    };
}

/* Adds a field behind two spaces, unless the line would be longer than `columns`. */
static bool add_field(char *line, size_t size, unsigned columns, const char *field)
{
    size_t used = strlen(line);

    if (!*field || used + 2 + strlen(field) > columns || used + 2 + strlen(field) >= size)
        return false;
    snprintf(line + used, size - used, "  %s", field);
    return true;
}

/* Rate, and time left, "" as long as there is nothing to go by. */
static void describe_speed(char rate[OZX_AMOUNT_SIZE + 2], char left[32],
                           const struct ozx_progress_state *state, double elapsed_s)
{
    char amount[OZX_AMOUNT_SIZE];
    bool by_bytes = state->bytes_total > 0;
    uint64_t done = by_bytes ? state->bytes : state->items,
             total = by_bytes ? state->bytes_total : state->items_total;
    unsigned left_s;

    rate[0] = left[0] = '\0';
    if (elapsed_s < RATE_AFTER_S || !done || !total || done > total)
        return;
    left_s = (unsigned)(elapsed_s * (double)(total - done) / (double)done + 0.5);
    snprintf(rate, OZX_AMOUNT_SIZE + 2, "%s/s",
             ozx_progress_amount(amount, (double)state->bytes / elapsed_s));
    /* What is written is also synced and checked: that takes a time that nobody knows. */
    if (done == total)
        snprintf(left, 32, "finishing");
    else if (!left_s)
        snprintf(left, 32, "less than a second");
    else
        snprintf(left, 32, "ETA %u:%02u", left_s / 60, left_s % 60);
}

void ozx_progress_line(char *line, size_t size, unsigned columns,
                       const struct ozx_progress_state *state, double elapsed_s)
{
    char items[OZX_COUNT_SIZE], items_total[OZX_COUNT_SIZE], bytes[OZX_AMOUNT_SIZE],
        bytes_total[OZX_AMOUNT_SIZE], rate[OZX_AMOUNT_SIZE + 2], left[32], field[96];
    double part = state->bytes_total   ? (double)state->bytes / (double)state->bytes_total
                  : state->items_total ? (double)state->items / (double)state->items_total
                                       : 0;

    ozx_progress_count(items, state->items);
    ozx_progress_count(items_total, state->items_total);
    if (state->items_total) {
        snprintf(line, size, "%s %3.0f%%", state->label, part * 100);
        snprintf(field, sizeof field, "%s of %s files", items, items_total);
    } else {
        snprintf(line, size, "%s", state->label);
        snprintf(field, sizeof field, "%s files", items);
    }
    if (!add_field(line, size, columns, field))
        snprintf(line, size < columns + 1 ? size : columns + 1, "%s", field);
    if (!state->items_total)
        return;
    describe_speed(rate, left, state, elapsed_s);
    snprintf(field, sizeof field, "%s of %s", ozx_progress_amount(bytes, (double)state->bytes),
             ozx_progress_amount(bytes_total, (double)state->bytes_total));
    if (add_field(line, size, columns, field) && add_field(line, size, columns, rate))
        (void)add_field(line, size, columns, left);
}

static void put(const char *text, size_t size)
{
    /* Nobody can be told that the terminal is gone. */
    if (write(STDERR_FILENO, text, size) < 0)
        return;
}

void ozx_progress_show(struct ozx_progress *progress, const struct ozx_progress_state *state)
{
    char line[WIDTH_MAX + 1], out[2 * WIDTH_MAX + 16];
    double now = ozx_clock_s();
    unsigned width;
    int size;

    if (progress->label != state->label) {
        progress->label = state->label;
        progress->since_s = now;
    }
    if (!progress->enabled || now - progress->began_s < FIRST_AFTER_S ||
        now - progress->drawn_s < REDRAW_S)
        return;
    progress->drawn_s = now;
    ozx_progress_line(line, sizeof line, terminal_width() - 1, state, now - progress->since_s);
    width = (unsigned)strlen(line);
    if (progress->escapes)
        size = snprintf(out, sizeof out, "\r%s\033[K", line);
    else
        size = snprintf(out, sizeof out, "\r%s%*s", line,
                        progress->line_width > width ? (int)(progress->line_width - width) : 0, "");
    put(out, (size_t)size);
    progress->shown = true;
    progress->line_width = width;
}

void ozx_progress_clear(struct ozx_progress *progress)
{
    char out[WIDTH_MAX + 16];
    int size;

    if (!progress->shown)
        return;
    if (progress->escapes)
        size = snprintf(out, sizeof out, "\r\033[K");
    else
        size = snprintf(out, sizeof out, "\r%*s\r", (int)progress->line_width, "");
    put(out, (size_t)size);
    progress->shown = false;
    progress->line_width = 0;
}
