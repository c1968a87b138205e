/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a new process does with the descriptors that it inherited.
 */
#ifndef OZX_BASE_DESCRIPTORS_H
#define OZX_BASE_DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor from 3 on that is not among the `count` in `keep` (negative ones are
 * skipped). A descriptor inherited from a shell's `$(...)` or from sshd would keep them waiting. */
void ozx_descriptors_close_others(const int *keep, size_t count);

#endif
