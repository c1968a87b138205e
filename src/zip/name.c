/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of entries: the rules of a path, and CP437.
 */
#include "zip/name.h"

#include "zip/format.h"

/* What a path component may not be; `.` and `..` and emptiness are the ways out of a tree. */
static const char *component_defect(const char *component, size_t size)
{
    if (size == 0)
        return "an empty component";
    if (component[0] == '.' && (size == 1 || (size == 2 && component[1] == '.')))
        return size == 1 ? "a '.' component" : "a '..' component";
    if (size > OZX_NAME_COMPONENT_MAX)
        return "a component longer than 255 bytes";
    return NULL;
}

const char *ozx_zip_name_defect(const char *path, size_t size_bytes)
{
    size_t start = 0, size = size_bytes;

    if (size && path[size - 1] == '/')
        size--;
    if (size == 0)
        return size_bytes ? "an absolute path" : "no name";
    if (size > OZX_NAME_PATH_MAX)
        return "a path longer than 4095 bytes";
    if (path[0] == '/')
        return "an absolute path";
    for (size_t i = 0; i <= size; i++) {
        unsigned char c = i < size ? (unsigned char)path[i] : '/';
        if (c == '/') {
            const char *defect = component_defect(path + start, i - start);
            if (defect)
                return defect;
            start = i + 1;
        } else if (c < 0x20 || c == 0x7F) {
            return "a control character";
        } else if (c == '\\') {
            return "a backslash";
        }
    }
    return NULL;
}

size_t ozx_zip_name_raw_size(const char *path, size_t size_bytes, bool cp437)
{
    size_t points = 0;

    if (!cp437)
        return size_bytes;
    for (size_t i = 0; i < size_bytes; i++)
        points += ((unsigned char)path[i] & 0xC0) != 0x80;
    return points;
}

/* Code points of CP437's bytes 0x80 ... 0xFF (APPNOTE appendix D; the first half is ASCII). */
static const uint16_t cp437_high[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9,
    0x00FF, 0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA,
    0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255D, 0x255C, 0x255B, 0x2510, 0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F,
    0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518, 0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580,
    0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4,
    0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00F7, 0x2248,
    0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x00A0,
};

size_t ozx_zip_name_from_cp437(char *out, const char *raw, size_t size_bytes)
{
    char *p = out;

    for (size_t i = 0; i < size_bytes; i++) {
        unsigned char c = (unsigned char)raw[i];
        uint16_t point = c < 0x80 ? c : cp437_high[c - 0x80];
        if (point < 0x80) {
            *p++ = (char)point;
        } else if (point < 0x800) {
            *p++ = (char)(0xC0 | point >> 6);
            *p++ = (char)(0x80 | (point & 0x3F));
        } else {
            *p++ = (char)(0xE0 | point >> 12);
            *p++ = (char)(0x80 | (point >> 6 & 0x3F));
            *p++ = (char)(0x80 | (point & 0x3F));
        }
    }
    return (size_t)(p - out);
}
