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

/* Rate and time left, "" as long as there is nothing to go by. */
static void describe_speed(char *text, size_t size, const struct ozx_progress_state *state,
                           double elapsed_s)
{
    char amount[OZX_AMOUNT_SIZE];
    bool by_bytes = state->bytes_total > 0;
    uint64_t done = by_bytes ? state->bytes : state->items,
             total = by_bytes ? state->bytes_total : state->items_total;
    unsigned left_s;

    text[0] = '\0';
    if (elapsed_s < RATE_AFTER_S || !done || !total || done > total)
        return;
    left_s = (unsigned)(elapsed_s * (double)(total - done) / (double)done + 0.5);
    snprintf(text, size, "  %s/s  ETA %u:%02u",
             ozx_progress_amount(amount, (double)state->bytes / elapsed_s), left_s / 60,
             left_s % 60);
}

static void describe(char *line, size_t size, const struct ozx_progress_state *state,
                     double elapsed_s)
{
    char items[OZX_COUNT_SIZE], items_total[OZX_COUNT_SIZE], bytes[OZX_AMOUNT_SIZE],
        bytes_total[OZX_AMOUNT_SIZE], speed[64];
    double part = state->bytes_total   ? (double)state->bytes / (double)state->bytes_total
                  : state->items_total ? (double)state->items / (double)state->items_total
                                       : 0;

    if (!state->items_total) {
        snprintf(line, size, "%s  %s files", state->label, ozx_progress_count(items, state->items));
        return;
    }
    describe_speed(speed, sizeof speed, state, elapsed_s);
    snprintf(line, size, "%s %3.0f%%  %s of %s  %s of %s files%s", state->label, part * 100,
             ozx_progress_amount(bytes, (double)state->bytes),
             ozx_progress_amount(bytes_total, (double)state->bytes_total),
             ozx_progress_count(items, state->items),
             ozx_progress_count(items_total, state->items_total), speed);
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
    describe(line, sizeof line, state, now - progress->since_s);
    width = (unsigned)strlen(line);
    if (width >= terminal_width())
        line[width = terminal_width() - 1] = '\0';
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
