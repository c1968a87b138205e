/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The callbacks of libcurl, and its codes in our words: its own mislead ("Unsupported protocol" for
 * garbage, "Out of memory" for large headers).
 */
#include "fetch/transfer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "fetch/pace.h"

#define BODY_OF_ERROR_MAX ((size_t)64 << 10)
#define CONNECTIONS_KEPT 32L /* idle ones */

CURLM *ozx_transfer_multi(void)
{
    CURLM *multi = curl_multi_init();

    if (!multi)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 16L);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)OZX_ACTIVE_MAX);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    return multi;
}

/* libcurl keeps a connection of HTTP/2 whatever became of the last stream on it, and takes it first
 * for the next request. Here it is kept only if that stream was answered. */
static void keep_connection(struct ozx_transfer *t, bool keeps)
{
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, keeps ? 0L : 1L);
}

static size_t take_header(char *line, size_t one, size_t size, void *context)
{
    struct ozx_transfer *t = context;
    bool goes_on = ozx_answer_line(&t->answer, line, size);

    (void)one;
    /* Behind the head of a range its bytes have to come, too (take_body), behind a hint a head. */
    keep_connection(t, t->answer.status >= 200 && t->answer.status != 206);
    return goes_on ? size : 0;
}

static void judge(struct ozx_transfer *t)
{
    uint64_t first = t->first + (t->is_suffix ? 0 : t->got_bytes);

    t->judged = true;
    t->judgement = ozx_answer_judge(&t->answer, t->is_suffix, t->is_suffix ? t->last : first,
                                    t->last, t->pin, &t->why);
    if (t->is_whole && t->judgement == OZX_ANSWER_WHOLE) {
        bool good = !t->answer.malformed && !t->answer.encoded && t->answer.has_length &&
                    t->answer.length == t->size_bytes && ozx_pin_holds(t->pin, &t->answer);
        t->judgement = good ? OZX_ANSWER_GOOD : OZX_ANSWER_CHANGED;
    }
    if (t->is_suffix && t->judgement == OZX_ANSWER_GOOD)
        t->size_bytes = (size_t)(t->answer.last - t->answer.first + 1);
    else if (t->judgement == OZX_ANSWER_GOOD && !t->is_whole)
        t->size_bytes = (size_t)(t->answer.last - t->first + 1);
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct ozx_transfer *t = context;

    (void)one;
    if (!t->judged)
        judge(t);
    if (t->judgement == OZX_ANSWER_GOOD) {
        t->heard_ms = ozx_clock_ms();
        t->overflow = size > t->size_bytes - t->got_bytes;
        if (t->overflow)
            return 0;
        memcpy(t->buffer + t->got_bytes, data, size);
        t->got_bytes += size;
        keep_connection(t, t->got_bytes == t->size_bytes);
        return size;
    }
    if (t->judgement != OZX_ANSWER_AGAIN && t->judgement != OZX_ANSWER_REFUSED)
        return 0;
    if (t->body_bytes < sizeof t->body) {
        size_t room = sizeof t->body - t->body_bytes;
        memcpy(t->body + t->body_bytes, data, size < room ? size : room);
    }
    t->body_bytes += size;
    return t->body_bytes > BODY_OF_ERROR_MAX ? 0 : size;
}

