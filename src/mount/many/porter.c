/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The porter's loop. It waits for nobody: what the worker does not take yet is kept.
 */
#include "mount/many/porter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "cage/sandbox.h"
#include "config.h"
#include "mount/channel.h"
#include "mount/many/porter_tree.h"
#include "mount/many/wire.h"
#include "mount/process.h"

#define LOOK_AGAIN_MS 1000 /* where nothing tells of changes */
#define EVENTS                                                                                     \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB |            \
     IN_ONLYDIR | IN_EXCL_UNLINK)

/* A datagram that is to be sent. */
struct letter {
    struct letter *next;
    int fd; /* owned; -1: none */
    size_t size;
    char bytes[];
};

struct porter {
    const struct ozx_mount_options *options;
    int socket, inotify;
    struct ozx_porter_tree tree;
    struct ozx_hash watches;
    int64_t looked_ms;
    size_t unwatched; /* listed directories of which nothing tells */
    struct letter *first, **last;
    struct letter *open; /* of items, and not yet in the queue; room for OZX_NEWS_SIZE_MAX */
    bool failed;         /* no memory: what the worker knows would be wrong */
};

/* --- what is sent ----------------------------------------------------------------------------- */

static void queue(struct porter *p, struct letter *letter)
{
    letter->next = NULL;
    *p->last = letter;
    p->last = &letter->next;
}

static struct letter *make_letter(struct porter *p, const struct ozx_news *news, size_t room)
{
    struct letter *letter = malloc(sizeof *letter + room);

    if (!letter) {
        p->failed = true;
        return NULL;
    }
    letter->fd = -1;
    letter->size = sizeof *news;
    memcpy(letter->bytes, news, sizeof *news);
    return letter;
}

/* Items go together, in front of whatever else is said. */
static void close_letter(struct porter *p)
{
    if (p->open)
        queue(p, ozx_take(p->open));
}

static void say(struct porter *p, enum ozx_news_kind kind, uint32_t number, int code, int fd)
{
    const struct ozx_news news = {.kind = kind, .number = number, .code = code};
    struct letter *letter = make_letter(p, &news, sizeof news);

    close_letter(p);
    if (letter) {
        letter->fd = fd;
        queue(p, letter);
    } else if (fd >= 0) {
        close(fd);
    }
}

/* As much as the worker takes. False: it is gone. */
static bool send_all(struct porter *p)
{
    struct letter *letter;

    close_letter(p);
    while ((letter = p->first)) {
        /* ETOOMANYREFS: descriptors that the worker has not taken yet. */
        if (ozx_descriptors_send(p->socket, letter->bytes, letter->size, letter->fd,
                                 MSG_DONTWAIT) < 0)
            return errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS;
        p->first = letter->next;
        if (!p->first)
            p->last = &p->first;
        if (letter->fd >= 0)
            close(letter->fd);
        free(letter);
    }
    return true;
}

/* --- items ------------------------------------------------------------------------------------ */

/* Who may read a directory may enter it. */
static mode_t add_search(mode_t mode)
{
    return mode | (mode & 0444) >> 2;
}

/* All bits of those that the options leave the right to read. */
static mode_t all_of(mode_t mode)
{
    const mode_t read = mode & 0444;

    return read | read >> 1 | read >> 2;
}

static void describe(const struct porter *p, const struct ozx_entry *entry,
                     struct ozx_news_item *item)
{
    const struct ozx_mount_options *options = p->options;
    const struct ozx_seen *seen = &entry->seen;
    const mode_t read = seen->mode & 0444;

    *item = (struct ozx_news_item){
        .number = entry->number,
        .parent = entry->parent->number,
        .kind = seen->kind,
        .mode = seen->kind == OZX_ITEM_ARCHIVE ? add_search(read) & options->directory_mode
                : seen->kind == OZX_ITEM_FILE  ? seen->mode & all_of(options->file_mode)
                                               : seen->mode & all_of(options->directory_mode),
        .file_mode = read & options->file_mode,
        .uid = options->uid_given ? options->uid : seen->uid,
        .gid = options->gid_given ? options->gid : seen->gid,
        .mtime_s = seen->mtime.tv_sec,
        .mtime_ns = (uint32_t)seen->mtime.tv_nsec,
        .size_bytes = seen->size_bytes,
        .name_size = (uint32_t)strlen(ozx_entry_name(entry)) + 1,
        .file_size = entry->file_size + 1,
    };
}

