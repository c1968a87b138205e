/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parent's part of the network; it is over before anybody connects.
 */
#include "view/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define BACKLOG 64
#define SECRET_SIZE 32

static int fail(unsigned port, struct ozx_error *error)
{
    const int code = -errno;

    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         port ? "choose another one with --port, or none" : NULL,
                         "cannot listen on 127.0.0.1 port %u: %s", port, strerror(-code));
}

int ozx_listen(unsigned *port, int *out, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int on = 1;

    /* A port that was in use a minute ago can be had again. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return fail(*port, error);
    *port = ntohs(address.sin_port);
    *out = ozx_take_fd(&fd);
    return 0;
}

int ozx_token_make(char token[OZX_TOKEN_SIZE], struct ozx_error *error)
{
    unsigned char secret[SECRET_SIZE];

    if (getrandom(secret, sizeof secret, 0) != sizeof secret)
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot get random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof secret; i++)
        snprintf(token + 2 * i, 3, "%02x", secret[i]);
    return 0;
}
