/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files with secrets in them: a URL that is signed, headers with a token. What others may read
 * is no secret.
 */
#ifndef OZX_FETCH_SECRETS_H
#define OZX_FETCH_SECRETS_H

#include <curl/curl.h>

#include "base/error.h"

/* An open file in `*fd`, of root's or the caller's, that nobody else may read; `name` is the
 * option's. */
int ozx_secret_open(const char *path, const char *name, int *fd,
                    struct ozx_error *error) OZX_CHECKED;

/* `*url`, owned by the caller: the file's first line that is none of a comment. It may be read
 * again, since who renews a URL writes the same file. -EINVAL: there is none, or it is of
 * another file than `shown`. */
int ozx_secret_url(int fd, const char *shown, char **url, struct ozx_error *error) OZX_CHECKED;

/* Adds the file's lines "NAME: VALUE" to `*headers`. -EINVAL: a line that is none, or that is
 * ours to say. */
int ozx_secret_headers(int fd, struct curl_slist **headers, struct ozx_error *error) OZX_CHECKED;

#endif
