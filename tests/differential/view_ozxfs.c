/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How ozxfs sees each archive of a batch: through the code that mount serves from.
 */
#include "../kit/source_memory.h"
#include "archive/archive.h"
#include "batch.h"
#include "archive/archive.h"

#define FILE_MAX (1u << 20)

static void show_file(struct ozx_archive *archive, uint32_t node, uint64_t size)
{
    struct ozx_error error = OZX_ERROR_INIT;
    size_t room = size < FILE_MAX ? (size_t)size : FILE_MAX, got = 0;
    uint8_t *data = malloc(room ? room : 1);
    int failure = data ? ozx_archive_read(archive, node, data, room, 0, &got, &error) : -ENOMEM;

    if (failure)
        batch_text(error.rule ? ozx_rule_id(error.rule) : "error");
    else if (size > FILE_MAX)
        batch_text("large");
    else
        batch_file(data, got);
    free(data);
}

static void show(struct ozx_archive *archive)
{
    bool first = true;

    printf("{\"files\": {");
    for (uint32_t i = 1; i < ozx_archive_node_count(archive); i++) {
        char path[OZX_PATH_SIZE + 1];
        struct ozx_node_stat stat;
        size_t size = ozx_archive_path(archive, i, path);
        ozx_archive_stat(archive, i, &stat);
        if (stat.is_directory)
            continue;
        batch_name(&first, path, size);
        show_file(archive, i, stat.size_bytes);
    }
    printf("}}\n");
}

int main(void)
{
    uint8_t *data;
    size_t size;

    while (batch_next(&data, &size)) {
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_source *source;
        struct ozx_archive *archive;
        if (source_open_memory(data, size, &source))
            return EXIT_FAILURE;
        if (ozx_archive_open(source, NULL, &archive, &error)) {
            batch_refused(error.rule ? ozx_rule_id(error.rule) : error.text);
            ozx_source_close(source);
        } else {
            show(archive);
            ozx_archive_close(archive);
        }
        free(data);
    }
    return EXIT_SUCCESS;
}
