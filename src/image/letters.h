/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Short names in a picture: letters and digits of five by seven pixels.
 */
#ifndef OZX_IMAGE_LETTERS_H
#define OZX_IMAGE_LETTERS_H

#include <stddef.h>
#include <stdint.h>

#define OZX_LETTER_STEP 6 /* pixels from a letter to the next one */
#define OZX_LETTER_HEIGHT 7

/* How many letters are drawn of a name, of its first `most`. */
uint32_t ozx_letters_count(const char *name, uint32_t most);

/* Draws them at x, y into `light` (red, green, blue of each pixel of width x height), grey; what is
 * outside is left out. A character that is neither letter nor digit of ASCII is an empty box. */
void ozx_letters_draw(const char *name, uint32_t most, uint32_t x, uint32_t y, float *light,
                      uint32_t width, uint32_t height);

#endif
