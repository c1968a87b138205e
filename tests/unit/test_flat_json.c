/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/flat_json.h"

#include <stdlib.h>

#include "check.h"

static const struct {
    const char *json, *text; /* of "a"; NULL: there is none */
} rows[] = {
    {"{\"a\":\"b\"}", "b"},
    {" {\r\n\t\"x\" : 1, \"a\" : \"b\" } ", "b"},
    {"{\"a\":\"\"}", ""},
    {"{\"x\":\"a\",\"a\":\"b\"}", "b"},
    {"{\"x\":{\"a\":\"no\"},\"a\":\"b\"}", "b"},
    {"{\"x\":[{\"a\":\"no\"}],\"a\":\"b\"}", "b"},
    {"{\"x\":\"}\\\"{\",\"a\":\"b\"}", "b"},
    {"{\"a\":\"\\/\\\\\\\"\\n\"}", "/\\\"\n"},
    {"{\"a\":\"\\u0041\"}", NULL},
    {"{\"a\":\"b", NULL},
    {"{\"a\":\"b\\", NULL},
    {"{\"a\":\"b\\\"", NULL},
    {"{\"a", NULL},
    {"{\"a\"", NULL},
    {"{\"a\":", NULL},
    {"{\"a\":1}", NULL},
    {"{\"a\":{\"a\":\"b\"}}", NULL},
    {"\"a\":\"b\"", NULL},
    {"[\"a\",\"b\"]", NULL},
    {"}}{\"a\":\"b\"}", "b"},
    {"{\"ab\":\"b\"}", NULL},
    {"", NULL},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = ozx_flat_json_text(rows[i].json, "a");

        if (!CHECK_STRING(text, rows[i].text))
            fprintf(stderr, "    of %s\n", rows[i].json);
        free(text);
    }
}

CHECK_MAIN({"rows", test_rows})
