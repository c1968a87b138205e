/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The head of an HTTP answer, line by line, and its verdict: what is believed is the range that
 * was asked for, of the version that was opened. The first 17 bytes say what was asked.
 */
#include "fetch/answer.h"
#include "fuzz.h"

#include <string.h>

#define ASKED 17

static void check_texts(const struct ozx_answer *a)
{
    FUZZ_CHECK(memchr(a->etag, 0, sizeof a->etag) && memchr(a->modified, 0, sizeof a->modified));
    FUZZ_CHECK(memchr(a->location, 0, sizeof a->location) && memchr(a->code, 0, sizeof a->code));
    FUZZ_CHECK(memchr(a->date, 0, sizeof a->date) && memchr(a->version, 0, sizeof a->version));
    FUZZ_CHECK(memchr(a->region, 0, sizeof a->region));
    FUZZ_CHECK(!*a->etag || (a->etag[0] == '"' && a->etag[strlen(a->etag) - 1] == '"'));
    FUZZ_CHECK(a->status == 0 || (a->status >= 100 && a->status <= 999));
    FUZZ_CHECK(a->retry_after_s >= -1 && a->remaining >= -1 && a->reset_s >= -1);
    if (a->has_range && a->has_bounds)
        FUZZ_CHECK(a->first <= a->last && a->last < a->total && a->total <= INT64_MAX);
}

static void check_good(const struct ozx_answer *a, bool is_suffix, uint64_t first, uint64_t last,
                       const struct ozx_pin *pin)
{
    FUZZ_CHECK(a->status == 206 && !a->malformed && !a->encoded && !a->multipart);
    FUZZ_CHECK(a->has_range && a->has_bounds);
    if (is_suffix) {
        FUZZ_CHECK(a->last == a->total - 1 && a->last - a->first < first);
    } else {
        FUZZ_CHECK(a->first == first && a->last <= last);
        FUZZ_CHECK(a->last == last || a->last == a->total - 1);
    }
    if (a->has_length)
        FUZZ_CHECK(a->length == a->last - a->first + 1);
    if (pin)
        FUZZ_CHECK(a->total == pin->size_bytes && ozx_pin_holds(pin, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ozx_answer answer;
    struct ozx_pin pin;
    uint64_t first, last;
    const char *why = NULL, *body;
    size_t body_size;
    bool is_suffix, going_on = true;
    enum ozx_judgement verdict;

    if (size < ASKED)
        return 0;
    memcpy(&first, data, sizeof first);
    memcpy(&last, data + sizeof first, sizeof last);
    is_suffix = data[16] & 1;
    first = first >> (data[16] >> 2) | is_suffix;
    last = last >> (data[16] >> 2);
    if (!is_suffix && last < first)
        last = first;
    ozx_answer_init(&answer);
    data += ASKED;
    size -= ASKED;
    body = (const char *)data; /* of an error, as well */
    body_size = size;
    while (size && going_on) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) + 1 : size;

        going_on = ozx_answer_line(&answer, (const char *)data, line);
        check_texts(&answer);
        data += line;
        size -= line;
    }
    verdict = ozx_answer_judge(&answer, is_suffix, first, last, NULL, &why);
    FUZZ_CHECK(why);
    if (verdict == OZX_ANSWER_GOOD)
        check_good(&answer, is_suffix, first, last, NULL);
    if (verdict == OZX_ANSWER_GOOD && ozx_pin_take(&pin, &answer, answer.total) == 0) {
        FUZZ_CHECK(ozx_answer_judge(&answer, is_suffix, first, last, &pin, &why) ==
                   OZX_ANSWER_GOOD);
        pin.size_bytes++;
        FUZZ_CHECK(ozx_answer_judge(&answer, is_suffix, first, last, &pin, &why) ==
                   OZX_ANSWER_CHANGED);
    }
    ozx_answer_body(&answer, body, body_size);
    check_texts(&answer);
    return 0;
}
