/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The process that speaks HTTP, and the only one that sees libmicrohttpd. It has a socket that
 * listens, one to its parent, and those to the decoder that come by that; no file, and no way to
 * one. Sources: RFC 9110, RFC 9112; the Fetch standard (CORS); CSP level 3.
 *
 * What a browser is started with can be seen by everybody in the list of processes: that is
 * /ONCE/, which leads to the page once, within a minute.
 *
 * A request is looked at in this order, and the first that is wrong is the answer:
 *
 *     method                                       405
 *     Host: 127.0.0.1:PORT or localhost:PORT       403
 *     token                                        404
 *     address                                      404
 */
#ifndef OZX_VIEW_SERVER_H
#define OZX_VIEW_SERVER_H

#include "view/route.h"

/* By the socket to the parent, a datagram of one byte each: */
enum ozx_server_word {
    OZX_SERVER_READY = 'r',  /* to the parent: connections are answered */
    OZX_SERVER_STUCK = 's',  /* to the parent: the decoder gives no answer */
    OZX_SERVER_LEFT = 'l',   /* to the parent: the last page was closed */
    OZX_SERVER_BEGIN = 'b',  /* from it, with a descriptor: the first socket of a decoder */
    OZX_SERVER_SOCKET = 'c', /* from it, with a descriptor: one more */
};

#define OZX_SERVER_ONCE_S 60
#define OZX_SERVER_LEFT_S 15 /* without a sign of a page: the last one is closed */

struct ozx_server_options {
    int listener, control;
    unsigned port;
    char token[OZX_TOKEN_SIZE];
    char once[OZX_TOKEN_SIZE]; /* leads to the token, the first time it is asked for */
};

bool ozx_server_is_built_in(void);

/* Ends with its parent. -ENOTSUP: not built in; else why it could not begin. */
int ozx_server_run(const struct ozx_server_options *options) OZX_CHECKED;

#endif
