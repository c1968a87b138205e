/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the views of the differential test have in common. Standard input is a batch: for each
 * archive its size (4 bytes, little-endian) and its bytes. Standard output has one line for each: a
 * JSON object, {"refused": "WHY"} or {"files": {"NAME IN HEX": [SIZE, CRC-32] or "WHY", ...}},
 * names in the order in which the reader lists them (so a name can be there twice).
 */
#ifndef OZX_TESTS_BATCH_H
#define OZX_TESTS_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next archive; the caller frees `*data`. False at the end of the batch. */
static inline bool batch_next(uint8_t **data, size_t *size)
{
    uint8_t head[4];

    if (fread(head, 1, 4, stdin) != 4)
        return false;
    *size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    *data = malloc(*size ? *size : 1);
    return *data && fread(*data, 1, *size, stdin) == *size;
}

static inline void batch_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        putchar(*text == '"' || *text == '\\' || (unsigned char)*text < 0x20 ? '_' : *text);
    putchar('"');
}

static inline void batch_refused(const char *why)
{
    printf("{\"refused\": ");
    batch_text(why);
    printf("}\n");
}

static inline void batch_name(bool *first, const char *name, size_t size)
{
    printf(*first ? "\"" : ", \"");
    *first = false;
    for (size_t i = 0; i < size; i++)
        printf("%02x", (unsigned char)name[i]);
    printf("\": ");
}

/* CRC-32 (APPNOTE 4.4.7), bit by bit: an opinion of its own. */
static inline uint32_t batch_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFF;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

static inline void batch_file(const uint8_t *data, size_t size)
{
    printf("[%zu, %u]", size, (unsigned)batch_crc(data, size));
}

#endif
