/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libcurl 7.88 cannot say whether a connection went to a proxy, so it is not left to choose.
 */
#include "fetch/way.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t"

struct host {
    const char *name;
    size_t length;
    int family; /* AF_UNSPEC: it is a name, else `address` */
    uint8_t address[16];
};

/* Without the brackets of "[::1]". False: it is too long for an address, or empty. */
static bool copy_address(const char *text, size_t length, char out[INET6_ADDRSTRLEN])
{
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (!length || length >= INET6_ADDRSTRLEN)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static struct host host_of(const char *name, size_t length)
{
    struct host host = {.name = name, .length = length, .family = AF_UNSPEC};
    char text[INET6_ADDRSTRLEN];

    if (copy_address(name, length, text)) {
        if (inet_pton(AF_INET, text, host.address) == 1)
            host.family = AF_INET;
        else if (inet_pton(AF_INET6, text, host.address) == 1)
            host.family = AF_INET6;
    }
    if (host.length && name[length - 1] == '.')
        host.length--;
    return host;
}

static bool begins_alike(const uint8_t *one, const uint8_t *other, unsigned long bits)
{
    size_t bytes = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(one, other, bytes) == 0 &&
           (!rest || (one[bytes] ^ other[bytes]) >> (8 - rest) == 0);
}

/* "192.0.2.1", "192.0.2.0/24", "fd00::/8" */
static bool covers_address(const char *entry, size_t length, const struct host *host)
{
    const char *slash = memchr(entry, '/', length);
    struct host net = host_of(entry, slash ? (size_t)(slash - entry) : length);
    unsigned long bits, most = host->family == AF_INET ? 32 : 128;
    char *end;

    if (net.family != host->family)
        return false;
    if (!slash)
        return memcmp(net.address, host->address, most / 8) == 0;
    bits = strtoul(slash + 1, &end, 10);
    return end > slash + 1 && end == entry + length && bits <= most &&
           begins_alike(net.address, host->address, bits);
}

/* "example.org" and ".example.org" are that host and all below it. */
static bool covers_name(const char *entry, size_t length, const struct host *host)
{
    size_t above;

    if (length && entry[length - 1] == '.')
        length--;
    if (length && *entry == '.') {
        entry++;
        length--;
    }
    if (!length || length > host->length)
        return false;
    above = host->length - length;
    return strncasecmp(host->name + above, entry, length) == 0 &&
           (!above || host->name[above - 1] == '.');
}

static bool is_listed(const char *name, const char *list)
{
    const struct host host = host_of(name, strlen(name));

    for (const char *entry = list + strspn(list, SEPARATORS); *entry;) {
        size_t length = strcspn(entry, SEPARATORS);

        if ((length == 1 && *entry == '*') ||
            (host.family == AF_UNSPEC ? covers_name(entry, length, &host)
                                      : covers_address(entry, length, &host)))
            return true;
        entry += length;
        entry += strspn(entry, SEPARATORS);
    }
    return false;
}

const char *ozx_way_proxy(const struct ozx_proxies *proxies, const char *url)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL;
    const char *proxy = NULL;

    if (parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
        !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
        !curl_url_get(parts, CURLUPART_HOST, &host, 0)) {
        proxy = strcasecmp(scheme, "https") == 0 ? proxies->tls : proxies->plain;
        if (proxy && proxies->without && is_listed(host, proxies->without))
            proxy = NULL;
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return proxy;
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Where in an IPv6 address the IPv4 one is that it stands for: mapped, compatible (:: and ::1 are
 * among those), NAT64 (RFC 6052), 6to4. 0: it stands for none. */
static size_t inner_v4(const uint8_t address[16])
{
    static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff},
                                    nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(address, zeros, 12) == 0 || memcmp(address, mapped, 12) == 0 ||
        memcmp(address, nat64, 12) == 0)
        return 12;
    return address[0] == 0x20 && address[1] == 0x02 ? 2 : 0;
}

static bool is_private_v6(const uint8_t address[16])
{
    static const uint8_t own_nat64[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}; /* RFC 8215 */

    return (address[0] == 0xfe && (address[1] & 0x80)) || /* link-local, and site-local as it was */
           (address[0] & 0xfe) == 0xfc || memcmp(address, own_nat64, sizeof own_nat64) == 0;
}

bool ozx_way_is_private(const struct sockaddr *address)
{
    uint32_t v4;

    if (address->sa_family == AF_INET6) {
        const uint8_t *a = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
        size_t inner = inner_v4(a);

        if (!inner)
            return is_private_v6(a);
        memcpy(&v4, a + inner, sizeof v4);
    } else if (address->sa_family == AF_INET) {
        v4 = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    } else {
        return true;
    }
    v4 = ntohl(v4);
    return v4 >> 24 == 127 || v4 >> 24 == 10 || v4 >> 24 == 0 || v4 >> 20 == 0xac1 ||
           v4 >> 16 == 0xc0a8 || v4 >> 16 == 0xa9fe || v4 >> 22 == 0x191;
}
