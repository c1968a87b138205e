/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Errors as values. Knows nothing of ZIP.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ozx_error_set(struct ozx_error *error, int code, enum ozx_rule rule, uint64_t offset_bytes,
                  const char *hint, const char *format, ...)
{
    va_list args;

    error->code = code;
    error->offset_bytes = offset_bytes;
    error->rule = rule;
    snprintf(error->hint, sizeof error->hint, "%s", hint ? hint : "");
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

int ozx_error_memory(struct ozx_error *error)
{
    return ozx_error_set(error, -ENOMEM, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "out of memory");
}

int ozx_error_interrupted(struct ozx_error *error)
{
    return ozx_error_set(error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "interrupted");
}

void ozx_error_put_name(struct ozx_error *error, const char *name)
{
    char text[sizeof error->text];

    if (snprintf(text, sizeof text, "%s: %s", name, error->text) < 0)
        return;
    memcpy(error->text, text, sizeof text);
}

const char *ozx_hint_no_space(int code)
{
    return code == -ENOSPC || code == -EDQUOT ? "free some space, or write elsewhere" : NULL;
}
