/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What Zarr v3 asks of an array's metadata, and that valid metadata of every kind have no defect.
 */
#include "metadata.h"

/* --- fill values ------------------------------------------------------------------------------ */

struct fill_case {
    const char *data_type, *fill_value;
    bool valid;
};

/* Each held against zarr-python 3.1.6, tensorstore 0.1.86 and zarrs: what one of them refuses and
 * the specification does not allow is a defect. */
static const struct fill_case fill_cases[] = {
    {"\"uint8\"", "0", true},
    {"\"uint8\"", "255", true},
    {"\"uint8\"", "256", false},
    {"\"uint8\"", "300", false},
    {"\"uint8\"", "-1", false},
    {"\"uint8\"", "0.0", false}, /* zarrs refuses it */
    {"\"uint8\"", "1e2", false},
    {"\"uint8\"", "\"0\"", false},
    {"\"uint8\"", "\"NaN\"", false},
    {"\"uint8\"", "true", false},
    {"\"uint8\"", "[0]", false},
    {"\"uint8\"", "null", false},
    {"\"uint8\"", "1000000000000000000000000", false},
    {"\"int8\"", "-128", true},
    {"\"int8\"", "-129", false},
    {"\"int8\"", "128", false},
    {"\"int16\"", "\"NaN\"", false},
    {"\"int16\"", "32768", false},
    {"\"uint64\"", "18446744073709551615", true},
    {"\"uint64\"", "18446744073709551616", false},
    {"\"uint64\"", "36893488147419103232", false},
    {"\"uint64\"", "18446744073709551615.0", false},
    {"\"int64\"", "9223372036854775807", true},
    {"\"int64\"", "9223372036854775808", false},
    {"\"int64\"", "-9223372036854775809", false},
    {"\"float64\"", "18446744073709551616", true},
    {"\"uint8\"", "18446744073709551616", false},
    {"\"uint64\"", "-1", false},
    {"\"int64\"", "-9223372036854775808", true},
    {"\"int64\"", "18446744073709551615", false},
    {"\"int4\"", "7", true},
    {"\"int4\"", "8", false},
    {"{\"name\":\"uint8\"}", "300", false},
    {"\"float32\"", "0", true},
    {"\"float32\"", "0.5", true},
    {"\"float32\"", "1e300", true}, /* rounded */
    {"\"float32\"", "\"NaN\"", true},
    {"\"float32\"", "\"Infinity\"", true},
    {"\"float32\"", "\"-Infinity\"", true},
    {"\"float32\"", "\"+Infinity\"", false},
    {"\"float32\"", "\"nan\"", false},
    {"\"float32\"", "\"1.5\"", false},
    {"\"float32\"", "\"0x7fc00000\"", true},
    {"\"float32\"", "\"0x7FC00000\"", true},
    {"\"float32\"", "\"0x7fc0\"", false}, /* a NaN to zarr-python, 4e-41 to tensorstore */
    {"\"float32\"", "\"0x7fc0000g\"", false},
    {"\"float32\"", "\"0x\"", false},
    {"\"float32\"", "\"\"", false},
    {"\"float32\"", "true", false},
    {"\"float32\"", "null", false},
    {"\"float16\"", "\"0x7e00\"", true},
    {"\"bfloat16\"", "\"0x7fc0\"", true},
    {"\"float8_e4m3\"", "\"0x7c\"", true},
    {"\"float64\"", "\"0x7ff8000000000000\"", true},
    {"\"float64\"", "\"0x7fc00000\"", false},
    {"\"bool\"", "true", true},
    {"\"bool\"", "false", true},
    {"\"bool\"", "0", false},
    {"\"bool\"", "\"false\"", false},
    {"\"bool\"", "null", false},
    {"\"complex64\"", "[0,0]", true},
    {"\"complex64\"", "[\"NaN\",\"-Infinity\"]", true},
    {"\"complex64\"", "[\"0x7fc00000\",1]", true},
    {"\"complex128\"", "[\"0x7fc00000\",1]", false},
    {"\"complex64\"", "[0]", false},
    {"\"complex64\"", "0", false},
    {"\"complex64\"", "[0,null]", false},
    {"\"r16\"", "[1,255]", true},
    {"\"r16\"", "[1,256]", false},
    {"\"r16\"", "[1]", false},
    {"\"r16\"", "\"AQI=\"", true}, /* zarrs and tensorstore read it */
    {"\"r16\"", "0", false},
    {"\"string\"", "\"\"", true},
    {"\"string\"", "0", false},
    {"\"string\"", "null", false},
    {"{\"name\":\"fixed_length_utf32\",\"configuration\":{\"length_bytes\":8}}", "\"\"", true},
    {"\"bytes\"", "\"\"", true},
    {"\"bytes\"", "[1,2]", true},
    {"\"bytes\"", "[1,256]", false},
    {"\"variable_length_bytes\"", "\"AQI=\"", true},
    {"{\"name\":\"numpy.datetime64\",\"configuration\":{\"unit\":\"s\",\"scale_factor\":1}}",
     "-9223372036854775808", true},
    {"{\"name\":\"numpy.datetime64\"}", "\"NaT\"", true},
    {"{\"name\":\"numpy.datetime64\"}", "\"2020\"", false},
    {"{\"name\":\"structured\",\"configuration\":{\"fields\":[[\"a\",\"int32\"]]}}", "\"AAAAAA==\"",
     true},
    {"{\"name\":\"struct\",\"configuration\":{\"fields\":[{\"name\":\"a\",\"data_type\":\"int8\"}]}"
     "}",
     "{\"a\":7}", true},
    {"{\"name\":\"struct\",\"configuration\":{\"fields\":[{\"name\":\"a\",\"data_type\":\"int8\"}]}"
     "}",
     "{\"a\":700}", false},
    {"{\"name\":\"struct\",\"configuration\":{\"fields\":[{\"name\":\"a\",\"data_type\":\"int8\"}]}"
     "}",
     "{}", false},
    {"\"zarrs.optional\"", "null", true}, /* not known: nothing is said */
    {"\"uint7\"", "300", true},
    {"\"r12\"", "0", true},
};

