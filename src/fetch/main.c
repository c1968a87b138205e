/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs-fetch: started by ozxfs with a control socket and its channels (io/wire.h); not for users.
 * It has the URL and the secrets, speaks with strangers, and parses no archive.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cage/sandbox.h"
#include "config.h"
#include "fetch/channels.h"
#include "fetch/opening.h"
#include "fetch/settings.h"

/* It ends when its channels do, and with nothing else. */
static void leave_signals(void)
{
    static const int ignored[] = {
        SIGINT,  SIGTERM, SIGHUP, SIGPIPE,
        SIGQUIT, SIGTSTP, SIGXFSZ /* what the cache may not hold it does without */};

    setsid();
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
}

/* What is fetched and answered lies in buffers of a MiB, one behind the other: a new one need not
 * be made of pages that the kernel fills with zeros, where the last one has just been freed. */
static void keep_freed_memory(void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

static void refuse(struct ozx_wire_opened *opened, int code, const char *text)
{
    ozx_error_set(&opened->error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s", text);
}

static void ended(void *context, struct ozx_fetch *fetch)
{
    ozx_asks_ended(context, fetch);
}

/* `opened` has the error of a start that failed, or none. */
static int open_and_serve(struct ozx_object *object, struct ozx_asks *asks, struct ozx_settings *s,
                          struct ozx_wire_opened *opened)
{
    /* What comes as a whole stays in memory. */
    uint64_t whole_max = s->cache_fd < 0 ? s->cache_bytes : OZX_CACHE_IN_MEMORY;
    int failure;

    if (!opened->error.code && (!object->line.multi || !object->first_url ||
                                ozx_cache_open(s->cache_bytes, s->cache_fd, &asks->cache)))
        refuse(opened, -ENOMEM, "out of memory");
    if (!opened->error.code) {
        s->cache_fd = -1; /* the cache's now */
        ozx_opening_run(object, asks, whole_max, OZX_WIRE_CONTROL_FD, opened);
    }
    failure = ozx_wire_send(OZX_WIRE_CONTROL_FD, opened, sizeof *opened);
    close(OZX_WIRE_CONTROL_FD);
    if (failure || opened->error.code)
        return EXIT_FAILURE;
    object->ended = ended;
    object->context = asks;
    ozx_channels_serve(object, asks, OZX_WIRE_CONTROL_FD + 1);
    return EXIT_SUCCESS;
}

static int fetch(struct ozx_settings *s, struct ozx_wire_opened *opened)
{
    OZX_AUTO_FREE struct ozx_asks *asks = calloc(1, sizeof *asks);
    struct ozx_object object = {
        .line = {.multi = ozx_transfer_multi(),
                 .user_agent = "ozxfs/" OZX_VERSION,
                 .cacert = s->cacert,
                 .cacert_data = s->cacert_data,
                 .cacert_size = s->cacert_size,
                 .netrc = s->netrc,
                 .proxies = s->proxies,
                 .headers = s->headers,
                 .s3 = s->is_s3 ? &s->s3 : NULL,
                 .guarded = s->guarded},
        .shown_url = s->url,
        .url_fd = s->url_fd,
        .first_url = ozx_take(s->first_url),
        .deadline_ms = (int64_t)s->deadline_s * 1000,
        .pace = {.active_max = OZX_ACTIVE_MAX},
    };
    int status = EXIT_FAILURE;

    if (asks) {
        asks->object = &object;
        asks->cache_bytes = s->cache_bytes;
        status = open_and_serve(&object, asks, s, opened);
    }
    ozx_object_stop(&object);
    if (asks)
        ozx_asks_release(asks);
    curl_multi_cleanup(object.line.multi);
    return status;
}

/* All files are open, and none is needed by its name but some. */
static int give_up_rights(const struct ozx_settings *s)
{
    OZX_AUTO_FREE char *folder = s->s3.role.token_file ? strdup(s->s3.role.token_file) : NULL;
    char *slash = folder ? strrchr(folder, '/') : NULL;
    const char *paths[4] = {NULL};
    size_t count = 0;

    if (s->cacert)
        paths[count++] = s->cacert;
    if (s->netrc)
        paths[count++] = s->netrc;
    if (slash) { /* who renews a token puts a new file there */
        slash[slash == folder] = '\0';
        paths[count++] = folder;
    }
    /* Where it was started may be unmounted. */
    return chdir("/") < 0 ? -errno : ozx_sandbox_fetch(paths);
}

int main(void)
{
    OZX_AUTO_FREE struct ozx_settings *settings = calloc(1, sizeof *settings);
    struct ozx_wire_opened opened;
    const struct rlimit none = {0, 0};
    int status = EXIT_FAILURE;

    leave_signals();
    keep_freed_memory();
    setrlimit(RLIMIT_CORE, &none); /* secrets are in it */
    prctl(PR_SET_DUMPABLE, 0);
    memset(&opened, 0, sizeof opened);
    if (!settings)
        return status;
    if (ozx_settings_receive(settings, OZX_WIRE_CONTROL_FD) == 0 &&
        curl_global_init(CURL_GLOBAL_DEFAULT) == 0) {
        (void)!ozx_settings_prepare(settings, &opened.error);
        if (give_up_rights(settings) == 0)
            status = fetch(settings, &opened);
        curl_global_cleanup();
    }
    ozx_settings_release(settings);
    return status;
}
