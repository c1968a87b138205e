/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worker's end of the channel to the porter.
 */
#include "mount/many/requests.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "mount/many/wire.h"

#define LOOK_UP_MS 100 /* how often who waits asks whether to go on */
#define LET_GO_MS 1000
#define HELD_MAX 64 /* at a time */

/* Somebody who waits for an answer. On its stack. */
struct waiter {
    uint32_t kind; /* of the news that it waits for */
    uint32_t number;
    bool answered;
    int code;
    int fd; /* -1: none */
    struct waiter *next;
};

/* The kernel is to be told. */
struct change {
    struct change *next;
    struct ozx_catalog_name what;
};

struct ozx_requests {
    int socket;
    struct ozx_catalog *catalog;
    struct ozx_gates *gates;
    struct ozx_requests_events events;
    pthread_t receiver, teller;
    bool receives, tells;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t answers, changed;
    struct waiter *waiters;
    struct change *first, **last;
    bool cut_off; /* the porter is gone */
    bool ended;
};

int ozx_requests_open(int socket, struct ozx_catalog *catalog, struct ozx_gates *gates,
                      struct ozx_requests **out)
{
    struct ozx_requests *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    *r = (struct ozx_requests){.socket = socket, .catalog = catalog, .gates = gates};
    r->last = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    ozx_wait_condition_init(&r->answers);
    ozx_wait_condition_init(&r->changed);
    *out = r;
    return 0;
}

