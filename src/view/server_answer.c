/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a request to its answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "view/page/page.h"
#include "view/server_state.h"

#define CSP                                                                                        \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define MESSAGE_MAX 160

struct request {
    struct ozx_view_server *server;
    struct MHD_Connection *connection;
    struct ozx_route route;
};

void ozx_server_mark_busy(struct ozx_view_server *server, struct MHD_Connection *connection,
                          bool busy)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info && info->socket_context)
        ozx_connections_set_busy(&server->connections, info->socket_context, busy);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool add_headers(struct MHD_Response *response, const char *const (*headers)[2],
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES)
            return false;
    return true;
}

/* Takes the response. */
static enum MHD_Result queue(const struct request *r, unsigned status, const char *type,
                             bool is_raw, struct MHD_Response *response)
{
    static const char *const all[][2] = {
        {"Content-Security-Policy", CSP},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-store"},
    };
    /* The token is the secret: a page from elsewhere that knows it was given it. */
    static const char *const raw[][2] = {
        {"Access-Control-Allow-Origin", "*"},
        {"Access-Control-Allow-Methods", "GET, HEAD"},
        {"Access-Control-Allow-Headers", "Range"},
        {"Access-Control-Allow-Private-Network", "true"},
        {"Access-Control-Expose-Headers", "Content-Length, Content-Range, Accept-Ranges"},
        {"Cross-Origin-Resource-Policy", "cross-origin"},
        {"Accept-Ranges", "bytes"},
    };
    static const char *const own[][2] = {{"Cross-Origin-Resource-Policy", "same-origin"}};
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (add_headers(response, all, sizeof all / sizeof all[0]) &&
        (is_raw ? add_headers(response, raw, sizeof raw / sizeof raw[0])
                : add_headers(response, own, 1)) &&
        (!type || MHD_add_response_header(response, "Content-Type", type) == MHD_YES))
        result = MHD_queue_response(r->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_message(const struct request *r, unsigned status, const char *message)
{
    char text[MESSAGE_MAX];
    struct MHD_Response *response;
    const int size = snprintf(text, sizeof text, "{\"message\": \"%s\"}", message);

    response = MHD_create_response_from_buffer((size_t)size, text, MHD_RESPMEM_MUST_COPY);
    if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (response && status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "1");
    return queue(r, status, "application/json", false, response);
}

static enum MHD_Result send_not_found(const struct request *r)
{
    return send_message(r, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static enum MHD_Result send_failure(const struct request *r, int failure)
{
    return send_message(r, MHD_HTTP_SERVICE_UNAVAILABLE,
                        failure == -ETIMEDOUT ? "the process that reads the archive gave no answer"
                        : failure == -EAGAIN  ? "the process that reads the archive is busy"
                                              : "the process that read the archive ended, and is "
                                                "started again");
}

static enum MHD_Result send_page(const struct request *r)
{
    const struct ozx_page_file *file = ozx_page_find(r->route.name);

    if (!file)
        return send_not_found(r);
    return queue(r, MHD_HTTP_OK, file->media_type, false,
                 MHD_create_response_from_buffer(file->size_bytes, (void *)(uintptr_t)file->data,
                                                 MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result send_alive(const struct request *r)
{
    atomic_store(&r->server->last_sign_s, (int64_t)ozx_clock_s());
    return queue(r, MHD_HTTP_NO_CONTENT, NULL, false,
                 MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

/* Takes `bytes`. */
static enum MHD_Result send_reply(const struct request *r, const struct ozx_reply *reply,
                                  char *bytes)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->size_bytes, bytes, MHD_RESPMEM_MUST_FREE);

    if (!response)
        free(bytes);
    return queue(r, reply->status, reply->type == OZX_REPLY_PNG ? "image/png" : "application/json",
                 false, response);
}

static enum MHD_Result send_ask(const struct request *r)
{
    struct ozx_reply reply;
    char *bytes = NULL;
    int failure = ozx_pool_ask(&r->server->pool, &r->route.ask, NULL, &reply, &bytes);

    return failure ? send_failure(r, failure) : send_reply(r, &reply, bytes);
}

/* --- bytes of the archive --------------------------------------------------------------------- */

struct stream {
    struct ozx_view_server *server;
    uint32_t node;
    uint64_t first_byte;
};

/* MHD_ContentReaderCallback: up to `room` of the bytes from `at` on. */
static ssize_t read_stream(void *context, uint64_t at, char *to, size_t room)
{
    const struct stream *stream = context;
    const struct ozx_ask ask = {
        .kind = OZX_ASK_READ,
        .node = stream->node,
        .offset_bytes = stream->first_byte + at,
        .size_bytes = (uint32_t)(room < OZX_ASK_BLOCK_MAX ? room : OZX_ASK_BLOCK_MAX)};
    OZX_AUTO_FREE char *bytes = NULL;
    struct ozx_reply reply;

    if (ozx_pool_ask(&stream->server->pool, &ask, NULL, &reply, &bytes) || reply.status != 200)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    memcpy(to, bytes, reply.size_bytes);
    return (ssize_t)reply.size_bytes;
}

static enum MHD_Result send_no_range(const struct request *r, uint64_t total)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    char range[64];

    snprintf(range, sizeof range, "bytes */%" PRIu64, total);
    if (response)
        MHD_add_response_header(response, "Content-Range", range);
    return queue(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, NULL, true, response);
}

/* A range that depends on what the file was before is answered with all of it: nothing here says
 * what it was. */
static const char *range_header(const struct request *r)
{
    if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-Range"))
        return NULL;
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Range");
}

static const char *type_of(const struct ozx_route *route)
{
    const size_t size = route->ask.path_size_bytes;
    const char *end = route->path + size;

    return (size >= 5 && strcmp(end - 5, ".json") == 0) ||
                   (size >= 8 &&
                    (strcmp(end - 8, "/.zattrs") == 0 || strcmp(end - 8, "/.zarray") == 0 ||
                     strcmp(end - 8, "/.zgroup") == 0))
               ? "application/json"
               : "application/octet-stream";
}

static enum MHD_Result send_stream(const struct request *r, const struct ozx_reply *found)
{
    uint64_t first, count;
    const int kind = ozx_route_range(range_header(r), found->total_bytes, &first, &count);
    struct stream *stream = kind < 0 ? NULL : malloc(sizeof *stream);
    struct MHD_Response *response;
    char range[96];

    if (kind < 0)
        return send_no_range(r, found->total_bytes);
    if (!stream)
        return MHD_NO;
    *stream = (struct stream){r->server, found->node, first};
    response =
        MHD_create_response_from_callback(count, OZX_ASK_BLOCK_MAX / 4, read_stream, stream, free);
    if (!response) {
        free(stream);
        return MHD_NO;
    }
    snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
             first + count - 1, found->total_bytes);
    if (kind > 0)
        MHD_add_response_header(response, "Content-Range", range);
    return queue(r, kind > 0 ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, type_of(&r->route), true,
                 response);
}

static enum MHD_Result send_raw(const struct request *r)
{
    const bool has_path = r->route.ask.path_size_bytes != 0;
    struct ozx_reply reply;
    char *bytes = NULL;
    int failure = ozx_pool_ask(&r->server->pool, &r->route.ask, has_path ? r->route.path : NULL,
                               &reply, &bytes);
    struct MHD_Response *response;

    if (failure)
        return send_failure(r, failure);
    if (reply.status == 200 && reply.total_bytes) {
        free(bytes);
        return send_stream(r, &reply);
    }
    /* Also what is missing may be asked for from elsewhere: a chunk that is not there. */
    response = MHD_create_response_from_buffer(reply.size_bytes, bytes, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(bytes);
    return queue(r, reply.status, reply.status == 200 ? type_of(&r->route) : "application/json",
                 true, response);
}

/* --- the way in ------------------------------------------------------------------------------ */

/* True once. */
static bool is_once(const struct request *r, const char *address)
{
    struct ozx_view_server *server = r->server;
    const char *rest;

    return ozx_route_token(address, server->options->once, &rest) && !*rest &&
           (int64_t)ozx_clock_s() - server->started_s < OZX_SERVER_ONCE_S &&
           !atomic_exchange(&server->was_led, true);
}

static enum MHD_Result send_to_page(const struct request *r)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    char place[OZX_TOKEN_SIZE + 2];

    snprintf(place, sizeof place, "/%s/", r->server->options->token);
    if (response)
        MHD_add_response_header(response, "Location", place);
    return queue(r, MHD_HTTP_SEE_OTHER, NULL, false, response);
}

/* --- requests --------------------------------------------------------------------------------- */

struct hosts {
    unsigned port, right, all;
};

static enum MHD_Result look_at_host(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct hosts *hosts = context;
    char wanted[32];

    (void)kind;
    if (strcasecmp(name, "Host") != 0)
        return MHD_YES;
    hosts->all++;
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", hosts->port);
    hosts->right += value && strcmp(value, wanted) == 0;
    snprintf(wanted, sizeof wanted, "localhost:%u", hosts->port);
    hosts->right += value && strcasecmp(value, wanted) == 0;
    return MHD_YES;
}

/* A name that was bound to this address by somebody else (DNS rebinding) is not ours. */
static bool is_for_us(const struct request *r)
{
    struct hosts hosts = {.port = r->server->options->port};

    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_at_host, &hosts);
    return hosts.all == 1 && hosts.right == 1;
}

static const char *query_of(void *context, const char *name)
{
    return MHD_lookup_connection_value(context, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result answer(struct request *r, const char *address, const char *method)
{
    const bool is_preflight = strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0;
    const char *rest;

    if (!is_preflight && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_message(r, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
    if (!is_for_us(r))
        return send_message(r, MHD_HTTP_FORBIDDEN, "the Host header is not that of this server");
    if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 && is_once(r, address))
        return send_to_page(r);
    if (!ozx_route_token(address, r->server->options->token, &rest))
        return is_preflight
                   ? send_message(r, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered")
                   : send_not_found(r);
    ozx_route_find(rest, query_of, r->connection, &r->route);
    if (is_preflight && r->route.kind == OZX_ROUTE_RAW)
        return queue(r, MHD_HTTP_NO_CONTENT, NULL, true,
                     MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    if (is_preflight)
        return send_message(r, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
    switch (r->route.kind) {
    case OZX_ROUTE_PAGE:
        return send_page(r);
    case OZX_ROUTE_ASK:
        return send_ask(r);
    case OZX_ROUTE_RAW:
        return send_raw(r);
    case OZX_ROUTE_ALIVE:
        return send_alive(r);
    default:
        return send_not_found(r);
    }
}

/* Of a request that is to have none. */
static bool has_body(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length") ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

enum MHD_Result ozx_server_answer(void *context, struct MHD_Connection *connection,
                                  const char *address, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **mark)
{
    struct request request = {.server = context, .connection = connection};

    (void)version, (void)upload, (void)upload_size;
    ozx_server_mark_busy(context, connection, true);
    if (!*mark &&
        !has_body(connection)) { /* what is answered at its first call ends the connection */
        *mark = context;
        return MHD_YES;
    }
    return answer(&request, address, method);
}
