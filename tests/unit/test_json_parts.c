/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small parts of JSON: the archive's comment, the characters of strings, and jansson without
 * memory, which never passes for a text that is wrong or for half a text.
 */
#include <stdlib.h>

#include "check.h"
#include "zarr/comment.h"
#include "zarr/jansson.h"
#include "zarr/json_text.h"

/* --- memory that runs out --------------------------------------------------------------------- */

static size_t allocations_left = SIZE_MAX;

static void *scarce_malloc(size_t size)
{
    if (!allocations_left)
        return NULL;
    allocations_left -= allocations_left != SIZE_MAX;
    return malloc(size);
}

/* The number of allocations after which `work` succeeded; each that failed is to say so. */
static size_t survive(int (*work)(void))
{
    size_t enough = 0;
    int failure;

    for (;; enough++) {
        allocations_left = enough;
        failure = work();
        allocations_left = SIZE_MAX;
        if (!failure || enough == 1000)
            return enough;
        if (!CHECK_INT(failure, -ENOMEM))
            return 0;
    }
}

static int load(void)
{
    json_error_t error;
    json_t *json;
    static const char text[] = "{\"a\":[1,2.5,\"x\"],\"b\":{}}";
    int failure = ozx_jansson_load(text, strlen(text), JSON_REJECT_DUPLICATES, &json, &error);

    if (!failure)
        json_decref(json);
    return failure;
}

static int format(void)
{
    static json_t *json;
    char *text = NULL;
    int failure;

    if (!json) {
        size_t left = allocations_left;
        allocations_left = SIZE_MAX;
        json = json_pack("{s:[i,s]}", "key", 1, "\xC2\x9B\xE2\x80\xAE\xF3\xA0\x80\x81 \xC3\xA4");
        allocations_left = left;
    }
    failure = ozx_jansson_format(json, JSON_COMPACT, &text);
    if (!failure) {
        CHECK_STRING(text, "{\"key\":[1,\"\\u009B\\u202E\\uDB40\\uDC01 \xC3\xA4\"]}");
        free(text);
    }
    return failure;
}

static int comment(void)
{
    static const char text[] = "{\"ome\":{\"version\":\"0.5\"}}";
    struct ozx_comment out;

    return ozx_comment_parse(text, strlen(text), &out);
}

static int comment_out(void)
{
    size_t size;
    char *text = NULL;
    int failure = ozx_comment_format("0.5", true, &text, &size);

    if (!failure)
        CHECK_MEMORY(text, size,
                     "{\"ome\":{\"version\":\"0.5\",\"zipFile\":{\"centralDirectory\":"
                     "{\"jsonFirst\":true}}}}",
                     75);
    free(text);
    return failure;
}

static void test_no_memory(void)
{
    CHECK(survive(load) > 5);
    CHECK(survive(format) > 0);
    CHECK(survive(comment) > 3);
    CHECK(survive(comment_out) > 3);
}

static int print(void)
{
    json_t *json = json_integer(12345);
    char buffer[4];
    size_t size = 0;
    int failure = ozx_jansson_print(json, JSON_ENCODE_ANY, buffer, sizeof buffer, &size);

    if (!failure)
        CHECK_UINT(size, 5);
    json_decref(json);
    return failure;
}

static void test_print(void)
{
    char *text;

    ozx_jansson_seed();
    CHECK_INT(print(), 0);
    CHECK_INT(ozx_jansson_format(NULL, 0, &text), -ENOMEM);
}

/* --- the comment ------------------------------------------------------------------------------ */

static void test_comment(void)
{
    static const struct {
        const char *text, *version, *defect, *own_key;
    } cases[] = {
        {"", "", "there is none", ""},
        {"{", "", "it is not JSON: it is cut off", ""},
        {"[]", "", "it is not an object", ""},
        {"{\"ome\":{}}", "", "it has no ome.version", ""},
        {"{\"ome\":{\"version\":5}}", "", "its ome.version is not a string", ""},
        {"{\"ome\":{\"version\":\"\"}}", "", "its ome.version is not a version", ""},
        {"{\"ome\":{\"version\":\"0123456789012345678901234567890123\"}}", "",
         "its ome.version is not a version", ""},
        {"{\"ome\":{\"version\":\"0.5\",\"mine\":1}}", "0.5", "", "mine"},
        {"{\"ome\":{\"version\":\"0.5\",\"zipFile\":{\"centralDirectory\":{\"jsonFirst\":1}}}}",
         "0.5", "its jsonFirst is not a boolean", ""},
        {"{\"ome\":{\"version\":\"0.5\",\"zipFile\":{\"a\\u001b\":{}}}}", "0.5", "", "a\\x1B"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ozx_comment out;
        CHECK_INT(ozx_comment_parse(cases[i].text, strlen(cases[i].text), &out), 0);
        CHECK_STRING(out.version, cases[i].version);
        CHECK_STRING(out.defect, cases[i].defect);
        CHECK_STRING(out.own_key, cases[i].own_key);
    }
}

/* --- strings ---------------------------------------------------------------------------------- */

static void test_decode(void)
{
    static const struct {
        const char *written, *meant; /* NULL: it cannot be read */
    } cases[] = {
        {"", ""},
        {"a\\\"\\\\\\/\\b\\f\\n\\r\\t", "a\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e4\\u20AC\\ud83d\\uDE00", "A\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\\u0000", NULL},
        {"\\", NULL},
        {"\\x41", NULL},
        {"\\u12", NULL},
        {"\\u12g4", NULL},
        {"\\uDC00", NULL},
        {"\\uD83D", NULL},
        {"\\uD83Dx", NULL},
        {"\\uD83D\\n", NULL},
        {"\\uD83D\\u0041", NULL},
        {"\\uD83D\\uDE", NULL},
        {"0123456789012345678901234567890", "0123456789012345678901234567890"},
        {"01234567890123456789012345678901", NULL},
        {"0123456789012345678901234567890\\u00e4", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ozx_json_range all = {0, strlen(cases[i].written)};
        char out[32];
        size_t size;
        bool read = ozx_json_decode(cases[i].written, all, out, sizeof out, &size);
        if (!CHECK(read == (cases[i].meant != NULL)))
            fprintf(stderr, "    %s\n", cases[i].written);
        if (read && cases[i].meant)
            CHECK_MEMORY(out, size, cases[i].meant, strlen(cases[i].meant));
        CHECK(ozx_json_is(cases[i].written, all, cases[i].meant ? cases[i].meant : "no") == read);
    }
}

int main(void)
{
    static const struct check_test tests[] = {
        {"no memory", test_no_memory},
        {"print", test_print},
        {"comment", test_comment},
        {"decode", test_decode},
    };

    json_set_alloc_funcs(scarce_malloc, free); /* before anybody watches them */
    return check_run(tests, sizeof tests / sizeof tests[0]);
}