/* `text` is an address of the network here; `unknown`: or none at all. */
static bool is_private(const char *text, bool unknown)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (text && inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return ozx_way_is_private((const struct sockaddr *)&v4);
    if (text && inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return ozx_way_is_private((const struct sockaddr *)&v6);
    return unknown;
}

/* Of a connection that was made. */
static bool is_from_private(CURL *easy)
{
    const char *text = NULL;

    return !curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &text) && is_private(text, false);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ozx_transfer *t = context;

    (void)purpose;
    if (ozx_way_is_private(&address->addr)) {
        t->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Before each request, also by a connection that is used again, whoever made it. */
static int look_at_connection(void *context, char *address, char *local, int port, int local_port)
{
    struct ozx_transfer *t = context;

    (void)local, (void)port, (void)local_port;
    t->refused_address = is_private(address, true);
    return t->refused_address ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int add_header(struct ozx_transfer *t, const char *line)
{
    struct curl_slist *more = curl_slist_append(t->headers, line);

    if (!more)
        return -ENOMEM;
    t->headers = more;
    return 0;
}

static int set_headers(struct ozx_transfer *t, const char *url, bool is_origin)
{
    const struct ozx_s3 *s3 = t->line->s3;
    char text[OZX_ETAG_SIZE + 16];
    int failure = 0;

    t->is_s3 = s3 && strcmp(url, s3->url) == 0;
    if (t->is_s3)
        failure = ozx_s3_headers(s3, time(NULL), &t->headers);
    for (const struct curl_slist *h = is_origin ? t->line->headers : NULL; h && !failure;
         h = h->next)
        failure = add_header(t, h->data);
    if (!failure && t->pin && !t->pin->weak && !t->no_if_match) {
        snprintf(text, sizeof text, "If-Match: %s", t->pin->etag);
        failure = add_header(t, text);
    }
    return failure;
}

static void set_range(struct ozx_transfer *t)
{
    char range[64];

    if (t->is_whole)
        return;
    if (t->is_suffix)
        snprintf(range, sizeof range, "-%" PRIu64, t->last);
    else
        snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, t->first + t->got_bytes, t->last);
    curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
}

/* It was read with the rights of the start; not all TLS libraries take it from memory. */
static void set_cacert(CURL *easy, const struct ozx_line *line)
{
    struct curl_blob blob = {
        .data = line->cacert_data, .len = line->cacert_size, .flags = CURL_BLOB_NOCOPY};

    if (curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob))
        curl_easy_setopt(easy, CURLOPT_CAINFO, line->cacert);
}

static void set_line(const struct ozx_transfer *t, const char *url, bool is_origin)
{
    const struct ozx_line *line = t->line;

    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    /* Nobody waits for a name server's answer that nobody wants any more. */
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (line->s3) /* a key may have "/../" in it, and that is signed */
        curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    /* For what a connection speaks. Without TLS it is one that has no streams, and libcurl, which
     * learns that by its first answer, lets all others wait for the end of that. */
    curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, strncasecmp(url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, line->user_agent);
    if (line->cacert)
        set_cacert(t->easy, line);
    if (line->netrc && is_origin) {
        curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        curl_easy_setopt(t->easy, CURLOPT_NETRC_FILE, line->netrc);
    }
}

/* What a proxy connects to is its own affair; this machine's is where none is between, for each URL
 * anew. */
static void set_way(struct ozx_transfer *t, const char *url, bool is_origin)
{
    const char *proxy = ozx_way_proxy(&t->line->proxies, url);

    t->by_proxy = proxy != NULL;
    curl_easy_setopt(t->easy, CURLOPT_PROXY, proxy ? proxy : "");
    curl_easy_setopt(t->easy, CURLOPT_NOPROXY, ""); /* that is decided */
    if (t->line->guarded && !is_origin && !proxy) {
        curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, look_at_connection);
        curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    }
}

int ozx_transfer_start(struct ozx_transfer *t, const char *url, bool is_origin, long limit_s)
{
    t->easy = curl_easy_init();
    if (!t->easy)
        return -ENOMEM;
    ozx_answer_init(&t->answer);
    t->judged = t->overflow = t->refused_address = t->was_private = false;
    t->is_origin = is_origin;
    t->generation = t->line->s3 ? t->line->s3->generation : 0;
    t->judgement = OZX_ANSWER_REFUSED;
    t->body_bytes = 0;
    t->start_bytes = t->got_bytes;
    t->why = "";
    t->heard_ms = ozx_clock_ms();
    set_line(t, url, is_origin);
    set_way(t, url, is_origin);
    set_range(t);
    if (t->resolve_anew)
        curl_easy_setopt(t->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, (long)t->connect_anew);
    keep_connection(t, false);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, limit_s);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    if (curl_easy_setopt(t->easy, CURLOPT_URL, url) || set_headers(t, url, is_origin) ||
        (t->headers && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers)) ||
        curl_multi_add_handle(t->line->multi, t->easy)) {
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
        curl_slist_free_all(ozx_take(t->headers));
        return -ENOMEM;
    }
    return 0;
}

void ozx_transfer_stop(struct ozx_transfer *t)
{
    if (!t->easy)
        return;
    curl_multi_remove_handle(t->line->multi, t->easy);
    curl_easy_cleanup(ozx_take(t->easy));
    curl_slist_free_all(ozx_take(t->headers));
}

/* --- the verdict ------------------------------------------------------------------------------ */

static enum ozx_outcome say(enum ozx_outcome verdict, struct ozx_error *error, int code,
                            const char *hint, const char *text)
{
    ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
    return verdict;
}

