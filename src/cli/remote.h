/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive at a URL: starts the program that fetches it (src/fetch/), and makes a source of its
 * channels.
 */
#ifndef OZX_CLI_REMOTE_H
#define OZX_CLI_REMOTE_H

#include <stdbool.h>

#include "io/source.h"

/* True for what begins with http://, https:// or s3://. (A file of such a name: with ./ before it.)
 */
bool ozx_remote_is(const char *name);

/* Cuts user name, password, query and fragment off the URLs among the words of a command line,
 * where they stand: they are secrets, and the command line, messages and the list of mounts can be
 * seen by others. What was cut is known to ozx_remote_open, by the word's address. -ENOMEM. */
int ozx_remote_hide(char *const *words, size_t count) OZX_CHECKED;

/* Opens it, for a process with one thread. Tells a warning, if there is one. */
int ozx_remote_open(const char *name, struct ozx_source **out, struct ozx_error *error) OZX_CHECKED;

#endif
