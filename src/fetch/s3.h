/* SPDX-License-Identifier: BSD-2-Clause
 *
 * s3://BUCKET/KEY: where that is by HTTP, what signs a request for it, and what is learned from
 * answers that say "elsewhere", "another time" or "expired".
 */
#ifndef OZX_FETCH_S3_H
#define OZX_FETCH_S3_H

#include <curl/curl.h>

#include "fetch/answer.h"
#include "fetch/aws.h"
#include "fetch/role.h"

/* Given by options; NULL, false: not given, and the environment and the profile say it. */
struct ozx_s3_options {
    const char *endpoint, *region;
    const char *style; /* path, virtual */
    bool anonymous, requester_pays, instance_role;
};

struct ozx_s3 {
    struct ozx_aws aws;
    struct ozx_role role; /* whose keys are in `aws`, where there is one */
    bool anonymous, requester_pays, path_style;
    char *bucket, *key;           /* owned; as they were typed */
    char *endpoint;               /* owned; SCHEME://HOST[:PORT][/PATH]; NULL: Amazon's */
    char region[OZX_REGION_SIZE]; /* a name that may stand in a host's */
    char *version;    /* owned; x-amz-version-id of the answer that was pinned; NULL: none */
    bool unversioned; /* no right to ask for a version */
    char *url, *host, *path, *query; /* owned; of requests from now on */
    int64_t skew_s;                  /* the server's clock before ours */
    unsigned generation;             /* of what requests look like: grows with each change */
    unsigned learned;                /* how often something was learned */
};

/* Whether it begins with "s3://". */
bool ozx_s3_is(const char *url);

/* `aws` was opened, or is OZX_AWS_INIT if it is anonymous; owned from here on, also where this
 * fails. */
int ozx_s3_open(struct ozx_s3 *s3, const char *url, const struct ozx_s3_options *options,
                const struct ozx_aws *aws, struct ozx_error *error) OZX_CHECKED;
void ozx_s3_close(struct ozx_s3 *s3);

/* Whether a request can be signed now; asks for what is missing, by transfers of `multi`. */
enum ozx_role_state ozx_s3_want(struct ozx_s3 *s3, CURLM *multi, time_t now);
/* True: a transfer that has ended was one of those. */
bool ozx_s3_take(struct ozx_s3 *s3, CURLM *multi, const CURLMsg *message);

/* Adds the headers that a request of s3->url needs, signed at this time. -ENOMEM. */
int ozx_s3_headers(const struct ozx_s3 *s3, time_t now, struct curl_slist **headers) OZX_CHECKED;

/* Takes in an answer to a request of this generation. True: it is asked again, by s3->url. */
bool ozx_s3_learn(struct ozx_s3 *s3, const struct ozx_answer *answer, unsigned generation,
                  time_t now);

/* The version that is read from now on. */
void ozx_s3_pin(struct ozx_s3 *s3, const struct ozx_answer *answer);

/* What to do about a status, NULL: nothing in particular. */
const char *ozx_s3_hint(const struct ozx_s3 *s3, const struct ozx_answer *answer);

#endif
