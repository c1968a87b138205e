/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One multiscale of OME-Zarr 0.1 to 0.4 as 0.5 has it. For zarr/v2*.c only.
 */
#ifndef OZX_ZARR_V2_OME_H
#define OZX_ZARR_V2_OME_H

#include "zarr/v2_parts.h"

/* The element `index` of `multiscales`. */
int ozx_v2_put_multiscale(const struct ozx_v2_value *multiscale, size_t index,
                          const struct ozx_v2_levels *levels, struct ozx_text *out,
                          struct ozx_v2_report *report, struct ozx_error *error) OZX_CHECKED;

/* An object's members but for one, without its braces, behind others if `any`; whether there are
 * any now. */
bool ozx_v2_put_members(const struct ozx_v2_value *object, const char *without, bool any,
                        struct ozx_text *out);

/* The path of the first dataset; false: there is none. */
bool ozx_v2_first_level(const struct ozx_v2_value *multiscale, char *path, size_t room_bytes);

#endif