static struct ozx_metadata *parse_fill(const struct fill_case *one)
{
    char json[1024];

    snprintf(json, sizeof json,
             "{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":%s,\"fill_value\":%s,"
             "\"shape\":[9]," GRID("[3]") "," KEYS("default", "") ",\"codecs\":" BYTES "}",
             one->data_type, one->fill_value);
    return parse(json);
}

static void test_fill_values(void)
{
    for (size_t i = 0; i < sizeof fill_cases / sizeof fill_cases[0]; i++) {
        OZX_AUTO_METADATA struct ozx_metadata *m = parse_fill(&fill_cases[i]);
        if (!CHECK(m->defect_total == !fill_cases[i].valid &&
                   has_defect(m, "fill_value") == !fill_cases[i].valid))
            fprintf(stderr, "    fill_value %s of %s\n", fill_cases[i].fill_value,
                    fill_cases[i].data_type);
    }
}

/* The words, and that the array is there all the same. */
static void test_fill_value_words(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *null =
        parse_fill(&(struct fill_case){"\"uint8\"", "null", false});
    OZX_AUTO_METADATA struct ozx_metadata *real =
        parse_fill(&(struct fill_case){"\"int16\"", "1.0", false});

    CHECK(null->array->has_fill_value);
    CHECK_STRING(null->array->fill_value, "null");
    CHECK_STRING(null->defects[0].text, "is null, which is not a valid 'uint8' value");
    CHECK_STRING(real->defects[0].text,
                 "is 1.0: a 'int16' value must not have a fraction or an exponent");
}

/* Zarr v2 allows null, and has its own types. */
static void test_fill_value_v2(void)
{
    static const char *const values[] = {"null", "300", "\"NaN\""};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        OZX_AUTO_METADATA struct ozx_metadata *m = NULL;
        struct ozx_error error = OZX_ERROR_INIT;
        char json[512];
        snprintf(
            json, sizeof json,
            "{\"zarr_format\":2,\"shape\":[4],\"chunks\":[4],\"dtype\":\"|u1\",\"order\":\"C\","
            "\"compressor\":null,\"filters\":null,\"fill_value\":%s}",
            values[i]);
        CHECK(!ozx_metadata_parse(OZX_METADATA_ZARRAY, json, strlen(json), NULL, 0, &m, &error));
        if (CHECK(m))
            CHECK_UINT(m->defect_total, 0);
    }
}

/* --- codecs ----------------------------------------------------------------------------------- */

#define LITTLE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}"
#define SHARD(inner, codecs, index)                                                                \
    "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":" inner                     \
    ",\"codecs\":[" codecs "],\"index_codecs\":[" index "]}}"
#define TRANSPOSE(order) "{\"name\":\"transpose\",\"configuration\":{\"order\":" order "}}"

static struct ozx_metadata *parse_codecs(const char *codecs)
{
    char json[2048];

    snprintf(json, sizeof json,
             "{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":\"int8\",\"fill_value\":0,"
             "\"shape\":[30,60]," GRID("[12,24]") "," KEYS("default", "") ",\"codecs\":[%s]}",
             codecs);
    return parse(json);
}

