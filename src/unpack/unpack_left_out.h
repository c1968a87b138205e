/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What metadata say of what is not unpacked, where only a part of an archive is. As pack does it
 * with what it leaves out: consolidated metadata lose it, what OME metadata name is told, and so
 * are arrays without their chunks.
 */
#ifndef OZX_UNPACK_UNPACK_LEFT_OUT_H
#define OZX_UNPACK_UNPACK_LEFT_OUT_H

#include "unpack/unpack_files.h"

/* After all files are made, before they get their name. -EIO ... with the error, which is about the
 * output; -ENOMEM. Memory: the texts of two zarr.json (of 64 MiB at most each). */
int ozx_unpack_judge_left_out(const struct ozx_unpack_files *files,
                              struct ozx_error *error) OZX_CHECKED;

#endif
