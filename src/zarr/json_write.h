/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A text that grows. Memory failing is sticky: it is asked for once, at the end.
 */
#ifndef OZX_ZARR_JSON_WRITE_H
#define OZX_ZARR_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct ozx_text {
    char *bytes; /* owned; terminated once something was added */
    size_t size_bytes, room;
    bool no_memory;
};

void ozx_text_add(struct ozx_text *text, const char *bytes, size_t size_bytes);
void ozx_text_put(struct ozx_text *text, const char *terminated);
void ozx_text_format(struct ozx_text *text, const char *format, ...) OZX_PRINTF(2, 3);
/* In quotes, as JSON has it. `utf8` is terminated. */
void ozx_text_string(struct ozx_text *text, const char *utf8);
/* The shortest decimal that reads back as the same number; finite. */
void ozx_text_number(struct ozx_text *text, double number);

static inline void ozx_text_free(struct ozx_text *text)
{
    free(text->bytes);
    *text = (struct ozx_text){.bytes = NULL};
}
#define OZX_AUTO_TEXT OZX_CLEANUP(ozx_text_free)

#endif