void ozx_requests_close(struct ozx_requests *r)
{
    if (!r)
        return;
    ozx_requests_stop(r);
    for (struct change *next, *change = r->first; change; change = next) {
        next = change->next;
        free(change);
    }
    close(r->socket);
    pthread_cond_destroy(&r->answers);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* --- telling the kernel ----------------------------------------------------------------------- */

/* Without memory the kernel learns of it when its own time for the name is over. */
static void queue_change(struct ozx_requests *r, uint32_t directory, const char *name)
{
    struct change *change = malloc(sizeof *change);

    if (!change)
        return;
    change->next = NULL;
    change->what.directory = directory;
    memcpy(change->what.name, name, strlen(name) + 1);
    pthread_mutex_lock(&r->lock);
    *r->last = change;
    r->last = &change->next;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* With the lock, which is open while it waits: for `ms`. */
static void wait_for(struct ozx_requests *r, pthread_cond_t *what, long ms)
{
    const struct timespec until = ozx_wait_end(ms);

    pthread_cond_timedwait(what, &r->lock, &until);
}

/* With the lock, which is open meanwhile. */
static void wait_for_change(struct ozx_requests *r)
{
    uint32_t held[HELD_MAX];
    size_t count = ozx_catalog_held(r->catalog, held, HELD_MAX);

    if (!count) {
        pthread_cond_wait(&r->changed, &r->lock);
        return;
    }
    wait_for(r, &r->changed, LET_GO_MS);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < count; i++)
        r->events.let_go(r->events.context, held[i]);
    pthread_mutex_lock(&r->lock);
}

static void *tell(void *context)
{
    struct ozx_requests *r = context;

    pthread_mutex_lock(&r->lock);
    while (!r->ended) {
        struct change *change = r->first;

        if (!change) {
            wait_for_change(r);
            continue;
        }
        r->first = change->next;
        if (!r->first)
            r->last = &r->first;
        pthread_mutex_unlock(&r->lock);
        r->events.changed(r->events.context, change->what.directory, change->what.name);
        free(change);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void remove_item(struct ozx_requests *r, uint32_t number)
{
    struct ozx_catalog_name gone;

    if (ozx_catalog_remove(r->catalog, number, &gone))
        queue_change(r, gone.directory, gone.name);
}

static void add_item(struct ozx_requests *r, const struct ozx_news_item *news, const char *name,
                     const char *file)
{
    const struct ozx_item item = {.number = news->number,
                                  .parent = news->parent,
                                  .kind = news->kind,
                                  .uid = news->uid,
                                  .gid = news->gid,
                                  .mode = news->mode,
                                  .file_mode = news->file_mode,
                                  .size_bytes = news->size_bytes,
                                  .mtime = {news->mtime_s, news->mtime_ns}};
    bool is_listed = ozx_catalog_is_listed(r->catalog, item.parent), removed;
    struct ozx_catalog_name gone;
    struct ozx_gate *gate = NULL;
    int failure;

    if (item.kind == OZX_ITEM_ARCHIVE && ozx_gate_open_closed(r->gates, item.number, &gate)) {
        remove_item(r, news->replaces);
        return;
    }
    failure =
        ozx_catalog_replace(r->catalog, news->replaces, &item, name, file, gate, &removed, &gone);
    if (failure)
        ozx_gate_close(gate);
    if (removed)
        queue_change(r, gone.directory, gone.name);
    if (!failure && is_listed)
        queue_change(r, item.parent, name);
}

/* The items behind the head of a datagram. False: not as mount/many/wire.h says. */
static bool add_items(struct ozx_requests *r, const struct ozx_news *news, const char *at,
                      size_t left)
{
    for (uint32_t i = 0; i < news->count; i++) {
        struct ozx_news_item item;
        const char *name;
        size_t size;

        if (left < sizeof item)
            return false;
        memcpy(&item, at, sizeof item);
        size = sizeof item + ((size_t)item.name_size + item.file_size + 7) / 8 * 8;
        name = at + sizeof item;
        if (size > left || item.name_size < 2 || item.name_size > NAME_MAX + 1 ||
            item.file_size < 2 || item.file_size > NAME_MAX + 1 || name[item.name_size - 1] ||
            name[item.name_size + item.file_size - 1])
            return false;
        add_item(r, &item, name, name + item.name_size);
        at += size;
        left -= size;
    }
    return true;
}

/* Whoever waits for this; the descriptor is the first one's. */
static void answer(struct ozx_requests *r, const struct ozx_news *news, int *fd)
{
    pthread_mutex_lock(&r->lock);
    for (struct waiter *w = r->waiters; w; w = w->next) {
        if (w->kind != news->kind || w->number != news->number || w->answered)
            continue;
        w->answered = true;
        w->code = news->code;
        w->fd = ozx_take_fd(fd);
        if (news->kind == OZX_NEWS_OPENED)
            break; /* each has asked by itself */
    }
    pthread_cond_broadcast(&r->answers);
    pthread_mutex_unlock(&r->lock);
}

static bool take(struct ozx_requests *r, const char *datagram, size_t size, int *fd)
{
    struct ozx_news news;

    if (size < sizeof news)
        return false;
    memcpy(&news, datagram, sizeof news);
    switch (news.kind) {
    case OZX_NEWS_ADDED:
        return add_items(r, &news, datagram + sizeof news, size - sizeof news);
    case OZX_NEWS_REMOVED:
        remove_item(r, news.number);
        return true;
    case OZX_NEWS_LISTED:
        if (news.code == 0)
            ozx_catalog_set_listed(r->catalog, news.number);
        answer(r, &news, fd);
        return true;
    case OZX_NEWS_OPENED:
        answer(r, &news, fd);
        return true;
    default:
        return false;
    }
}

/* One datagram, and the descriptor that came with it. False: the end. */
static bool receive(struct ozx_requests *r, char *datagram)
{
    int fd;
    ssize_t size = ozx_descriptors_receive(r->socket, datagram, OZX_NEWS_SIZE_MAX, 0, &fd);
    bool right = size > 0 && size <= OZX_NEWS_SIZE_MAX && take(r, datagram, (size_t)size, &fd);

    if (fd >= 0)
        close(fd); /* who asked for it is gone */
    return right;
}

static void *receive_all(void *context)
{
    struct ozx_requests *r = context;
    char *datagram = malloc(OZX_NEWS_SIZE_MAX);

    while (datagram && receive(r, datagram))
        ;
    free(datagram);
    pthread_mutex_lock(&r->lock);
    r->cut_off = true;
    pthread_cond_broadcast(&r->answers);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int ozx_requests_start(struct ozx_requests *r, const struct ozx_requests_events *events)
{
    r->events = *events;
    if (pthread_create(&r->receiver, NULL, receive_all, r))
        return -EAGAIN;
    r->receives = true;
    if (pthread_create(&r->teller, NULL, tell, r))
        return -EAGAIN;
    r->tells = true;
    return 0;
}

void ozx_requests_stop(struct ozx_requests *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    shutdown(r->socket, SHUT_RDWR);
    if (r->receives)
        pthread_join(r->receiver, NULL);
    if (r->tells)
        pthread_join(r->teller, NULL);
    r->receives = r->tells = false;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int send_wish(struct ozx_requests *r, uint32_t kind, uint32_t number)
{
    const struct ozx_wish wish = {.kind = kind, .number = number};
    ssize_t sent;

    do
        sent = send(r->socket, &wish, sizeof wish, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static void forget_waiter(struct ozx_requests *r, const struct waiter *waiter)
{
    struct waiter **at = &r->waiters;

    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
}

static void wait_for_answer(struct ozx_requests *r, struct waiter *waiter, int failure)
{
    while (!failure && !waiter->answered && !r->cut_off) {
        wait_for(r, &r->answers, LOOK_UP_MS);
        failure = waiter->answered ? 0 : r->events.stopped();
    }
    forget_waiter(r, waiter);
    if (!waiter->answered)
        waiter->code = failure == -EINTR ? -EINTR : -EIO;
}

static int ask(struct ozx_requests *r, uint32_t wish, uint32_t news, uint32_t number, int *fd,
               struct ozx_error *error)
{
    struct waiter waiter = {.kind = news, .number = number, .fd = -1};
    const bool wants_descriptor = fd;
    int failure;

    r->events.on_wait();
    pthread_mutex_lock(&r->lock);
    waiter.next = r->waiters;
    r->waiters = &waiter;
    pthread_mutex_unlock(&r->lock);
    failure = send_wish(r, wish, number);
    pthread_mutex_lock(&r->lock);
    wait_for_answer(r, &waiter, failure);
    pthread_mutex_unlock(&r->lock);
    if (!waiter.code && wants_descriptor && waiter.fd < 0)
        waiter.code = -EIO;
    if (!waiter.code) {
        if (wants_descriptor)
            *fd = waiter.fd;
        return 0;
    }
    if (waiter.code == -EINTR)
        return ozx_error_interrupted(error);
    if (waiter.code == -ESTALE)
        return ozx_error_set(error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, NULL,
                             "it was removed, replaced or written to");
    return ozx_error_set(error, waiter.code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot open: %s", strerror(-waiter.code));
}

int ozx_requests_list(struct ozx_requests *r, uint32_t number, struct ozx_error *error)
{
    if (ozx_catalog_is_listed(r->catalog, number))
        return 0;
    return ask(r, OZX_WISH_LIST, OZX_NEWS_LISTED, number, NULL, error);
}

int ozx_requests_descriptor(struct ozx_requests *r, uint32_t number, int *fd,
                            struct ozx_error *error)
{
    return ask(r, OZX_WISH_OPEN, OZX_NEWS_OPENED, number, fd, error);
}
