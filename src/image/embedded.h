/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picture that a node brings with it (zarr/thumbnails.h), made as small as is asked for.
 */
#ifndef OZX_IMAGE_EMBEDDED_H
#define OZX_IMAGE_EMBEDDED_H

#include "image/array.h"
#include "image/thumbnail.h"

/* -ENOENT: the node at `directory` has none of that size or larger that is a PNG file which can be
 * decoded. The caller frees the picture's bytes. */
int ozx_embedded_picture(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                         struct ozx_effort *effort, struct ozx_picture *out) OZX_CHECKED;

#endif
