/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extended attributes that a new file takes over from the one whose place it takes (attributes(7)).
 * Not copied: what is signed or granted to the old bytes (capabilities, IMA, EVM), and ACLs, which
 * are access (io/access.h).
 */
#ifndef OZX_IO_ATTRIBUTES_H
#define OZX_IO_ATTRIBUTES_H

#include "base/cleanup.h"

/* From `old`, which is open for reading, to `fd`. 0 or -errno: one of the user's or of root (user.,
 * trusted.) could not be copied. Labels (security.) are kept where the system lets them. */
int ozx_attributes_copy(int fd, int old) OZX_CHECKED;

#endif
