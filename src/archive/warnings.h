/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the policy lets pass but does not pass over: each kind counted, the first of it told.
 */
#ifndef OZX_ARCHIVE_WARNINGS_H
#define OZX_ARCHIVE_WARNINGS_H

#include "archive/archive.h"

#define OZX_WARNINGS_MAX 24 /* kinds; more than there are */

struct ozx_warnings {
    struct ozx_warning list[OZX_WARNINGS_MAX];
    size_t count;
};

enum ozx_warning_level {
    OZX_WARNING_EIO,   /* reading the entry fails */
    OZX_WARNING_MAJOR, /* told at every mount */
    OZX_WARNING_MINOR, /* told to who asks */
};

/* One more of the kind (rule, level). `name` (raw or decoded bytes; may be NULL) and `text` ("is
 * encrypted") make the sentence of the first; `rule` is static. */
void ozx_warnings_add(struct ozx_warnings *warnings, enum ozx_rule rule,
                      enum ozx_warning_level level, uint64_t offset_bytes, const char *name,
                      size_t name_size_bytes, const char *text);

/* Writes the counts into the texts. Once, when nothing more is added. */
void ozx_warnings_finish(struct ozx_warnings *warnings);

#endif
