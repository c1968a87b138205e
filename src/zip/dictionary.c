/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Three walks from header to header. Each step is called when the bytes that it wanted are there,
 * looks at them, and says what comes next: so many bytes to skip, then a header of so many.
 */
#include "zip/dictionary.h"

#include <stdbool.h>
#include <string.h>

#define METHOD_LZMA 14
#define METHOD_ZSTD 93
#define METHOD_XZ 95

#define VLI_BYTES_MAX 9
#define XZ_FILTER_LZMA2 0x21
#define XZ_STREAM_REST 8
#define ZSTD_MAGIC UINT32_C(0xFD2FB528)
#define ZSTD_SKIPPABLE UINT32_C(0x184D2A50) /* ... 5F */

typedef int step(struct ozx_dictionary_watch *w);

static step xz_stream, xz_block, xz_chunk, xz_index, zstd_frame, zstd_block;

/* Little-endian, of 1 to 8 bytes. */
static uint64_t number_of(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    while (count--)
        number = number << 8 | bytes[count];
    return number;
}

static int next(struct ozx_dictionary_watch *w, uint64_t skip, uint32_t want, step *then)
{
    w->skip_bytes = skip;
    w->want = want;
    w->got = 0;
    w->step = then;
    return 0;
}

/* The header turned out to be longer; the step is called again when all of it is there. */
static int more(struct ozx_dictionary_watch *w, uint32_t want)
{
    w->want = want;
    return want <= sizeof w->head ? 0 : -EBADMSG;
}

static int judge(uint64_t dictionary_bytes)
{
    return dictionary_bytes > OZX_DICTIONARY_MAX_BYTES ? -E2BIG : 0;
}

/* APPNOTE 5.8.8: version (2), size of the properties (2), properties: one byte, dictionary (4). */
static int lzma_head(struct ozx_dictionary_watch *w)
{
    w->step = NULL;
    return number_of(w->head + 2, 2) == 5 ? judge(number_of(w->head + 5, 4)) : -EBADMSG;
}

