/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive at a URL: starts the program that fetches it (src/fetch/), and makes a source of its
 * channels.
 */
#ifndef OZX_CLI_REMOTE_H
#define OZX_CLI_REMOTE_H

#include "cli/remote_options.h"
#include "io/source.h"

/* Opens it, for a process with one thread. Tells a warning, if there is one. */
int ozx_remote_open(const char *name, const struct ozx_remote_options *options,
                    struct ozx_source **out, struct ozx_error *error) OZX_CHECKED;

#endif
