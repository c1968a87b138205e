/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON within bounds: what jansson allocates for a text is measured, and may not be more than
 * zarr/json.h says, whatever the text is made of.
 */
#include "zarr/json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define MALLOC_HEAD 8 /* of each block, which malloc_usable_size does not count */

static size_t now_bytes, peak_bytes;

static void *counted_malloc(size_t size)
{
    void *block = malloc(size);

    now_bytes += block ? malloc_usable_size(block) + MALLOC_HEAD : 0;
    if (now_bytes > peak_bytes)
        peak_bytes = now_bytes;
    return block;
}

static void counted_free(void *block)
{
    now_bytes -= block ? malloc_usable_size(block) + MALLOC_HEAD : 0;
    free(block);
}

/* head, then `unit` (with %zu: its number) as often as `size` has room for, then tail. */
static char *make(const char *head, const char *unit, const char *tail, size_t size, size_t *made)
{
    char *text = malloc(size + 256);
    size_t at = (size_t)sprintf(text, "%s", head);

    for (size_t i = 0; at < size; i++) {
        const char *number = strstr(unit, "%zu");
        if (number)
            at +=
                (size_t)sprintf(text + at, "%.*s%zu%s", (int)(number - unit), unit, i, number + 3);
        else
            at += strlen(strcpy(text + at, unit));
    }
    at += strlen(strcpy(text + at, tail));
    *made = at;
    return text;
}

/* What a text took at its peak; 0 if it was refused for its values. */
static size_t cost_of(const char *head, const char *unit, const char *tail, size_t size)
{
    struct ozx_json_problem problem;
    json_t *json = NULL;
    size_t made, limit;
    char *text = make(head, unit, tail, size, &made);
    int failure;

    now_bytes = peak_bytes = 0;
    failure = ozx_json_parse(text, made, &json, NULL, &problem);
    limit = OZX_JSON_MEMORY_MAX + made / 2;
    if (peak_bytes > limit) {
        check_failed(__FILE__, __LINE__, "more memory than the bound says");
        fprintf(stderr, "    %s%s..., %zu bytes: %zu MiB, bound %zu MiB\n", head, unit, made,
                peak_bytes >> 20, limit >> 20);
    }
    if (failure) {
        CHECK(problem.bound && strstr(problem.bound, "too many values"));
    }
    json_decref(json);
    CHECK_UINT(now_bytes, 0);
    free(text);
    return failure ? 0 : peak_bytes;
}

/* Every kind of value, as small as it can be written, up to the largest text that passes. */
static void test_memory(void)
{
    static const struct {
        const char *head, *unit, *tail;
    } cases[] = {
        {"[", "{},", "1]"},
        {"[", "[],", "1]"},
        {"[", "1,", "1]"},
        {"[", "\"\",", "1]"},
        {"[", "\"abcdefg\",", "1]"},
        {"[", "1.5,", "1]"},
        {"[", "true,", "1]"},
        {"[", "[1],", "1]"},
        {"[", "[[[[[[[[1]]]]]]]],", "1]"},
        {"[", "{\"\":0},", "1]"},
        {"[", "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0},", "1]"},
        {"[", "[1,2,3,4,5,6,7,8,9],", "1]"},
        {"{\"codecs\":{", "\"%zu\":0,", "\"\":0}}"},
        {"{\"codecs\":{", "\"%zu\":{},", "\"\":0}}"},
        {"{\"codecs\":{", "\"%zu\":null,", "\"\":0}}"},
        {"{\"codecs\":{", "\"%zu\":[[]],", "\"\":0}}"},
        {"[\"", "0123456789abcdef", "\"]"},
        {"{\"", "0123456789abcdef", "\":0}"},
        {"{\"codecs\":\"", "\\u1234", "\"}"},
        {"{\"codecs\":[", "NaN,", "1]}"},
        {"{\"codecs\":[", "1e999,", "1]}"},
        {"{\"codecs\":\"", "\\u0000", "\"}"},
        {"[", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",", "1]"},
        {"{\"attributes\":{\"ome\":{\"plate\":{\"wells\":[", "{\"path\":\"\"},", "1]}}}}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t largest = 0;
        for (size_t size = 1 << 17; size < OZX_JSON_SIZE_MAX / 2; size *= 2) {
            size_t cost = cost_of(cases[i].head, cases[i].unit, cases[i].tail, size);
            if (!cost)
                break;
            largest = cost;
        }
        /* The bound is no tighter than it must be, either: a quarter of it can be had. */
        if (!CHECK(largest > OZX_JSON_MEMORY_MAX / 4))
            fprintf(stderr, "    %s%s: %zu bytes\n", cases[i].head, cases[i].unit, largest);
    }
}

/* 2 MiB, as a plate of 40,000 wells has. */
static void test_large_plate(void)
{
    CHECK(cost_of("{\"wells\":[", "{\"path\":\"A/%zu\",\"rowIndex\":0,\"columnIndex\":0},", "{}]}",
                  2u << 20));
}

/* What no part of ozxfs looks at costs nothing, wherever it stands and whatever it is made of. */
static void test_left_out(void)
{
    static const struct {
        const char *head, *tail;
    } places[] = {
        {"{\"attributes\":{\"ome\":{\"version\":\"0.5\"},\"x\":", "}}"},
        {"{\"attributes\":{\"ome\":{\"image-label\":{\"colors\":", "}}}}"},
        {"{\"attributes\":{\"ome\":{\"omero\":{\"channels\":[{\"window\":", "}]}}}}"},
        {"{\"attributes\":{\"ome\":{\"multiscales\":[{\"metadata\":", "}]}}}"},
        {"{\"attributes\":{\"multiscales\":", "}}"},
        {"{\"consolidated_metadata\":{\"metadata\":", "}}"},
        {"{\"x\":", "}"},
        {"{\"x\":{\"must_understand\":false,\"y\":", "}}"},
        {"{\"image-label\":{\"properties\":", "}}"}, /* .zattrs */
    };
    static const char *const units[][3] = {{"[", "{},", "1]"},
                                           {"{", "\"%zu\":[1],", "\"\":0}"},
                                           {"\"", "0123456789abcdef", "\""},
                                           {"[", "NaN,", "1]"}};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (size_t k = 0; k < sizeof units / sizeof units[0]; k++) {
            char head[128], tail[32];
            size_t cost;
            snprintf(head, sizeof head, "%s%s", places[i].head, units[k][0]);
            snprintf(tail, sizeof tail, "%s%s", units[k][2], places[i].tail);
            cost = cost_of(head, units[k][1], tail, 2u << 20);
            if (!CHECK(cost > 0 && cost < 64 << 10))
                fprintf(stderr, "    %s%s: %zu bytes\n", head, units[k][1], cost);
        }
    /* Members that nobody knows, too, are few. */
    CHECK(cost_of("{\"attributes\":{", "\"%zu\":0,", "\"ome\":{}}}", 2u << 20) < 128 << 10);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"memory", test_memory},
        {"large_plate", test_large_plate},
        {"left_out", test_left_out},
    };

    json_set_alloc_funcs(counted_malloc, counted_free);
    return check_run(tests, sizeof tests / sizeof tests[0]);
}
