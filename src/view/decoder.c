/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads share the archive and the memory that there is: what fails for want of it is tried once
 * more when nobody else works.
 */
#include "view/decoder.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "io/wire.h"
#include "view/make.h"

/* What is larger goes back to the system when it is freed, and does not stay with a thread. */
#define KEPT_MAX (1 << 20)
#define STACK_SIZE ((size_t)1 << 20)

struct decoder {
    struct ozx_archive *archive;
    const struct ozx_decoder_options *options;
    pthread_rwlock_t alone; /* held by one that needs all the memory, shared by the others */
};

struct thread {
    struct decoder *decoder;
    int socket;
    pthread_t id;
};

static int make_once(struct ozx_maker *maker, const struct ozx_ask *ask, const char *path,
                     struct ozx_view_answer *out, struct ozx_error *error)
{
    maker->effort = (struct ozx_effort){.live_bytes = 0};
    *error = (struct ozx_error)OZX_ERROR_INIT;
    switch (ask->kind) {
    case OZX_ASK_TREE:
        return ozx_make_tree(maker, ask, out, error);
    case OZX_ASK_NODE:
        return ozx_make_node(maker, ask, out, error);
    case OZX_ASK_IMAGE:
        return ozx_make_image(maker, ask, out, error);
    case OZX_ASK_TILE:
        return ozx_make_tile(maker, ask, out, error);
    case OZX_ASK_PLATE:
        return ozx_make_plate(maker, ask, out, error);
    case OZX_ASK_THUMBNAIL:
        return ozx_make_thumbnail(maker, ask, out, error);
    case OZX_ASK_FINDINGS:
        return ozx_make_findings(maker, ask, out, error);
    case OZX_ASK_FIND:
        return ozx_make_found(maker, ask, path, out, error);
    default:
        return ozx_make_bytes(maker, ask, out, error);
    }
}

static int make(struct decoder *decoder, struct ozx_maker *maker, const struct ozx_ask *ask,
                const char *path, struct ozx_view_answer *out)
{
    struct ozx_error error;
    int failure;

    pthread_rwlock_rdlock(&decoder->alone);
    failure = make_once(maker, ask, path, out, &error);
    pthread_rwlock_unlock(&decoder->alone);
    if (failure == -ENOMEM) {
        ozx_maker_let_go(maker);
        pthread_rwlock_wrlock(&decoder->alone);
        failure = make_once(maker, ask, path, out, &error);
        pthread_rwlock_unlock(&decoder->alone);
    }
    return failure ? ozx_make_failure(&error, out) : 0;
}

/* False: the other end is gone, or sent what is no ask. */
static bool receive(int socket, struct ozx_ask *ask, char path[OZX_ASK_PATH_MAX + 1])
{
    if (ozx_wire_receive(socket, ask, sizeof *ask) || !ozx_ask_check(ask))
        return false;
    if (ask->kind != OZX_ASK_FIND || !ask->path_size_bytes)
        return true;
    if (ozx_wire_receive(socket, path, ask->path_size_bytes))
        return false;
    path[ask->path_size_bytes] = '\0';
    return !memchr(path, '\0', ask->path_size_bytes);
}

static void *serve(void *context)
{
    struct thread *thread = context;
    struct decoder *decoder = thread->decoder;
    struct ozx_maker maker = {.archive = decoder->archive, .file = decoder->options->file};
    char path[OZX_ASK_PATH_MAX + 1] = "";
    struct ozx_ask ask;

    while (receive(thread->socket, &ask, path)) {
        struct ozx_view_answer answer = {.bytes = NULL};
        int failure = make(decoder, &maker, &ask, path, &answer);
        if (!failure)
            failure = ozx_wire_send(thread->socket, &answer.reply, sizeof answer.reply);
        if (!failure)
            failure = ozx_wire_send(thread->socket, answer.bytes, answer.reply.size_bytes);
        free(answer.bytes);
        if (failure)
            break;
    }
    ozx_maker_let_go(&maker);
    close(thread->socket); /* so that who waits for an answer sees it */
    return NULL;
}

int ozx_decoder_run(struct ozx_archive *archive, const struct ozx_decoder_options *options)
{
    struct decoder decoder = {.archive = archive, .options = options};
    struct thread threads[OZX_ASK_SOCKETS_MAX];
    size_t started = 0;
    pthread_attr_t attributes;
    int failure = pthread_attr_init(&attributes);

    if (failure)
        return -failure;
    mallopt(M_MMAP_THRESHOLD, KEPT_MAX);
    mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
    pthread_rwlock_init(&decoder.alone, NULL);
    failure = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!failure)
        failure = -ozx_wire_send(options->sockets[0], "", 1);
    for (; started < options->socket_count && !failure; started++) {
        threads[started] = (struct thread){&decoder, options->sockets[started], 0};
        failure = pthread_create(&threads[started].id, &attributes, serve, &threads[started]);
        if (failure)
            break;
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i].id, NULL);
    pthread_attr_destroy(&attributes);
    pthread_rwlock_destroy(&decoder.alone);
    return -failure;
}
