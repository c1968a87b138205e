/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PNG files. The only file that sees libpng.
 */
#ifndef OZX_IMAGE_PNG_H
#define OZX_IMAGE_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* False: built without libpng. */
bool ozx_png_is_built_in(void);

/* The file for 8-bit RGB, row by row; the caller frees it. */
int ozx_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                   size_t *size_bytes, struct ozx_error *error) OZX_CHECKED;
/* The same with less work for a larger file: for one that is not kept. */
int ozx_png_encode_quickly(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                           size_t *size_bytes, struct ozx_error *error) OZX_CHECKED;
/* Writes it to the descriptor. */
int ozx_png_write(int fd, const uint8_t *rgb, uint32_t width, uint32_t height,
                  struct ozx_error *error) OZX_CHECKED;

#define OZX_PNG_PIXELS_MAX (1u << 24) /* of a picture that is read */

/* Decodes any PNG file, untrusted, over black. -EBADMSG, -ENOMEM, -ENOTSUP: not built in. The
 * caller frees `*rgb`. */
int ozx_png_read(const uint8_t *data, size_t size_bytes, uint8_t **rgb, uint32_t *width,
                 uint32_t *height) OZX_CHECKED;

#endif
