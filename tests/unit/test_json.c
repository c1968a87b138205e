/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON: what nobody looks at is checked but not kept; what some readers take for JSON and others do
 * not is told. (What a text costs: test_json_memory.c.)
 */
#include "zarr/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* In a block of its own, so that a sanitizer sees what is read behind it. */
static int parse_bytes(const char *text, size_t size, json_t **json, bool *as_real,
                       struct ozx_json_problem *problem)
{
    char *copy = malloc(size + !size);
    int failure;

    memcpy(copy, text, size);
    *json = NULL;
    failure = ozx_json_parse(copy, size, json, as_real, problem);
    free(copy);
    return failure;
}

static int parse(const char *text, json_t **json, struct ozx_json_problem *problem)
{
    return parse_bytes(text, strlen(text), json, NULL, problem);
}

static void check_kept(const char *text, const char *wanted)
{
    struct ozx_json_problem problem;
    json_t *json;
    char *kept;

    if (!CHECK_INT(parse(text, &json, &problem), 0)) {
        fprintf(stderr, "    %s: %s\n", text, problem.bound ? problem.bound : problem.json.text);
        return;
    }
    kept = json_dumps(json, JSON_COMPACT);
    CHECK_STRING(kept, wanted);
    free(kept);
    json_decref(json);
}

static void test_what_is_kept(void)
{
    check_kept(" { \"shape\" : [ 1 , 2 ] , \"codecs\":[{\"name\":\"x\",\"y\":{\"z\":[]}}] } ",
               "{\"shape\":[1,2],\"codecs\":[{\"name\":\"x\",\"y\":{\"z\":[]}}]}");
    check_kept("{\"attributes\":{\"a\":[1],\"b\":{\"c\":1},\"d\":\"e\",\"f\":2,\"g\":null}}",
               "{\"attributes\":{\"a\":[],\"b\":{},\"d\":\"\",\"f\":2,\"g\":null}}");
    check_kept("{\"attributes\":{\"multiscales\":[1],\"ome\":{\"multiscales\":[1],\"x\":[1]}}}",
               "{\"attributes\":{\"multiscales\":[],\"ome\":{\"multiscales\":[1],\"x\":[]}}}");
    check_kept("{\"attributes\":{\"ome\":{\"image-label\":{\"colors\":[{}],\"version\":\"1\"}}}}",
               "{\"attributes\":{\"ome\":{\"image-label\":{\"colors\":[],\"version\":\"1\"}}}}");
    check_kept("{\"x\":{\"must_understand\":false,\"y\":1},\"z\":[1],\"attributes\":{}}",
               "{\"x\":{\"must_understand\":false},\"z\":[],\"attributes\":{}}");
    check_kept("{\"consolidated_metadata\":{\"kind\":\"inline\",\"metadata\":{\"a\":{\"x\":1}}},"
               "\"shape\":[]}",
               "{\"consolidated_metadata\":{\"kind\":\"\",\"metadata\":{}},\"shape\":[]}");
    check_kept("{\"multiscales\":[{\"datasets\":[{\"path\":\"0\"}]}]}", /* .zattrs */
               "{\"multiscales\":[{\"datasets\":[{\"path\":\"0\"}]}]}");
    check_kept("{\"node_typ\\u0065\":\"arr\\u0061y\"}", "{\"node_type\":\"array\"}");
    check_kept("{\"attributes\":{\"om\\u0065\":{\"ver\\u0073ion\":\"\\ud83d\\ude00\"}}}",
               "{\"attributes\":{\"ome\":{\"version\":\"\xf0\x9f\x98\x80\"}}}");
    check_kept("[[],{}]", "[[],{}]");
    check_kept("{}", "{}");
}

