/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata parser: what it takes from good JSON, and that nothing hostile gets past it.
 */
#include "metadata.h"

static void check_refused(const char *text, size_t size, const char *why)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_metadata *metadata = parse_sized(text, size, &error);

    CHECK(!metadata);
    CHECK_INT(error.code, -EBADMSG);
    if (!CHECK(strstr(error.text, why)))
        fprintf(stderr, "    says '%s', not '%s'\n", error.text, why);
    ozx_metadata_free(metadata);
}

static void test_array(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[10,0,7]", GRID("[4,1,7]"), KEYS("default", ""), BYTES));

    CHECK_UINT(m->defect_total, 0);
    CHECK(m->is_array && !m->is_group && !m->ome);
    CHECK_UINT(m->array->shape.count, 3);
    CHECK_UINT(m->array->chunk_shape.sizes[2], 7);
    CHECK_UINT(m->array->item_size_bytes, 2);
    CHECK_STRING(m->array->fill_value, "0");
    CHECK_STRING(m->array->codecs.list[0].label, "bytes");
    CHECK_UINT(ozx_array_chunk_count(m->array), 0);
}

/* Readers refuse a node with a key that they do not know, unless it says that they need not. */
static void test_unknown_keys(void)
{
    static const char *const refused[] = {"{}", "1", "null", "{\"must_understand\":true}",
                                          "{\"must_understand\":null,\"name\":\"x\"}"};
    char text[256];

    for (size_t i = 0; i <= sizeof refused / sizeof refused[0]; i++) {
        bool is_known = i == sizeof refused / sizeof refused[0];
        snprintf(text, sizeof text, "{\"zarr_format\":3,\"node_type\":\"group\",\"x\":%s}",
                 is_known ? "{\"a\":{},\"must_understand\":false}" : refused[i]);
        OZX_AUTO_METADATA struct ozx_metadata *m = parse(text);
        CHECK_UINT(m->defect_total, is_known ? 0 : 1);
        CHECK(is_known || strstr(m->defects[0].text, "'x' is not a key of Zarr v3"));
    }
}

struct key_case {
    const char *key;
    enum ozx_key want;
};

static void check_keys(const char *json, const struct key_case *cases, size_t count)
{
    OZX_AUTO_METADATA struct ozx_metadata *m = parse(json);

    for (size_t i = 0; i < count; i++)
        if (!CHECK(ozx_array_judge_key(m->array, cases[i].key, strlen(cases[i].key), NULL) ==
                   cases[i].want))
            fprintf(stderr, "    key '%s'\n", cases[i].key);
}

static void test_keys(void)
{
    static const struct key_case slashes[] = {
        {"c/0/0", OZX_KEY_INSIDE},
        {"c/2/1", OZX_KEY_INSIDE},
        {"c/3/0", OZX_KEY_OUTSIDE},
        {"c/0/2", OZX_KEY_OUTSIDE},
        {"c/00/0", OZX_KEY_NONE},
        {"c/0", OZX_KEY_NONE},
        {"c/0/0/0", OZX_KEY_NONE},
        {"c.0.0", OZX_KEY_NONE},
        {"0/0", OZX_KEY_NONE},
        {"c/-1/0", OZX_KEY_NONE},
        {"c/0/", OZX_KEY_NONE},
        {"c//0", OZX_KEY_NONE},
        {"", OZX_KEY_NONE},
        {"c", OZX_KEY_NONE},
        {"zarr.json", OZX_KEY_NONE},
        {"c/+0/0", OZX_KEY_NONE},
        {"c/ 0/0", OZX_KEY_NONE},
        {"c/0/0 ", OZX_KEY_NONE},
        {"c/18446744073709551616/0", OZX_KEY_OUTSIDE},
    };
    static const struct key_case dots[] = {
        {"0.0", OZX_KEY_INSIDE}, {"2.1", OZX_KEY_INSIDE}, {"3.0", OZX_KEY_OUTSIDE},
        {"0/0", OZX_KEY_NONE},   {"c.0.0", OZX_KEY_NONE}, {"0.01", OZX_KEY_NONE},
    };
    static const struct key_case scalar[] = {{"c", OZX_KEY_INSIDE}, {"c/0", OZX_KEY_NONE}};

    check_keys(ARRAY("[9,4]", GRID("[4,2]"), KEYS("default", ""), BYTES), slashes,
               sizeof slashes / sizeof slashes[0]);
    check_keys(ARRAY("[9,4]", GRID("[4,2]"), KEYS("v2", ""), BYTES), dots,
               sizeof dots / sizeof dots[0]);
    check_keys(ARRAY("[]", GRID("[]"), KEYS("default", ""), BYTES), scalar, 2);
}

