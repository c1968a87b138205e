/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fill value of an array of floats, as its data type holds it: 0.1 of float32 is
 * 0.10000000149..., and "0x7fc00000" is NaN. Writers put down the one or the other, and mean the
 * same.
 */
#ifndef OZX_ZARR_FILL_FLOAT_H
#define OZX_ZARR_FILL_FLOAT_H

#include <stdbool.h>

/* `data_type`: a name of Zarr v3, of a float or of the components of a complex number. `text`,
 * terminated: a number, or (is_string) what stands between quotes. False: not such a type, or no
 * such value. Every NaN is one. */
bool ozx_fill_float(const char *data_type, const char *text, bool is_string, double *value);

#endif