/* What is left out is checked to the last byte. */
static void test_left_out_is_checked(void)
{
    static const char *const wrong[] = {"[1,]", "{,}", "{\"a\"}", "\"\\x\"", "\"\x01\"", "01",
                                        "1.",   "[}",  "nan",     "[1 2]",   "\"\xff\"", "tru"};
    static const char *const around[] = {"{\"attributes\":{\"x\":%s}}",
                                         "{\"x\":[[%s]]}",
                                         "{\"consolidated_metadata\":{\"metadata\":{\"a\":%s}}}",
                                         "{\"x\":{\"y\":%s}}",
                                         "{\"codecs\":%s}",
                                         "[%s]"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (size_t k = 0; k < sizeof around / sizeof around[0]; k++) {
            const char *at = strchr(around[k], '%');
            struct ozx_json_problem problem;
            char text[128];
            json_t *json;
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - around[k]), around[k], wrong[i],
                     at + 2);
            if (!CHECK_INT(parse(text, &json, &problem), -EBADMSG) || !CHECK(!problem.bound))
                fprintf(stderr, "    %s\n", text);
        }
}

/* One defect, at a byte, with its text; what is read in its place. */
static void test_defects(void)
{
    static const struct {
        const char *text;
        size_t size;
        enum ozx_json_kind kind;
        size_t offset;
        const char *what, *kept;
    } cases[] = {
#define CASE(text, kind, offset, what, kept) {text, sizeof text - 1, kind, offset, what, kept}
        CASE("[NaN]", OZX_JSON_NOT_FINITE, 1, "NaN", "[\"NaN\"]"),
        CASE("[-Infinity,1]", OZX_JSON_NOT_FINITE, 1, "-Infinity", "[\"-Infinity\",1]"),
        CASE("{\"fill_value\":Infinity}", OZX_JSON_NOT_FINITE, 14, "Infinity",
             "{\"fill_value\":\"Infinity\"}"),
        CASE("[1,-1e400]", OZX_JSON_RANGE, 3, "-1e400", "[1,\"-Infinity\"]"),
        CASE("[\"a\\u0000b\"]", OZX_JSON_NUL, 3, "\\u0000", "[\"a\\\\u0000b\"]"),
        CASE("{\"codecs\":{\"a\\u0000\":1}}", OZX_JSON_NUL, 13, "\\u0000",
             "{\"codecs\":{\"a\\\\u0000\":1}}"),
        CASE("[\"\\uD800\"]", OZX_JSON_SURROGATE, 2, "\\uD800", "[\"\\\\ud800\"]"),
        CASE("[\"\\udc00\\ud800\"]", OZX_JSON_SURROGATE, 2, "\\udc00", "[\"\\\\udc00\\\\ud800\"]"),
        CASE("[\"\\ud800\\u0041\"]", OZX_JSON_SURROGATE, 2, "\\ud800", "[\"\\\\ud800A\"]"),
        CASE("[\"\xed\xa0\x80\"]", OZX_JSON_SURROGATE, 2, "???", "[\"\\\\ud800\"]"),
        CASE("\xef\xbb\xbf [1]", OZX_JSON_BOM, 0, "", "[1]"),
        CASE("[1]\n\0\0", OZX_JSON_PADDING, 4, "", "[1]"),
        CASE("{\"shape\":1,\"sh\\u0061pe\":2}", OZX_JSON_DUPLICATE, 11, "", "{\"shape\":2}"),
        CASE("{\"x\":NaN,\"ome\":{\"version\":1,\"version\":2}}", OZX_JSON_DUPLICATE, 28, "",
             "{\"x\":\"NaN\",\"ome\":{\"version\":2}}"),
#undef CASE
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ozx_json_problem problem;
        json_t *json;
        char *kept;
        if (!CHECK_INT(parse_bytes(cases[i].text, cases[i].size, &json, NULL, &problem), 0)) {
            fprintf(stderr, "    %s: %s\n", cases[i].text, problem.json.text);
            continue;
        }
        kept = json_dumps(json, JSON_COMPACT);
        CHECK_STRING(kept, cases[i].kept);
        if (!CHECK(problem.defects[cases[i].kind].count) ||
            !CHECK_UINT(problem.defects[cases[i].kind].offset, cases[i].offset))
            fprintf(stderr, "    %s\n", cases[i].text);
        CHECK_STRING(problem.defects[cases[i].kind].what, cases[i].what);
        free(kept);
        json_decref(json);
    }
}

