/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Findings in lines, each rule's below each other, wrapped to the terminal.
 */
#include "cli/verify_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lines.h"
#include "cli/progress.h"

#define FINDINGS_TOLD 3 /* of one rule, without -v */
#define COLUMN 31       /* of findings: the width of the first columns, */
#define NARROW_COLUMN 6 /* or, where a terminal has less than twice that, a line of their own */

void ozx_verify_text_begin(struct ozx_verify_text *text)
{
    ozx_terminal_of_stdout(&text->terminal);
}

static size_t column_of(const struct ozx_verify_text *t)
{
    return t->terminal.columns && t->terminal.columns < 2 * COLUMN ? NARROW_COLUMN : COLUMN;
}

/* "TEXT ('ENTRY', byte N): HINT"; the caller frees it. NULL: out of memory. */
static char *words_of(const struct ozx_finding *f)
{
    bool entry = f->entry, offset = f->offset_bytes != OZX_OFFSET_NONE;
    char *text = NULL, at[40] = "";

    if (offset)
        snprintf(at, sizeof at, "byte %" PRIu64, f->offset_bytes);
    if (asprintf(&text, "%s%s%s%s%s%s%s%s%s%s", f->text, entry || offset ? " (" : "",
                 entry ? "'" : "", entry ? f->entry : "", entry ? "'" : "",
                 entry && offset ? ", " : "", at, entry || offset ? ")" : "",
                 f->hint[0] ? ": " : "", f->hint) < 0)
        return NULL;
    return text;
}

static int put_finding(const struct ozx_verify_text *t, const struct ozx_finding *f)
{
    OZX_AUTO_FREE char *words = words_of(f);

    if (!words)
        return -ENOMEM;
    ozx_line_wrap(&t->terminal, column_of(t), words);
    return 0;
}

static enum ozx_style style_of(const struct ozx_rule_report *r)
{
    return !r->checked                      ? OZX_DIM
           : r->verdict == OZX_VERDICT_FAIL ? OZX_FAIL
           : r->verdict == OZX_VERDICT_WARN ? OZX_WARN
                                            : OZX_PLAIN;
}

/* "fail  local           policy   ", and where that takes all of a line, a new one. */
static void put_columns(const struct ozx_verify_text *t, const struct ozx_rule_report *r,
                        const struct ozx_rule_info *rule)
{
    char words[COLUMN + 1];

    snprintf(words, sizeof words, "%-4s", r->checked ? ozx_verdict_name(r->verdict) : "-");
    ozx_line_put(&t->terminal, style_of(r), words);
    printf("  %-14s  ", rule->id);
    snprintf(words, sizeof words, "%-8s ", ozx_level_name(rule->level));
    ozx_line_put(&t->terminal, OZX_DIM, words);
    if (column_of(t) == NARROW_COLUMN)
        printf("\n%*s", NARROW_COLUMN, "");
}

static bool is_told(const struct ozx_verify_text *t, const struct ozx_rule_report *r)
{
    return t->verbose || r->verdict != OZX_VERDICT_OK;
}

/* "TEXT and COUNT more", below what is told. */
static void put_rest(const struct ozx_verify_text *t, const char *text, uint64_t count)
{
    char line[1024], number[OZX_COUNT_SIZE];

    snprintf(line, sizeof line, "%s and %s more", text, ozx_progress_count(number, count));
    printf("%*s", (int)column_of(t), "");
    ozx_line_wrap(&t->terminal, column_of(t), line);
}

static void put_note(const struct ozx_verify_text *t, const struct ozx_rule_report *r)
{
    char line[1024], number[OZX_COUNT_SIZE], more[64] = "";

    if (r->note_count > 1)
        snprintf(more, sizeof more, ", and %s more like this",
                 ozx_progress_count(number, r->note_count - 1));
    snprintf(line, sizeof line, "%s%s", r->note, more);
    printf("%*s", (int)column_of(t), "");
    ozx_line_wrap(&t->terminal, column_of(t), line);
}

static int put_rule(const struct ozx_verify_text *t, const struct ozx_verify_report *report,
                    const struct ozx_rule_report *r)
{
    const struct ozx_rule_info *rule = ozx_rule_info_in(report->rule_set, r->rule);
    size_t told = t->verbose || r->kept < FINDINGS_TOLD ? r->kept : FINDINGS_TOLD;
    int failure = 0;

    put_columns(t, r, rule);
    if (!r->count) {
        char line[1024];
        snprintf(line, sizeof line, "%s%s", rule->text, r->checked ? "" : " (not checked)");
        ozx_line_wrap(&t->terminal, column_of(t), line);
    }
    for (size_t i = 0; i < told && !failure; i++) {
        if (i)
            printf("%*s", (int)column_of(t), "");
        failure = put_finding(t, &r->findings[i]);
    }
    if (!failure && r->count > told)
        put_rest(t, "...", r->count - told);
    if (!failure && r->note && t->verbose)
        put_note(t, r);
    return failure;
}

/* Why it is refused: the first finding of all. */
static int put_reason(const struct ozx_verify_report *report)
{
    for (size_t i = 0; i < report->rule_count; i++)
        if (report->rules[i].kept && report->rules[i].verdict == OZX_VERDICT_FAIL) {
            OZX_AUTO_FREE char *words = words_of(&report->rules[i].findings[0]);
            if (!words)
                return -ENOMEM;
            printf(": %s", words);
            return 0;
        }
    return 0;
}

/* "FILE: sound, 2 warnings (1,234 entries, 2.5 GiB)" */
static int put_verdict(const struct ozx_verify_text *t, const char *file,
                       const struct ozx_verify_report *report)
{
    char amount[OZX_AMOUNT_SIZE], entries[OZX_COUNT_SIZE], words[80];
    unsigned warn = 0, fail = 0;

    for (size_t i = 0; i < report->rule_count; i++) {
        warn += report->rules[i].verdict == OZX_VERDICT_WARN;
        fail += report->rules[i].verdict == OZX_VERDICT_FAIL;
    }
    printf("%s: ", file);
    if (report->refused)
        snprintf(words, sizeof words, "invalid: it cannot be trusted, and mount refuses it");
    else if (fail)
        snprintf(words, sizeof words, "invalid: %u rule%s broken", fail,
                 fail == 1 ? " is" : "s are");
    else
        snprintf(words, sizeof words, "%s", report->quick ? "sound, data not read" : "sound");
    ozx_line_put(&t->terminal, report->refused || fail ? OZX_FAIL : OZX_PLAIN, words);
    if (warn)
        printf(", %u warning%s", warn, OZX_S(warn));
    if (report->refused && t->quiet && put_reason(report))
        return -ENOMEM;
    if (!report->refused)
        printf(" (%s entries, %s)", ozx_progress_count(entries, report->entry_count),
               ozx_progress_amount(amount, (double)report->size_bytes));
    putchar('\n');
    return 0;
}

int ozx_verify_text(const struct ozx_verify_text *t, const char *file,
                    const struct ozx_verify_report *report)
{
    char name[OZX_ESCAPED_SIZE];
    bool headed = t->quiet;
    int failure = 0;

    ozx_escape(name, sizeof name, file, strlen(file));
    for (size_t i = 0; !t->quiet && i < report->rule_count && !failure; i++) {
        if (!is_told(t, &report->rules[i]))
            continue;
        if (!headed) {
            ozx_line_put(&t->terminal, OZX_BOLD, name);
            puts(":");
        }
        headed = true;
        failure = put_rule(t, report, &report->rules[i]);
    }
    return failure ? failure : put_verdict(t, name, report);
}
