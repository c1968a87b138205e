/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as an archive: opened as mount opens it, every node asked, every file read. What is let
 * in must be a tree: sorted, reachable by name, within the limits of paths.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "archive/archive.h"
#include "fuzz.h"
#include "archive/archive.h"

#define READ_TOTAL_MAX (1u << 20) /* of one input, so that a bomb costs no time */

static void check_error(const struct ozx_error *error, int failure)
{
    FUZZ_CHECK(failure < 0 && error->code == failure);
    FUZZ_CHECK(error->text[0] && strlen(error->text) < sizeof error->text);
    for (const char *p = error->text; *p; p++)
        FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7F);
}

static void check_children(const struct ozx_archive *archive, uint32_t node)
{
    const char *last = NULL;
    size_t last_size = 0;
    uint32_t first, count;

    ozx_archive_children(archive, node, &first, &count);
    FUZZ_CHECK(first + (uint64_t)count <= ozx_archive_node_count(archive));
    for (uint32_t i = first; i < first + count; i++) {
        size_t size, common;
        const char *name = ozx_archive_name(archive, i, &size);
        uint32_t found;
        int order;
        FUZZ_CHECK(i > node && ozx_archive_parent(archive, i) == node);
        FUZZ_CHECK(size >= 1 && size <= 255 && !memchr(name, '/', size) && !memchr(name, 0, size));
        FUZZ_CHECK(ozx_utf8_valid(name, size));
        FUZZ_CHECK(ozx_archive_lookup(archive, node, name, size, &found) == 0 && found == i);
        common = size < last_size ? size : last_size;
        order = last ? memcmp(last, name, common) : -1;
        FUZZ_CHECK(order < 0 || (order == 0 && last_size < size));
        last = name;
        last_size = size;
    }
}

static size_t read_file(struct ozx_archive *archive, uint32_t node, uint64_t size)
{
    static uint8_t buffer[65536];
    struct ozx_error error = OZX_ERROR_INIT;
    size_t total = 0, got;

    /* Backwards and forwards: streams of compressed entries start again. */
    for (uint64_t offset = size / 2; offset < size && total < READ_TOTAL_MAX / 2; offset += got) {
        int failure = ozx_archive_read(archive, node, buffer, sizeof buffer, offset, &got, &error);
        if (failure) {
            check_error(&error, failure);
            return total;
        }
        FUZZ_CHECK(got == (size - offset < sizeof buffer ? size - offset : sizeof buffer));
        total += got;
    }
    if (ozx_archive_read(archive, node, buffer, 100, 0, &got, &error) == 0)
        total += got;
    FUZZ_CHECK(ozx_archive_read(archive, node, buffer, 1, size, &got, &error) != 0 || got == 0);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ozx_source *source;
    struct ozx_archive *archive;
    struct ozx_error error = OZX_ERROR_INIT;
    size_t total = 0;
    int failure;

    if (source_open_memory(data, size, &source))
        return 0;
    failure = ozx_archive_open(source, NULL, &archive, &error);
    if (failure) {
        check_error(&error, failure);
        ozx_source_close(source);
        return 0;
    }
    for (uint32_t i = 0; i < ozx_archive_node_count(archive); i++) {
        char path[OZX_PATH_SIZE];
        struct ozx_node_stat stat;
        uint32_t found;
        FUZZ_CHECK(ozx_archive_path(archive, i, path) < sizeof path);
        FUZZ_CHECK(ozx_archive_find(archive, path, &found) == 0 && found == i);
        ozx_archive_stat(archive, i, &stat);
        if (stat.is_directory)
            check_children(archive, i);
        else if (total < READ_TOTAL_MAX)
            total += read_file(archive, i, stat.size_bytes);
    }
    ozx_archive_close(archive);
    return 0;
}
