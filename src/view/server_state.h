/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What server.c and server_answer.c share. Only they see libmicrohttpd.
 */
#ifndef OZX_VIEW_SERVER_STATE_H
#define OZX_VIEW_SERVER_STATE_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "view/connections.h"
#include "view/pool.h"
#include "view/server.h"

struct ozx_view_server {
    const struct ozx_server_options *options;
    struct ozx_pool pool;
    struct ozx_connections connections;
    int64_t started_s;           /* monotonic */
    atomic_bool was_led;         /* to the page, by options->once */
    _Atomic int64_t last_sign_s; /* monotonic: of a page that is open; 0: there was none */
};

void ozx_server_mark_busy(struct ozx_view_server *server, struct MHD_Connection *connection,
                          bool busy);

/* MHD_AccessHandlerCallback */
enum MHD_Result ozx_server_answer(void *context, struct MHD_Connection *connection,
                                  const char *address, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **mark);

#endif
