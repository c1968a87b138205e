/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Findings: kept by rule, failures first and then in the order of the file, whatever the order in
 * which threads come upon them; those beyond OZX_FINDINGS_MAX are counted.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "verify/verify_parts.h"

#define LIST_MAX (2 * OZX_FINDINGS_MAX) /* then it is cut to half of it */

int ozx_verify_findings_init(struct ozx_verify *v)
{
    v->rules = calloc(OZX_RULE_END, sizeof *v->rules);
    if (!v->rules)
        return -ENOMEM;
    pthread_mutex_init(&v->lock, NULL);
    return 0;
}

static void free_finding(const struct ozx_finding *finding)
{
    free((void *)(uintptr_t)finding->entry);
    free((void *)(uintptr_t)finding->text);
    free((void *)(uintptr_t)finding->hint);
}

static void free_list(struct ozx_finding *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_finding(&list[i]);
    free(list);
}

static void free_rule(struct ozx_verify_rule *r)
{
    free_list(r->list, r->count);
    free(r->note);
}

void ozx_verify_findings_free(struct ozx_verify *v)
{
    if (!v->rules)
        return;
    for (size_t i = 0; i < OZX_RULE_END; i++)
        free_rule(&v->rules[i]);
    free(v->rules);
    v->rules = NULL;
    pthread_mutex_destroy(&v->lock);
}

static int by_importance(const void *a, const void *b)
{
    const struct ozx_finding *x = a, *y = b;
    int order;

    if (x->verdict != y->verdict)
        return x->verdict > y->verdict ? -1 : 1;
    if (x->offset_bytes != y->offset_bytes)
        return x->offset_bytes < y->offset_bytes ? -1 : 1;
    order = strcmp(x->entry ? x->entry : "", y->entry ? y->entry : "");
    return order ? order : strcmp(x->text, y->text);
}

static void sort_and_cut(struct ozx_verify_rule *r)
{
    if (r->count)
        qsort(r->list, r->count, sizeof *r->list, by_importance);
    while (r->count > OZX_FINDINGS_MAX) {
        r->cut = true;
        free_finding(&r->list[--r->count]);
    }
    if (r->cut)
        r->cut_bytes = r->list[r->count - 1].offset_bytes;
}

/* The whole path or text, however long: what a machine reads is not cut. */
static char *escaped(const char *text, size_t size)
{
    size_t room = 4 * size + 8;
    char *out = malloc(room);

    if (out)
        ozx_escape(out, room, text, size);
    return out;
}

/* The same of a text in which names are escaped. */
static char *harmless(const char *text)
{
    size_t room = 4 * strlen(text) + 8;
    char *out = malloc(room);

    if (out)
        ozx_escape_message(out, room, text);
    return out;
}

/* With the lock held. */
static void keep(struct ozx_verify *v, struct ozx_verify_rule *r, const struct ozx_finding *finding)
{
    if (ozx_array_grow(r->list, r->count, &r->room)) {
        v->no_memory = true;
        free_finding(finding);
        return;
    }
    r->list[r->count++] = *finding;
    if (r->count == LIST_MAX)
        sort_and_cut(r);
}

/* Counts one more, and tells whether there is room to keep it. */
static bool take_note(struct ozx_verify *v, struct ozx_verify_rule *r, enum ozx_verdict verdict,
                      uint64_t offset)
{
    bool wanted;

    pthread_mutex_lock(&v->lock);
    r->total++;
    if (verdict > r->verdict)
        r->verdict = verdict;
    wanted = !r->cut || offset <= r->cut_bytes || verdict == OZX_VERDICT_FAIL;
    pthread_mutex_unlock(&v->lock);
    return wanted;
}

static void add(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                const char *path, size_t path_size, uint64_t offset, const char *hint,
                const char *format, va_list args)
{
    struct ozx_verify_rule *r = &v->rules[rule];
    char text[sizeof((struct ozx_error *)0)->text];
    struct ozx_finding f = {.offset_bytes = offset};

    if (v->options->rule_set == OZX_RULES_DRAFT &&
        (rule == OZX_RULE_STORED || rule == OZX_RULE_LEADING))
        verdict = OZX_VERDICT_FAIL; /* the draft's MUST */
    f.verdict = verdict;
    if (!take_note(v, r, verdict, offset))
        return;
    vsnprintf(text, sizeof text, format, args);
    f.entry = path ? escaped(path, path_size) : NULL;
    f.text = harmless(text); /* it may have been cut in the middle of a character, too */
    f.hint = strdup(hint ? hint : "");
    pthread_mutex_lock(&v->lock);
    if (!f.text || !f.hint || (path && !f.entry)) {
        v->no_memory = true;
        free_finding(&f);
    } else {
        keep(v, r, &f);
    }
    pthread_mutex_unlock(&v->lock);
}

