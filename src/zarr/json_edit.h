/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Setting and removing one member of a JSON text; every other byte stays as it is.
 */
#ifndef OZX_ZARR_JSON_EDIT_H
#define OZX_ZARR_JSON_EDIT_H

#include <stddef.h>

#include "base/error.h"

#define OZX_JSON_KEYS_MAX 64 /* components of a path */

/* `path`: keys with dots between them, a backslash in front of a dot or backslash that belongs to a
 * key, numbers for elements of lists ("attributes.ome.omero.channels.0.label"), '-' for one more
 * behind them. `value` is JSON, one text; NULL removes the member. Objects that are missing on the
 * way are made. The caller frees `*out`. -EINVAL: the path or the value is none; -ENOENT: there is
 * nothing to remove, or no such element; -ENOTDIR: the way leads through a value that is no object
 * or list; -ENOMEM; each with the error. */
int ozx_json_edit(const char *text, size_t size_bytes, const char *path, size_t path_size_bytes,
                  const char *value, char **out, size_t *out_size_bytes,
                  struct ozx_error *error) OZX_CHECKED;
/* The same with a value that was made of what was parsed: it may have NaN in it, as that had. */
int ozx_json_edit_known(const char *text, size_t size_bytes, const char *path,
                        size_t path_size_bytes, const char *value, char **out,
                        size_t *out_size_bytes, struct ozx_error *error) OZX_CHECKED;

#endif
