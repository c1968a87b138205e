/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a supervisor has to say, and to whom.
 */
#include <stdarg.h>
#include <stdio.h>

#include "mount/supervisor_state.h"

void ozx_supervisor_fail(struct ozx_supervisor *s, enum ozx_mount_stage stage,
                         const struct ozx_error *error)
{
    if (s->error.code)
        return;
    s->stage = stage;
    s->error = *error;
    if (!s->error.code)
        s->error.code = -EIO;
}

void ozx_supervisor_note(const struct ozx_supervisor *s, const struct ozx_error *error)
{
    s->events->note(s->events->context, error, s->background);
}

void ozx_supervisor_note_of(void *supervisor, const struct ozx_error *error)
{
    ozx_supervisor_note(supervisor, error);
}

void ozx_supervisor_note_text(const struct ozx_supervisor *s, const char *format, ...)
{
    struct ozx_error error = OZX_ERROR_INIT;
    va_list args;

    va_start(args, format);
    vsnprintf(error.text, sizeof error.text, format, args);
    va_end(args);
    ozx_supervisor_note(s, &error);
}

void ozx_supervisor_tell(const struct ozx_supervisor *s, const struct ozx_message *message)
{
    void *context = s->events->context;

    if (s->background) {
        if (s->answer >= 0)
            (void)!ozx_channel_send(s->answer, message->kind, message->value, &message->error,
                                    false);
    } else if (message->kind == OZX_MESSAGE_WARNING) {
        s->events->warning(context, &message->error);
    } else if (message->kind == OZX_MESSAGE_INFO && s->options->verbose) {
        s->events->info(context, message->error.text);
    } else if (message->kind == OZX_MESSAGE_SERVING) {
        s->events->served(context);
    }
}
