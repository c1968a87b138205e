/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The progress line on terminals of every width.
 */
#include "check.h"
#include "cli/progress.h"

#define LINE 201

static const struct ozx_progress_state half = {.label = "writing",
                                               .items = 1234,
                                               .items_total = 50000,
                                               .bytes = (uint64_t)1 << 30,
                                               .bytes_total = (uint64_t)2 << 30};

static const char *line_of(const struct ozx_progress_state *state, unsigned columns, double s)
{
    static char line[LINE];

    ozx_progress_line(line, sizeof line, columns, state, s);
    return line;
}

static void test_fields_go_from_the_end(void)
{
    static const char *const lines[] = {
        "writing  50%  1,234 of 50,000 files  1.0 GiB of 2.0 GiB  102 MiB/s  ETA 0:10",
        "writing  50%  1,234 of 50,000 files  1.0 GiB of 2.0 GiB  102 MiB/s",
        "writing  50%  1,234 of 50,000 files  1.0 GiB of 2.0 GiB",
        "writing  50%  1,234 of 50,000 files",
        "1,234 of 50,000 files",
    };
    const size_t count = sizeof lines / sizeof lines[0];

    for (size_t i = 0; i < count; i++) {
        unsigned columns = (unsigned)strlen(lines[i]);
        CHECK(strcmp(line_of(&half, columns, 10), lines[i]) == 0);
        if (i + 1 < count)
            CHECK(strcmp(line_of(&half, columns - 1, 10), lines[i + 1]) == 0);
    }
    CHECK(strcmp(line_of(&half, 9, 10), "1,234 of ") == 0);
}

static void test_no_width_is_exceeded(void)
{
    for (unsigned columns = 9; columns < 200; columns++)
        CHECK(strlen(line_of(&half, columns, 10)) <= columns);
}

static void test_no_eta_of_nothing(void)
{
    struct ozx_progress_state state = half;

    state.bytes = state.bytes_total - 1;
    CHECK(strstr(line_of(&state, 200, 10), "  less than a second") != NULL);
    state.bytes = state.bytes_total;
    CHECK(strstr(line_of(&state, 200, 10), "  finishing") != NULL);
    CHECK(strstr(line_of(&state, 200, 10), "ETA") == NULL);
    CHECK(strstr(line_of(&half, 200, 0.1), "ETA") == NULL);
}

static void test_totals_that_are_not_known(void)
{
    const struct ozx_progress_state state = {.label = "reading", .items = 7, .bytes = 9};

    CHECK(strcmp(line_of(&state, 80, 10), "reading  7 files") == 0);
    CHECK(strcmp(line_of(&state, 10, 10), "7 files") == 0);
}

CHECK_MAIN({"fields_go_from_the_end", test_fields_go_from_the_end},
           {"no_width_is_exceeded", test_no_width_is_exceeded},
           {"no_eta_of_nothing", test_no_eta_of_nothing},
           {"totals_that_are_not_known", test_totals_that_are_not_known})
