/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of the files that hold metadata, in one list.
 */
#ifndef OZX_ZARR_METADATA_FILES_H
#define OZX_ZARR_METADATA_FILES_H

#include <stdbool.h>
#include <stddef.h>

#define OZX_NAME_ZARR_JSON "zarr.json"
#define OZX_NAME_ZARRAY ".zarray"
#define OZX_NAME_ZGROUP ".zgroup"
#define OZX_NAME_ZATTRS ".zattrs"
#define OZX_NAME_ZMETADATA ".zmetadata"

enum ozx_metadata_file {
    OZX_METADATA_ZARR_JSON, /* Zarr v3; all others are of Zarr v2 */
    OZX_METADATA_ZARRAY,
    OZX_METADATA_ZGROUP,
    OZX_METADATA_ZATTRS,    /* attributes of either */
    OZX_METADATA_ZMETADATA, /* a copy of all metadata below */
    OZX_METADATA_FILES,     /* how many; of a name: none of them */
};

const char *ozx_metadata_file_name(enum ozx_metadata_file file);

/* Which file has this name (without a path). */
enum ozx_metadata_file ozx_metadata_file_of(const char *name, size_t size_bytes);

/* True for the files that make their directory a node of Zarr: all but the copy. */
bool ozx_metadata_file_makes_node(enum ozx_metadata_file file);

#endif