void ozx_verify_find(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                     const struct ozx_verify_entry *entry, uint64_t offset_bytes,
                     const char *format, ...)
{
    va_list args;

    if (entry && offset_bytes == OZX_OFFSET_NONE)
        offset_bytes = entry->header.local_offset_bytes;
    va_start(args, format);
    add(v, rule, verdict, entry ? entry->path : NULL, entry ? entry->path_size_bytes : 0,
        offset_bytes, NULL, format, args);
    va_end(args);
}

void ozx_verify_find_path(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                          const char *path, size_t path_size_bytes, uint64_t offset_bytes,
                          const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(v, rule, verdict, path, path_size_bytes, offset_bytes, hint, format, args);
    va_end(args);
}

void ozx_verify_find_node(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                          uint32_t node, const char *format, ...)
{
    char path[OZX_PATH_SIZE + 1];
    size_t size = ozx_archive_path(v->archive, node, path);
    struct ozx_node_stat stat;
    va_list args;

    ozx_archive_stat(v->archive, node, &stat);
    if (stat.is_directory)
        path[size++] = '/';
    va_start(args, format);
    add(v, rule, verdict, path, size, v->local_offsets[node], NULL, format, args);
    va_end(args);
}

void ozx_verify_note(struct ozx_verify *v, enum ozx_rule rule, uint32_t node, const char *format,
                     ...)
{
    struct ozx_verify_rule *r = &v->rules[rule];
    char path[OZX_PATH_SIZE], text[512];
    size_t size = ozx_archive_path(v->archive, node, path);
    OZX_AUTO_FREE char *where = escaped(path, size), *what = NULL, *note = NULL;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    what = harmless(text);
    if (!where || !what || asprintf(&note, "%s ('%s')", what, where) < 0)
        note = NULL;
    pthread_mutex_lock(&v->lock);
    if (!note)
        v->no_memory = true;
    if (r->note_count++ == 0)
        r->note = ozx_take(note);
    pthread_mutex_unlock(&v->lock);
}

void ozx_verify_leave_out(struct ozx_verify *v, enum ozx_rule rule)
{
    v->rules[rule].left_out = true;
}

void ozx_verify_forget(struct ozx_verify *v, enum ozx_rule rule)
{
    struct ozx_verify_rule *r = &v->rules[rule];

    pthread_mutex_lock(&v->lock);
    free_rule(r);
    *r = (struct ozx_verify_rule){.left_out = r->left_out};
    pthread_mutex_unlock(&v->lock);
}

int ozx_verify_findings_report(struct ozx_verify *v, struct ozx_verify_report **out)
{
    struct ozx_verify_report *report = calloc(1, sizeof *report);
    struct ozx_rule_report *list = calloc(OZX_RULE_END - 1, sizeof *list);

    if (!report || !list || v->no_memory) {
        free(report);
        free(list);
        return -ENOMEM;
    }
    for (enum ozx_rule rule = 1; rule < OZX_RULE_END; rule++) {
        struct ozx_verify_rule *r = &v->rules[rule];
        sort_and_cut(r);
        list[rule - 1] = (struct ozx_rule_report){.rule = rule,
                                                  .verdict = r->verdict,
                                                  .checked = !r->left_out || r->total,
                                                  .count = r->total,
                                                  .kept = r->count,
                                                  .findings = ozx_take(r->list),
                                                  .note = ozx_take(r->note),
                                                  .note_count = r->note_count};
        r->count = 0;
        if (r->verdict > report->verdict)
            report->verdict = r->verdict;
    }
    report->rules = list;
    report->rule_count = OZX_RULE_END - 1;
    *out = report;
    return 0;
}

void ozx_verify_report_free(struct ozx_verify_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->rule_count; i++) {
        free((void *)(uintptr_t)report->rules[i].note);
        free_list((struct ozx_finding *)(uintptr_t)report->rules[i].findings,
                  report->rules[i].kept);
    }
    free((void *)(uintptr_t)report->rules);
    free(report);
}
