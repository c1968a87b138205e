/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Consolidated metadata in the text: what is listed is found however its key is written, what is
 * taken out leaves every other byte, and two metadata are the same if they mean the same.
 */
#include <stdlib.h>

#include "check.h"
#include "zarr/consolidated.h"
#include "zarr/node_digest.h"

/* --- taking out ------------------------------------------------------------------------------- */

struct edit {
    const char *text, *gone; /* paths with a blank before and behind each */
    char seen[512];          /* what was listed */
    char out[1024];
    size_t done, size;
};

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct edit *edit = context;
    char word[OZX_CONSOLIDATED_PATH_SIZE + 2];
    size_t size = strlen(edit->seen);

    snprintf(word, sizeof word, " %s ", node->path ? node->path : "?");
    if (size + strlen(word) < sizeof edit->seen)
        memcpy(edit->seen + size, word + 1, strlen(word));
    return strstr(edit->gone, word) != NULL;
}

static void copy(struct edit *edit, size_t to)
{
    memcpy(edit->out + edit->size, edit->text + edit->done, to - edit->done);
    edit->size += to - edit->done;
    edit->done = to;
}

static int cut(void *context, struct ozx_json_range bytes)
{
    struct edit *edit = context;

    CHECK(bytes.from >= edit->done && bytes.to > bytes.from);
    copy(edit, bytes.from);
    edit->done = bytes.to;
    return 0;
}

static struct ozx_consolidated_facts run(struct edit *edit, const char *directory, const char *gone,
                                         const char *text)
{
    const struct ozx_consolidated_walk walk = {.text = text,
                                               .size_bytes = strlen(text),
                                               .directory = directory,
                                               .context = edit,
                                               .listed = listed,
                                               .cut = cut};
    struct ozx_consolidated_facts facts;

    *edit = (struct edit){.text = text, .gone = gone};
    CHECK_INT(ozx_consolidated_each(&walk, &facts), 0);
    copy(edit, strlen(text));
    return facts;
}

#define BLOCK(nodes)                                                                               \
    "{\"zarr_format\": 3, \"consolidated_metadata\": {\"kind\": \"inline\",\n \"metadata\": "      \
    "{" nodes "}}, \"mean\": NaN}"

static void check_edit(const char *gone, const char *before, const char *after)
{
    struct edit edit;
    struct ozx_consolidated_facts facts = run(&edit, "", gone, before);

    CHECK(facts.is_there && !facts.is_wrong && !facts.is_other_kind);
    CHECK_STRING(edit.out, after);
}

static void test_places(void)
{
    check_edit(" a ", BLOCK("\"a\": {},\n \"b\": {}"), BLOCK("\"b\": {}"));
    check_edit(" b ", BLOCK("\"a\": {},\n \"b\": {}"), BLOCK("\"a\": {}"));
    check_edit(" a  b ", BLOCK("\n \"a\": {},\n \"b\": {}\n"), BLOCK(""));
    check_edit(" b ", BLOCK("\"a\":1 , \"b\":2 , \"c\":3 "), BLOCK("\"a\":1 , \"c\":3 "));
    check_edit(" a  c ", BLOCK("\"a\":1, \"b\":2, \"c\":3, \"d\":4"), BLOCK("\"b\":2, \"d\":4"));
    check_edit(" a  b  d ", BLOCK("\"a\":1,\"b\":2,\"c\":3,\"d\":4"), BLOCK("\"c\":3"));
    check_edit(" x ", BLOCK("\"a\":1,\"a\":2"), BLOCK("\"a\":1,\"a\":2"));
    check_edit(" a ", BLOCK("\"a\":1,\"b\":2,\"a\":3"), BLOCK("\"b\":2"));
    check_edit(" a ", "\xEF\xBB\xBF" BLOCK("\"a\":\"},\\\"{\", \"b\":[[\"]\"]]"),
               "\xEF\xBB\xBF" BLOCK("\"b\":[[\"]\"]]"));
}

