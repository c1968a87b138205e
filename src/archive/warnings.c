/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counting warnings.
 */
#include "archive/warnings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct ozx_warning *find(struct ozx_warnings *warnings, enum ozx_rule rule,
                                enum ozx_warning_level level)
{
    for (size_t i = 0; i < warnings->count; i++) {
        struct ozx_warning *w = &warnings->list[i];
        if (w->rule == rule && w->eio == (level == OZX_WARNING_EIO))
            return w;
    }
    return NULL;
}

void ozx_warnings_add(struct ozx_warnings *warnings, enum ozx_rule rule,
                      enum ozx_warning_level level, uint64_t offset_bytes, const char *name,
                      size_t name_size_bytes, const char *text)
{
    struct ozx_warning *w = find(warnings, rule, level);
    char escaped[OZX_ESCAPED_SIZE];

    if (w) {
        w->count++;
        return;
    }
    if (warnings->count == OZX_WARNINGS_MAX)
        return;
    w = &warnings->list[warnings->count++];
    *w = (struct ozx_warning){.rule = rule,
                              .count = 1,
                              .eio = level == OZX_WARNING_EIO,
                              .minor = level == OZX_WARNING_MINOR};
    if (name)
        ozx_error_set(&w->first, -EIO, rule, offset_bytes, NULL, "entry '%s' %s",
                      ozx_escape(escaped, sizeof escaped, name, name_size_bytes), text);
    else
        ozx_error_set(&w->first, -EIO, rule, offset_bytes, NULL, "%s", text);
}

void ozx_warnings_finish(struct ozx_warnings *warnings)
{
    for (size_t i = 0; i < warnings->count; i++) {
        struct ozx_warning *w = &warnings->list[i];
        size_t used = strlen(w->first.text);
        if (w->eio) {
            snprintf(w->first.text + used, sizeof w->first.text - used, ", reading it fails");
            used = strlen(w->first.text);
        }
        if (w->count > 1)
            snprintf(w->first.text + used, sizeof w->first.text - used,
                     "; there are %" PRIu64 " such entries", w->count);
    }
}
