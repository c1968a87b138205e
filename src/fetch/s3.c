/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys are taken as they are typed, and percent-encoded once, for the URL and the signature
 * alike. Regions and versions come from strangers, too: a region is a word of a host's name, or
 * it is none.
 */
#include "fetch/s3.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "fetch/sigv4.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define REGION_DEFAULT "us-east-1"
#define LEARNED_MAX 64 /* in the life of a mount: regions, clocks, versions */
#define SKEW_S 60      /* less than that is the way here */

bool ozx_s3_is(const char *url)
{
    return strncasecmp(url, "s3://", 5) == 0;
}

static bool is_region(const char *text)
{
    size_t size = strlen(text);

    return size && size < OZX_REGION_SIZE && text[strspn(text, LOWER DIGITS "-")] == '\0' &&
           *text != '-';
}

static bool is_host_label(const char *bucket)
{
    return bucket[strspn(bucket, LOWER DIGITS "-")] == '\0';
}

/* --- from the name to the URL ----------------------------------------------------------------- */

static int refuse(struct ozx_error *error, int code, const char *hint, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
}

static int take_name(struct ozx_s3 *s3, const char *url, struct ozx_error *error)
{
    const char *bucket = url + 5, *slash = strchr(bucket, '/');
    size_t size = slash ? (size_t)(slash - bucket) : strlen(bucket);

    if (memchr(bucket, '@', size))
        return refuse(error, -EINVAL, "name a profile of ~/.aws by -o profile or AWS_PROFILE",
                      "an s3 URL cannot have a user name or password");
    if (!size || size > 255 || strspn(bucket, LOWER UPPER DIGITS ".-_") < size)
        return refuse(error, -EINVAL, "check the URL",
                      "is not s3://BUCKET/KEY: no bucket can have that name");
    if (!slash || !slash[1])
        return refuse(error, -EINVAL, "check the URL", "is not s3://BUCKET/KEY: there is no key");
    s3->bucket = strndup(bucket, size);
    s3->key = strdup(slash + 1);
    return s3->bucket && s3->key ? 0 : ozx_error_memory(error);
}

/* Without the slashes at its end, and without a port that goes without saying, since Host has
 * none then. */
