/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AWS Signature Version 4, of a request without a body:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * Not libcurl's: as of 7.88 it leaves x-amz-content-sha256 out, which S3 wants, and signs some
 * keys and queries other than they are sent, differently from version to version; and it is
 * linked by this program only.
 */
#ifndef OZX_FETCH_SIGV4_H
#define OZX_FETCH_SIGV4_H

#include <stddef.h>

#include "base/cleanup.h"

/* SHA-256 of nothing: of a request without a body. */
#define OZX_SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OZX_SIGV4_DATE_SIZE 17 /* "20130524T000000Z" */

struct ozx_sigv4_header {
    const char *name;  /* in lower case */
    const char *value; /* without blanks around it */
};

struct ozx_sigv4 {
    const char *key_id, *secret;
    const char *region, *service;
    const char *date; /* "20130524T000000Z" */
    const char *method;
    const char *path;                       /* as it is sent: percent-encoded, '/' first */
    const char *query;                      /* as it is sent, by the order of names; "" for none */
    const struct ozx_sigv4_header *headers; /* what is signed, by the order of names */
    size_t header_count;
    const char *body_hash; /* in hex */
};

/* `*out`, owned by the caller: what follows "Authorization: ". -ENOMEM; -ENOTSUP: built without
 * nettle. */
int ozx_sigv4_sign(const struct ozx_sigv4 *request, char **out) OZX_CHECKED;

/* Appends `text`, percent-encoded but for what is unreserved (RFC 3986) and, with `slashes`,
 * '/': to `to`, which has room for three times as much and a NUL. Returns where the NUL is. */
char *ozx_sigv4_encode(char *to, const char *text, int slashes);

#endif
