/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON within bounds: what jansson allocates for a text is measured, and may not be more than
 * zarr/json.h says, whatever the text is made of; consolidated metadata are judged but not kept.
 */
#include "zarr/json.h"

#include <malloc.h>
#include <stdlib.h>

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
        {"{", "\"%zu\":0,", "\"\":0}"},
        {"{", "\"%zu\":{},", "\"\":0}"},
        {"{", "\"%zu\":null,", "\"\":0}"},
        {"{", "\"%zu\":[[]],", "\"\":0}"},
        {"[\"", "0123456789abcdef", "\"]"},
        {"{\"", "0123456789abcdef", "\":0}"},
        {"{\"a\":\"", "\\u1234", "\"}"},
        {"[", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",", "1]"},
        {"{\"consolidated_metadata\":{\"metadata\":{", "\"%zu\":{},", "\"\":{}}}}"},
        {"{\"consolidated_metadata\":{\"metadata\":{\"a\":{\"b\":[", "[],", "[]]}}}}"},
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

/* The same nodes that are too many values elsewhere, where nobody asks for them. */
static void test_consolidated(void)
{
#define NODE                                                                                       \
    "\"%zu\":{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[1,2,3,4,5],\"codecs\":[{"       \
    "\"name\":"                                                                                    \
    "\"bytes\",\"configuration\":{\"endian\":\"little\"}},[],[],[],[],[],[],[],[],[],[],[],[],{}," \
    "{}]},"
    CHECK(!cost_of("{\"attributes\":{\"metadata\":{", NODE, "\"\":{}}}}", 24u << 20));
    CHECK(cost_of("{\"consolidated_metadata\":{\"metadata\":{", NODE, "\"\":{}}}}", 24u << 20));
    CHECK(cost_of("{\"a\":{},\"consolidated_metadata\": {\"kind\":\"inline\", \"metadata\" : {\n",
                  NODE, "\"\":{}}},\"b\":[]}", 24u << 20));
#undef NODE
}

static int parse(const char *text, json_t **json, struct ozx_json_problem *problem)
{
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    int failure;

    memcpy(copy, text, size + 1);
    *json = NULL;
    failure = ozx_json_parse(copy, size, json, NULL, problem);
    free(copy);
    return failure;
}

static void test_consolidated_is_emptied(void)
{
    struct ozx_json_problem problem;
    json_t *json;
    const json_t *nodes;

    CHECK_INT(parse("{\"consolidated_metadata\":{\"kind\":\"inline\",\"metadata\":{\"a\":{\"x\":1},"
                    "\"b/{\":{}}},\"attributes\":{\"metadata\":{\"c\":{\"y\":2}}}}",
                    &json, &problem),
              0);
    nodes = json_object_get(json_object_get(json, "consolidated_metadata"), "metadata");
    CHECK_UINT(json_object_size(nodes), 2);
    CHECK(json_is_array(json_object_get(nodes, "a")) && json_object_get(nodes, "b/{"));
    nodes = json_object_get(json_object_get(json, "attributes"), "metadata");
    CHECK(json_object_get(json_object_get(nodes, "c"), "y"));
    json_decref(json);
}

/* A text that is no JSON is none for being consolidated; its lines are those of the file. */
static void test_consolidated_wrong(void)
{
#define AROUND(node, behind)                                                                       \
    "{\"consolidated_metadata\":\n{\"metadata\":{\"a\":{\n\"b\":\n{}},\"c\":" node "}}" behind
    static const struct {
        const char *text;
        int line;
    } cases[] = {
        {AROUND("{,}", "}"), 4},        {AROUND("{\n\"d\":[}}", "}"), 5},
        {AROUND("{}{}", "}"), 4},       {AROUND("1{}", "}"), 4},
        {AROUND("{}1", "}"), 4},        {AROUND("\"x\"{}", "}"), 4},
        {AROUND("{\"e\":1e}", "}"), 4}, {AROUND("{}", ",\n\n}"), 6},
        {AROUND("{]", "}"), 4},         {AROUND("{\"", "}"), 4},
        {AROUND("{", ""), 4},           {AROUND("{\"\\", ""), 4},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ozx_json_problem problem;
        json_t *json;
        int failure = parse(cases[i].text, &json, &problem);
        bool right = CHECK_INT(failure, -EBADMSG) && CHECK(!problem.bound && !json) &&
                     CHECK_INT(problem.json.line, cases[i].line);
        if (!right)
            fprintf(stderr, "    %s: %s\n", cases[i].text, problem.json.text);
        json_decref(json);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_error_t error;
        CHECK(!json_loads(cases[i].text, 0, &error));
    }
#undef AROUND
}

static void test_depth(void)
{
    struct ozx_json_problem problem;
    char text[2 * OZX_JSON_DEPTH_MAX + 8];
    json_t *json;

    for (int more = 0; more < 2; more++) {
        size_t depth = OZX_JSON_DEPTH_MAX + (size_t)more;
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        CHECK_INT(parse(text, &json, &problem), more ? -EBADMSG : 0);
        CHECK(!more || strstr(problem.bound, "too deeply"));
        json_decref(json);
    }
}

int main(void)
{
    static const struct check_test tests[] = {
        {"memory", test_memory},
        {"large_plate", test_large_plate},
        {"consolidated", test_consolidated},
        {"consolidated_is_emptied", test_consolidated_is_emptied},
        {"consolidated_wrong", test_consolidated_wrong},
        {"depth", test_depth},
    };

    json_set_alloc_funcs(counted_malloc, counted_free);
    return check_run(tests, sizeof tests / sizeof tests[0]);
}
