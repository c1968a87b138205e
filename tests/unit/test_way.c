/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which URLs go through a proxy, and which addresses are of the network here.
 */
#include "fetch/way.h"

#include <arpa/inet.h>

#include "check.h"

#define PLAIN "http://proxy.test:3128"
#define TLS "http://proxy.test:3129"

static void test_proxy(void)
{
    static const struct {
        const char *url, *without, *proxy;
    } rows[] = {
        {"http://example.org/x", NULL, PLAIN},
        {"https://example.org/x", NULL, TLS},
        {"HTTPS://user:word@example.org:8443/x?y", "", TLS},
        {"http://example.org/x", "*", NULL},
        {"http://example.org/x", " , ,", PLAIN},
        {"http://example.org/x", "example.org", NULL},
        {"http://Example.ORG:81/x", "example.org", NULL},
        {"http://example.org./x", "example.org", NULL},
        {"http://example.org/x", "example.org.", NULL},
        {"http://example.org/x", ".example.org", NULL},
        {"http://www.example.org/x", "example.org", NULL},
        {"http://www.example.org/x", ".example.org", NULL},
        {"http://badexample.org/x", "example.org", PLAIN},
        {"http://example.org/x", "www.example.org", PLAIN},
        {"http://example.org.evil.test/x", "example.org", PLAIN},
        {"http://example.org/x", "other.test,example.org", NULL},
        {"http://example.org/x", "other.test \t example.org other", NULL},
        {"http://localhost/x", "localhost,127.0.0.0/8", NULL},
        {"http://127.0.0.1/x", "localhost,127.0.0.0/8", NULL},
        {"http://0x7f.1/x", "127.0.0.1", NULL}, /* as libcurl, and so getaddrinfo, reads it */
        {"http://169.254.169.254/x", "169.254.169.254", NULL},
        {"http://169.254.169.254/x", "169.254.0.0/16", NULL},
        {"http://169.254.169.254/x", "169.254.169.255/31", NULL},
        {"http://169.254.169.254/x", "169.254.169.255/32", PLAIN},
        {"http://10.1.2.3/x", "10.1.2.4", PLAIN},
        {"http://10.1.2.3/x", "2.3", PLAIN}, /* no name that ends so */
        {"http://10.1.2.3/x", "10.0.0.0/33", PLAIN},
        {"http://10.1.2.3/x", "10.0.0.0/", PLAIN},
        {"http://10.1.2.3/x", "10.0.0.0/8x", PLAIN},
        {"http://10.1.2.3/x", "0.0.0.0/0", NULL},
        {"http://10.1.2.3/x", "::/0", PLAIN},
        {"http://[fd00::1]/x", "fd00::/8", NULL},
        {"http://[fd00::1]/x", "[fd00:0::1]", NULL},
        {"http://[fd00::1]:8080/x", "fd00::2,fd00::1", NULL},
        {"http://[fd00::1]/x", "fd00::2", PLAIN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ozx_proxies proxies = {.plain = PLAIN, .tls = TLS, .without = rows[i].without};

        if (!CHECK_STRING(ozx_way_proxy(&proxies, rows[i].url), rows[i].proxy))
            fprintf(stderr, "    %s, without %s\n", rows[i].url, rows[i].without);
    }
}

static void test_one_proxy(void)
{
    const struct ozx_proxies tls = {.tls = TLS}, none = {.without = "example.org"};

    CHECK_STRING(ozx_way_proxy(&tls, "http://example.org/"), NULL);
    CHECK_STRING(ozx_way_proxy(&tls, "https://example.org/"), TLS);
    CHECK_STRING(ozx_way_proxy(&none, "https://example.net/"), NULL);
    CHECK_STRING(ozx_way_proxy(&tls, "https://"), NULL);
}

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return ozx_way_is_private((const struct sockaddr *)&v4);
    CHECK(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
    return ozx_way_is_private((const struct sockaddr *)&v6);
}

static void test_private(void)
{
    static const char *const here[] = {"127.0.0.1",
                                       "127.255.255.255",
                                       "0.0.0.0",
                                       "10.0.0.1",
                                       "172.16.0.1",
                                       "172.31.255.255",
                                       "192.168.1.1",
                                       "169.254.169.254",
                                       "100.64.0.1",
                                       "100.127.255.255",
                                       "::",
                                       "::1",
                                       "::127.0.0.1",
                                       "::ffff:10.0.0.1",
                                       "::ffff:127.0.0.1",
                                       "64:ff9b::169.254.169.254",
                                       "64:ff9b:1::1",
                                       "2002:7f00:1::",
                                       "2002:c0a8:101::1",
                                       "fe80::1",
                                       "febf::1",
                                       "fec0::1",
                                       "fc00::1",
                                       "fdff::1"};
    static const char *const out_there[] = {
        "1.1.1.1",          "9.255.255.255", "11.0.0.1",           "100.63.255.255",
        "100.128.0.1",      "128.0.0.1",     "172.15.255.255",     "172.32.0.1",
        "192.167.1.1",      "203.0.113.5",   "::ffff:203.0.113.5", "64:ff9b::203.0.113.5",
        "2002:cb00:7105::", "2001:db8::1",   "2606:4700::1",       "fe00::1"};
    const struct sockaddr local = {.sa_family = AF_UNIX};

    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
        if (!CHECK(is_private(here[i])))
            fprintf(stderr, "    %s\n", here[i]);
    for (size_t i = 0; i < sizeof out_there / sizeof out_there[0]; i++)
        if (!CHECK(!is_private(out_there[i])))
            fprintf(stderr, "    %s\n", out_there[i]);
    CHECK(ozx_way_is_private(&local));
}

CHECK_MAIN({"proxy", test_proxy}, {"one proxy", test_one_proxy}, {"private", test_private})
