/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Credentials and settings where AWS's own programs have them: the environment, then the two
 * files of profiles.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 *
 * Not looked for: credential_process, SSO and roles (a message names the command that makes
 * credentials of them). Containers and instances: fetch/role.h.
 */
#ifndef OZX_FETCH_AWS_H
#define OZX_FETCH_AWS_H

#include <stdbool.h>

#include "base/error.h"

struct ozx_aws {
    /* The environment of who started the program, by name; NULL: not set. */
    const char *(*environment)(void *context, const char *name);
    void *context;
    const char *profile; /* borrowed; NULL: by the environment. One that is given is used alone */
    int credentials_fd,
        config_fd; /* held, and read again when a token has expired; -1: no such file */
    char *key_id, *secret, *token;   /* owned; NULL: none */
    char *region, *endpoint, *style; /* of the profile; owned; NULL: none */
};

#define OZX_AWS_INIT                                                                               \
    {                                                                                              \
        .credentials_fd = -1, .config_fd = -1                                                      \
    }

/* With the rights of who started it: opens the files. Then reads them. No credentials are no
 * failure. */
int ozx_aws_open(struct ozx_aws *aws, struct ozx_error *error) OZX_CHECKED;
/* Reads the files again; true: they have other credentials now. Without a right to open
 * anything. */
bool ozx_aws_renew(struct ozx_aws *aws);
void ozx_aws_close(struct ozx_aws *aws);
/* Whether they can stand in headers: a line break in one would begin another header. */
bool ozx_aws_are_plain(const struct ozx_aws *aws);

/* All of an open file from its beginning, with a NUL behind it, owned by the caller. NULL: it
 * cannot be read, is larger than `max_bytes`, or there is no memory. */
char *ozx_aws_read_file(int fd, size_t max_bytes);

/* What `key` is in the section of this name of a file of profiles; "s3.endpoint_url" is an
 * indented line below "s3 =". Owned by the caller; NULL: it is not there. */
char *ozx_aws_find(const char *text, const char *section, const char *key);

#endif