static enum ozx_outcome judge_network(const struct ozx_transfer *t, CURLcode code, bool was_used,
                                      struct ozx_error *error)
{
    if (t->refused_address && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
        return say(OZX_OUTCOME_FAILED, error, -EACCES, NULL,
                   "the server redirects to a private address");
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return say(OZX_OUTCOME_AGAIN, error, -ENOENT, "check the URL and the network",
                   "no such host, or no name server answers");
    case CURLE_COULDNT_CONNECT:
        return say(OZX_OUTCOME_AGAIN, error, -EIO, NULL, "cannot connect to the server");
    case CURLE_OPERATION_TIMEDOUT:
        return say(OZX_OUTCOME_AGAIN, error, -EIO, NULL, "the server does not answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return say(OZX_OUTCOME_FAILED, error, -EIO,
                   "check the URL; a CA of your own is named by SSL_CERT_FILE",
                   "the server's certificate is not valid for this name or not trusted");
    case CURLE_SSL_CACERT_BADFILE:
        return say(OZX_OUTCOME_FAILED, error, -EIO, "check SSL_CERT_FILE",
                   "cannot read the file of CA certificates");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return say(OZX_OUTCOME_FAILED, error, -EIO, "check the URL",
                   "the server does not speak HTTP");
    case CURLE_OUT_OF_MEMORY:
        return say(OZX_OUTCOME_FAILED, error, -EIO, NULL,
                   "the headers of the server's answer are too large");
    case CURLE_URL_MALFORMAT:
        return say(OZX_OUTCOME_FAILED, error, -EINVAL, "check the URL", "is not a valid URL");
    case CURLE_SSL_CONNECT_ERROR:
        return say(OZX_OUTCOME_AGAIN, error, -EPROTO, NULL,
                   "no secure connection (TLS 1.2 or newer) with the server");
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return say(was_used && t->got_bytes == t->start_bytes ? OZX_OUTCOME_AT_ONCE
                                                              : OZX_OUTCOME_AGAIN,
                   error, -EIO, NULL, "the connection to the server broke");
    default:
        ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "the transfer failed (libcurl code %d)", (int)code);
        return OZX_OUTCOME_FAILED;
    }
}

static enum ozx_outcome judge_status(struct ozx_transfer *t, struct ozx_error *error)
{
    static const struct {
        int status, code;
        const char *text, *hint;
    } known[] = {
        {401, -EACCES, "the server requires a login", "put user name and password in the URL"},
        {403, -EACCES, "the server denies access", "a signed URL may have expired"},
        {404, -ENOENT, "the server has no such file", "check the URL"},
        {410, -ENOENT, "the file is gone from the server", "check the URL"},
    };
    int status = t->answer.status;
    char code[128] = "", name[128];
    const char *hint;

    if (t->body_bytes)
        ozx_answer_body(&t->answer, t->body,
                        t->body_bytes < sizeof t->body ? t->body_bytes : sizeof t->body);
    if (*t->answer.code)
        snprintf(code, sizeof code, ", %s",
                 ozx_escape(name, sizeof name, t->answer.code, strlen(t->answer.code)));
    hint = t->line->s3 ? ozx_s3_hint(t->line->s3, &t->answer) : NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status) {
            ozx_error_set(error, known[i].code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                          hint ? hint : known[i].hint, "%s (HTTP %d%s)", known[i].text, status,
                          code);
            return OZX_OUTCOME_FAILED;
        }
    ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                  "the server answered HTTP %d%s", status, code);
    return t->judgement == OZX_ANSWER_AGAIN ? OZX_OUTCOME_AGAIN : OZX_OUTCOME_FAILED;
}

static enum ozx_outcome judge_answer(struct ozx_transfer *t, struct ozx_error *error)
{
    if (!t->judged)
        judge(t);
    switch (t->judgement) {
    case OZX_ANSWER_GOOD:
        if (t->overflow)
            return say(OZX_OUTCOME_FAILED, error, -EIO, NULL,
                       "the server sent more than was asked for");
        if (t->got_bytes != t->size_bytes)
            return say(OZX_OUTCOME_AGAIN, error, -EIO, NULL, "the server's answer ended early");
        return OZX_OUTCOME_DONE;
    case OZX_ANSWER_CHANGED:
        return OZX_OUTCOME_CHANGED;
    case OZX_ANSWER_WHOLE:
        return OZX_OUTCOME_WHOLE;
    case OZX_ANSWER_REDIRECT:
        return OZX_OUTCOME_REDIRECT;
    case OZX_ANSWER_WRONG:
        ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "the server's answer is not usable: %s", t->why);
        return OZX_OUTCOME_FAILED;
    default:
        return judge_status(t, error);
    }
}

/* All that was asked for came, and nothing else; how the connection ended behind it says nothing of
 * that. */
static bool is_complete(const struct ozx_transfer *t)
{
    return t->judged && t->judgement == OZX_ANSWER_GOOD && !t->overflow &&
           t->got_bytes == t->size_bytes;
}

enum ozx_outcome ozx_transfer_finish(struct ozx_transfer *t, CURLcode code, struct ozx_error *error)
{
    enum ozx_outcome verdict;
    long connects = 1, version = 0;

    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
    t->is_http2 = version == CURL_HTTP_VERSION_2_0;
    t->was_private = t->is_origin && !t->by_proxy && is_from_private(t->easy);
    ozx_transfer_stop(t);
    if (t->answer.head_bytes > OZX_HEAD_MAX)
        verdict = judge_network(t, CURLE_OUT_OF_MEMORY, false, error);
    else if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->judged) || is_complete(t))
        verdict = judge_answer(t, error);
    else
        verdict = judge_network(t, code, connects == 0, error);
    if (verdict != OZX_OUTCOME_DONE && t->overflow)
        t->got_bytes = t->start_bytes;
    return verdict;
}