static void on_added(void *context, const struct ozx_entry *entry, uint32_t replaces)
{
    const struct ozx_news head = {.kind = OZX_NEWS_ADDED};
    struct porter *p = context;
    struct ozx_news_item item;
    struct ozx_news *news;
    size_t names, size;
    char *at;

    describe(p, entry, &item);
    item.replaces = replaces;
    names = (size_t)item.name_size + item.file_size;
    size = sizeof item + (names + 7) / 8 * 8;
    if (p->open && p->open->size + size > OZX_NEWS_SIZE_MAX)
        close_letter(p);
    if (!p->open)
        p->open = make_letter(p, &head, OZX_NEWS_SIZE_MAX);
    if (!p->open)
        return;
    at = p->open->bytes + p->open->size;
    memset(at, 0, size);
    memcpy(at, &item, sizeof item);
    memcpy(at + sizeof item, ozx_entry_name(entry), item.name_size);
    memcpy(at + sizeof item + item.name_size, ozx_entry_file(entry), item.file_size);
    p->open->size += size;
    news = (void *)p->open->bytes;
    news->count++;
}

static void on_removed(void *context, uint32_t number)
{
    say(context, OZX_NEWS_REMOVED, number, 0, -1);
}

/* --- watching --------------------------------------------------------------------------------- */

static struct ozx_entry *of_watch(struct ozx_link *link)
{
    return (struct ozx_entry *)((char *)link - offsetof(struct ozx_entry, by_watch));
}

static uint64_t watch_hash(const struct porter *p, int watch)
{
    return ozx_hash_of(&p->watches, (uint64_t)(unsigned)watch, NULL, 0);
}

static struct ozx_entry *find_watch(const struct porter *p, int watch)
{
    struct ozx_link *link = ozx_hash_first(&p->watches, watch_hash(p, watch));

    while (link && of_watch(link)->watch != watch)
        link = ozx_hash_next(link);
    return link ? of_watch(link) : NULL;
}

/* Where there is no watch to be had (as many as a user may have, a directory that is there twice),
 * or it does not tell all, the time of the directory is looked at. */
static void on_listing(void *context, struct ozx_entry *directory, int fd)
{
    struct porter *p = context;
    char path[40];
    int watch;

    if (directory->listed)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    watch =
        p->inotify < 0 || !ozx_look_is_local(fd) ? -1 : inotify_add_watch(p->inotify, path, EVENTS);
    if (watch < 0 || find_watch(p, watch)) {
        p->unwatched++;
        return;
    }
    directory->watch = watch;
    ozx_hash_add(&p->watches, &directory->by_watch, watch_hash(p, watch));
}

static void on_unlisted(void *context, struct ozx_entry *directory)
{
    struct porter *p = context;

    if (directory->watch < 0) {
        p->unwatched--;
        return;
    }
    ozx_hash_remove(&p->watches, &directory->by_watch);
    inotify_rm_watch(p->inotify, directory->watch);
    directory->watch = -1;
}

static bool is_any(void *context, const struct ozx_entry *directory)
{
    (void)context, (void)directory;
    return true;
}

static bool is_touched(void *context, const struct ozx_entry *directory)
{
    const struct porter *p = context;

    return directory->watch < 0 && ozx_porter_tree_is_touched(&p->tree, directory);
}

static void take_event(struct porter *p, const struct inotify_event *event)
{
    struct ozx_entry *directory;

    if (event->mask & IN_Q_OVERFLOW) {
        ozx_porter_tree_list_again(&p->tree, is_any, p);
        return;
    }
    directory = find_watch(p, event->wd);
    if (directory && event->len)
        ozx_porter_tree_look(&p->tree, directory, event->name);
}

static void take_events(struct porter *p)
{
    _Alignas(struct inotify_event) char bytes[16384];
    ssize_t size = read(p->inotify, bytes, sizeof bytes);

    for (const char *at = bytes; size > 0 && at < bytes + size;) {
        const struct inotify_event *event = (const void *)at;

        take_event(p, event);
        at += sizeof *event + event->len;
    }
}

/* --- wishes ----------------------------------------------------------------------------------- */