/* Which numbers a double holds: those next to the limit, and however they are written. */
static void test_numbers(void)
{
    static const char *const fine[] = {"1.7976931348623157e308",
                                       "1.79769313486231580e308",
                                       "17976931348623157e292",
                                       "0.00017976931348623157E+312",
                                       "0e99999999999999999999",
                                       "0.0e400",
                                       "-1e308",
                                       "1e-400",
                                       "1e-99999999999999999999",
                                       "123456789012345678901234567890",
                                       "-0",
                                       "-0.0",
                                       "1E5"};
    static const char *const beyond[] = {"1.7976931348623159e308",
                                         "1.797693134862315808e308",
                                         "1e309",
                                         "-1e309",
                                         "1e99999999999999999999",
                                         "0.00018E+312",
                                         "17976931348623159e292"};
    char text[512] = "[1", digits[400];
    struct ozx_json_problem problem;
    json_t *json;

    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        snprintf(text, sizeof text, "[%s]", fine[i]);
        if (!CHECK_INT(parse(text, &json, &problem), 0) ||
            !CHECK(json_is_number(json_array_get(json, 0))) ||
            !CHECK(!problem.defects[OZX_JSON_RANGE].count))
            fprintf(stderr, "    %s\n", fine[i]);
        json_decref(json);
    }
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        snprintf(text, sizeof text, "[%s]", beyond[i]);
        if (!CHECK_INT(parse(text, &json, &problem), 0) ||
            !CHECK(problem.defects[OZX_JSON_RANGE].count == 1))
            fprintf(stderr, "    %s\n", beyond[i]);
        json_decref(json);
    }
    memset(digits, '9', sizeof digits);
    for (int size = 308; size < 311; size++) { /* 10^308 - 1 and 10^309 - 1 */
        snprintf(text, sizeof text, "[%.*s]", size, digits);
        CHECK_INT(parse(text, &json, &problem), 0);
        CHECK_UINT(problem.defects[OZX_JSON_RANGE].count, size > 308);
        json_decref(json);
    }
}

