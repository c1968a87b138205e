/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a scan found, and what it has written so far.
 */
#include "zarr/json_state.h"

#include <string.h>

bool ozx_json_wrong(struct ozx_json_scanner *s, const char *text)
{
    s->wrong = text;
    return false;
}

/* --- defects ---------------------------------------------------------------------------------- */

void ozx_json_note(struct ozx_json_scanner *s, enum ozx_json_kind kind, size_t at, size_t size)
{
    struct ozx_json_defect *defect = &s->problem->defects[kind];
    size_t most = sizeof defect->what - 4;

    if (defect->count++)
        return;
    defect->offset = at;
    for (size_t i = 0; i < size && i < most; i++) {
        unsigned char c = s->source[at + i];
        defect->what[i] = (char)(c > ' ' && c < 0x7F ? c : '?');
    }
    if (size > most)
        memcpy(defect->what + most, "...", 3);
}

/* --- what is written -------------------------------------------------------------------------- */

void ozx_json_put(struct ozx_json_scanner *s, const void *bytes, size_t size)
{
    if (s->silent || s->no_memory)
        return;
    if (size >= s->room - s->to->size_bytes) {
        size_t larger = 2 * s->room + size + 512;
        char *moved = realloc(s->to->text, larger);
        if (!moved) {
            s->no_memory = true;
            return;
        }
        s->to->text = moved;
        s->room = larger;
    }
    memcpy(s->to->text + s->to->size_bytes, bytes, size);
    s->to->size_bytes += size;
}

void ozx_json_spend(struct ozx_json_scanner *s, size_t cost, size_t longest)
{
    if (s->silent)
        return;
    s->cost += cost;
    if (longest > s->longest)
        s->longest = longest;
    if (s->cost + OZX_JSON_COST_LONGEST * s->longest > s->cost_max)
        s->problem->bound = "it has too many values, or too long ones";
}
