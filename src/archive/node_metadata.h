/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where in an archive a node's metadata is, and reading it (zarr/metadata.h parses it).
 */
#ifndef OZX_ARCHIVE_NODE_METADATA_H
#define OZX_ARCHIVE_NODE_METADATA_H

#include "archive/archive.h"
#include "zarr/metadata.h"

/* Finds the metadata of the node at `directory`: its zarr.json, else .zarray or .zgroup (a .zattrs
 * alone counts as a group, as OME-Zarr 0.4 writers leave it). -ENOENT if there is nothing,
 * -ENOTDIR. */
int ozx_metadata_find(const struct ozx_archive *archive, uint32_t directory,
                      uint32_t *node) OZX_CHECKED;

/* The text of the file `node`, of OZX_JSON_SIZE_MAX bytes at most (-EBADMSG); the caller frees
 * `*out`. The errors of ozx_archive_read_all; they name the entry. */
int ozx_metadata_text(struct ozx_archive *archive, uint32_t node, char **out, size_t *size_bytes,
                      struct ozx_error *error) OZX_CHECKED;

/* Reads and parses the file `node`, as ozx_metadata_find found it (told by its name). As
 * ozx_metadata_parse, and the errors of ozx_archive_read_all; the error names the entry. */
int ozx_metadata_load(struct ozx_archive *archive, uint32_t node, struct ozx_metadata **out,
                      struct ozx_error *error) OZX_CHECKED;

/* The archive's node that a path in the metadata of the group `directory` means ("s0", "labels/a",
 * "../1"; "." and empty components are passed over). -ENOENT, -ENOTDIR; a path that leads above the
 * root is -ENOENT. */
int ozx_metadata_resolve(const struct ozx_archive *archive, uint32_t directory, const char *path,
                         uint32_t *node) OZX_CHECKED;

#endif
