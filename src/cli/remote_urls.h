/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The URLs of a command line: what others can see of them has no secrets.
 */
#ifndef OZX_CLI_REMOTE_URLS_H
#define OZX_CLI_REMOTE_URLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define OZX_REMOTE_URLS_MAX 64 /* on one command line that have something to hide */

struct ozx_remote_urls {
    const char *shown[OZX_REMOTE_URLS_MAX]; /* where each stands on the command line */
    char *whole[OZX_REMOTE_URLS_MAX];       /* in memory that is not a child's: those parse */
    size_t count;
};

/* True for what begins with http://, https:// or s3://. (A file of such a name: with ./ before it.)
 */
bool ozx_remote_is(const char *name);

/* Cuts user name, password, query and fragment off the URLs among the words of a command line,
 * where they stand: they are secrets, and the command line, messages and the list of mounts can be
 * seen by others. What was cut is added to `urls`, which is for the life of the process.
 * -ENOMEM. */
int ozx_remote_urls_hide(struct ozx_remote_urls *urls, char *const *words,
                         size_t count) OZX_CHECKED;

/* As it was before the cut, by the address of its word; without one, `name`. Borrowed. */
const char *ozx_remote_urls_whole(const struct ozx_remote_urls *urls, const char *name);

#endif
