/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections of an object, counted by a server of ten bytes in a thread of its own.
 */
#include "fetch/object.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

static const char answer[] = "HTTP/1.1 206 What\r\nETag: \"v1\"\r\nContent-Range: bytes 0-9/10\r\n"
                             "Content-Length: 10\r\n\r\n0123456789";

struct server {
    int fd;
    unsigned accepted; /* read when nobody writes it */
};

/* One connection at a time: the next is taken when the one before it has ended. */
static void *serve(void *context)
{
    struct server *server = context;
    char request[4096];
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        server->accepted++;
        while (recv(fd, request, sizeof request, 0) > 0)
            (void)!send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void note_end(void *context, struct ozx_fetch *fetch)
{
    *(int *)context = fetch->error.code ? fetch->error.code : 1;
}

/* 1: its bytes came. */
static int fetch_it(struct ozx_object *object)
{
    struct ozx_fetch *fetch = ozx_fetch_make(object, OZX_FETCH_RANGE, 0, 9);
    int *ended = object->context;

    if (!fetch)
        return 0;
    fetch->unpinned = true;
    *ended = 0;
    while (!*ended) {
        ozx_object_run(object);
        curl_multi_poll(object->line.multi, NULL, 0, 20, NULL);
    }
    return *ended;
}

/* `url`: what is there. Owned. */
static int listen_somewhere(char **url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&address, size), 0);
    CHECK_INT(listen(fd, 32), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    CHECK(asprintf(url, "http://127.0.0.1:%u/x", ntohs(address.sin_port)) > 0);
    return fd;
}

static void test_reconnect(void)
{
    char *url = NULL;
    struct server server = {.fd = listen_somewhere(&url)};
    int ended;
    struct ozx_object object = {.line = {.multi = ozx_transfer_multi(), .user_agent = "test"},
                                .first_url = url,
                                .url_fd = -1,
                                .deadline_ms = 20000,
                                .pace = {.active_max = 1},
                                .ended = note_end,
                                .context = &ended};
    pthread_t thread;

    if (pthread_create(&thread, NULL, serve, &server))
        return;
    CHECK_INT(fetch_it(&object), 1);
    CHECK_INT(fetch_it(&object), 1);
    CHECK_UINT(server.accepted, 1); /* it is used again */
    ozx_object_reconnect(&object);
    CHECK_INT(fetch_it(&object), 1);
    CHECK_UINT(server.accepted, 2); /* and not behind a sleep */
    ozx_object_stop(&object);
    curl_multi_cleanup(object.line.multi);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(server.fd);
}

static void make(struct ozx_object *object, unsigned count, bool asked)
{
    for (unsigned i = 0; i < count; i++) {
        struct ozx_fetch *fetch = ozx_fetch_make(object, OZX_FETCH_RANGE, 0, 9);

        CHECK(fetch != NULL);
        if (!fetch)
            return;
        fetch->unpinned = true;
        fetch->asked = asked;
    }
    ozx_object_run(object);
}

/* By a server that never answers: what is read ahead leaves a fourth to who waits. */
static void test_reserve(void)
{
    char *url = NULL;
    int fd = listen_somewhere(&url);
    struct ozx_object object = {.line = {.multi = ozx_transfer_multi(), .user_agent = "test"},
                                .first_url = url,
                                .url_fd = -1,
                                .deadline_ms = 20000,
                                .pace = {.active_max = 16}};

    make(&object, 20, false);
    CHECK_UINT(object.active, 12);
    make(&object, 3, true);
    CHECK_UINT(object.active, 15);
    make(&object, 3, true);
    CHECK_UINT(object.active, 16);
    ozx_object_stop(&object);
    curl_multi_cleanup(object.line.multi);
    close(fd);
}

CHECK_MAIN({"reconnect", test_reconnect}, {"reserve", test_reserve})
