/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mutator that knows ZIP records: a blind one spends its time in archives that are refused at the
 * end records. It changes fields of headers, copies, drops and swaps whole central headers, and in
 * most cases fixes counts, sizes and offsets of the end records afterwards, so that what it made is
 * walked.
 */
#include <string.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define CENTRALS_MAX 64

struct shape {
    size_t end;                    /* offset of the end record */
    size_t directory;              /* and of the first central header */
    size_t centrals[CENTRALS_MAX]; /* of each header that could be walked */
    size_t count;
};

static uint32_t next(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static uint32_t get(const uint8_t *p, int bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | p[bytes];
    return value;
}

static void put(uint8_t *p, int bytes, uint32_t value)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        p[i] = (uint8_t)value;
}

static size_t header_size(const uint8_t *p)
{
    return 46 + get(p + 28, 2) + get(p + 30, 2) + get(p + 32, 2);
}

static int find_shape(const uint8_t *data, size_t size, struct shape *s)
{
    size_t at;

    if (size < 22)
        return 0;
    for (s->end = size - 22; memcmp(data + s->end, "PK\5\6", 4) != 0; s->end--)
        if (s->end == 0)
            return 0;
    s->directory = at = get(data + s->end + 16, 4);
    s->count = 0;
    while (at <= s->end && s->end - at >= 46 && s->count < CENTRALS_MAX &&
           memcmp(data + at, "PK\1\2", 4) == 0 && header_size(data + at) <= s->end - at) {
        s->centrals[s->count++] = at;
        at += header_size(data + at);
    }
    return s->count > 0;
}

/* A field of a record set to a value that has a meaning somewhere. */
static void change_field(uint8_t *record, const uint8_t (*fields)[2], size_t count, unsigned *state)
{
    static const uint32_t telling[] = {0, 1, 2, 8, 12, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x800, 0x808,
                                       0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF};
    const uint8_t *field = fields[next(state) % count];
    uint32_t value = get(record + field[0], field[1]);

    switch (next(state) % 3) {
    case 0:
        value = telling[next(state) % (sizeof telling / sizeof telling[0])];
        break;
    case 1:
        value += next(state) % 17 - 8;
        break;
    default:
        value ^= 1u << next(state) % (8 * field[1]);
    }
    put(record + field[0], field[1], value);
}

static void change_central(uint8_t *record, unsigned *state)
{
    static const uint8_t fields[][2] = {{4, 2},  {8, 2},  {10, 2}, {12, 2}, {14, 2},
                                        {16, 4}, {20, 4}, {24, 4}, {28, 2}, {30, 2},
                                        {32, 2}, {34, 2}, {38, 4}, {42, 4}};
    change_field(record, fields, sizeof fields / sizeof fields[0], state);
}

static void change_local(uint8_t *data, const struct shape *s, size_t central, unsigned *state)
{
    static const uint8_t fields[][2] = {{0, 4},  {6, 2},  {8, 2},  {14, 4},
                                        {18, 4}, {22, 4}, {26, 2}, {28, 2}};
    size_t at = get(data + central + 42, 4);

    if (at < s->directory && s->directory - at >= 30)
        change_field(data + at, fields, sizeof fields / sizeof fields[0], state);
}

static void change_name(uint8_t *record, unsigned *state)
{
    static const char telling[] = "/.\\a\0\x7F\xC3\xA9\xFF";
    uint32_t size = get(record + 28, 2);

    if (size)
        record[46 + next(state) % size] = (uint8_t)telling[next(state) % (sizeof telling - 1)];
}

/* A header once more, at the directory's end; the new size. */
static size_t copy_central(uint8_t *data, size_t size, size_t max_size, struct shape *s,
                           unsigned *state)
{
    size_t from = s->centrals[next(state) % s->count], length = header_size(data + from);

    if (length > max_size - size)
        return size;
    memmove(data + s->end + length, data + s->end, size - s->end);
    memmove(data + s->end, data + from, length);
    s->end += length;
    put(data + s->end + 10, 2, get(data + s->end + 10, 2) + 1);
    put(data + s->end + 8, 2, get(data + s->end + 10, 2));
    return size + length;
}

static size_t drop_central(uint8_t *data, size_t size, struct shape *s, unsigned *state)
{
    size_t from = s->centrals[next(state) % s->count], length = header_size(data + from);

    memmove(data + from, data + from + length, size - from - length);
    s->end -= length;
    put(data + s->end + 10, 2, get(data + s->end + 10, 2) - 1);
    put(data + s->end + 8, 2, get(data + s->end + 10, 2));
    return size - length;
}

/* The end records agree with the directory again. */
static void fix_end_records(uint8_t *data, const struct shape *s)
{
    put(data + s->end + 16, 4, (uint32_t)s->directory);
    put(data + s->end + 12, 4, (uint32_t)(s->end - s->directory));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct shape s;
    unsigned state = seed;
    uint32_t choice = next(&state) % 16;
    size_t central;

    if (choice < 3 || !find_shape(data, size, &s))
        return LLVMFuzzerMutate(data, size, max_size);
    central = s.centrals[next(&state) % s.count];
    if (choice < 7)
        change_central(data + central, &state);
    else if (choice < 9)
        change_local(data, &s, central, &state);
    else if (choice < 12)
        change_name(data + central, &state);
    else if (choice < 14)
        size = copy_central(data, size, max_size, &s, &state);
    else
        size = drop_central(data, size, &s, &state);
    if (next(&state) % 8)
        fix_end_records(data, &s);
    return size;
}
