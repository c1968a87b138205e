/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OZX_ZARR_LIBRARIES_H
#define OZX_ZARR_LIBRARIES_H

/* For --version. */
const char *ozx_json_library_version(void);

#endif