static void test_key_index(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[900,4]", GRID("[4,2]"),
                    KEYS("default", ",\"configuration\":{\"separator\":\".\"}"), BYTES));
    uint64_t index[OZX_DIMENSIONS_MAX] = {0};

    CHECK(ozx_array_judge_key(m->array, "c.17.1", 6, index) == OZX_KEY_INSIDE);
    CHECK_UINT(index[0], 17);
    CHECK_UINT(index[1], 1);
    CHECK_UINT(ozx_array_chunk_count(m->array), 450);
}

#define INDEX                                                                                      \
    "\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}},{\"name\":"  \
    "\"crc32c\"}]"
#define SHARDS(inner, more)                                                                        \
    "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":" inner                    \
    ",\"codecs\":" BYTES "," INDEX more "}}]"

static void test_sharding(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[100,100]", GRID("[32,64]"), KEYS("default", ""), SHARDS("[16,16]", "")));
    const struct ozx_sharding *s = m->array->sharding;

    CHECK_UINT(m->defect_total, 0);
    if (!CHECK(s))
        return;
    CHECK_UINT(s->chunks_per_shard, 8);
    CHECK(s->index_readable && s->index_crc32c && !s->index_big_endian && !s->index_at_start);
    CHECK_UINT(s->index_size_bytes, 8 * 16 + 4);
    CHECK_STRING(s->codecs.list[0].name, "bytes");
}

static void test_sharding_start(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[100]", GRID("[32]"), KEYS("default", ""),
                    SHARDS("[16]", ",\"index_location\":\"start\"")));

    CHECK(m->array->sharding && m->array->sharding->index_at_start);
}

static void test_sharding_transposed(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[10,20]", GRID("[10,20]"), KEYS("default", ""),
                    "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}},"
                    "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[20,5],"
                    "\"codecs\":" BYTES "," INDEX "}}]"));

    CHECK(m->array->sharding && m->array->sharding->chunks_per_shard == 2);
}

/* What sharding cannot be, each a defect at its place, and no struct that anyone could trust. */
static void test_sharding_wrong(void)
{
    static const char *const wrong[] = {"[5]", "[0]", "[16,16]", "[-1]", "[1.5]", "\"16\"", "[]"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[2048];
        snprintf(
            json, sizeof json, "%s%s%s",
            "{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":\"int8\",\"fill_value\":0,"
            "\"shape\":[100]," GRID("[32]") "," KEYS(
                "default", "") ",\"codecs\":[{\"name\":\"sharding_indexed\",\"configuration\":{"
                               "\"chunk_shape\":",
            wrong[i], ",\"codecs\":" BYTES "," INDEX "}}]}");
        OZX_AUTO_METADATA struct ozx_metadata *m = parse(json);
        CHECK(!m->array->sharding);
        if (!CHECK(has_defect(m, "codecs[0].configuration.chunk_shape")))
            fprintf(stderr, "    chunk_shape %s\n", wrong[i]);
    }
}

static void test_too_many_chunks_per_shard(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse(ARRAY("[9223372036854775807,9223372036854775807]",
                    GRID("[9223372036854775807,9223372036854775807]"), KEYS("default", ""),
                    SHARDS("[1,1]", "")));

    CHECK(!m->array->sharding);
    CHECK_UINT(ozx_array_chunk_count(m->array), 1);
}

static void test_chunk_count_overflows(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m = parse(ARRAY(
        "[9223372036854775807,9223372036854775807]", GRID("[1,1]"), KEYS("default", ""), BYTES));

    CHECK_UINT(ozx_array_chunk_count(m->array), UINT64_MAX);
}

/* jansson's integers have 64 bits with a sign; the fill value of a label image may need one more.
 */