static void test_keys(void)
{
    check_edit(" s0 ", BLOCK("\"\\u0073\\u0030\":1,\"b\":2"), BLOCK("\"b\":2"));
    check_edit(" s0 ", BLOCK("\"/s0\":1,\"s0/\":2,\"./s0\":3,\"s0//.\":4,\"b\":2"),
               BLOCK("\"b\":2"));
    check_edit(" \xF0\x9D\x84\x9E ", BLOCK("\"\\uD834\\udd1e\":1,\"b\":2"), BLOCK("\"b\":2"));
    check_edit(" s0 ", BLOCK("\"\\ud800\":1,\"s0\\u0000\":2,\"../s0\":3,\"s0\":4"),
               BLOCK("\"\\ud800\":1,\"s0\\u0000\":2,\"../s0\":3"));
    check_edit("  ", BLOCK("\".\":1,\"\":2,\"/\":3,\"b\":4"), BLOCK("\"b\":4"));
    check_edit(" a ",
               "{\"consolid\\u0061ted_metadata\":{\"metadata\":{\"a\":0}},"
               "\"consolidated_metadata\":{\"metadata\":{\"a\":1}}}",
               "{\"consolid\\u0061ted_metadata\":{\"metadata\":{}},"
               "\"consolidated_metadata\":{\"metadata\":{}}}");
}

static void test_inside(void)
{
    struct edit edit;
#define INNER(nodes) "\"g\":{\"consolidated_metadata\":{\"metadata\":{" nodes "}}}"
    check_edit(" x  g/a ", BLOCK("\"x\":1," INNER("\"a\":1,\"b\":2") ",\"y\":3"),
               BLOCK(INNER("\"b\":2") ",\"y\":3"));
    (void)run(&edit, "p/q", "", BLOCK("\"a\":1,\"b/c\":2,\"../r\":3,\"../../..\":4"));
    CHECK_STRING(edit.seen, "p/q/a p/q/b/c p/r ? ");
    (void)run(&edit, "", " g ", BLOCK(INNER("\"a\":1")));
    CHECK_STRING(edit.seen, "g "); /* what goes is not asked for what it lists */
}