static int take_endpoint(struct ozx_s3 *s3, const char *endpoint, struct ozx_error *error)
{
    CURLU *parts = curl_url();
    char *text = NULL, *user = NULL, *query = NULL, *fragment = NULL;
    size_t size;
    bool good = parts && !curl_url_set(parts, CURLUPART_URL, endpoint, 0) &&
                curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
                curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY &&
                curl_url_get(parts, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_NO_FRAGMENT &&
                !curl_url_get(parts, CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT) &&
                (!strncmp(text, "http://", 7) || !strncmp(text, "https://", 8));

    if (good) {
        s3->endpoint = strdup(text);
        good = s3->endpoint != NULL;
        for (size = good ? strlen(s3->endpoint) : 0; size && s3->endpoint[size - 1] == '/'; size--)
            s3->endpoint[size - 1] = '\0';
    }
    curl_free(text);
    curl_free(user);
    curl_free(query);
    curl_free(fragment);
    curl_url_cleanup(parts);
    return good ? 0
                : refuse(error, -EINVAL, "check -o endpoint or AWS_ENDPOINT_URL",
                         "the S3 endpoint is not an http or https URL");
}

/* "https://HOST/PATH/" of the endpoint, apart; `*path` has no slash at its end. */
static int make_place(const struct ozx_s3 *s3, char **scheme, char **host, char **path)
{
    const char *authority, *slash;

    if (!s3->endpoint) {
        *scheme = strdup("https://");
        *path = strdup("");
        if (asprintf(host, "s3.%s.amazonaws.com%s", s3->region,
                     strncmp(s3->region, "cn-", 3) ? "" : ".cn") < 0)
            *host = NULL;
        return *scheme && *path && *host ? 0 : -ENOMEM;
    }
    authority = strstr(s3->endpoint, "://") + 3;
    slash = authority + strcspn(authority, "/");
    *scheme = strndup(s3->endpoint, (size_t)(authority - s3->endpoint));
    *host = strndup(authority, (size_t)(slash - authority));
    *path = strdup(slash);
    return *scheme && *path && *host ? 0 : -ENOMEM;
}

static char *encode(const char *text, int slashes)
{
    char *encoded = malloc(3 * strlen(text) + 1);

    if (encoded)
        ozx_sigv4_encode(encoded, text, slashes);
    return encoded;
}

static void put(char **to, char *value)
{
    free(*to);
    *to = value;
}

/* By asprintf: -ENOMEM, and NULL. */
#define FORMAT(to, ...) (asprintf((to), __VA_ARGS__) < 0 ? (*(to) = NULL, -ENOMEM) : 0)

/* What requests look like from now on. -ENOMEM: as they did before. */
static int make_url(struct ozx_s3 *s3)
{
    OZX_AUTO_FREE char *scheme = NULL, *server = NULL, *prefix = NULL, *key = encode(s3->key, 1);
    OZX_AUTO_FREE char *version = s3->version ? encode(s3->version, 0) : NULL;
    char *url = NULL, *host = NULL, *path = NULL, *query = NULL;
    int failure = make_place(s3, &scheme, &server, &prefix);

    if (!failure && (!key || (s3->version && !version)))
        failure = -ENOMEM;
    if (!failure && s3->path_style)
        failure = FORMAT(&path, "%s/%s/%s", prefix, s3->bucket, key);
    else if (!failure)
        failure = FORMAT(&path, "%s/%s", prefix, key);
    if (!failure && s3->path_style)
        failure = FORMAT(&host, "%s", server);
    else if (!failure)
        failure = FORMAT(&host, "%s.%s", s3->bucket, server);
    if (!failure)
        failure = FORMAT(&query, "%s%s", version ? "versionId=" : "", version ? version : "");
    if (!failure)
        failure = FORMAT(&url, "%s%s%s%s%s", scheme, host, path, *query ? "?" : "", query);
    if (failure) {
        free(host);
        free(path);
        free(query);
        return failure;
    }
    put(&s3->host, host);
    put(&s3->path, path);
    put(&s3->query, query);
    put(&s3->url, url);
    s3->generation++;
    return 0;
}

/* --- settings --------------------------------------------------------------------------------- */

static const char *environment(const struct ozx_s3 *s3, const char *name)
{
    const char *value = s3->aws.environment ? s3->aws.environment(s3->aws.context, name) : NULL;

    return value && *value ? value : NULL;
}

static const char *first_of(const char *one, const char *two, const char *three, const char *four)
{
    return one ? one : two ? two : three ? three : four;
}

static bool is_yes(const char *value)
{
    return value &&
           (!strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcmp(value, "1"));
}

static int take_settings(struct ozx_s3 *s3, const struct ozx_s3_options *options,
                         struct ozx_error *error)
{
    const char *endpoint = first_of(options->endpoint, environment(s3, "AWS_ENDPOINT_URL_S3"),
                                    environment(s3, "AWS_ENDPOINT_URL"), s3->aws.endpoint);
    const char *region = first_of(options->region, environment(s3, "AWS_REGION"),
                                  environment(s3, "AWS_DEFAULT_REGION"), s3->aws.region);
    const char *style =
        first_of(options->style, is_yes(environment(s3, "AWS_VIRTUAL_HOSTING")) ? "virtual" : NULL,
                 s3->aws.style, NULL);
    const char *payer = environment(s3, "AWS_REQUEST_PAYER");
    int failure = 0;

    if (is_yes(environment(s3, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")))
        endpoint = options->endpoint;
    if (region && !is_region(region))
        return refuse(error, -EINVAL, "check -o region or AWS_REGION",
                      "the name of the S3 region is not valid");
    snprintf(s3->region, sizeof s3->region, "%s", region ? region : REGION_DEFAULT);
    s3->requester_pays = options->requester_pays || (payer && strcasecmp(payer, "requester") == 0);
    if (endpoint)
        failure = take_endpoint(s3, endpoint, error);
    s3->path_style =
        style && strcmp(style, "auto") != 0 ? strcmp(style, "path") == 0 : endpoint != NULL;
    if (!is_host_label(s3->bucket))
        s3->path_style = true; /* a certificate's * stands for one label */
    return failure;
}

int ozx_s3_open(struct ozx_s3 *s3, const char *url, const struct ozx_s3_options *options,
                const struct ozx_aws *aws, struct ozx_error *error)
{
    int failure;

    *s3 = (struct ozx_s3){.aws = *aws, .role = OZX_ROLE_INIT};
    failure = take_name(s3, url, error);
    if (!failure && !options->anonymous && !s3->aws.key_id && !s3->aws.profile)
        failure = ozx_role_open(&s3->role, &s3->aws, options->instance_role, error);
    s3->anonymous = options->anonymous || (!s3->aws.key_id && !s3->role.url);
    if (!failure && !s3->anonymous && !ozx_digest_is_there())
        failure = refuse(error, -EOPNOTSUPP, "read public buckets with -o anonymous",
                         "cannot sign requests: this ozxfs was built without nettle");
    if (!failure)
        failure = take_settings(s3, options, error);
    if (!failure && make_url(s3))
        failure = ozx_error_memory(error);
    return failure;
}

void ozx_s3_close(struct ozx_s3 *s3)
{
    ozx_aws_close(&s3->aws);
    ozx_role_close(&s3->role);
    free(ozx_take(s3->bucket));
    free(ozx_take(s3->key));
    free(ozx_take(s3->endpoint));
    free(ozx_take(s3->version));
    free(ozx_take(s3->url));
    free(ozx_take(s3->host));
    free(ozx_take(s3->path));
    free(ozx_take(s3->query));
}

/* --- credentials of a role -------------------------------------------------------------------- */

enum ozx_role_state ozx_s3_want(struct ozx_s3 *s3, CURLM *multi, time_t now)
{
    return ozx_role_want(&s3->role, &s3->aws, multi, now + (time_t)s3->skew_s);
}

bool ozx_s3_take(struct ozx_s3 *s3, CURLM *multi, const CURLMsg *message)
{
    bool renewed;
    bool taken = ozx_role_take(&s3->role, &s3->aws, multi, message->easy_handle,
                               message->data.result, &renewed);

    s3->generation += renewed;
    return taken;
}

/* --- requests --------------------------------------------------------------------------------- */

static int add_header(struct curl_slist **headers, const char *name, const char *value)
{
    OZX_AUTO_FREE char *line = NULL;
    struct curl_slist *more;

    if (FORMAT(&line, "%s: %s", name, value))
        return -ENOMEM;
    more = curl_slist_append(*headers, line);
    explicit_bzero(line, strlen(line)); /* it may be the token */
    if (!more)
        return -ENOMEM;
    *headers = more;
    return 0;
}

static int authorize(const struct ozx_s3 *s3, time_t now, struct curl_slist **headers)
{
    char date[OZX_SIGV4_DATE_SIZE];
    struct ozx_sigv4_header of_it[5]; /* by the order of names */
    struct ozx_sigv4 request = {.key_id = s3->aws.key_id,
                                .secret = s3->aws.secret,
                                .region = s3->region,
                                .service = "s3",
                                .date = date,
                                .method = "GET",
                                .path = s3->path,
                                .query = s3->query,
                                .headers = of_it,
                                .body_hash = OZX_SIGV4_EMPTY};
    OZX_AUTO_FREE char *authorization = NULL;
    struct tm broken;
    size_t count = 0;
    int failure;

    now += s3->skew_s;
    if (!gmtime_r(&now, &broken) || !strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &broken))
        return -EINVAL;
    of_it[count++] = (struct ozx_sigv4_header){"host", s3->host};
    of_it[count++] = (struct ozx_sigv4_header){"x-amz-content-sha256", OZX_SIGV4_EMPTY};
    of_it[count++] = (struct ozx_sigv4_header){"x-amz-date", date};
    if (s3->requester_pays)
        of_it[count++] = (struct ozx_sigv4_header){"x-amz-request-payer", "requester"};
    if (s3->aws.token)
        of_it[count++] = (struct ozx_sigv4_header){"x-amz-security-token", s3->aws.token};
    request.header_count = count;
    failure = ozx_sigv4_sign(&request, &authorization);
    for (size_t i = 0; i < count && !failure; i++)
        failure = add_header(headers, of_it[i].name, of_it[i].value);
    return failure ? failure : add_header(headers, "Authorization", authorization);
}

int ozx_s3_headers(const struct ozx_s3 *s3, time_t now, struct curl_slist **headers)
{
    if (!s3->anonymous)
        return authorize(s3, now, headers);
    return s3->requester_pays ? add_header(headers, "x-amz-request-payer", "requester") : 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool is_code(const struct ozx_answer *answer, const char *code)
{
    return strcmp(answer->code, code) == 0;
}

static bool learn_region(struct ozx_s3 *s3, const struct ozx_answer *answer)
{
    int status = answer->status;

    if ((status != 301 && status != 307 && status != 400 && status != 403) ||
        !is_region(answer->region) || strcmp(answer->region, s3->region) == 0)
        return false;
    snprintf(s3->region, sizeof s3->region, "%s", answer->region);
    return true;
}

static bool learn_time(struct ozx_s3 *s3, const struct ozx_answer *answer, time_t now)
{
    time_t there = *answer->date ? curl_getdate(answer->date, NULL) : -1;
    int64_t change;

    if (!is_code(answer, "RequestTimeTooSkewed") || there < 0)
        return false;
    change = (int64_t)there - now - s3->skew_s;
    if (change > -SKEW_S && change < SKEW_S)
        return false;
    s3->skew_s += change;
    return true;
}

static bool learn_version(struct ozx_s3 *s3, const struct ozx_answer *answer)
{
    if (!s3->version || (answer->status != 403 && answer->status != 400) || *answer->region)
        return false;
    s3->unversioned = true;
    free(ozx_take(s3->version));
    return true;
}

static bool learn_token(struct ozx_s3 *s3, const struct ozx_answer *answer)
{
    if (!is_code(answer, "ExpiredToken") && !is_code(answer, "TokenRefreshRequired") &&
        !is_code(answer, "InvalidAccessKeyId") && !is_code(answer, "InvalidToken"))
        return false;
    if (!s3->role.url)
        return ozx_aws_renew(&s3->aws);
    ozx_role_refuse(&s3->role); /* others are waited for */
    return true;
}

bool ozx_s3_learn(struct ozx_s3 *s3, const struct ozx_answer *answer, unsigned generation,
                  time_t now)
{
    int status = answer->status;

    if (status != 301 && status != 307 && status != 400 && status != 403)
        return false;
    if (generation != s3->generation)
        return true;             /* another answer said so before */
    if (learn_token(s3, answer)) /* each time it is another one: as often as it is renewed */
        return make_url(s3) == 0;
    if (s3->learned >= LEARNED_MAX ||
        (!learn_region(s3, answer) && !learn_time(s3, answer, now) && !learn_version(s3, answer)))
        return false;
    s3->learned++;
    return make_url(s3) == 0;
}

void ozx_s3_pin(struct ozx_s3 *s3, const struct ozx_answer *answer)
{
    if (!*answer->version || strcmp(answer->version, "null") == 0 || s3->unversioned)
        return;
    put(&s3->version, strdup(answer->version));
    (void)!make_url(s3); /* without memory it is asked for as before, and the ETag decides */
}

const char *ozx_s3_hint(const struct ozx_s3 *s3, const struct ozx_answer *answer)
{
    if (answer->status != 401 && answer->status != 403 && answer->status != 400)
        return NULL;
    if (!s3->aws.key_id)
        return "no credentials were found: name a profile by AWS_PROFILE or -o profile";
    if (s3->anonymous)
        return "try without -o anonymous";
    if (is_code(answer, "ExpiredToken"))
        return "the credentials have expired: get new ones";
    if (is_code(answer, "SignatureDoesNotMatch") || is_code(answer, "InvalidAccessKeyId"))
        return "check the credentials";
    return "check the rights of the credentials; a public bucket is read by -o anonymous, and one "
           "whose readers pay by -o requester_pays";
}
