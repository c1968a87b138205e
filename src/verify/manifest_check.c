/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A manifest that was written, and may come from a stranger: read line by line, and compared.
 *
 *     HASH  PATH        as sha256sum; a '*' before PATH, './' at its start
 *     \HASH  PATH       the same, '\\' and '\n' in PATH escaped
 *     MD5-FILES--BYTES  of the whole; a line "Checksum for ..." before it is its program's
 */
#include <stdlib.h>
#include <string.h>

#include "verify/manifest.h"

#define SHA256_HEX 64
#define MD5_HEX 32

struct line {
    const char *text; /* without its end, and a '\r' before that */
    size_t size;
    uint64_t number;
};

/* The next line that is not empty, and not of the program's that writes checksums. */
static bool next_line(struct ozx_manifest_text *left, struct line *line)
{
    static const char heading[] = "Checksum for ";

    while (left->size_bytes) {
        const char *end = memchr(left->text, '\n', left->size_bytes);
        size_t size = end ? (size_t)(end - left->text) : left->size_bytes;

        line->text = left->text;
        line->size = size && left->text[size - 1] == '\r' ? size - 1 : size;
        line->number++;
        size += end != NULL;
        left->text += size;
        left->size_bytes -= size;
        if (line->size && (line->size < sizeof heading - 1 ||
                           memcmp(line->text, heading, sizeof heading - 1) != 0))
            return true;
    }
    return false;
}

/* 16: it is none. */
static unsigned hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                  : 16;
}

static size_t span_hex(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && hex_digit(text[i]) < 16)
        i++;
    return i;
}