static void test_none(void)
{
    struct edit edit;
    static const char *const none[] = {"{}", "{\"consolidated_metadata\": null}",
                                       "{\"attributes\":{\"consolidated_metadata\":{}}}"};
    static const char *const wrong[] = {"",
                                        "[]",
                                        "{\"consolidated_metadata\":[]}",
                                        "{\"consolidated_metadata\":{\"metadata\":3}}",
                                        "{\"consolidated_metadata\":{\"metadata\":{\"a\"}}}",
                                        "{\"consolidated_metadata\":{\"metadata\":{\"a\":1,}}}",
                                        "{\"consolidated_metadata\":{\"metadata\":{\"a\":1",
                                        "{\"a\":1 \"b\":2}",
                                        "{\"a"};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct ozx_consolidated_facts facts = run(&edit, "", " a ", none[i]);
        CHECK(!facts.is_there && !facts.is_wrong);
        CHECK_STRING(edit.out, none[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(run(&edit, "", "", wrong[i]).is_wrong);
    CHECK(
        run(&edit, "", " a ", "{\"consolidated_metadata\":{\"kind\":\"x\",\"metadata\":{\"a\":1}}}")
            .is_other_kind);
    CHECK_STRING(edit.seen, "");
    CHECK(!run(&edit, "", " a ", "{\"consolidated_metadata\":{\"metadata\":null}}").is_wrong);
}

/* Every text that is cut off somewhere, and blocks inside each other without end. */
static void test_hostile(void)
{
    const char *whole = BLOCK("\"a\":{\"consolidated_metadata\":{\"metadata\":{\"b\":\"\\\\\"}}}");
    size_t levels = 100000, size = 0;
    struct edit edit;
    char *deep = malloc(levels * 48), cut_off[256];

    for (size_t n = 0; n < strlen(whole); n++) {
        memcpy(cut_off, whole, n);
        cut_off[n] = '\0';
        CHECK(run(&edit, "", " a/b ", cut_off).is_wrong);
    }
    for (size_t i = 0; deep && i < levels; i++)
        size += (size_t)sprintf(deep + size, "{\"consolidated_metadata\":{\"metadata\":{\"a\":");
    if (deep) {
        struct ozx_consolidated_walk walk = {
            .text = deep, .size_bytes = size, .directory = "", .context = &edit, .listed = listed};
        struct ozx_consolidated_facts facts;
        edit = (struct edit){.gone = ""};
        CHECK_INT(ozx_consolidated_each(&walk, &facts), 0);
        CHECK(facts.is_wrong);
    }
    free(deep);
}

/* --- meaning ---------------------------------------------------------------------------------- */

/* Beginnings of arrays of these data types. */
#define U8 "{\"data_type\":\"uint8\""
#define F32 "{\"data_type\":\"float32\",\"fill_value\":"

static struct ozx_node_digest digest(const char *text)
{
    struct ozx_node_digest out;

    CHECK_INT(ozx_node_digest(text, (struct ozx_json_range){0, strlen(text)}, &out), 0);
    return out;
}

/* The field in which the two differ; OZX_FIELD_COUNT: none. */
static unsigned differ(const char *a, const char *b)
{
    struct ozx_node_digest x = digest(a), y = digest(b);

    for (unsigned i = 0; i < OZX_FIELD_COUNT; i++)
        if (x.fields[i] != y.fields[i])
            return i;
    return OZX_FIELD_COUNT;
}

static void test_same(void)
{
    static const char *const same[][2] = {
        {"{\"shape\":[1,2],\"node_type\":\"array\"}",
         "{ \"node_type\" : \"array\", \"shape\":[1.0, 2e0]}"},
        {"{\"fill_value\":18446744073709551615}", "{\"fill_value\":18446744073709551615}"},
        {"{\"fill_value\":0.1}", "{\"fill_value\":0.10000000000000001}"},
        {"{\"fill_value\":-0}", "{\"fill_value\":0.0}"},
        {"{\"fill_value\":1e3}", "{\"fill_value\":1000}"},
        {"{\"fill_value\":NaN}", "{\"fill_value\":\"NaN\"}"},
        {"{\"fill_value\":-Infinity}", "{\"fill_value\":\"-Infinity\"}"},
        {"{\"fill_value\":-1e999}", "{\"fill_value\":-Infinity}"},
        {"{\"data_type\":\"uint8\"}", "{\"data_type\":{\"name\":\"uint8\",\"configuration\":{}}}"},
        {"{\"codecs\":[\"bytes\"]}", "{\"codecs\":[{\"name\":\"b\\u0079tes\"}]}"},
        {"{\"codecs\":[{\"name\":\"a\",\"configuration\":{\"x\":1,\"y\":[]}}]}",
         "{\"codecs\":[{\"configuration\":{\"y\":[],\"x\":1.0},\"name\":\"a\"}]}"},
        {"{\"chunk_key_encoding\":{\"name\":\"default\"}}",
         "{\"chunk_key_encoding\":{\"name\":\"default\",\"configuration\":{\"separator\":\"/\"}}}"},
        {"{\"chunk_key_encoding\":\"v2\"}",
         "{\"chunk_key_encoding\":{\"configuration\":{\"separator\":\".\"},\"name\":\"v2\"}}"},
        {"{\"storage_transformers\":[],\"attributes\":{}}", "{\"dimension_names\":null}"},
        {"{\"shape\":[1],\"shape\":[2]}", "{\"shape\":[2]}"},
        {"{\"attributes\":{\"a\":1,\"a\":2}}", "{\"attributes\":{\"a\":2}}"},
        {"{\"consolidated_metadata\":{},\"node_type\":\"group\"}", "{\"node_type\":\"group\"}"},
        /* What zarr-python writes when it consolidates arrays of other writers: */
        {U8 ",\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}]}",
         U8 ",\"codecs\":[{\"name\":\"bytes\"}]}"},
        {U8 ",\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]}",
         U8 ",\"codecs\":[{\"name\":\"bytes\"}]}"},
        {"{\"codecs\":[{\"name\":\"zstd\",\"configuration\":{\"level\":3}}]}",
         "{\"codecs\":[{\"name\":\"zstd\",\"configuration\":{\"checksum\":false,\"level\":3}}]}"},
        {"{\"codecs\":[{\"name\":\"blosc\",\"configuration\":{\"cname\":\"lz4\"}}]}",
         "{\"codecs\":[{\"name\":\"blosc\",\"configuration\":{\"typesize\":2,\"cname\":\"lz4\","
         "\"blocksize\":0}}]}"},
        {U8 ",\"codecs\":[{\"name\":\"sharding_indexed\",\"configuration\":{\"codecs\":[{\"name\":"
            "\"bytes\",\"configuration\":{\"endian\":\"big\"}}],\"index_codecs\":[{\"name\":"
            "\"bytes\"}]}}]}",
         U8 ",\"codecs\":[{\"name\":\"sharding_indexed\",\"configuration\":{\"codecs\":[{\"name\":"
            "\"bytes\"}],\"index_location\":\"end\",\"index_codecs\":[{\"name\":\"bytes\","
            "\"configuration\":{\"endian\":\"little\"}}]}}]}"},
        {F32 "0.1}", F32 "0.10000000149011612}"},
        {F32 "16777217}", F32 "16777216.0}"},
        {F32 "\"0x7fc00000\"}", F32 "\"NaN\"}"},
        {F32 "\"0x3f800000\"}", F32 "1.0}"},
        {F32 "\"0x80000001\"}", F32 "-1.401298464324817e-45}"},
        {F32 "1e-50}", F32 "0}"},
        {F32 "3.5e38}", F32 "\"Infinity\"}"},
        {"{\"fill_value\":0.1,\"data_type\":\"float16\"}",
         "{\"data_type\":{\"name\":\"float16\"},\"fill_value\":0.0999755859375}"},
        {"{\"fill_value\":\"0x7ff8000000000000\",\"data_type\":\"float64\"}",
         "{\"fill_value\":NaN,\"data_type\":\"float64\"}"},
        {"{\"fill_value\":[0.1,\"NaN\"],\"data_type\":\"complex64\"}",
         "{\"fill_value\":[0.10000000149011612,NaN],\"data_type\":\"complex64\"}"},
        {"{\"fill_value\":\"NaT\",\"data_type\":{\"name\":\"numpy.datetime64\"}}",
         "{\"fill_value\":-9223372036854775808,\"data_type\":{\"name\":\"numpy.datetime64\"}}"},
    };

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (!CHECK_UINT(differ(same[i][0], same[i][1]), OZX_FIELD_COUNT))
            fprintf(stderr, "    %s %s\n", same[i][0], same[i][1]);
}

static void test_other(void)
{
    static const struct {
        const char *a, *b;
        unsigned field;
    } other[] = {
        {"{\"shape\":[1,2]}", "{\"shape\":[2,1]}", OZX_FIELD_SHAPE},
        {"{\"shape\":[12]}", "{\"shape\":[1,2]}", OZX_FIELD_SHAPE},
        {"{\"shape\":[]}", "{}", OZX_FIELD_SHAPE},
        {"{\"shape\":[[]]}", "{\"shape\":[]}", OZX_FIELD_SHAPE},
        {"{\"node_type\":\"array\"}", "{\"node_type\":\"group\"}", OZX_FIELD_TYPE},
        {"{\"zarr_format\":2}", "{\"zarr_format\":3}", OZX_FIELD_TYPE},
        {"{\"data_type\":\"int8\"}", "{\"data_type\":\"uint8\"}", OZX_FIELD_DATA_TYPE},
        {"{\"fill_value\":0}", "{\"fill_value\":1}", OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":18446744073709551615}", "{\"fill_value\":18446744073709551614}",
         OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":-1}", "{\"fill_value\":1}", OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":0}", "{\"fill_value\":false}", OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":\"1\"}", "{\"fill_value\":1}", OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":null}", "{\"fill_value\":0}", OZX_FIELD_FILL_VALUE},
        {"{\"fill_value\":null}", "{}", OZX_FIELD_FILL_VALUE},
        {"{\"codecs\":[{\"name\":\"a\",\"configuration\":{\"level\":1}}]}",
         "{\"codecs\":[{\"name\":\"a\",\"configuration\":{\"level\":2}}]}", OZX_FIELD_CODECS},
        {"{\"codecs\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
         "{\"codecs\":[{\"name\":\"b\"},{\"name\":\"a\"}]}", OZX_FIELD_CODECS},
        {"{\"chunk_key_encoding\":\"default\"}", "{\"chunk_key_encoding\":\"v2\"}",
         OZX_FIELD_CHUNK_KEYS},
        {"{\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}]}",
         "{\"codecs\":[{\"name\":\"bytes\"}]}", OZX_FIELD_CODECS},
        {U8 ",\"codecs\":[{\"configuration\":{\"index_codecs\":[{\"name\":\"bytes\","
            "\"configuration\":{\"endian\":\"big\"}}]}}]}",
         U8 ",\"codecs\":[{\"configuration\":{\"index_codecs\":[{\"name\":\"bytes\"}]}}]}",
         OZX_FIELD_CODECS},
        {"{\"codecs\":[{\"configuration\":{\"index_location\":\"start\"}}]}",
         "{\"codecs\":[{\"configuration\":{}}]}", OZX_FIELD_CODECS},
        {"{\"attributes\":{\"a\":{\"endian\":\"little\"}}}", "{\"attributes\":{\"a\":{}}}",
         OZX_FIELD_ATTRIBUTES},
        {F32 "0.1}", F32 "0.1000001}", OZX_FIELD_FILL_VALUE},
        {F32 "\"0x3f800000\"}", F32 "\"0x3f800001\"}", OZX_FIELD_FILL_VALUE},
        {F32 "\"NaN\"}", F32 "0}", OZX_FIELD_FILL_VALUE},
        {F32 "\"Infinity\"}", F32 "\"-Infinity\"}", OZX_FIELD_FILL_VALUE},
        {"{\"chunk_grid\":{\"x\":{\"a\":1},\"y\":{\"b\":2}}}",
         "{\"chunk_grid\":{\"x\":{\"b\":2},\"y\":{\"a\":1}}}", OZX_FIELD_CHUNK_GRID},
        {"{\"attributes\":{\"a\":1}}", "{}", OZX_FIELD_ATTRIBUTES},
        {"{\"dimension_names\":[\"x\"]}", "{\"dimension_names\":[\"y\"]}", OZX_FIELD_ATTRIBUTES},
    };
    struct ozx_node_digest out;

    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (!CHECK_UINT(differ(other[i].a, other[i].b), other[i].field))
            fprintf(stderr, "    %s %s\n", other[i].a, other[i].b);
    CHECK_INT(ozx_node_digest("[]", (struct ozx_json_range){0, 2}, &out), -EBADMSG);
    CHECK_INT(ozx_node_digest("{\"shape\":[1,}", (struct ozx_json_range){0, 13}, &out), -EBADMSG);
}

CHECK_MAIN({"places", test_places}, {"keys", test_keys}, {"inside", test_inside},
           {"none", test_none}, {"hostile", test_hostile}, {"same", test_same},
           {"other", test_other})
