/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs-fetch: started by ozxfs with a control socket and its channels (io/wire.h); not for users. It has the URL
 * and the secrets, speaks with strangers, and parses no archive.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cage/sandbox.h"
#include "config.h"
#include "fetch/channels.h"
#include "fetch/opening.h"
#include "fetch/place.h"

#define DEADLINE_S 60
#define CACHE_BYTES (UINT64_C(64) << 20)
#define ACTIVE_MAX 16
#define CACERT_MAX ((size_t)4 << 20) /* bytes */

struct settings {
    char *all; /* owned: what the others point into */
    size_t size_bytes;
    const char *url, *cacert, *netrc, *proxy, *no_proxy;
    struct curl_slist *headers;
    unsigned long deadline_s;
    bool guarded;
    void *cacert_data; /* owned; NULL: none, or it cannot be read */
    size_t cacert_size;
};

static int receive_settings(struct settings *s)
{
    uint32_t size;
    int failure = ozx_wire_receive(OZX_WIRE_CONTROL_FD, &size, sizeof size);

    if (failure)
        return failure;
    if (!size || size > OZX_WIRE_SETTINGS_MAX)
        return -EPROTO;
    s->all = malloc(size);
    s->size_bytes = size;
    return s->all ? ozx_wire_receive(OZX_WIRE_CONTROL_FD, s->all, size) : -ENOMEM;
}

static int add_header(struct settings *s, const char *line)
{
    struct curl_slist *more = curl_slist_append(s->headers, line);

    if (!more)
        return -ENOMEM;
    s->headers = more;
    return 0;
}

static int read_settings(struct settings *s)
{
    const char *name, *value;
    size_t at = 0;
    int failure = receive_settings(s);

    s->deadline_s = DEADLINE_S;
    while (!failure && ozx_wire_next(s->all, s->size_bytes, &at, &name, &value)) {
        if (!strcmp(name, "url"))
            s->url = value;
        else if (!strcmp(name, "cacert"))
            s->cacert = value;
        else if (!strcmp(name, "netrc"))
            s->netrc = value;
        else if (!strcmp(name, "proxy"))
            s->proxy = value;
        else if (!strcmp(name, "no_proxy"))
            s->no_proxy = value;
        else if (!strcmp(name, "header"))
            failure = add_header(s, value);
        else if (!strcmp(name, "deadline"))
            s->deadline_s = strtoul(value, NULL, 10);
        else if (!strcmp(name, "guarded"))
            s->guarded = true;
    }
    return failure ? failure : s->url && s->deadline_s && s->deadline_s <= 86400 ? 0 : -EPROTO;
}

/* Before the rights are gone: nobody may not be let in where it lies. */
static void read_cacert(struct settings *s)
{
    OZX_AUTO_CLOSE int fd = s->cacert ? open(s->cacert, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ssize_t got = 0;

    s->cacert_data = fd < 0 ? NULL : malloc(CACERT_MAX);
    while (s->cacert_data && s->cacert_size < CACERT_MAX &&
           (got = read(fd, (char *)s->cacert_data + s->cacert_size, CACERT_MAX - s->cacert_size)) >
               0)
        s->cacert_size += (size_t)got;
    if (got < 0 || !s->cacert_size || s->cacert_size == CACERT_MAX)
        free(ozx_take(s->cacert_data));
}

/* It ends when its channels do, and with nothing else. */
static void leave_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGTSTP};

    setsid();
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
}

static CURLM *open_multi(void)
{
    CURLM *multi = curl_multi_init();

    if (!multi)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 16L);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)ACTIVE_MAX);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)OZX_CONNECTIONS_KEPT);
    return multi;
}

static void refuse(struct ozx_wire_opened *opened, int code, const char *text)
{
    ozx_error_set(&opened->error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s", text);
}

static void ended(void *context, struct ozx_fetch *fetch)
{
    ozx_asks_ended(context, fetch);
}

static int open_and_serve(const struct settings *s, struct ozx_object *object,
                          struct ozx_asks *asks)
{
    struct ozx_wire_opened opened;
    int failure;

    memset(&opened, 0, sizeof opened);
    if (ozx_place_check(s->url))
        ozx_error_set(&opened.error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "check the URL",
                      "is not a valid URL of http or https");
    else if (s->cacert && !s->cacert_data)
        ozx_error_set(&opened.error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, "check SSL_CERT_FILE",
                      "cannot read the file of CA certificates");
    else if (!object->line.multi || !object->first_url ||
             ozx_cache_open(CACHE_BYTES, -1, &asks->cache))
        refuse(&opened, -ENOMEM, "out of memory");
    else
        ozx_opening_run(object, asks, CACHE_BYTES, OZX_WIRE_CONTROL_FD, &opened);
    failure = ozx_wire_send(OZX_WIRE_CONTROL_FD, &opened, sizeof opened);
    close(OZX_WIRE_CONTROL_FD);
    if (failure || opened.error.code)
        return EXIT_FAILURE;
    object->ended = ended;
    object->context = asks;
    ozx_channels_serve(object, asks, OZX_WIRE_CONTROL_FD + 1);
    return EXIT_SUCCESS;
}

static int fetch(const struct settings *s)
{
    OZX_AUTO_FREE struct ozx_asks *asks = calloc(1, sizeof *asks);
    struct ozx_object object = {
        .line = {.multi = open_multi(),
                 .user_agent = "ozxfs/" OZX_VERSION,
                 .cacert = s->cacert,
                 .cacert_data = s->cacert_data,
                 .cacert_size = s->cacert_size,
                 .netrc = s->netrc,
                 .proxy = s->proxy,
                 .no_proxy = s->no_proxy,
                 .headers = s->headers,
                 .guarded = s->guarded},
        .first_url = strdup(s->url),
        .deadline_ms = (int64_t)s->deadline_s * 1000,
        .active_max = ACTIVE_MAX,
    };
    int status = EXIT_FAILURE;

    if (asks) {
        asks->object = &object;
        status = open_and_serve(s, &object, asks);
    }
    ozx_object_stop(&object);
    if (asks)
        ozx_asks_release(asks);
    curl_multi_cleanup(object.line.multi);
    return status;
}

int main(void)
{
    struct settings settings = {.all = NULL};
    const struct rlimit none = {0, 0};
    const char *paths[] = {NULL, NULL, NULL};
    int status = EXIT_FAILURE;

    leave_signals();
    setrlimit(RLIMIT_CORE, &none); /* secrets are in it */
    prctl(PR_SET_DUMPABLE, 0);
    if (read_settings(&settings) == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == 0) {
        read_cacert(&settings);
        paths[0] = settings.cacert ? settings.cacert : settings.netrc;
        paths[1] = settings.cacert ? settings.netrc : NULL;
        if (ozx_sandbox_fetch(paths))
            return EXIT_FAILURE;
        status = fetch(&settings);
        curl_global_cleanup();
    }
    curl_slist_free_all(settings.headers);
    free(settings.cacert_data);
    free(settings.all);
    return status;
}