/* XZ 1.2: a number of 7 bits a byte at `*at`, which moves on. False: not within `end`. */
static bool take_number(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < VLI_BYTES_MAX && *at < end; i++) {
        uint8_t byte = *(*at)++;
        *out |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* XZ 2.1.1, or 2.2 in front of it: padding, four zeros at a time. */
static int xz_stream(struct ozx_dictionary_watch *w)
{
    static const uint8_t magic[] = {0xFD, '7', 'z', 'X', 'Z', 0}, zeros[4] = {0};
    static const uint8_t check_bytes[] = {0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64};

    if (w->got == 4 && memcmp(w->head, zeros, 4) == 0)
        return next(w, 0, 4, xz_stream);
    if (w->got == 4)
        return more(w, 4 + XZ_STREAM_REST);
    if (memcmp(w->head, magic, sizeof magic) != 0 || w->head[6] || w->head[7] > 0x0F)
        return -EBADMSG;
    w->check_bytes = check_bytes[w->head[7]];
    return next(w, 0, 1, xz_block);
}

/* XZ 3.1.5 and 5.3.1. What compresses comes last and can only be LZMA2. */
static int xz_filters(const uint8_t *at, const uint8_t *end, unsigned count)
{
    uint64_t id = 0, size, dictionary = 0;

    for (unsigned i = 0; i < count; i++) {
        if (!take_number(&at, end, &id) || !take_number(&at, end, &size) ||
            size > (uint64_t)(end - at))
            return -EBADMSG;
        if (id == XZ_FILTER_LZMA2) {
            if (size != 1 || *at > 40)
                return -EBADMSG;
            dictionary = (uint64_t)(2 | (*at & 1)) << (*at / 2 + 11);
        }
        at += size;
    }
    return id == XZ_FILTER_LZMA2 ? judge(dictionary) : -EBADMSG;
}

/* XZ 3.1, or the index in its place. */
static int xz_block(struct ozx_dictionary_watch *w)
{
    const uint8_t *at = w->head + 2, *end;
    uint64_t unused;
    int failure;

    if (w->head[0] == 0) {
        w->counted_bytes = 1;
        w->numbers = 0;
        return next(w, 0, 1, xz_index);
    }
    if (w->got == 1)
        return more(w, (w->head[0] + 1U) * 4);
    end = w->head + w->got - 4; /* its CRC */
    if (((w->head[1] & 0x40) && !take_number(&at, end, &unused)) ||
        ((w->head[1] & 0x80) && !take_number(&at, end, &unused)))
        return -EBADMSG;
    failure = xz_filters(at, end, (w->head[1] & 3U) + 1);
    w->counted_bytes = 0;
    return failure ? failure : next(w, 0, 1, xz_chunk);
}

/* LZMA2: control byte; 0 ends, 1 and 2 are bytes as they are, from 0x80 on compressed. */
static int xz_chunk(struct ozx_dictionary_watch *w)
{
    uint8_t control = w->head[0];
    uint32_t head = control >= 0xC0 ? 6 : control >= 0x80 ? 5 : 3;
    const uint8_t *at;
    uint64_t size;

    if (control == 0) {
        uint64_t padding = (4 - (w->counted_bytes + 1) % 4) % 4;
        return next(w, padding + w->check_bytes, 1, xz_block);
    }
    if (control > 2 && control < 0x80)
        return -EBADMSG;
    if (w->got == 1)
        return more(w, head);
    at = w->head + (control < 0x80 ? 1 : 3); /* the high byte first */
    size = ((uint64_t)at[0] << 8 | at[1]) + 1;
    w->counted_bytes += head + size;
    return next(w, size, 1, xz_chunk);
}

/* XZ 4, 2.1.2: how many records, two numbers each, padding, CRC, and the stream's footer. */
static int xz_index(struct ozx_dictionary_watch *w)
{
    const uint8_t *at = w->head;
    bool first = w->counted_bytes == 1;
    uint64_t number;

    if (w->head[w->got - 1] & 0x80)
        return w->got < VLI_BYTES_MAX ? more(w, w->got + 1) : -EBADMSG;
    if (!take_number(&at, w->head + w->got, &number) || (first && number > UINT64_MAX / 4))
        return -EBADMSG;
    w->counted_bytes += w->got;
    w->numbers = first ? 2 * number : w->numbers - 1;
    if (w->numbers)
        return next(w, 0, 1, xz_index);
    return next(w, (4 - w->counted_bytes % 4) % 4 + 4 + 12, 4, xz_stream);
}

/* RFC 8878, 3.1.1.1: how long the frame header is, by its descriptor. */
static uint32_t zstd_head_bytes(uint8_t descriptor)
{
    static const uint8_t id_bytes[] = {0, 1, 2, 4}, size_bytes[] = {0, 2, 4, 8};
    bool single = descriptor & 0x20;
    uint32_t size = size_bytes[descriptor >> 6];

    return 5 + (single ? 0 : 1) + id_bytes[descriptor & 3] + (single && !size ? 1 : size);
}

/* The window: stated, or all of the content where that is one segment. */
static uint64_t zstd_window(const uint8_t *head, uint32_t head_bytes)
{
    uint8_t descriptor = head[4];
    const uint8_t *end = head + head_bytes;
    uint64_t base;

    if (!(descriptor & 0x20)) {
        base = UINT64_C(1) << (10 + (head[5] >> 3));
        return base + base / 8 * (head[5] & 7);
    }
    switch (descriptor >> 6) {
    case 0:
        return end[-1];
    case 1:
        return number_of(end - 2, 2) + UINT64_C(256);
    case 2:
        return number_of(end - 4, 4);
    default:
        return number_of(end - 8, 8);
    }
}

static int zstd_frame(struct ozx_dictionary_watch *w)
{
    uint32_t magic = (uint32_t)number_of(w->head, 4), head_bytes;
    int failure;

    if ((magic & 0xFFFFFFF0) == ZSTD_SKIPPABLE)
        return w->got < 8 ? more(w, 8) : next(w, number_of(w->head + 4, 4), 4, zstd_frame);
    if (magic != ZSTD_MAGIC)
        return -EBADMSG;
    if (w->got == 4)
        return more(w, 5);
    head_bytes = zstd_head_bytes(w->head[4]);
    if (w->got < head_bytes)
        return more(w, head_bytes);
    failure = judge(zstd_window(w->head, head_bytes));
    w->check_bytes = w->head[4] & 4 ? 4 : 0;
    return failure ? failure : next(w, 0, 3, zstd_block);
}

/* RFC 8878, 3.1.1.2: last (1 bit), type (2), size (21); a repeated byte is one byte long. */
static int zstd_block(struct ozx_dictionary_watch *w)
{
    uint32_t block = (uint32_t)number_of(w->head, 3);
    uint64_t size = (block >> 1 & 3) == 1 ? 1 : block >> 3;

    if ((block >> 1 & 3) == 3)
        return -EBADMSG;
    if (block & 1)
        return next(w, size + w->check_bytes, 4, zstd_frame);
    return next(w, size, 3, zstd_block);
}

void ozx_dictionary_watch_start(struct ozx_dictionary_watch *watch, uint16_t method)
{
    memset(watch, 0, offsetof(struct ozx_dictionary_watch, head));
    if (method == METHOD_LZMA)
        (void)next(watch, 0, 9, lzma_head);
    else if (method == METHOD_XZ)
        (void)next(watch, 0, 4, xz_stream);
    else if (method == METHOD_ZSTD)
        (void)next(watch, 0, 4, zstd_frame);
}

int ozx_dictionary_watch_show(struct ozx_dictionary_watch *watch, const uint8_t *data,
                              size_t size_bytes)
{
    while (watch->step && size_bytes) {
        uint64_t wanted = watch->skip_bytes ? watch->skip_bytes : watch->want - watch->got;
        size_t part = wanted < size_bytes ? (size_t)wanted : size_bytes;
        int failure = 0;

        if (watch->skip_bytes) {
            watch->skip_bytes -= part;
        } else {
            memcpy(watch->head + watch->got, data, part);
            watch->got += (uint32_t)part;
            if (watch->got == watch->want)
                failure = watch->step(watch);
        }
        if (failure)
            return failure;
        data += part;
        size_bytes -= part;
    }
    return 0;
}
