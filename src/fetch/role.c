/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who names an address by its environment says whom keys are asked of: over http that may be this
 * machine or one of the addresses that are made for it, since anybody between would read them.
 */
#include "fetch/role.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "zarr/json_secrets.h"

#define CONTAINER "http://169.254.170.2"
#define INSTANCE "http://169.254.169.254"
#define INSTANCE_V6 "http://[fd00:ec2::254]"
#define INSTANCE_MS 1000L  /* who is no instance has nobody there */
#define CONTAINER_MS 5000L /* somebody said that it is there */
#define EARLY_S 300        /* before they expire */
#define RETRY_MS 5000
#define TOKEN_MAX ((size_t)16 << 10) /* bytes */

enum step { STEP_SESSION, STEP_NAME, STEP_KEYS };

static const char *environment(const struct ozx_aws *aws, const char *name)
{
    const char *value = aws->environment(aws->context, name);

    return value && *value ? value : NULL;
}

/* --- whether there is one --------------------------------------------------------------------- */

/* A URL whose keys nobody else reads, in whole. */
static bool is_trusted(const char *url)
{
    static const char *const near[] = {"localhost",      "[::1]",           "169.254.170.2",
                                       "169.254.170.23", "169.254.169.254", "[fd00:ec2::23]",
                                       "[fd00:ec2::254]"};
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool good = parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
                !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
                !curl_url_get(parts, CURLUPART_HOST, &host, 0) &&
                curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;

    if (good && strcasecmp(scheme, "https") != 0) {
        good = strcasecmp(scheme, "http") == 0 && strncmp(host, "127.", 4) == 0 &&
               host[strspn(host, "0123456789.")] == '\0';
        for (size_t i = 0; i < sizeof near / sizeof near[0] && !strcasecmp(scheme, "http"); i++)
            good = good || strcasecmp(host, near[i]) == 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(parts);
    return good;
}

static int take_url(struct ozx_role *role, const char *base, const char *path, const char *name,
                    struct ozx_error *error)
{
    char hint[96];

    if (asprintf(&role->url, "%s%s", base, path) < 0) {
        role->url = NULL;
        return ozx_error_memory(error);
    }
    if (is_trusted(role->url))
        return 0;
    snprintf(hint, sizeof hint, "check %s", name);
    return ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                         "the address of this machine's credentials is no https URL, and none of "
                         "this machine");
}

