/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The head of an HTTP answer, and whether its body may be believed. Knows headers (RFC 9110), no
 * network.
 *
 * An answer is believed if it is a 206 for what was asked, of the object that was opened, as it
 * stands: else its bytes are thrown away. Servers and proxies send a 200 with all of the object or
 * with a login page, another range, another version, a compressed body; as an archive's bytes each
 * of these would be wrong pixels.
 */
#ifndef OZX_FETCH_ANSWER_H
#define OZX_FETCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OZX_HEAD_MAX ((size_t)256 << 10) /* bytes, of all headers of an answer */
#define OZX_ETAG_SIZE 512
#define OZX_LOCATION_SIZE 8192
#define OZX_REGION_SIZE 48

struct ozx_answer {
    int status;      /* 0: none came */
    bool malformed;  /* a header that cannot be read, or that contradicts another one */
    bool has_range;  /* Content-Range, of one of these two forms: */
    bool has_bounds; /* bytes FIRST-LAST/TOTAL; else bytes * / TOTAL */
    uint64_t first, last, total;
    bool has_length;
    uint64_t length;
    bool encoded;             /* Content-Encoding other than identity */
    bool multipart;           /* Content-Type */
    bool weak;                /* the ETag is */
    char etag[OZX_ETAG_SIZE]; /* quoted, without W/; "" for none */
    char modified[64];        /* Last-Modified, as it came; "" for none */
    char location[OZX_LOCATION_SIZE];
    char date[64];                /* Date */
    char version[1025];           /* x-amz-version-id; as all of S3, "" for none */
    char region[OZX_REGION_SIZE]; /* x-amz-bucket-region, or the body's <Region> */
    char code[64];                /* the body's <Code> */
    int64_t retry_after_s;        /* Retry-After as seconds; -1: not told */
    char retry_at[64];            /* or as a date, as it came; "" for none */
    int64_t remaining;            /* X-RateLimit-Remaining; -1: not told */
    int64_t reset_s; /* X-RateLimit-Reset: seconds from now or since 1970; -1: not told */
    size_t head_bytes;
};

void ozx_answer_init(struct ozx_answer *answer);

/* One line of a head, with or without its line end. A status line (HTTP/...) begins anew: what came
 * before was a 1xx, a proxy's, or an earlier answer. False: give up, it is too much. */
bool ozx_answer_line(struct ozx_answer *answer, const char *line, size_t size_bytes);

/* What the object was when it was opened. */
struct ozx_pin {
    uint64_t size_bytes;
    bool weak;                /* no strong ETag: Last-Modified and size are what there is */
    char etag[OZX_ETAG_SIZE]; /* strong */
    char modified[64];
};

/* -EINVAL: neither a strong ETag nor Last-Modified. */
int ozx_pin_take(struct ozx_pin *pin, const struct ozx_answer *answer, uint64_t size_bytes);
bool ozx_pin_holds(const struct ozx_pin *pin, const struct ozx_answer *answer);

enum ozx_judgement {
    OZX_ANSWER_GOOD,
    OZX_ANSWER_CHANGED,  /* another version */
    OZX_ANSWER_WRONG,    /* a 206 that is not what was asked; `why` */
    OZX_ANSWER_WHOLE,    /* a 200: no range */
    OZX_ANSWER_REDIRECT, /* with a Location */
    OZX_ANSWER_AGAIN,    /* the server says: later */
    OZX_ANSWER_REFUSED,  /* any other status */
};

/* Of an answer to `bytes=FIRST-LAST`; with `is_suffix` to `bytes=-FIRST`. `pin` may be NULL:
 * nothing is known. */
enum ozx_judgement ozx_answer_judge(const struct ozx_answer *answer, bool is_suffix, uint64_t first,
                                    uint64_t last, const struct ozx_pin *pin, const char **why);

/* Looks for <Code> and <Region> in what came of an error's body. */
void ozx_answer_body(struct ozx_answer *answer, const char *body, size_t size_bytes);

#endif
