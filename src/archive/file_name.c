/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endings of names.
 */
#include "archive/file_name.h"

#include <string.h>
#include <strings.h>

/* The longer ones first. */
static const char *const endings[] = {".ome.zarr.zip", ".ome.zarr.ozx", ".zarr.zip",
                                      ".zarr.ozx",     ".ozx",          ".zip"};

size_t ozx_file_name_stem_size(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(endings[i]);
        if (size > length && strcasecmp(name + size - length, endings[i]) == 0)
            return size - length;
    }
    return size;
}

bool ozx_file_name_is_archive(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return ozx_file_name_stem_size(name) < strlen(name);
}