static int find_container(struct ozx_role *role, const struct ozx_aws *aws, struct ozx_error *error)
{
    static const char relative_name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    static const char full_name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const char *relative = environment(aws, relative_name), *full = environment(aws, full_name);
    int failure;

    if (!relative && !full)
        return 0;
    if (relative)
        failure = take_url(role, *relative == '/' ? CONTAINER : CONTAINER "/", relative,
                           relative_name, error);
    else
        failure = take_url(role, full, "", full_name, error);
    role->token = environment(aws, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    role->token_file = environment(aws, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!failure && role->token_file) {
        role->token_fd = open(role->token_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (role->token_fd < 0)
            failure = ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                    "check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                    "cannot open the container's token file: %s", strerror(errno));
    }
    return failure;
}

static int find_instance(struct ozx_role *role, const struct ozx_aws *aws, struct ozx_error *error)
{
    static const char name[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    const char *disabled = environment(aws, "AWS_EC2_METADATA_DISABLED");
    const char *mode = environment(aws, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const char *endpoint = environment(aws, name);
    size_t size;
    int failure;

    if (disabled && strcasecmp(disabled, "true") == 0)
        return 0;
    if (!endpoint)
        endpoint = mode && strcasecmp(mode, "IPv6") == 0 ? INSTANCE_V6 : INSTANCE;
    role->is_instance = true;
    failure = take_url(role, endpoint, "", name, error);
    for (size = role->url ? strlen(role->url) : 0; size && role->url[size - 1] == '/'; size--)
        role->url[size - 1] = '\0';
    return failure;
}

int ozx_role_open(struct ozx_role *role, const struct ozx_aws *aws, bool may_be_instance,
                  struct ozx_error *error)
{
    int failure = find_container(role, aws, error);

    if (!failure && !role->url && may_be_instance)
        failure = find_instance(role, aws, error);
    if (role->url)
        ozx_json_secrets_begin();
    return failure;
}

void ozx_role_close(struct ozx_role *role)
{
    if (role->token_fd >= 0)
        close(ozx_take_fd(&role->token_fd));
    explicit_bzero(role->session, sizeof role->session);
    explicit_bzero(role->body, sizeof role->body);
    free(ozx_take(role->url));
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum ozx_role_state fail(struct ozx_role *role, const char *why)
{
    role->retry_ms = ozx_clock_ms() + RETRY_MS;
    if (role->is_instance)
        ozx_error_set(&role->error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "read without -o instance_role, or name a profile",
                      "the instance metadata service returned no usable credentials: %s", why);
    else
        ozx_error_set(&role->error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "a public bucket is read by -o anonymous",
                      "the container's credentials endpoint returned no usable credentials: %s",
                      why);
    return OZX_ROLE_FAILED;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct ozx_role *role = context;

    (void)one;
    if (size > OZX_ROLE_BODY_MAX - role->body_bytes)
        return 0;
    memcpy(role->body + role->body_bytes, data, size);
    role->body_bytes += size;
    return size;
}

/* -EINVAL: a value that would be two headers. */
static int add_header(struct ozx_role *role, const char *name, const char *value)
{
    OZX_AUTO_FREE char *line = NULL;
    struct curl_slist *more;

    for (const char *byte = value; *byte; byte++)
        if ((*byte > 0 && *byte < ' ') || *byte == 0x7f)
            return -EINVAL;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        line = NULL;
        return -ENOMEM;
    }
    more = curl_slist_append(role->headers, line);
    explicit_bzero(line, strlen(line));
    if (!more)
        return -ENOMEM;
    role->headers = more;
    return 0;
}

/* Of its file, which is replaced when the token is: by name, if that can still be opened. */
static int add_token(struct ozx_role *role)
{
    OZX_AUTO_CLOSE int fd = -1;
    OZX_AUTO_FREE char *text = NULL;
    size_t size;
    int failure;

    if (role->token_file) {
        fd = open(role->token_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        text = ozx_aws_read_file(fd < 0 ? role->token_fd : fd, TOKEN_MAX);
        if (!text)
            return -EINVAL;
        for (size = strlen(text); size && strchr(" \t\r\n", text[size - 1]); size--)
            text[size - 1] = '\0';
    } else if (!role->token) {
        return 0;
    }
    failure = add_header(role, "Authorization", text ? text : role->token);
    if (text)
        explicit_bzero(text, strlen(text));
    return failure;
}

static int add_headers(struct ozx_role *role)
{
    if (!role->is_instance)
        return add_token(role);
    return role->step == STEP_SESSION
               ? add_header(role, "X-aws-ec2-metadata-token-ttl-seconds", "21600")
               : add_header(role, "X-aws-ec2-metadata-token", role->session);
}

static char *url_of(const struct ozx_role *role)
{
    static const char names[] = "/latest/meta-data/iam/security-credentials/";
    char *url = NULL;

    if (!role->is_instance)
        return strdup(role->url);
    if (asprintf(&url, "%s%s%s", role->url,
                 role->step == STEP_SESSION ? "/latest/api/token" : names,
                 role->step == STEP_KEYS ? role->name : "") < 0)
        return NULL;
    return url;
}

void ozx_role_stop(struct ozx_role *role, CURLM *multi)
{
    if (!role->easy)
        return;
    curl_multi_remove_handle(multi, role->easy);
    curl_easy_cleanup(ozx_take(role->easy));
    curl_slist_free_all(ozx_take(role->headers));
}

static enum ozx_role_state start(struct ozx_role *role, CURLM *multi, unsigned step)
{
    OZX_AUTO_FREE char *url = NULL;
    const long limit_ms = role->is_instance ? INSTANCE_MS : CONTAINER_MS;
    int failure;

    role->step = step;
    role->body_bytes = 0;
    url = url_of(role);
    role->easy = curl_easy_init();
    failure = url && role->easy ? add_headers(role) : -ENOMEM;
    if (role->easy) {
        if (role->cacert.data)
            curl_easy_setopt(role->easy, CURLOPT_CAINFO_BLOB, &role->cacert);
        curl_easy_setopt(role->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(role->easy, CURLOPT_QUICK_EXIT, 1L);
        curl_easy_setopt(role->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(role->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(role->easy, CURLOPT_CONNECTTIMEOUT_MS, INSTANCE_MS);
        curl_easy_setopt(role->easy, CURLOPT_TIMEOUT_MS, limit_ms);
        curl_easy_setopt(role->easy, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(role->easy, CURLOPT_WRITEDATA, role);
        curl_easy_setopt(role->easy, CURLOPT_HTTPHEADER, role->headers);
        if (role->is_instance && step == STEP_SESSION)
            curl_easy_setopt(role->easy, CURLOPT_CUSTOMREQUEST, "PUT");
    }
    if (!failure && !curl_easy_setopt(role->easy, CURLOPT_URL, url) &&
        !curl_multi_add_handle(multi, role->easy))
        return OZX_ROLE_WAITS;
    curl_easy_cleanup(ozx_take(role->easy));
    curl_slist_free_all(ozx_take(role->headers));
    return fail(role, failure == -EINVAL ? "the token for it is none" : "out of memory");
}

enum ozx_role_state ozx_role_want(struct ozx_role *role, const struct ozx_aws *aws, CURLM *multi,
                                  time_t now_s)
{
    bool good = aws->key_id && !role->refused && (!role->expires_s || now_s < role->expires_s);
    bool is_old = role->expires_s && now_s > role->expires_s - EARLY_S &&
                  ozx_clock_ms() - role->came_ms > RETRY_MS;
    enum ozx_role_state state = OZX_ROLE_WAITS;

    if (!role->url || (good && !is_old))
        return OZX_ROLE_READY;
    if (!role->easy)
        state = role->retry_ms && ozx_clock_ms() < role->retry_ms
                    ? OZX_ROLE_FAILED
                    : start(role, multi, role->is_instance ? STEP_SESSION : STEP_KEYS);
    return good ? OZX_ROLE_READY : state;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* One word of them. */
static bool take_word(char *to, size_t room, const char *body, const char *allowed)
{
    size_t size = strcspn(body, "\r\n");

    if (!size || size >= room || (allowed && strspn(body, allowed) != size))
        return false;
    memcpy(to, body, size);
    to[size] = '\0';
    return true;
}

static void put(char **to, char *value)
{
    if (*to)
        explicit_bzero(*to, strlen(*to));
    free(*to);
    *to = value;
}

static bool are_same(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "") == 0;
}

static time_t time_of(const char *text)
{
    struct tm broken = {.tm_isdst = 0};

    return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &broken) ? timegm(&broken) : 0;
}

/* NULL, or why not. */
static const char *take_keys(struct ozx_role *role, struct ozx_aws *aws)
{
    enum { CODE, EXPIRES, KEY_ID, SECRET, TOKEN, COUNT };
    static const char *const names[COUNT] = {"Code", "Expiration", "AccessKeyId", "SecretAccessKey",
                                             "Token"};
    char *texts[COUNT];
    OZX_AUTO_FREE char *code = NULL, *expires = NULL;
    struct ozx_aws now = OZX_AWS_INIT;
    const char *why = NULL;

    ozx_json_secrets_take(role->body, names, texts, COUNT);
    code = texts[CODE];
    expires = texts[EXPIRES];
    now.key_id = texts[KEY_ID];
    now.secret = texts[SECRET];
    now.token = texts[TOKEN];
    if ((code && strcmp(code, "Success") != 0) || !now.key_id || !now.secret)
        why = "its answer has no keys in it";
    else if (!ozx_aws_are_plain(&now))
        why = "one of the keys contains an invalid character";
    else if (role->refused && are_same(now.key_id, aws->key_id) && are_same(now.token, aws->token))
        why = "they have expired";
    if (!why) {
        put(&aws->key_id, ozx_take(now.key_id));
        put(&aws->secret, ozx_take(now.secret));
        put(&aws->token, ozx_take(now.token));
        role->expires_s = time_of(expires);
        role->came_ms = ozx_clock_ms();
        role->refused = false;
        role->retry_ms = 0;
    }
    ozx_aws_close(&now);
    return why;
}

/* What came of a step that went well: NULL, or why it did not. */
static const char *take_step(struct ozx_role *role, struct ozx_aws *aws, CURLM *multi)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "+=,.@_-";

    if (role->step == STEP_SESSION &&
        !take_word(role->session, sizeof role->session, role->body, NULL))
        return "its answer has no token in it";
    if (role->step == STEP_NAME && !take_word(role->name, sizeof role->name, role->body, letters))
        return "it has no role";
    if (role->step == STEP_KEYS)
        return take_keys(role, aws);
    (void)start(role, multi, role->step + 1);
    return NULL;
}

bool ozx_role_take(struct ozx_role *role, struct ozx_aws *aws, CURLM *multi, CURL *easy,
                   CURLcode code, bool *renewed)
{
    const unsigned step = role->step;
    const size_t body_bytes = role->body_bytes;
    const char *why = NULL;
    char text[64];
    long status = 0;

    *renewed = false;
    if (!role->easy || role->easy != easy)
        return false;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    ozx_role_stop(role, multi);
    role->body[body_bytes] = '\0';
    if (code != CURLE_OK) {
        why = code == CURLE_WRITE_ERROR ? "its answer is too long" : "it does not answer";
    } else if (status != 200) {
        snprintf(text, sizeof text, "it answered HTTP %ld", status);
        why = text;
    } else {
        why = take_step(role, aws, multi);
        *renewed = step == STEP_KEYS && !why;
    }
    explicit_bzero(role->body, body_bytes);
    if (why)
        (void)fail(role, why);
    return true;
}

void ozx_role_refuse(struct ozx_role *role)
{
    role->refused = true;
}
