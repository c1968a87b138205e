/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PNG files. The only file that sees libpng.
 */
#ifndef OZX_IMAGE_PNG_H
#define OZX_IMAGE_PNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* False: built without libpng. */
bool ozx_png_is_built_in(void);

/* Writes 8-bit RGB, row by row, to the descriptor. */
int ozx_png_write(int fd, const uint8_t *rgb, uint32_t width, uint32_t height,
                  struct ozx_error *error) OZX_CHECKED;

#endif
