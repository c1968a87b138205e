/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to a URL: through which proxy, or straight to its host, and which addresses a server out
 * there may not lead to. The proxy is chosen here, by the variables that curl(1) looks at, and
 * libcurl is told: only who knows that no proxy is between can say anything of the address at the
 * other end.
 */
#ifndef OZX_FETCH_WAY_H
#define OZX_FETCH_WAY_H

#include <stdbool.h>
#include <sys/socket.h>

/* Borrowed. */
struct ozx_proxies {
    const char *plain, *tls; /* for http and https URLs; NULL: none */
    const char *without;     /* the hosts that need none, as in no_proxy; NULL: there are no such */
};

/* One of the two, or NULL: straight to the host. */
const char *ozx_way_proxy(const struct ozx_proxies *proxies, const char *url);

/* Of this machine or of the network around it: loopback, link-local, private; also in an IPv6
 * address that stands for an IPv4 one, and of no internet family at all. */
bool ozx_way_is_private(const struct sockaddr *address);

#endif
