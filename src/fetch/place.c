/* SPDX-License-Identifier: BSD-2-Clause
 *
 * URLs are taken apart by libcurl, which is who follows them.
 */
#include "fetch/place.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

struct parts {
    char *scheme, *host, *port;
};

static void release(const struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
}

static bool take_apart(CURLU *url, struct parts *out)
{
    *out = (struct parts){.scheme = NULL};
    if (!curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0) &&
        !curl_url_get(url, CURLUPART_HOST, &out->host, 0) &&
        !curl_url_get(url, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT) &&
        (!strcasecmp(out->scheme, "http") || !strcasecmp(out->scheme, "https")))
        return true;
    release(out);
    *out = (struct parts){.scheme = NULL};
    return false;
}

static bool parse(const char *text, struct parts *out)
{
    CURLU *url = curl_url();
    bool good = url && !curl_url_set(url, CURLUPART_URL, text, 0) && take_apart(url, out);

    curl_url_cleanup(url);
    return good;
}

bool ozx_place_same(const char *one, const char *other)
{
    struct parts a, b;
    bool same;

    if (!parse(one, &a))
        return false;
    if (!parse(other, &b)) {
        release(&a);
        return false;
    }
    same =
        !strcasecmp(a.scheme, b.scheme) && !strcasecmp(a.host, b.host) && !strcmp(a.port, b.port);
    release(&a);
    release(&b);
    return same;
}

static char *path_of(const char *text)
{
    CURLU *url = curl_url();
    char *path = NULL;

    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) ||
        curl_url_get(url, CURLUPART_PATH, &path, 0))
        path = NULL;
    curl_url_cleanup(url);
    return path;
}

bool ozx_place_is_file(const char *one, const char *other)
{
    char *a = path_of(one), *b = path_of(other);
    bool same = a && b && strcmp(a, b) == 0 && ozx_place_same(one, other);

    curl_free(a);
    curl_free(b);
    return same;
}

int ozx_place_check(const char *url)
{
    struct parts parts;

    if (!parse(url, &parts))
        return -EINVAL;
    release(&parts);
    return 0;
}

int ozx_place_resolve(const char *from, const char *location, char **out, const char **why)
{
    CURLU *url = curl_url();
    struct parts parts = {.scheme = NULL};
    char *whole = NULL;

    *why = "the server redirects to something other than an http or https URL";
    if (url && !curl_url_set(url, CURLUPART_URL, from, 0) &&
        !curl_url_set(url, CURLUPART_URL, location, 0) && take_apart(url, &parts)) {
        if (!strncasecmp(from, "https:", 6) && strcasecmp(parts.scheme, "https") != 0)
            *why = "the server redirects from https to http";
        else if (!curl_url_get(url, CURLUPART_URL, &whole, 0))
            *out = strdup(whole);
    }
    release(&parts);
    curl_url_cleanup(url);
    if (!whole)
        return -EIO;
    curl_free(whole);
    *why = "out of memory";
    return *out ? 0 : -EIO;
}
