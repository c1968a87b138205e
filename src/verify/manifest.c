/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Digests of files into texts, along the tree.
 */
#include "verify/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum ozx_digest_kind ozx_manifest_digest(enum ozx_manifest_format format)
{
    return format == OZX_MANIFEST_SHA256 ? OZX_DIGEST_SHA256 : OZX_DIGEST_MD5;
}

static bool is_directory(const struct ozx_manifest *m, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(m->archive, node, &stat);
    return stat.is_directory;
}

uint64_t ozx_manifest_gaps(const struct ozx_manifest *m, uint32_t *first)
{
    uint64_t gaps = 0;

    for (uint32_t node = ozx_archive_node_count(m->archive); node-- > 0;)
        if (!m->digested[node] && !is_directory(m, node)) {
            gaps++;
            *first = node;
        }
    return gaps;
}

/* --- a line for each file --------------------------------------------------------------------- */

struct walk {
    const struct ozx_manifest *manifest;
    void (*tell)(void *context, const char *hex, const char *path);
    void *context;
};

/* Paths are bounded, so the depth is. */
static void walk(const struct walk *w, uint32_t directory)
{
    const struct ozx_manifest *m = w->manifest;
    uint32_t first, count;

    ozx_archive_children(m->archive, directory, &first, &count);
    for (uint32_t node = first; node < first + count; node++) {
        char hex[OZX_DIGEST_HEX_SIZE], path[OZX_PATH_SIZE];
        if (is_directory(m, node)) {
            walk(w, node);
        } else if (m->digested[node]) {
            ozx_archive_path(m->archive, node, path);
            w->tell(w->context, ozx_digest_hex(OZX_DIGEST_SHA256, m->digests[node], hex), path);
        }
    }
}

void ozx_manifest_each(const struct ozx_manifest *manifest,
                       void (*tell)(void *context, const char *hex, const char *path),
                       void *context)
{
    const struct walk w = {.manifest = manifest, .tell = tell, .context = context};

    walk(&w, OZX_NODE_ROOT);
}

/* --- one checksum ----------------------------------------------------------------------------- */

/* What is in a directory, with all below it. */
struct total {
    uint64_t files, size_bytes;
    uint8_t md5[OZX_DIGEST_SIZE];
};

static void add_text(struct ozx_digest *digest, const char *text)
{
    ozx_digest_add(digest, text, strlen(text));
}

/* As Python's json writes a text by default: all that is not printable ASCII escaped, in UTF-16. */
static void add_name(struct ozx_digest *digest, const char *name, size_t size)
{
    for (size_t i = 0; i < size;) {
        char escaped[16] = {name[i], '\0'};
        uint32_t c = (unsigned char)name[i];
        size_t step = ozx_utf8_step(name + i, size - i, &c);

        if (c == '"' || c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", (char)c);
        else if (c >= 0x10000)
            snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                     0xDC00 + (c & 0x3FF));
        else if (c < 0x20 || c > 0x7E)
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
        add_text(digest, escaped);
        i += step ? step : 1;
    }
}

static void write_checksum(const struct total *total, char text[OZX_ZARR_CHECKSUM_SIZE])
{
    char hex[OZX_DIGEST_HEX_SIZE];

    snprintf(text, OZX_ZARR_CHECKSUM_SIZE, "%s-%" PRIu64 "--%" PRIu64,
             ozx_digest_hex(OZX_DIGEST_MD5, total->md5, hex), total->files, total->size_bytes);
}

/* {"digest":"...","name":"...","size":...} of a file, or of a directory with files in it. */
static bool add_child(const struct ozx_manifest *m, struct ozx_digest *digest, uint32_t node,
                      const struct total *total, bool first)
{
    char hex[OZX_DIGEST_HEX_SIZE], checksum[OZX_ZARR_CHECKSUM_SIZE], tail[48];
    struct ozx_node_stat stat;
    const char *name;
    size_t size;

    ozx_archive_stat(m->archive, node, &stat);
    if (stat.is_directory && !total->files)
        return false;
    if (stat.is_directory)
        write_checksum(total, checksum);
    add_text(digest, first ? "{\"digest\":\"" : ",{\"digest\":\"");
    add_text(digest, stat.is_directory ? checksum
                                       : ozx_digest_hex(OZX_DIGEST_MD5, m->digests[node], hex));
    add_text(digest, "\",\"name\":\"");
    name = ozx_archive_name(m->archive, node, &size);
    add_name(digest, name, size);
    snprintf(tail, sizeof tail, "\",\"size\":%" PRIu64 "}",
             stat.is_directory ? total->size_bytes : stat.size_bytes);
    add_text(digest, tail);
    return true;
}

static void sum_directory(const struct ozx_manifest *m, uint32_t directory, struct total *totals)
{
    struct total *own = &totals[directory];
    struct ozx_digest digest;
    uint32_t first, count;

    ozx_archive_children(m->archive, directory, &first, &count);
    ozx_digest_begin(&digest, OZX_DIGEST_MD5);
    for (int files = 0; files <= 1; files++) {
        bool some = false;
        add_text(&digest, files ? "],\"files\":[" : "{\"directories\":[");
        for (uint32_t node = first; node < first + count; node++) {
            struct ozx_node_stat stat;
            ozx_archive_stat(m->archive, node, &stat);
            if (stat.is_directory == (files == 1))
                continue;
            some |= add_child(m, &digest, node, &totals[node], !some);
            own->files += files ? 1 : totals[node].files;
            own->size_bytes += files ? stat.size_bytes : totals[node].size_bytes;
        }
    }
    add_text(&digest, "]}");
    ozx_digest_end(&digest, own->md5);
}

int ozx_manifest_zarr_checksum(const struct ozx_manifest *m, char text[OZX_ZARR_CHECKSUM_SIZE])
{
    uint32_t count = ozx_archive_node_count(m->archive);
    struct total *totals = calloc(count, sizeof *totals);

    if (!totals)
        return -ENOMEM;
    /* Breadth-first: children have higher numbers than their directory. */
    for (uint32_t node = count; node-- > 0;)
        if (is_directory(m, node))
            sum_directory(m, node, totals);
    write_checksum(&totals[OZX_NODE_ROOT], text);
    free(totals);
    return 0;
}
