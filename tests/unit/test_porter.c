/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mount/many/porter, from where the worker stands: what it is given, and what it is not whatever it
 * asks for.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "check.h"
#include "mount/many/porter.h"
#include "mount/many/wire.h"

#define NAMES_MAX 8

static char directory[64];
static const struct ozx_mount_options options = {
    .file_mode = 0444, .directory_mode = 0555, .log_fd = -1, .handed_fd = -1};

/* The last datagram, taken apart. */
static struct {
    struct ozx_news head;
    struct ozx_news_item items[NAMES_MAX];
    char names[NAMES_MAX][256];
    int fd;
} got;

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/ozxfs-porter.XXXXXX");
    if (!mkdtemp(directory))
        abort();
}

static void make_file(const char *name, const char *content)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
        abort();
    close(fd);
}

static void remove_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (remove(path))
        abort();
}

static int start(void)
{
    struct ozx_mount_contents contents = OZX_MOUNT_CONTENTS_INIT;

    contents.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (contents.directory < 0 || ozx_porter_start(&options, &contents))
        abort();
    CHECK_INT(contents.directory, -1);
    return contents.requests;
}

/* It ends with the channel. */
static void stop(int socket)
{
    int status;

    close(socket);
    CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void take_items(const char *at)
{
    for (uint32_t i = 0; i < got.head.count && i < NAMES_MAX; i++) {
        struct ozx_news_item *item = &got.items[i];
        memcpy(item, at, sizeof *item);
        snprintf(got.names[i], sizeof got.names[i], "%s", at + sizeof *item);
        at += sizeof *item + (item->name_size + item->file_size + 7) / 8 * 8;
    }
}

/* The kind of the next datagram, 0 at the end of the channel. */
static uint32_t receive(int socket)
{
    static _Alignas(8) char bytes[OZX_NEWS_SIZE_MAX];
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    ssize_t size;

    memset(&got, 0, sizeof got);
    if (poll(&ready, 1, 5000) != 1)
        abort();
    size = ozx_descriptors_receive(socket, bytes, sizeof bytes, 0, &got.fd);
    if (size <= 0)
        return 0;
    memcpy(&got.head, bytes, sizeof got.head);
    if (got.head.kind == OZX_NEWS_ADDED)
        take_items(bytes + sizeof got.head);
    return got.head.kind;
}

static void ask(int socket, uint32_t kind, uint32_t number)
{
    const struct ozx_wish wish = {kind, number};

    if (send(socket, &wish, sizeof wish, MSG_NOSIGNAL) != (ssize_t)sizeof wish)
        abort();
}

static void check_read(const char *content)
{
    char bytes[64] = "";

    CHECK(got.fd >= 0 && pread(got.fd, bytes, sizeof bytes - 1, 0) >= 0);
    CHECK_STRING(bytes, content);
    CHECK_INT(fcntl(got.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(got.fd);
}

static void test_lists_and_opens(void)
{
    int socket;

    make_directory();
    make_file("a.ozx", "one");
    make_file("b.txt", "two");
    socket = start();
    ask(socket, OZX_WISH_LIST, 0);
    CHECK_UINT(receive(socket), OZX_NEWS_ADDED);
    CHECK_UINT(got.head.count, 1);
    CHECK_STRING(got.names[0], "a.ome.zarr");
    CHECK_UINT(got.items[0].number, 1);
    CHECK_UINT(got.items[0].size_bytes, 3);
    CHECK_UINT(receive(socket), OZX_NEWS_LISTED);
    CHECK_INT(got.head.code, 0);
    ask(socket, OZX_WISH_OPEN, 1);
    CHECK_UINT(receive(socket), OZX_NEWS_OPENED);
    check_read("one");
    remove_file("a.ozx");
    CHECK_UINT(receive(socket), OZX_NEWS_REMOVED);
    CHECK_UINT(got.head.number, 1);
    make_file("a.ozx", "new");
    CHECK_UINT(receive(socket), OZX_NEWS_ADDED);
    CHECK(got.items[0].number > 1);
    stop(socket);
    remove_file("a.ozx");
    remove_file("b.txt");
    rmdir(directory);
}

/* Nothing was listed yet, a number of nothing, of a directory, of what is gone. */
static void test_gives_only_what_it_listed(void)
{
    static const uint32_t numbers[] = {0, 1, 2, 77, UINT32_MAX};
    int socket;

    make_directory();
    make_file("a.ozx", "one");
    socket = start();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ask(socket, OZX_WISH_OPEN, numbers[i]);
        CHECK_UINT(receive(socket), OZX_NEWS_OPENED);
        CHECK_INT(got.head.code, -ESTALE);
        CHECK_INT(got.fd, -1);
    }
    ask(socket, OZX_WISH_LIST, 1);
    CHECK_UINT(receive(socket), OZX_NEWS_LISTED);
    CHECK_INT(got.head.code, -ESTALE);
    ask(socket, OZX_WISH_LIST, 0);
    CHECK_UINT(receive(socket), OZX_NEWS_ADDED);
    CHECK_UINT(receive(socket), OZX_NEWS_LISTED);
    ask(socket, OZX_WISH_LIST, 1); /* an archive */
    CHECK_UINT(receive(socket), OZX_NEWS_LISTED);
    CHECK_INT(got.head.code, -ESTALE);
    stop(socket);
    remove_file("a.ozx");
    rmdir(directory);
}

/* What the name stands for now is not what was listed: not given, whatever it is. */
static void test_gives_nothing_else(void)
{
    char path[128];
    int socket;

    make_directory();
    make_file("a.ozx", "one");
    socket = start();
    ask(socket, OZX_WISH_LIST, 0);
    CHECK_UINT(receive(socket), OZX_NEWS_ADDED);
    CHECK_UINT(receive(socket), OZX_NEWS_LISTED);
    snprintf(path, sizeof path, "%s/a.ozx", directory);
    for (int i = 0; i < 3; i++) {
        uint32_t kind;

        remove(path);
        if (i == 0)
            CHECK(symlink("/etc/passwd", path) == 0);
        else if (i == 1)
            CHECK(mkfifo(path, 0644) == 0);
        else
            make_file("a.ozx", "other");
        ask(socket, OZX_WISH_OPEN, 1);
        while ((kind = receive(socket)) != OZX_NEWS_OPENED)
            CHECK(kind == OZX_NEWS_REMOVED || kind == OZX_NEWS_ADDED);
        CHECK_INT(got.head.code, -ESTALE);
        CHECK_INT(got.fd, -1);
    }
    stop(socket);
    remove(path);
    rmdir(directory);
}

/* No worker of ours says so: that is the end. */
static void test_ends_at_nonsense(void)
{
    static const uint32_t nonsense[3] = {0, 0, 0};
    const struct ozx_wish wrong[] = {{0, 0}, {3, 0}, {UINT32_MAX, 1}};

    make_directory();
    for (size_t i = 0; i < 5; i++) {
        int socket = start();
        size_t size = i < 3 ? sizeof wrong[0] : i == 3 ? sizeof nonsense : 4;

        CHECK(send(socket, i < 3 ? (const void *)&wrong[i] : nonsense, size, MSG_NOSIGNAL) > 0);
        CHECK_UINT(receive(socket), 0);
        stop(socket);
    }
    rmdir(directory);
}

CHECK_MAIN({"lists-and-opens", test_lists_and_opens},
           {"gives-only-what-it-listed", test_gives_only_what_it_listed},
           {"gives-nothing-else", test_gives_nothing_else},
           {"ends-at-nonsense", test_ends_at_nonsense})
