/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How far the kernel reads ahead in files that EROFS serves.
 */
#ifndef OZX_MOUNT_KERNEL_READAHEAD_H
#define OZX_MOUNT_KERNEL_READAHEAD_H

/* The kernel counts the mounts of EROFS that are in files, and sysfs shows each by its number; no
 * mount tells its own. So: the greatest number before ours is made, -1 if there is none. */
long ozx_kernel_readahead_last(void);

/* Raises it for the one mount made since, whose number is greater than `last`. Does nothing if
 * others were made meanwhile, or sysfs is not there or not to be written. */
void ozx_kernel_readahead_raise(long last);

#endif
