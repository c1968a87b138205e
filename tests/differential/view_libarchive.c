/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How libarchive, the reader inside bsdtar, sees each archive of a batch (from a file, it prefers
 * its seeking ZIP reader).
 */
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "batch.h"

#define FILE_MAX (1u << 20)

static void show_file(struct archive *archive)
{
    uint8_t *data = malloc(FILE_MAX + 1);
    la_ssize_t got = 0, part = data ? 1 : -1;

    while (part > 0 && got <= FILE_MAX) {
        part = archive_read_data(archive, data + got, (size_t)(FILE_MAX + 1 - got));
        got += part > 0 ? part : 0;
    }
    if (part < 0)
        batch_text("read");
    else if (got > FILE_MAX)
        batch_text("large");
    else
        batch_file(data, (size_t)got);
    free(data);
}

static void show(struct archive *archive)
{
    struct archive_entry *entry;
    bool first = true, any = false;
    int result;

    while ((result = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
           result == ARCHIVE_WARN) {
        const char *name = archive_entry_pathname(entry);
        if (!any)
            printf("{\"files\": {");
        any = true;
        if (!name || archive_entry_filetype(entry) == AE_IFDIR)
            continue;
        batch_name(&first, name, strlen(name));
        if (archive_entry_filetype(entry) == AE_IFREG)
            show_file(archive);
        else
            batch_text("special");
    }
    if (!any && result != ARCHIVE_EOF)
        batch_refused(archive_error_string(archive) ? archive_error_string(archive) : "error");
    else if (!any)
        printf("{\"files\": {}}\n");
    else
        printf(result == ARCHIVE_EOF ? "}}\n" : "}, \"broken\": true}\n");
}

int main(void)
{
    uint8_t *data;
    size_t size;

    setlocale(LC_ALL, "C.UTF-8"); /* names are converted to it */
    while (batch_next(&data, &size)) {
        struct archive *archive = archive_read_new();
        archive_read_support_format_zip(archive);
        archive_read_support_filter_none(archive);
        if (archive_read_open_memory(archive, data, size) == ARCHIVE_OK)
            show(archive);
        else
            batch_refused(archive_error_string(archive));
        archive_read_free(archive);
        free(data);
    }
    return EXIT_SUCCESS;
}
