/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetcher is started with an empty environment and two kinds of sockets, and told the URL by
 * the first: it is in no command line. It ends when the last process that has its channels is gone.
 */
#include "cli/remote.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "config.h"
#include "io/source_remote.h"

/* --- the fetcher ------------------------------------------------------------------------------ */

#ifdef OZX_HAVE_REMOTE

struct ends {
    int control[2];
    int channels[OZX_WIRE_CHANNELS][2];
};

static void close_side(struct ends *ends, int side)
{
    if (ends->control[side] >= 0)
        close(ozx_take_fd(&ends->control[side]));
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
        if (ends->channels[i][side] >= 0)
            close(ozx_take_fd(&ends->channels[i][side]));
}

static int make_ends(struct ends *ends)
{
    int failure = 0;

    memset(ends, 0xff, sizeof *ends);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->control) < 0)
        failure = -errno;
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS && !failure; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->channels[i]) < 0)
            failure = -errno;
    if (failure) {
        close_side(ends, 0);
        close_side(ends, 1);
    }
    return failure;
}

/* Beside ozxfs, where it was built and not installed; else where it is installed. */
static void find_fetcher(char path[PATH_MAX])
{
    static const char name[] = "/ozxfs-fetch";
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - sizeof name);
    char *slash;

    if (size > 0) {
        path[size] = '\0';
        slash = strrchr(path, '/');
        if (slash) {
            memcpy(slash, name, sizeof name);
            if (access(path, X_OK) == 0)
                return;
        }
    }
    snprintf(path, PATH_MAX, "%s", OZX_FETCHER);
}

/* Its sockets become the descriptors 3 and up: first moved out of the way of each other. */
static void become_fetcher(const struct ends *ends, const char *path)
{
    char name[] = "ozxfs-fetch", *const argv[] = {name, NULL}, *const environment[] = {NULL};
    int moved[OZX_WIRE_CHANNELS + 1], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int above = OZX_WIRE_CONTROL_FD + OZX_WIRE_CHANNELS + 1;

    for (int fd = 0; null >= 0 && fd < OZX_WIRE_CONTROL_FD; fd++)
        dup2(null, fd);
    moved[0] = fcntl(ends->control[1], F_DUPFD_CLOEXEC, above);
    for (int i = 0; i < OZX_WIRE_CHANNELS; i++)
        moved[i + 1] = fcntl(ends->channels[i][1], F_DUPFD_CLOEXEC, above);
    ozx_descriptors_close_others(moved, OZX_WIRE_CHANNELS + 1);
    for (int i = 0; i <= OZX_WIRE_CHANNELS; i++)
        if (moved[i] < 0 || dup2(moved[i], OZX_WIRE_CONTROL_FD + i) < 0)
            return;
    execve(path, argv, environment); /* the others close themselves */
}

/* By a process between, so that it is nobody's child to wait for. */
static int start(const struct ends *ends)
{
    char path[PATH_MAX];
    pid_t child;

    find_fetcher(path);
    child = fork();
    if (child == 0) {
        if (fork() == 0)
            become_fetcher(ends, path);
        _exit(127);
    }
    if (child < 0)
        return -errno;
    (void)ozx_wait_child(child);
    return 0;
}

/* --- its first messages ----------------------------------------------------------------------- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* By the variables that curl(1) looks at. HTTP_PROXY is not among them: a CGI's client sets that
 * one. */
static const char *find_proxy(bool is_tls)
{
    const char *proxy = environment(is_tls ? "https_proxy" : "http_proxy");

    if (!proxy && is_tls)
        proxy = environment("HTTPS_PROXY");
    if (!proxy)
        proxy = environment("all_proxy");
    return proxy ? proxy : environment("ALL_PROXY");
}

static int put_variables(char **settings, size_t *size, const char *const *names)
{
    int failure = 0;

    for (; *names && !failure; names++) {
        const char *value = environment(*names + 1);

        if (value)
            failure = ozx_wire_put(settings, size, *names, value);
    }
    return failure;
}

static int put_environment(char **settings, size_t *size, const struct ozx_remote_options *options)
{
    /* What AWS's programs look at, and GDAL. */
    static const char *const names[] = {"$HOME",
                                        "$AWS_ACCESS_KEY_ID",
                                        "$AWS_SECRET_ACCESS_KEY",
                                        "$AWS_SESSION_TOKEN",
                                        "$AWS_PROFILE",
                                        "$AWS_SHARED_CREDENTIALS_FILE",
                                        "$AWS_CONFIG_FILE",
                                        "$AWS_REGION",
                                        "$AWS_DEFAULT_REGION",
                                        "$AWS_ENDPOINT_URL_S3",
                                        "$AWS_ENDPOINT_URL",
                                        "$AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                        "$AWS_VIRTUAL_HOSTING",
                                        "$AWS_REQUEST_PAYER",
                                        NULL};
    /* What leads to the credentials of the machine itself. */
    static const char *const own[] = {"$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                      "$AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                      "$AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                      "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                      "$AWS_EC2_METADATA_DISABLED",
                                      "$AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                      "$AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                      NULL};
    int failure = put_variables(settings, size, names);

    return failure || options->for_others ? failure : put_variables(settings, size, own);
}

