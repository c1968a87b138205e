/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the server listens, and the secret that is asked for.
 */
#ifndef OZX_VIEW_LISTEN_H
#define OZX_VIEW_LISTEN_H

#include "base/error.h"
#include "view/route.h"

/* A socket that listens on 127.0.0.1, and nowhere else. `*port` 0 becomes the one that it has. */
int ozx_listen(unsigned *port, int *out, struct ozx_error *error) OZX_CHECKED;

/* 32 random bytes of the kernel, as hexadecimal digits. */
int ozx_token_make(char token[OZX_TOKEN_SIZE], struct ozx_error *error) OZX_CHECKED;

#endif