static size_t span_digits(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

static bool is_zarr_checksum(const struct line *line)
{
    size_t at = span_hex(line->text, line->size), digits;

    if (at != MD5_HEX || line->size >= OZX_ZARR_CHECKSUM_SIZE || line->text[at++] != '-')
        return false;
    digits = span_digits(line->text + at, line->size - at);
    at += digits;
    if (!digits || line->size - at < 3 || memcmp(line->text + at, "--", 2) != 0)
        return false;
    at += 2;
    digits = span_digits(line->text + at, line->size - at);
    return digits && at + digits == line->size;
}

/* A line of sha256sum: the digest, and where its path is. */
static bool parse_line(const struct line *line, uint8_t digest[OZX_DIGEST_SIZE], struct line *path)
{
    const char *text = line->text;
    size_t size = line->size;

    if (size && *text == '\\') {
        text++;
        size--;
    }
    if (size < SHA256_HEX + 3 || span_hex(text, size) != SHA256_HEX || text[SHA256_HEX] != ' ' ||
        (text[SHA256_HEX + 1] != ' ' && text[SHA256_HEX + 1] != '*'))
        return false;
    for (size_t i = 0; i < SHA256_HEX / 2; i++)
        digest[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    path->text = text + SHA256_HEX + 2;
    path->size = size - SHA256_HEX - 2;
    if (memchr(path->text, '\0', path->size))
        return false;
    while (path->size > 2 && memcmp(path->text, "./", 2) == 0) {
        path->text += 2;
        path->size -= 2;
    }
    return true;
}

/* Terminated, and unescaped if the line says that it is escaped. False: too long for any archive's.
 */
static bool decode_path(const struct line *path, bool escaped, char out[OZX_PATH_SIZE])
{
    size_t size = 0;

    for (size_t i = 0; i < path->size && size < OZX_PATH_SIZE - 1; i++) {
        char c = path->text[i];
        if (escaped && c == '\\' && i + 1 < path->size) {
            c = path->text[++i];
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        out[size++] = c;
    }
    out[size] = '\0';
    return path->size < OZX_PATH_SIZE - 1;
}

static int bad_line(const struct line *line, const char *wanted, struct ozx_error *error)
{
    return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "write one with 'ozxfs verify --manifest' or sha256sum",
                         "line %llu is not %s", (unsigned long long)line->number, wanted);
}

int ozx_manifest_format_of(const struct ozx_manifest_text *text, enum ozx_manifest_format *format,
                           struct ozx_error *error)
{
    struct ozx_manifest_text left = *text;
    struct line line = {.number = 0}, path;
    uint8_t digest[OZX_DIGEST_SIZE];

    if (!next_line(&left, &line))
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "write one with 'ozxfs verify --manifest' or sha256sum", "is empty");
    if (is_zarr_checksum(&line))
        *format = OZX_MANIFEST_ZARR_CHECKSUM;
    else if (parse_line(&line, digest, &path))
        *format = OZX_MANIFEST_SHA256;
    else
        return bad_line(&line, "one of sha256sum, or a Zarr checksum", error);
    return 0;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void tell(struct ozx_manifest_check *check, enum ozx_manifest_difference difference,
                 const char *path)
{
    check->counts[difference]++;
    check->tell(check->context, difference, path, NULL, NULL);
}

static int compare_checksum(const struct ozx_manifest *m, struct ozx_manifest_check *check,
                            struct ozx_error *error)
{
    struct ozx_manifest_text left = check->text;
    char have[OZX_ZARR_CHECKSUM_SIZE], stated[OZX_ZARR_CHECKSUM_SIZE];
    struct line line = {.number = 0}, more;

    if (!next_line(&left, &line) || !is_zarr_checksum(&line))
        return bad_line(&line, "a Zarr checksum", error);
    more = line;
    if (next_line(&left, &more))
        return bad_line(&more, "expected behind a Zarr checksum", error);
    if (ozx_manifest_zarr_checksum(m, have))
        return ozx_error_memory(error);
    for (size_t i = 0; i < line.size; i++)
        stated[i] = (char)(line.text[i] >= 'A' && line.text[i] <= 'F' ? line.text[i] - 'A' + 'a'
                                                                      : line.text[i]);
    stated[line.size] = '\0';
    if (strcmp(have, stated) == 0)
        return 0;
    check->counts[OZX_MANIFEST_DIFFERS]++;
    check->tell(check->context, OZX_MANIFEST_DIFFERS, NULL, have, stated);
    return 0;
}

static void compare_line(const struct ozx_manifest *m, struct ozx_manifest_check *check,
                         const struct line *path, bool escaped,
                         const uint8_t digest[OZX_DIGEST_SIZE], bool *seen)
{
    char name[OZX_PATH_SIZE];
    struct ozx_node_stat stat;
    uint32_t node;
    bool found = decode_path(path, escaped, name) && *name != '/' &&
                 ozx_archive_find(m->archive, name, &node) == 0;

    if (found)
        ozx_archive_stat(m->archive, node, &stat);
    if (!found || stat.is_directory) {
        tell(check, OZX_MANIFEST_MISSING, name);
        return;
    }
    seen[node] = true;
    if (!m->digested[node] || memcmp(m->digests[node], digest, OZX_DIGEST_SIZE) != 0)
        tell(check, OZX_MANIFEST_DIFFERS, name);
}

static int compare_lines(const struct ozx_manifest *m, struct ozx_manifest_check *check, bool *seen,
                         struct ozx_error *error)
{
    struct ozx_manifest_text left = check->text;
    struct line line = {.number = 0}, path;
    uint8_t digest[OZX_DIGEST_SIZE];

    while (next_line(&left, &line)) {
        if (!parse_line(&line, digest, &path))
            return bad_line(&line, "one of sha256sum", error);
        compare_line(m, check, &path, line.text[0] == '\\', digest, seen);
    }
    for (uint32_t node = 0; node < ozx_archive_node_count(m->archive); node++) {
        char name[OZX_PATH_SIZE];
        struct ozx_node_stat stat;
        ozx_archive_stat(m->archive, node, &stat);
        if (stat.is_directory || seen[node])
            continue;
        ozx_archive_path(m->archive, node, name);
        tell(check, OZX_MANIFEST_EXTRA, name);
    }
    return 0;
}

int ozx_manifest_compare(const struct ozx_manifest *m, struct ozx_manifest_check *check,
                         struct ozx_error *error)
{
    bool *seen;
    int failure;

    if (m->format == OZX_MANIFEST_ZARR_CHECKSUM)
        return compare_checksum(m, check, error);
    seen = calloc(ozx_archive_node_count(m->archive), sizeof *seen);
    if (!seen)
        return ozx_error_memory(error);
    failure = compare_lines(m, check, seen, error);
    free(seen);
    return failure;
}
