/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One GET of a range, by libcurl: from the request to a verdict on what came. Whether and when it
 * is asked again is not decided here.
 */
#ifndef OZX_FETCH_TRANSFER_H
#define OZX_FETCH_TRANSFER_H

#include <curl/curl.h>

#include "base/error.h"
#include "fetch/answer.h"
#include "fetch/s3.h"
#include "fetch/way.h"

/* What is the same for all transfers of a fetcher. Borrowed. */
struct ozx_line {
    CURLM *multi;
    const char *user_agent;
    const char *cacert; /* a file; NULL: libcurl's own */
    void *cacert_data;  /* what is in it */
    size_t cacert_size; /* bytes */
    const char *netrc;  /* a file; NULL: none */
    struct ozx_proxies proxies;
    struct curl_slist *headers; /* for the first URL's origin only */
    struct ozx_s3 *s3;          /* signs what is asked of its URL; NULL: it is none of S3 */
    bool
        /* a redirect may not lead to a private address; ends when the first URL itself does */
        guarded;
};

enum ozx_outcome {
    OZX_OUTCOME_DONE,     /* the whole range is in the buffer */
    OZX_OUTCOME_AGAIN,    /* may work later: the network, or the server says so */
    OZX_OUTCOME_AT_ONCE,  /* a connection that had been used was gone: no fault of anybody */
    OZX_OUTCOME_REDIRECT, /* answer.location */
    OZX_OUTCOME_WHOLE,    /* no range */
    OZX_OUTCOME_CHANGED,
    OZX_OUTCOME_FAILED, /* `error` */
};

struct ozx_transfer {
    CURL *easy; /* NULL: not under way */
    const struct ozx_line *line;
    const struct ozx_pin *pin; /* NULL: nothing is known of the object */
    bool is_suffix;            /* the last `last` bytes */
    bool is_whole;             /* no range: all `last + 1` bytes of it */
    bool no_if_match;
    bool resolve_anew; /* the host: what was known of its address is not believed */
    bool connect_anew; /* not by a connection that is there */
    uint64_t first, last;
    uint8_t *buffer;
    size_t size_bytes; /* wanted, which the buffer has room for */
    size_t got_bytes;  /* before: where to go on */
    int64_t heard_ms;  /* when the last of them came */
    void *owner;

    /* what came */
    struct ozx_answer answer;
    bool is_s3;          /* it was asked of S3's own URL, and not of where that redirects to */
    unsigned generation; /* of s3, of the request */
    enum ozx_judgement judgement;
    bool judged, overflow, refused_address;
    bool is_http2;
    bool is_origin;
    bool by_proxy;    /* the address of its connection is that one's */
    bool was_private; /* the first URL's origin answered from a private address, by no proxy */
    const char *why;
    size_t start_bytes; /* of got_bytes */
    char body[4096];    /* of an error */
    size_t body_bytes;
    struct curl_slist *headers;
};

/* What transfers run on, with nothing known yet of hosts and connections. NULL: out of memory. */
CURLM *ozx_transfer_multi(void);
/* `is_origin`: the URL has the first one's origin. `limit_s`: of silence. */
int ozx_transfer_start(struct ozx_transfer *transfer, const char *url, bool is_origin,
                       long limit_s) OZX_CHECKED;
/* Ends it if it is under way. */
void ozx_transfer_stop(struct ozx_transfer *transfer);
/* libcurl has ended it with `code`. `error` is filled in for AGAIN and FAILED. */
enum ozx_outcome ozx_transfer_finish(struct ozx_transfer *transfer, CURLcode code,
                                     struct ozx_error *error);

#endif
