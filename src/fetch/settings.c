/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Settings are pairs of texts (io/wire.h); those named "$NAME" are of the environment of who
 * started it.
 */
#include "fetch/settings.h"

#include <fcntl.h>
#include <string.h>

#include "fetch/cache.h"
#include "fetch/place.h"
#include "fetch/secrets.h"
#include "io/wire.h"

#define DEADLINE_S 60
#define DEADLINE_MAX_S 86400
#define CACHE_IN_FILE (UINT64_C(1) << 30)
#define CACERT_MAX ((size_t)4 << 20) /* bytes */

static int receive(struct ozx_settings *s, int socket)
{
    uint32_t size;
    int failure = ozx_wire_receive(socket, &size, sizeof size);

    if (failure)
        return failure;
    if (!size || size > OZX_WIRE_SETTINGS_MAX)
        return -EPROTO;
    s->all = malloc(size);
    s->size_bytes = size;
    return s->all ? ozx_wire_receive(socket, s->all, size) : -ENOMEM;
}

static void take(struct ozx_settings *s, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        {"url", &s->url},
        {"cacert", &s->cacert},
        {"netrc", &s->netrc},
        {"proxy", &s->proxies.plain},
        {"proxy_tls", &s->proxies.tls},
        {"no_proxy", &s->proxies.without},
        {"url_file", &s->url_file},
        {"header_file", &s->header_file},
        {"profile", &s->profile},
        {"cache", &s->cache},
        {"endpoint", &s->s3_options.endpoint},
        {"region", &s->s3_options.region},
        {"addressing_style", &s->s3_options.style},
    };
    const struct {
        const char *name;
        bool *to;
    } switches[] = {
        {"guarded", &s->guarded},
        {"anonymous", &s->s3_options.anonymous},
        {"instance_role", &s->s3_options.instance_role},
        {"requester_pays", &s->s3_options.requester_pays},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!strcmp(texts[i].name, name))
            *texts[i].to = value;
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (!strcmp(switches[i].name, name))
            *switches[i].to = true;
    if (!strcmp(name, "deadline"))
        s->deadline_s = strtoul(value, NULL, 10);
    if (!strcmp(name, "cache_size"))
        s->cache_bytes = strtoull(value, NULL, 10);
}

int ozx_settings_receive(struct ozx_settings *s, int socket)
{
    const char *name, *value;
    size_t at = 0;
    int failure;

    *s = (struct ozx_settings){.deadline_s = DEADLINE_S,
                               .url_fd = -1,
                               .cache_fd = -1,
                               .s3 = {.aws = OZX_AWS_INIT, .role = OZX_ROLE_INIT}};
    failure = receive(s, socket);
    while (!failure && ozx_wire_next(s->all, s->size_bytes, &at, &name, &value))
        take(s, name, value);
    if (!s->cache_bytes)
        s->cache_bytes = s->cache ? CACHE_IN_FILE : OZX_CACHE_IN_MEMORY;
    if (!failure && (!s->url || !s->deadline_s || s->deadline_s > DEADLINE_MAX_S))
        failure = -EPROTO;
    return failure;
}

static const char *environment(void *context, const char *wanted)
{
    const struct ozx_settings *s = context;
    const char *name, *value;

    for (size_t at = 0; ozx_wire_next(s->all, s->size_bytes, &at, &name, &value);)
        if (*name == '$' && strcmp(name + 1, wanted) == 0)
            return value;
    return NULL;
}

/* Nobody may not be let in where it lies. */
static int read_cacert(struct ozx_settings *s, struct ozx_error *error)
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
    return !s->cacert || s->cacert_data ? 0
                                        : ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                                        "check SSL_CERT_FILE or -o cacert",
                                                        "cannot read the file of CA certificates");
}

static int read_headers(struct ozx_settings *s, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = -1;
    int failure = s->header_file ? ozx_secret_open(s->header_file, "header_file", &fd, error) : 0;

    return failure || fd < 0 ? failure : ozx_secret_headers(fd, &s->headers, error);
}

static int find_s3(struct ozx_settings *s, struct ozx_error *error)
{
    struct ozx_aws aws = OZX_AWS_INIT;
    int failure = 0;

    aws.environment = environment;
    aws.context = s;
    aws.profile = s->profile;
    if (s->url_file)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give the https URL of it", "url_file cannot be used with an s3 URL");
    s->is_s3 = true;
    if (!s->s3_options.anonymous)
        failure = ozx_aws_open(&aws, error);
    if (failure) {
        ozx_aws_close(&aws);
        return failure;
    }
    failure = ozx_s3_open(&s->s3, s->url, &s->s3_options, &aws, error);
    if (!failure) {
        s->first_url = strdup(s->s3.url);
        failure = s->first_url ? 0 : ozx_error_memory(error);
    }
    return failure;
}

static int find_url(struct ozx_settings *s, struct ozx_error *error)
{
    int failure;

    if (ozx_s3_is(s->url))
        return find_s3(s, error);
    if (ozx_place_check(s->url))
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "check the URL",
                             "is not a valid URL of http or https");
    if (!s->url_file) {
        s->first_url = strdup(s->url);
        return s->first_url ? 0 : ozx_error_memory(error);
    }
    failure = ozx_secret_open(s->url_file, "url_file", &s->url_fd, error);
    return failure ? failure : ozx_secret_url(s->url_fd, s->url, &s->first_url, error);
}

int ozx_settings_prepare(struct ozx_settings *s, struct ozx_error *error)
{
    int failure = find_url(s, error);

    if (!failure)
        failure = read_headers(s, error);
    if (!failure)
        failure = read_cacert(s, error);
    s->s3.role.cacert = (struct curl_blob){.data = s->cacert_data, .len = s->cacert_size};
    if (!failure && s->cache)
        failure = ozx_cache_make_file(s->cache, &s->cache_fd, error);
    return failure;
}

void ozx_settings_release(struct ozx_settings *s)
{
    ozx_s3_close(&s->s3);
    if (s->url_fd >= 0)
        close(ozx_take_fd(&s->url_fd));
    if (s->cache_fd >= 0)
        close(ozx_take_fd(&s->cache_fd));
    curl_slist_free_all(ozx_take(s->headers));
    free(ozx_take(s->cacert_data));
    free(ozx_take(s->first_url));
    free(ozx_take(s->all));
}