static void grant(struct porter *p, const struct ozx_wish *wish)
{
    struct ozx_entry *entry = ozx_porter_tree_find(&p->tree, wish->number);
    int failure = -ESTALE, fd = -1;

    if (wish->kind == OZX_WISH_LIST) {
        if (entry && entry->seen.kind == OZX_ITEM_DIRECTORY)
            failure = ozx_porter_tree_list(&p->tree, entry);
        say(p, OZX_NEWS_LISTED, wish->number, failure, -1);
    } else {
        if (entry && entry->seen.kind != OZX_ITEM_DIRECTORY)
            failure = ozx_porter_tree_descriptor(&p->tree, entry, &fd);
        say(p, OZX_NEWS_OPENED, wish->number, failure, fd);
    }
}

/* False: the worker is gone, or says what it never would. */
static bool take_wish(struct porter *p)
{
    struct ozx_wish wish;
    ssize_t size = recv(p->socket, &wish, sizeof wish, MSG_DONTWAIT | MSG_TRUNC);

    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size != (ssize_t)sizeof wish || (wish.kind != OZX_WISH_LIST && wish.kind != OZX_WISH_OPEN))
        return false;
    grant(p, &wish);
    return true;
}

/* --- the process ------------------------------------------------------------------------------ */

static void loop(struct porter *p)
{
    for (;;) {
        const bool has_letters = p->first || p->open;
        /* Not more wishes than answers that are taken: a worker that is no longer ours makes us
         * keep nothing. */
        struct pollfd sources[] = {
            {.fd = p->socket, .events = (short)(has_letters ? POLLOUT : POLLIN)},
            {.fd = has_letters ? -1 : p->inotify, .events = POLLIN}};
        if (poll(sources, 2, p->unwatched ? LOOK_AGAIN_MS : -1) < 0 && errno != EINTR)
            return;
        if (p->unwatched && ozx_clock_ms() - p->looked_ms >= LOOK_AGAIN_MS) {
            ozx_porter_tree_list_again(&p->tree, is_touched, p);
            p->looked_ms = ozx_clock_ms();
        }
        if (sources[0].revents & (POLLERR | POLLNVAL))
            return;
        if (sources[0].revents & POLLIN && !take_wish(p))
            return;
        if (sources[0].revents & POLLHUP && !(sources[0].revents & POLLIN))
            return;
        if (sources[1].revents & POLLIN)
            take_events(p);
        if (p->failed || !send_all(p))
            return;
    }
}

/* All but to read what is below the directory. */
static int give_up_rights(int directory)
{
#ifdef OZX_SANDBOX
    struct ozx_error error = OZX_ERROR_INIT;

    return ozx_sandbox_read_below(directory, &error);
#else
    (void)directory;
    return 0;
#endif
}

static int live(const struct ozx_mount_options *options, int directory, int socket)
{
    const int keep[] = {socket, directory, options->place ? options->place->parent : -1};
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    struct porter p = {.options = options, .socket = socket, .inotify = -1};
    struct letter *letter;

    setsid();
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    ozx_descriptors_close_others(keep, sizeof keep / sizeof keep[0]);
    if (chdir("/") < 0 || ozx_process_detach_standard() || give_up_rights(directory))
        return EXIT_FAILURE;
    p.last = &p.first;
    p.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ozx_look_start(&p.tree.look, directory, options->all_files, options->place);
    p.tree.events = (struct ozx_porter_events){.context = &p,
                                               .added = on_added,
                                               .removed = on_removed,
                                               .listing = on_listing,
                                               .unlisted = on_unlisted};
    if (ozx_hash_open(&p.watches) == 0 && ozx_porter_tree_open(&p.tree) == 0)
        loop(&p);
    close_letter(&p);
    while ((letter = p.first)) {
        p.first = letter->next;
        free(letter);
    }
    ozx_porter_tree_close(&p.tree);
    ozx_hash_close(&p.watches);
    return EXIT_SUCCESS;
}

int ozx_porter_start(const struct ozx_mount_options *options, struct ozx_mount_contents *contents)
{
    int sockets[2], failure;
    pid_t child;

    if (contents->directory < 0)
        return 0;
    failure = ozx_channel_pair(sockets);
    if (failure)
        return failure;
    child = fork();
    if (child == 0)
        exit(live(options, contents->directory, sockets[1]));
    failure = child < 0 ? -errno : 0;
    close(sockets[1]);
    ozx_look_at_root(contents->directory, &contents->root);
    close(ozx_take_fd(&contents->directory));
    contents->requests = sockets[0];
    return failure;
}
