/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading an answer's head. Bytes of strangers: every number is read digit by digit, and what is
 * there twice has to be the same twice.
 */
#include "fetch/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void ozx_answer_init(struct ozx_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->retry_after_s = answer->remaining = answer->reset_s = -1;
}

/* A decimal number up to INT64_MAX; moves *text behind it. */
static bool take_number(const char **text, uint64_t *out)
{
    const char *digit = *text;
    uint64_t value = 0;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (value > (INT64_MAX - (uint64_t)(*digit - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    if (digit == *text)
        return false;
    *text = digit;
    *out = value;
    return true;
}

static bool whole_number(const char *text, uint64_t *out)
{
    return take_number(&text, out) && !*text;
}

static void read_range(struct ozx_answer *answer, const char *value)
{
    uint64_t first = 0, last = 0, total;
    bool bounds;

    if (strncasecmp(value, "bytes", 5) != 0 || value[5] != ' ') {
        answer->malformed = true;
        return;
    }
    value += 6;
    bounds = *value != '*';
    if (bounds && (!take_number(&value, &first) || *value++ != '-' || !take_number(&value, &last)))
        answer->malformed = true;
    else if (!bounds)
        value++;
    if (answer->malformed || *value++ != '/' || !whole_number(value, &total) ||
        (bounds && (first > last || last >= total)) || answer->has_range) {
        answer->malformed = true;
        return;
    }
    answer->has_range = true;
    answer->has_bounds = bounds;
    answer->first = first;
    answer->last = last;
    answer->total = total;
}

static void read_length(struct ozx_answer *answer, const char *value)
{
    uint64_t length;

    if (!whole_number(value, &length) || (answer->has_length && answer->length != length)) {
        answer->malformed = true;
        return;
    }
    answer->has_length = true;
    answer->length = length;
}

static void read_etag(struct ozx_answer *answer, const char *value)
{
    bool weak = strncmp(value, "W/", 2) == 0;
    size_t size;

    value += weak ? 2 : 0;
    size = strlen(value);
    if (size < 2 || value[0] != '"' || value[size - 1] != '"' ||
        strchr(value + 1, '"') != value + size - 1)
        return; /* no ETag by RFC 9110: as if there were none */
    if (size >= sizeof answer->etag ||
        (*answer->etag && (answer->weak != weak || strcmp(answer->etag, value) != 0))) {
        answer->malformed = true;
        return;
    }
    answer->weak = weak;
    memcpy(answer->etag, value, size + 1);
}

/* A text that is there once, and fits. */
static void read_text(struct ozx_answer *answer, char *to, size_t room, const char *value)
{
    size_t size = strlen(value);

    if (size >= room || (*to && strcmp(to, value) != 0)) {
        answer->malformed = true;
        return;
    }
    memcpy(to, value, size + 1);
}

/* One that is of use, and no harm where it is not: what does not fit is left out. */
static void keep_text(char *to, size_t room, const char *value)
{
    size_t size = strlen(value);

    if (size < room)
        memcpy(to, value, size + 1);
}

static void read_count(int64_t *to, const char *value)
{
    uint64_t count;

    if (whole_number(value, &count))
        *to = (int64_t)count;
}

static void read_retry(struct ozx_answer *answer, const char *value)
{
    read_count(&answer->retry_after_s, value);
    if (answer->retry_after_s < 0)
        keep_text(answer->retry_at, sizeof answer->retry_at, value);
}

static void read_header(struct ozx_answer *answer, const char *name, const char *value)
{
    if (!strcasecmp(name, "content-range"))
        read_range(answer, value);
    else if (!strcasecmp(name, "content-length"))
        read_length(answer, value);
    else if (!strcasecmp(name, "etag"))
        read_etag(answer, value);
    else if (!strcasecmp(name, "last-modified"))
        read_text(answer, answer->modified, sizeof answer->modified, value);
    else if (!strcasecmp(name, "location"))
        read_text(answer, answer->location, sizeof answer->location, value);
    else if (!strcasecmp(name, "date"))
        keep_text(answer->date, sizeof answer->date, value);
    else if (!strcasecmp(name, "x-amz-version-id"))
        keep_text(answer->version, sizeof answer->version, value);
    else if (!strcasecmp(name, "x-amz-bucket-region"))
        keep_text(answer->region, sizeof answer->region, value);
    else if (!strcasecmp(name, "content-encoding"))
        answer->encoded = answer->encoded || strcasecmp(value, "identity") != 0;
    else if (!strcasecmp(name, "content-type"))
        answer->multipart = answer->multipart || !strncasecmp(value, "multipart/", 10);
    else if (!strcasecmp(name, "retry-after"))
        read_retry(answer, value);
    else if (!strcasecmp(name, "x-ratelimit-remaining"))
        read_count(&answer->remaining, value);
    else if (!strcasecmp(name, "x-ratelimit-reset"))
        read_count(&answer->reset_s, value);
}

/* HTTP/1.1 206 ..., HTTP/2 206 */
static void read_status(struct ozx_answer *answer, const char *line)
{
    size_t head_bytes = answer->head_bytes;
    const char *space = strchr(line, ' ');

    ozx_answer_init(answer);
    answer->head_bytes = head_bytes;
    if (space && space[1] >= '1' && space[1] <= '9' && space[2] >= '0' && space[2] <= '9' &&
        space[3] >= '0' && space[3] <= '9' && (!space[4] || space[4] == ' '))
        answer->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
    else
        answer->malformed = true;
}

bool ozx_answer_line(struct ozx_answer *answer, const char *line, size_t size_bytes)
{
    char text[OZX_LOCATION_SIZE + 64];
    char *value;

    answer->head_bytes += size_bytes;
    if (answer->head_bytes > OZX_HEAD_MAX)
        return false;
    while (size_bytes && strchr("\r\n \t", line[size_bytes - 1]))
        size_bytes--;
    if (!size_bytes)
        return true;
    if (size_bytes >= sizeof text) /* longer than any that is of use */
        return true;
    if (memchr(line, 0, size_bytes)) {
        answer->malformed = true;
        return true;
    }
    memcpy(text, line, size_bytes);
    text[size_bytes] = '\0';
    if (!strncmp(text, "HTTP/", 5)) {
        read_status(answer, text);
        return true;
    }
    value = strchr(text, ':');
    if (!value)
        return true;
    *value++ = '\0';
    value += strspn(value, " \t");
    read_header(answer, text, value);
    return true;
}

int ozx_pin_take(struct ozx_pin *pin, const struct ozx_answer *answer, uint64_t size_bytes)
{
    struct ozx_pin taken = {.size_bytes = size_bytes, .weak = answer->weak || !*answer->etag};

    if (taken.weak && !*answer->modified)
        return -EINVAL;
    if (!taken.weak)
        memcpy(taken.etag, answer->etag, sizeof taken.etag);
    memcpy(taken.modified, answer->modified, sizeof taken.modified);
    *pin = taken;
    return 0;
}

bool ozx_pin_holds(const struct ozx_pin *pin, const struct ozx_answer *answer)
{
    if (pin->weak)
        return strcmp(pin->modified, answer->modified) == 0;
    return !answer->weak && strcmp(pin->etag, answer->etag) == 0;
}

static enum ozx_judgement wrong(const char **why, const char *text)
{
    *why = text;
    return OZX_ANSWER_WRONG;
}

static enum ozx_judgement judge_partial(const struct ozx_answer *answer, bool is_suffix,
                                        uint64_t first, uint64_t last, const struct ozx_pin *pin,
                                        const char **why)
{
    uint64_t from, to;

    if (answer->malformed)
        return wrong(why, "its headers are malformed or contradict each other");
    if (answer->multipart)
        return wrong(why, "it answered with several parts");
    if (answer->encoded)
        return wrong(why, "it answered with a compressed body");
    if (!answer->has_range || !answer->has_bounds)
        return wrong(why, "its answer does not say which range it is");
    if (pin && (answer->total != pin->size_bytes || !ozx_pin_holds(pin, answer)))
        return OZX_ANSWER_CHANGED;
    from = !is_suffix ? first : first < answer->total ? answer->total - first : 0;
    to = is_suffix || last >= answer->total ? answer->total - 1 : last;
    if (answer->first != from || answer->last != to)
        return wrong(why, "it answered with another range");
    if (answer->has_length && answer->length != to - from + 1)
        return wrong(why, "the length of its answer is not that of the range");
    return OZX_ANSWER_GOOD;
}

enum ozx_judgement ozx_answer_judge(const struct ozx_answer *answer, bool is_suffix, uint64_t first,
                                    uint64_t last, const struct ozx_pin *pin, const char **why)
{
    *why = "";
    switch (answer->status) {
    case 206:
        return judge_partial(answer, is_suffix, first, last, pin, why);
    case 200:
        return OZX_ANSWER_WHOLE;
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return *answer->location && !answer->malformed ? OZX_ANSWER_REDIRECT : OZX_ANSWER_REFUSED;
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return OZX_ANSWER_AGAIN;
    default:
        return OZX_ANSWER_REFUSED;
    }
}

/* What stands between `tag`, "<NAME>", and the next '<'. */
static void read_element(char *out, size_t room, const char *tag, const char *body,
                         size_t size_bytes)
{
    const char *from = memmem(body, size_bytes, tag, strlen(tag)), *to;
    size_t size;

    if (!from)
        return;
    from += strlen(tag);
    to = memchr(from, '<', size_bytes - (size_t)(from - body));
    size = to ? (size_t)(to - from) : 0;
    if (size && size < room && !memchr(from, 0, size)) {
        memcpy(out, from, size);
        out[size] = '\0';
    }
}

void ozx_answer_body(struct ozx_answer *answer, const char *body, size_t size_bytes)
{
    read_element(answer->code, sizeof answer->code, "<Code>", body, size_bytes);
    if (!*answer->region)
        read_element(answer->region, sizeof answer->region, "<Region>", body, size_bytes);
}
