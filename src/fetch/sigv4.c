/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A request in its canonical form is hashed as it is written, and never in memory as a whole.
 */
#include "fetch/sigv4.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"

static void add(struct ozx_digest *digest, const char *text)
{
    ozx_digest_add(digest, text, strlen(text));
}

/* "host;range;x-amz-date" */
static char *name_headers(const struct ozx_sigv4 *r)
{
    size_t size = 1;
    char *names, *to;

    for (size_t i = 0; i < r->header_count; i++)
        size += strlen(r->headers[i].name) + 1;
    names = to = malloc(size);
    if (!names)
        return NULL;
    *to = '\0';
    for (size_t i = 0; i < r->header_count; i++) {
        if (i)
            *to++ = ';';
        to = stpcpy(to, r->headers[i].name);
    }
    return names;
}

static void hash_request(const struct ozx_sigv4 *r, const char *names,
                         char hex[OZX_DIGEST_HEX_SIZE])
{
    struct ozx_digest digest;
    uint8_t hash[OZX_DIGEST_SIZE];

    ozx_digest_begin(&digest, OZX_DIGEST_SHA256);
    add(&digest, r->method);
    add(&digest, "\n");
    add(&digest, r->path);
    add(&digest, "\n");
    add(&digest, r->query);
    add(&digest, "\n");
    for (size_t i = 0; i < r->header_count; i++) {
        add(&digest, r->headers[i].name);
        add(&digest, ":");
        add(&digest, r->headers[i].value);
        add(&digest, "\n");
    }
    add(&digest, "\n");
    add(&digest, names);
    add(&digest, "\n");
    add(&digest, r->body_hash);
    ozx_digest_end(&digest, hash);
    ozx_digest_hex(OZX_DIGEST_SHA256, hash, hex);
}

/* By a key that is good for one day, region and service. -ENOMEM. */
static int sign(const struct ozx_sigv4 *r, const char *text, uint8_t out[OZX_DIGEST_SIZE])
{
    OZX_AUTO_FREE char *first = NULL;
    const char *const steps[] = {r->region, r->service, "aws4_request", text};

    if (asprintf(&first, "AWS4%s", r->secret) < 0) {
        first = NULL;
        return -ENOMEM;
    }
    ozx_hmac_sha256(first, strlen(first), r->date, 8, out);
    explicit_bzero(first, strlen(first));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        ozx_hmac_sha256(out, OZX_DIGEST_SIZE, steps[i], strlen(steps[i]), out);
    return 0;
}

int ozx_sigv4_sign(const struct ozx_sigv4 *r, char **out)
{
    OZX_AUTO_FREE char *names = NULL, *scope = NULL, *text = NULL;
    char hash[OZX_DIGEST_HEX_SIZE], signature[OZX_DIGEST_HEX_SIZE];
    uint8_t mac[OZX_DIGEST_SIZE];

    if (!ozx_digest_is_there())
        return -ENOTSUP;
    names = name_headers(r);
    if (!names)
        return -ENOMEM;
    hash_request(r, names, hash);
    if (asprintf(&scope, "%.8s/%s/%s/aws4_request", r->date, r->region, r->service) < 0) {
        scope = NULL;
        return -ENOMEM;
    }
    if (asprintf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", r->date, scope, hash) < 0) {
        text = NULL;
        return -ENOMEM;
    }
    if (sign(r, text, mac))
        return -ENOMEM;
    if (asprintf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                 r->key_id, scope, names, ozx_digest_hex(OZX_DIGEST_SHA256, mac, signature)) < 0) {
        *out = NULL;
        return -ENOMEM;
    }
    return 0;
}

char *ozx_sigv4_encode(char *to, const char *text, int slashes)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (strchr(unreserved, byte) || (slashes && byte == '/')) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    *to = '\0';
    return to;
}