static void test_uint64_fill_value(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse("{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":\"uint64\",\"shape\":[9],"
              "\"fill_value\":18446744073709551615," GRID("[3]") "," KEYS(
                  "default", "") ",\"codecs\":" BYTES "}");

    CHECK_UINT(m->defect_total, 0);
    CHECK_UINT(m->array->shape.sizes[0], 9);
    CHECK_STRING(m->array->fill_value, "18446744073709551615");
}

static void test_refused(void)
{
    char deep[1024];
    size_t size = (4u << 20) * 2 + 64;
    char *many = malloc(size);

    memset(deep, '[', sizeof deep);
    check_refused("", 0, "not JSON");
    check_refused("{", 1, "not JSON");
    check_refused("[]", 2, "not a JSON object");
    check_refused("{\"a\":nan}", 9, "not JSON");
    check_refused("{\"a\":1e}", 8, "not JSON");
    check_refused("{\"a\":\"\xff\"}", 9, "not JSON");
    check_refused("{\"a\":\"\\u000\"}", 13, "not JSON");
    check_refused(deep, sizeof deep, "cut off");
    if (!CHECK(many))
        return;
    many[0] = '[';
    for (size_t i = 1; i < size; i++)
        many[i] = i % 2 ? '1' : ',';
    check_refused(many, size, "too many values");
    free(many);
}

static void test_node_type(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m = parse("{\"zarr_format\":\"3\",\"node_type\":7}");

    CHECK(!m->is_array && !m->is_group);
    CHECK(has_defect(m, "zarr_format") && has_defect(m, "node_type"));
}

/* More defects than are kept are counted. */
static void test_defects_bounded(void)
{
    char json[4096] = "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":"
                      "{\"version\":\"0.5\",\"labels\":[1";

    for (int i = 1; i < 200; i++)
        strcat(json, ",1");
    strcat(json, "]}}}");
    OZX_AUTO_METADATA struct ozx_metadata *m = parse(json);
    CHECK_UINT(m->defect_total, 200);
    CHECK_UINT(m->defect_count, OZX_DEFECTS_MAX);
    CHECK_STRING(m->defects[3].where, "attributes.ome.labels[3]");
    CHECK(m->ome->has_labels && m->ome->label_count == 0);
}

/* 0.6 drafts: axes in coordinate systems, transformations in sequences. */
static void test_coordinate_systems(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m = parse(
        "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"version\":\"0.6\","
        "\"multiscales\":[{\"coordinateSystems\":["
        "{\"name\":\"other\",\"axes\":[{\"name\":\"i\"}]},"
        "{\"name\":\"physical\",\"axes\":[{\"name\":\"y\",\"unit\":\"nanometer\"},{\"name\":\"x\"}]"
        "}],"
        "\"datasets\":[{\"path\":\"0\",\"coordinateTransformations\":[{\"type\":\"sequence\","
        "\"input\":\"0\",\"output\":\"physical\",\"transformations\":["
        "{\"type\":\"scale\",\"scale\":[2,3]},{\"type\":\"translation\",\"translation\":[5,7]},"
        "{\"type\":\"scale\",\"scale\":[10,1]}]}]}]}]}}}");
    const struct ozx_multiscale *s = m->ome->multiscales;

    CHECK_UINT(m->defect_total, 0);
    CHECK_UINT(s->axis_count, 2);
    CHECK_STRING(s->axes[0].unit, "nanometer");
    if (CHECK(s->dataset_count == 1 && s->datasets[0].transforms.scale &&
              s->datasets[0].transforms.translation)) {
        CHECK(s->datasets[0].transforms.scale[0] == 20);
        CHECK(s->datasets[0].transforms.translation[0] == 50);
        CHECK(s->datasets[0].transforms.translation[1] == 7);
    }
}

CHECK_MAIN({"array", test_array}, {"unknown_keys", test_unknown_keys}, {"keys", test_keys},
           {"key_index", test_key_index}, {"sharding", test_sharding},
           {"sharding_start", test_sharding_start},
           {"sharding_transposed", test_sharding_transposed},
           {"sharding_wrong", test_sharding_wrong},
           {"too_many_chunks_per_shard", test_too_many_chunks_per_shard},
           {"chunk_count_overflows", test_chunk_count_overflows},
           {"uint64_fill_value", test_uint64_fill_value}, {"refused", test_refused},
           {"node_type", test_node_type}, {"defects_bounded", test_defects_bounded},
           {"coordinate_systems", test_coordinate_systems})