/* Integers of 64 bits stay what they are beside one that is larger. */
static void test_integers(void)
{
    struct ozx_json_problem problem;
    bool as_real = false;
    json_t *json;

    CHECK_INT(
        parse_bytes("[9223372036854775807,-9223372036854775808]", 42, &json, &as_real, &problem),
        0);
    CHECK(!as_real && json_integer_value(json_array_get(json, 0)) == INT64_MAX &&
          json_integer_value(json_array_get(json, 1)) == INT64_MIN);
    json_decref(json);
    CHECK_INT(parse_bytes("[1,18446744073709551615]", 24, &json, &as_real, &problem), 0);
    CHECK(as_real && json_integer_value(json_array_get(json, 0)) == 1 &&
          json_real_value(json_array_get(json, 1)) == 0x1p64);
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

/* However deep it is: what is looked at ends at a bound, what is left out does not. */
static void test_depth(void)
{
    static const size_t depths[] = {1, 126, 127, 128, 255, 256, 257, 1000, 1000000};
    char *text = malloc(2 * 1000000 + 64);

    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
        for (int left_out = 0; left_out < 2; left_out++) {
            struct ozx_json_problem problem;
            size_t depth = depths[i], all = depth + (left_out ? 2 : 0);
            const char *head = left_out ? "{\"attributes\":{\"x\":" : "";
            size_t size = strlen(head);
            char deep[24] = "";
            json_t *json;
            memcpy(text, head, size);
            memset(text + size, '[', depth);
            memset(text + size + depth, ']', depth);
            size += 2 * depth;
            memcpy(text + size, "}}", 2);
            size += left_out ? 2 : 0;
            CHECK_INT(parse_bytes(text, size, &json, NULL, &problem), 0);
            json_decref(json);
            if (all > OZX_JSON_NESTING_MAX)
                snprintf(deep, sizeof deep, "%zu", all);
            CHECK_UINT(problem.defects[OZX_JSON_NESTING].count, all > OZX_JSON_NESTING_MAX);
            CHECK_STRING(problem.defects[OZX_JSON_NESTING].what, deep);
            /* One bracket of the other kind, at the bottom and at the top. */
            text[strlen(head) + depth] = '}';
            CHECK_INT(parse_bytes(text, size, &json, NULL, &problem), -EBADMSG);
            text[strlen(head) + depth] = ']';
            text[size - 1] ^= '}' ^ ']';
            CHECK_INT(parse_bytes(text, size, &json, NULL, &problem), -EBADMSG);
            CHECK_INT(parse_bytes(text, size - 1, &json, NULL, &problem), -EBADMSG);
        }
    free(text);
}

/* What no reader takes for JSON, and at which column that shows. */
static const struct {
    const char *text;
    int column;
} refused[] = {
    {"", 1},
    {"  ", 3},
    {"1", 1},
    {"null", 1},
    {"\"a\"", 1},
    {"{", 2},
    {"[1", 3},
    {"{}}", 3},
    {"{}x", 3},
    {"{}{}", 3},
    {"[1,]", 4},
    {"{\"a\":1,}", 8},
    {"[,1]", 2},
    {"{a:1}", 2},
    {"{'a':1}", 2},
    {"[01]", 3},
    {"[+1]", 2},
    {"[.5]", 2},
    {"[1.]", 4},
    {"[1e]", 4},
    {"[0x1]", 3},
    {"[-]", 3},
    {"[-NaN]", 3},
    {"[nan]", 2},
    {"[Inf]", 2},
    {"[True]", 2},
    {"[truex]", 6},
    {"[\"\\x41\"]", 3},
    {"[\"\\u12\"]", 3},
    {"[\"\\u123g\"]", 3},
    {"[\"\t\"]", 3},
    {"[\"a", 4},
    {"[\"\\", 3},
    {"//\n[]", 1},
    {"[]//", 3},
    {"[1/**/]", 3},
    {"\xef\xbb\xbf\xef\xbb\xbf[]", 4},
    {" \xef\xbb\xbf[]", 2},
    {"[]\f", 3},
    {"[\"\xff\"]", 3},
    {"[\"\xc0\x80\"]", 3},
    {"[\"\xf4\x90\x80\x80\"]", 3},
    {"[\"\xe2\x82\"]", 3},
    {"[\"\x80\"]", 3},
    {"[\"\xe0\x80\x80\"]", 3},
    {"{\"\xb5\":1}", 3},
    {"[1 2]", 4},
    {"{\"a\" 1}", 6},
    {"{\"a\":}", 6},
    {"{1:1}", 2},
    {"[1}", 3},
    {"{\"a\":1]", 7},
};

static void test_refused(void)
{
    struct ozx_json_problem problem;
    json_t *json;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (!CHECK_INT(parse(refused[i].text, &json, &problem), -EBADMSG) ||
            !CHECK(!problem.bound && problem.json.text[0]) ||
            !CHECK_INT(problem.json.column, refused[i].column))
            fprintf(stderr, "    %s: %s\n", refused[i].text, problem.json.text);
    CHECK_INT(parse_bytes("[\"\0\"]", 5, &json, NULL, &problem), -EBADMSG);
    CHECK_INT(parse_bytes("\0{}", 3, &json, NULL, &problem), -EBADMSG);
    CHECK_INT(parse_bytes("{}\0x", 4, &json, NULL, &problem), -EBADMSG);
    CHECK_INT(parse_bytes("\xff\xfe{\0}\0", 6, &json, NULL, &problem), -EBADMSG);
    CHECK(strstr(problem.json.text, "UTF-16"));
    CHECK_INT(parse_bytes("{\0}\0", 4, &json, NULL, &problem), -EBADMSG);
    CHECK(strstr(problem.json.text, "UTF-16"));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"what_is_kept", test_what_is_kept},
        {"left_out_is_checked", test_left_out_is_checked},
        {"consolidated_wrong", test_consolidated_wrong},
        {"defects", test_defects},
        {"numbers", test_numbers},
        {"integers", test_integers},
        {"depth", test_depth},
        {"refused", test_refused},
    };

    return check_run(tests, sizeof tests / sizeof tests[0]);
}
