/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The windows of an image's channels: the values that are shown darkest and brightest.
 * Source: OME-Zarr 0.1 to 0.5, omero.channels[].window.
 */
#ifndef OZX_ZARR_OMERO_WINDOWS_H
#define OZX_ZARR_OMERO_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

struct ozx_omero_window {
    bool is_stated; /* start and end are numbers, and end is more than start */
    double start, end;
};

/* `text` is a zarr.json or .zattrs. Fills all `count` of them. */
void ozx_omero_windows(const char *text, size_t size_bytes, struct ozx_omero_window *windows,
                       size_t count);

#endif
