/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of mount options, as fusermount3 takes them.
 */
#ifndef OZX_MOUNT_OPTION_LIST_H
#define OZX_MOUNT_OPTION_LIST_H

/* Writes `text` with a backslash before each comma and backslash. `to` has room for twice the text
 * and a NUL. Returns where the NUL stands. */
char *ozx_option_escape(char *to, const char *text);

#endif
