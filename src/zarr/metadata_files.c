/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of metadata files.
 */
#include "zarr/metadata_files.h"

#include <string.h>

#define NAME(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct {
    const char *text;
    size_t size_bytes;
} names[OZX_METADATA_FILES] = {
    [OZX_METADATA_ZARR_JSON] = NAME(OZX_NAME_ZARR_JSON),
    [OZX_METADATA_ZARRAY] = NAME(OZX_NAME_ZARRAY),
    [OZX_METADATA_ZGROUP] = NAME(OZX_NAME_ZGROUP),
    [OZX_METADATA_ZATTRS] = NAME(OZX_NAME_ZATTRS),
    [OZX_METADATA_ZMETADATA] = NAME(OZX_NAME_ZMETADATA),
};

const char *ozx_metadata_file_name(enum ozx_metadata_file file)
{
    return names[file].text;
}

enum ozx_metadata_file ozx_metadata_file_of(const char *name, size_t size_bytes)
{
    enum ozx_metadata_file file = OZX_METADATA_ZARR_JSON;

    while (file < OZX_METADATA_FILES && (names[file].size_bytes != size_bytes ||
                                         memcmp(name, names[file].text, size_bytes) != 0))
        file++;
    return file;
}

bool ozx_metadata_file_makes_node(enum ozx_metadata_file file)
{
    return file < OZX_METADATA_ZMETADATA;
}