static bool is_anonymous(const struct ozx_remote_options *options)
{
    const char *value = environment("AWS_NO_SIGN_REQUEST");

    return options->anonymous || (value && (!strcasecmp(value, "yes") ||
                                            !strcasecmp(value, "true") || !strcmp(value, "1")));
}

static int send_settings(int control, const char *url, const struct ozx_remote_options *options)
{
    const char *no_proxy = environment("no_proxy");
    const char *const pairs[][2] = {
        {"url", url},
        {"cacert", options->cacert ? options->cacert : environment("SSL_CERT_FILE")},
        {"proxy", find_proxy(false)},
        {"proxy_tls", find_proxy(true)},
        {"no_proxy", no_proxy ? no_proxy : environment("NO_PROXY")},
        {"deadline", environment("OZXFS_DEADLINE")},
        /* What only this machine can reach is not for a server out there to have root read. */
        {"guarded", geteuid() == 0 ? "1" : NULL},
        {"url_file", options->url_file},
        {"header_file", options->header_file},
        {"cache", options->cache},
        {"profile", options->profile},
        {"region", options->region},
        {"endpoint", options->endpoint},
        {"addressing_style", options->addressing_style},
        {"anonymous", is_anonymous(options) ? "1" : NULL},
        {"requester_pays", options->requester_pays ? "1" : NULL},
        {"instance_role", options->instance_role ? "1" : NULL},
    };
    char *settings = NULL;
    char cache_size[24];
    size_t size = 0;
    uint32_t sent;
    int failure = 0;

    snprintf(cache_size, sizeof cache_size, "%" PRIu64, options->cache_size_bytes);
    if (options->cache_size_bytes)
        failure = ozx_wire_put(&settings, &size, "cache_size", cache_size);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0] && !failure; i++)
        if (pairs[i][1])
            failure = ozx_wire_put(&settings, &size, pairs[i][0], pairs[i][1]);
    if (!failure && !strncasecmp(url, "s3://", 5))
        failure = put_environment(&settings, &size, options);
    sent = (uint32_t)size;
    if (!failure)
        failure = ozx_wire_send(control, &sent, sizeof sent);
    if (!failure)
        failure = ozx_wire_send(control, settings, size);
    ozx_wire_forget(settings, size);
    return failure;
}

/* A signal that is caught ends it: the fetcher ends when `control` is closed. */
static int receive_opened(int control, struct ozx_wire_opened *opened)
{
    struct pollfd readable = {.fd = control, .events = POLLIN};
    int failure;

    if (poll(&readable, 1, -1) < 0)
        return -errno;
    failure = ozx_wire_receive(control, opened, sizeof *opened);
    return failure || ozx_wire_opened_check(opened) ? failure : -EPROTO;
}

static int fail(int code, struct ozx_error *error)
{
    if (code == -EINTR)
        return ozx_error_interrupted(error);
    if (code == -E2BIG)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "check the URL",
                             "the URL is too long");
    if (code == -EPIPE || code == -ECONNRESET)
        return ozx_error_set(error, -ENOSYS, OZX_RULE_NONE, OZX_OFFSET_NONE, "install ozxfs again",
                             "cannot start ozxfs-fetch, which reads archives from servers");
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot start ozxfs-fetch: %s", strerror(-code));
}

static int open_by(struct ends *ends, const char *name, const struct ozx_remote_options *options,
                   struct ozx_source **out, struct ozx_error *error)
{
    struct ozx_wire_opened opened = {.error = OZX_ERROR_INIT};
    int channels[OZX_WIRE_CHANNELS], failure = start(ends);

    close_side(ends, 1);
    if (!failure)
        failure =
            send_settings(ends->control[0], ozx_remote_urls_whole(options->urls, name), options);
    if (!failure)
        failure = receive_opened(ends->control[0], &opened);
    if (failure)
        return fail(failure, error);
    if (opened.error.code) {
        *error = opened.error;
        return error->code;
    }
    if (*opened.warning) {
        struct ozx_error warning = OZX_ERROR_INIT;

        snprintf(warning.text, sizeof warning.text, "%s", opened.warning);
        ozx_report_warning(name, &warning);
    }
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
        channels[i] = ends->channels[i][0];
    failure = ozx_source_open_remote(channels, opened.size_bytes, opened.mtime_s, out);
    if (failure)
        return ozx_error_memory(error);
    memset(ends->channels, 0xff, sizeof ends->channels);
    return 0;
}

int ozx_remote_open(const char *name, const struct ozx_remote_options *options,
                    struct ozx_source **out, struct ozx_error *error)
{
    struct ends ends;
    int failure = make_ends(&ends);

    if (failure)
        return fail(failure, error);
    failure = open_by(&ends, name, options, out, error);
    close_side(&ends, 0);
    return failure;
}

#else

int ozx_remote_open(const char *name, const struct ozx_remote_options *options,
                    struct ozx_source **out, struct ozx_error *error)
{
    (void)name, (void)options, (void)out;
    return ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "download the file first, and give that",
                         "is a URL, and this ozxfs was built without reading from servers");
}

#endif
