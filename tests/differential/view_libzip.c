/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How libzip sees each archive of a batch, opened with its consistency checks.
 */
#include <zip.h>

#include "batch.h"

#define FILE_MAX (1u << 20)

static void show_file(zip_t *zip, zip_uint64_t index, zip_uint64_t size)
{
    zip_file_t *file = zip_fopen_index(zip, index, 0);
    uint8_t *data = malloc(FILE_MAX + 1);
    zip_int64_t got = file && data ? zip_fread(file, data, FILE_MAX + 1) : -1;

    if (got < 0)
        batch_text(file ? "read" : "open");
    else if (size > FILE_MAX || got > FILE_MAX)
        batch_text("large");
    else if ((zip_uint64_t)got != size)
        batch_text("short");
    else
        batch_file(data, (size_t)got);
    free(data);
    if (file)
        zip_fclose(file);
}

static void show(zip_t *zip)
{
    zip_int64_t count = zip_get_num_entries(zip, 0);
    bool first = true;

    printf("{\"files\": {");
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t stat;
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        if (!name || zip_stat_index(zip, (zip_uint64_t)i, 0, &stat) < 0)
            continue;
        if (*name && name[strlen(name) - 1] == '/')
            continue;
        batch_name(&first, name, strlen(name));
        show_file(zip, (zip_uint64_t)i, stat.size);
    }
    printf("}}\n");
}

int main(void)
{
    uint8_t *data;
    size_t size;

    while (batch_next(&data, &size)) {
        zip_error_t error;
        zip_source_t *source;
        zip_t *zip;
        zip_error_init(&error);
        source = zip_source_buffer_create(data, size, 0, &error);
        zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
        if (zip) {
            show(zip);
            zip_discard(zip);
        } else {
            batch_refused(zip_error_strerror(&error));
            if (source)
                zip_source_free(source);
        }
        zip_error_fini(&error);
        free(data);
    }
    return EXIT_SUCCESS;
}
