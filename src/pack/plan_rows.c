/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows as bytes.
 */
#include "pack/plan_rows.h"

#include <string.h>

#include "base/array.h"
#include "zip/format.h"

/* Of a row's head. The first of a stride has all of its fields, whatever these say of the row
 * before it. */
enum {
    ROW_DIRECTORY = 1, /* is_directory */
    ROW_IN_ORDER = 2,
    ROW_SAME_DIRECTORY = 4,
    ROW_SAME_SIZE = 8,
    ROW_SAME_MTIME = 16,
    ROW_WIDE_KEY = 32, /* 8 bytes; else the difference */
};

#define NUMBER_MAX 10 /* bytes of a number */
#define ROW_MAX (1 + OZX_NAME_COMPONENT_MAX + 1 + 4 * NUMBER_MAX)
#define ROOM_MIN 4096
#define NARROW_KEY (UINT64_C(1) << 28) /* differences below this take at most 4 bytes */

static uint8_t *put_number(uint8_t *p, uint64_t number)
{
    for (; number > 0x7F; number >>= 7)
        *p++ = (uint8_t)(number | 0x80);
    *p++ = (uint8_t)number;
    return p;
}

static uint64_t take_number(const uint8_t **p)
{
    uint64_t number = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return number;
    }
}

/* A difference that may be negative, small ones of both signs to small numbers. */
static uint64_t fold(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unfold(uint64_t number)
{
    return number >> 1 ^ (number & 1 ? UINT64_MAX : 0);
}

static int reserve(struct ozx_plan_rows *rows)
{
    uint64_t larger = rows->room + rows->room / 2 + ROOM_MIN;
    uint8_t *moved;

    if (rows->count % OZX_PLAN_STRIDE == 0 &&
        ozx_array_grow(rows->marks, rows->mark_count, &rows->mark_room))
        return -ENOMEM;
    if (rows->room - rows->used >= ROW_MAX)
        return 0;
    moved = realloc(rows->bytes, larger);
    if (!moved)
        return -ENOMEM;
    rows->bytes = moved;
    rows->room = larger;
    return 0;
}

int ozx_plan_rows_add(struct ozx_plan_rows *rows, const struct ozx_plan_entry *entry)
{
    bool is_marked = rows->count % OZX_PLAN_STRIDE == 0;
    const struct ozx_plan_entry none = {.size_bytes = 0}, *last = is_marked ? &none : &rows->last;
    uint64_t key = fold(entry->key - last->key);
    uint8_t *p, *head;

    if (reserve(rows))
        return -ENOMEM;
    if (is_marked)
        rows->marks[rows->mark_count++] = (struct ozx_plan_mark){.at = rows->used};
    head = rows->bytes + rows->used;
    *head =
        (uint8_t)((entry->is_directory ? ROW_DIRECTORY : 0) | (entry->in_order ? ROW_IN_ORDER : 0) |
                  (rows->count && entry->directory == rows->last.directory ? ROW_SAME_DIRECTORY
                                                                           : 0) |
                  (entry->size_bytes == last->size_bytes ? ROW_SAME_SIZE : 0) |
                  (entry->mtime_s == last->mtime_s ? ROW_SAME_MTIME : 0) |
                  (key < NARROW_KEY ? 0 : ROW_WIDE_KEY));
    p = mempcpy(head + 1, entry->name, entry->name_size_bytes);
    *p++ = '\0';
    if (is_marked || !(*head & ROW_SAME_DIRECTORY))
        p = put_number(p, entry->directory);
    if (!(*head & ROW_SAME_SIZE))
        p = put_number(p, entry->size_bytes);
    if (!(*head & ROW_SAME_MTIME))
        p = put_number(p, fold((uint64_t)entry->mtime_s - (uint64_t)last->mtime_s));
    if (*head & ROW_WIDE_KEY)
        p = mempcpy(p, &entry->key, sizeof entry->key);
    else
        p = put_number(p, key);
    rows->used = (uint64_t)(p - rows->bytes);
    rows->count++;
    rows->last = *entry;
    return 0;
}

int ozx_plan_rows_sum(struct ozx_plan_rows *rows)
{
    if (!rows->crcs)
        rows->crcs = calloc(rows->count + 1, sizeof *rows->crcs);
    return rows->crcs ? 0 : -ENOMEM;
}

void ozx_plan_rows_get(const struct ozx_plan_rows *rows, uint64_t index, uint64_t *at,
                       struct ozx_plan_entry *entry)
{
    bool is_marked = index % OZX_PLAN_STRIDE == 0;
    const uint8_t *p = rows->bytes + *at, head = *p++;

    if (is_marked)
        *entry = (struct ozx_plan_entry){.size_bytes = 0};
    entry->is_directory = head & ROW_DIRECTORY;
    entry->in_order = head & ROW_IN_ORDER;
    entry->name = (const char *)p;
    entry->name_size_bytes = (uint16_t)strlen(entry->name);
    p += entry->name_size_bytes + 1;
    if (is_marked || !(head & ROW_SAME_DIRECTORY))
        entry->directory = (uint32_t)take_number(&p);
    if (!(head & ROW_SAME_SIZE))
        entry->size_bytes = take_number(&p);
    if (!(head & ROW_SAME_MTIME))
        entry->mtime_s = (int64_t)((uint64_t)entry->mtime_s + unfold(take_number(&p)));
    if (head & ROW_WIDE_KEY) {
        memcpy(&entry->key, p, sizeof entry->key);
        p += sizeof entry->key;
    } else {
        entry->key += unfold(take_number(&p));
    }
    *at = (uint64_t)(p - rows->bytes);
    entry->more_here = index + 1 < rows->count && (*p & ROW_SAME_DIRECTORY);
}

void ozx_plan_rows_free(struct ozx_plan_rows *rows)
{
    free(rows->bytes);
    free(rows->marks);
    free(rows->crcs);
}
