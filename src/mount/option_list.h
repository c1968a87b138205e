/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of mount options, as fusermount3 takes them.
 */
#ifndef OZX_MOUNT_OPTION_LIST_H
#define OZX_MOUNT_OPTION_LIST_H

#include <stdbool.h>

/* Writes `text` with a backslash before each comma and backslash. `to` has room for twice the text
 * and a NUL. Returns where the NUL stands. */
char *ozx_option_escape(char *to, const char *text);

/* The next option of `*list`, without the backslashes, into `option`, which has room for the whole
 * list and a NUL; `*list` moves on. False: there is none. */
bool ozx_option_next(const char **list, char *option);

#endif
