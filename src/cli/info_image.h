/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One multiscale image for people: its fields, the table of its levels, and it all in half a line.
 */
#ifndef OZX_CLI_INFO_IMAGE_H
#define OZX_CLI_INFO_IMAGE_H

#include "cli/lines.h"
#include "info/summary.h"

/* " 'name'", or nothing. */
void ozx_image_add_name(const struct ozx_multiscale *multiscale, struct ozx_words *words);

/* Shape and type of an image or array, ", 512 x 512 uint8, 3 levels"; nothing for other nodes. */
void ozx_image_add_brief(const struct ozx_summary_node *node, struct ozx_words *words);

/* Axes, extent, what all levels have in common, channels. The node is an image. */
void ozx_image_put_fields(const struct ozx_terminal *terminal, const char *prefix,
                          const struct ozx_summary_node *node);

/* Shape, type, chunks and codecs in a line. The node is an array. */
void ozx_image_put_array(const struct ozx_terminal *terminal, const char *prefix,
                         const struct ozx_summary_node *node);

/* The levels as branches of the tree, in columns; what all have in common is left out. */
void ozx_image_put_levels(const struct ozx_terminal *terminal, const char *prefix,
                          const struct ozx_summary_node *node);

#endif
