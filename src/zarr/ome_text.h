/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parts of an OME block where they stand in the text, for what is not worth a field of struct
 * ozx_ome.
 */
#ifndef OZX_ZARR_OME_TEXT_H
#define OZX_ZARR_OME_TEXT_H

#include "zarr/json_text.h"

/* The attributes of a zarr.json, or a .zattrs as a whole. */
struct ozx_json_range ozx_attributes_text(const char *text, size_t size_bytes);

/* A member of the OME block of a zarr.json or .zattrs; false: there is none. */
bool ozx_ome_text_find(const char *text, size_t size_bytes, const char *key,
                       struct ozx_json_range *out);

/* A finite number, or false. */
bool ozx_json_number(const char *text, struct ozx_json_range value, double *out);
bool ozx_json_number_of(const char *text, struct ozx_json_range object, const char *key,
                        double *out);

#endif
