/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Credentials that a machine has, and nobody typed: those of a container, at an address that its
 * environment names, or of an instance, at the address of its metadata. Asked for over HTTP,
 * straight and not by a proxy, when a request has to be signed, and again some minutes before they
 * expire. https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
 */
#ifndef OZX_FETCH_ROLE_H
#define OZX_FETCH_ROLE_H

#include <curl/curl.h>
#include <time.h>

#include "fetch/aws.h"

#define OZX_ROLE_BODY_MAX ((size_t)16 << 10) /* bytes */

enum ozx_role_state {
    OZX_ROLE_READY,  /* there is no role, or its keys are good */
    OZX_ROLE_WAITS,  /* its keys are under way */
    OZX_ROLE_FAILED, /* `error`; it is asked again in a while */
};

struct ozx_role {
    bool is_instance;
    char *
        /* owned; of a container's keys, or of an instance's metadata; NULL: there is no role */
        url;
    const char *token; /* borrowed; what a container's address wants to be told; NULL: nothing */
    const char *token_file; /* borrowed; or in this file, which may change; NULL: none */
    int token_fd;           /* owned; of it, as it was at the start; -1: none */
    struct curl_blob
        cacert; /* borrowed; CA certificates in place of libcurl's own; data NULL: none */

    CURL *easy; /* NULL: nothing is under way */
    struct curl_slist *headers;
    unsigned step;
    char session[512], name[256]; /* of an instance: the token of its metadata, and of its role */
    char body[OZX_ROLE_BODY_MAX + 1];
    size_t body_bytes;
    time_t expires_s; /* by AWS's clock; 0: never */
    bool refused;     /* the keys were, as expired */
    int64_t came_ms;  /* when the keys did */
    int64_t retry_ms; /* of a failure: not before */
    struct ozx_error error;
};

#define OZX_ROLE_INIT                                                                              \
    {                                                                                              \
        .token_fd = -1                                                                             \
    }

/* Finds out whether there is one, by the environment of `aws`; an instance's only if
 * `may_be_instance`. With the rights of who started it; nothing is asked yet. */
int ozx_role_open(struct ozx_role *role, const struct ozx_aws *aws, bool may_be_instance,
                  struct ozx_error *error) OZX_CHECKED;
void ozx_role_close(struct ozx_role *role);

/* Somebody has to sign at `now_s` (AWS's clock): asks for the keys if they are missing or about to
 * expire. */
enum ozx_role_state ozx_role_want(struct ozx_role *role, const struct ozx_aws *aws, CURLM *multi,
                                  time_t now_s);
/* A transfer of `multi` has ended. True: it was one of the role's; `*renewed`: `aws` has its keys
 * now. */
bool ozx_role_take(struct ozx_role *role, struct ozx_aws *aws, CURLM *multi, CURL *easy,
                   CURLcode code, bool *renewed);
/* The server said that the keys have expired: no request is signed until there are others. */
void ozx_role_refuse(struct ozx_role *role);
/* What is under way is given up. */
void ozx_role_stop(struct ozx_role *role, CURLM *multi);

#endif