/* What stands behind a sharding decides whether the shard's index can be found in the file. */
static void test_codecs_behind_sharding(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *plain =
        parse_codecs(SHARD("[6,6]", LITTLE, LITTLE ",\"crc32c\""));
    OZX_AUTO_METADATA struct ozx_metadata *sums = parse_codecs(
        SHARD("[6,6]", LITTLE, LITTLE ",\"crc32c\"") ",\"crc32c\",{\"name\":\"crc32c\"}");
    OZX_AUTO_METADATA struct ozx_metadata *hidden = parse_codecs(
        SHARD("[6,6]", LITTLE, LITTLE ",\"crc32c\"") ",\"crc32c\",{\"name\":\"gzip\"}");

    CHECK_UINT(plain->defect_total + sums->defect_total + hidden->defect_total, 0);
    if (!CHECK(plain->array->sharding && sums->array->sharding && hidden->array->sharding))
        return;
    CHECK(plain->array->sharding->index_readable && !plain->array->sharding->behind);
    CHECK_UINT(plain->array->sharding->trailer_size_bytes, 0);
    CHECK(!sums->array->sharding->behind);
    CHECK_UINT(sums->array->sharding->trailer_size_bytes, 8);
    CHECK_STRING(hidden->array->sharding->behind, "gzip");
}

static void test_shards_in_shards(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m = parse_codecs(TRANSPOSE("[1,0]") "," SHARD(
        "[12,6]", TRANSPOSE("[1,0]") "," SHARD("[3,4]", LITTLE, LITTLE) ",\"crc32c\"", LITTLE));
    const struct ozx_sharding *outer = m->array->sharding;

    CHECK_UINT(m->defect_total, 0);
    if (!CHECK(outer && outer->inner))
        return;
    CHECK_UINT(outer->chunks_per_shard, 4);        /* [24,12] by [12,6] */
    CHECK_UINT(outer->inner->chunks_per_shard, 6); /* [6,12] by [3,4] */
    CHECK_UINT(outer->inner->trailer_size_bytes, 4);
    CHECK(!outer->inner->inner);
}

/* A codec that is not known may have changed the shape: nothing can be held against the chunks. */
static void test_sharding_of_unknown_shape(void)
{
    OZX_AUTO_METADATA struct ozx_metadata *m =
        parse_codecs("{\"name\":\"example.reshape\"}," SHARD("[7]", LITTLE, LITTLE));

    CHECK_UINT(m->defect_total, 0);
    if (!CHECK(m->array->sharding))
        return;
    CHECK_UINT(m->array->sharding->chunks_per_shard, 0);
    CHECK(!m->array->sharding->index_readable);
}

struct codec_case {
    const char *codecs, *where; /* of the one defect; NULL: there is none */
};

static void test_codec_lists(void)
{
    static const struct codec_case cases[] = {
        {"\"bytes\"", NULL},
        {LITTLE ",{\"name\":\"numcodecs.zlib\",\"configuration\":{\"level\":1}}", NULL},
        {"{\"name\":\"example.codec\",\"must_understand\":false}", NULL},
        {"{\"name\":\"bytes\",\"must_understand\":true}", NULL},
        {"\"gzip\"", "codecs"},
        {TRANSPOSE("[0,1]"), "codecs"},
        {TRANSPOSE("[0,1]") "," LITTLE, NULL},
        {TRANSPOSE("[0]") "," LITTLE, "codecs[0].configuration.order"},
        {TRANSPOSE("[1,1]") "," LITTLE, "codecs[0].configuration.order"},
        {TRANSPOSE("[0,-1]") "," LITTLE, "codecs[0].configuration.order"},
        {TRANSPOSE("[0,99]") "," LITTLE, "codecs[0].configuration.order"},
        {TRANSPOSE("\"F\"") "," LITTLE, NULL},
        {SHARD("[6,6]", LITTLE, LITTLE ",\"gzip\""), "codecs[0].configuration.index_codecs[1]"},
        {SHARD("[6,6]", LITTLE, LITTLE ",\"numcodecs.zstd\""),
         "codecs[0].configuration.index_codecs[1]"},
        {SHARD("[6,6]", LITTLE, "\"crc32c\""), "codecs[0].configuration.index_codecs"},
        {SHARD("[6,6]", "\"gzip\"", LITTLE), "codecs[0].configuration.codecs"},
        {SHARD("[6,6]", LITTLE, LITTLE ",\"example.checksum\""), NULL},
        {"\"sharding_indexed\"", "codecs[0].configuration"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        OZX_AUTO_METADATA struct ozx_metadata *m = parse_codecs(cases[i].codecs);
        if (!CHECK(m->defect_total == (cases[i].where != NULL) &&
                   (!cases[i].where || has_defect(m, cases[i].where))))
            fprintf(stderr, "    codecs %s: %s %s\n", cases[i].codecs,
                    m->defect_total ? m->defects[0].where : "",
                    m->defect_total ? m->defects[0].text : "no defect");
    }
}

CHECK_MAIN({"fill_values", test_fill_values}, {"fill_value_words", test_fill_value_words},
           {"fill_value_v2", test_fill_value_v2},
           {"codecs_behind_sharding", test_codecs_behind_sharding},
           {"shards_in_shards", test_shards_in_shards},
           {"sharding_of_unknown_shape", test_sharding_of_unknown_shape},
           {"codec_lists", test_codec_lists})
