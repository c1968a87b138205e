/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Codecs as tables.
 */
#include "zarr/v2_codec.h"

#include <string.h>

/* Readers as they showed themselves in tests/convert. */
static const struct ozx_v2_codec_row rows[] = {
    {"blosc", OZX_V2_OF_BYTES, "blosc", NULL, 0},
    {"gzip", OZX_V2_OF_BYTES, "gzip", NULL, 1},
    {"zstd", OZX_V2_OF_BYTES, "zstd", NULL, 2},
    {"vlen-utf8", OZX_V2_TO_BYTES, "vlen-utf8", NULL, 3},
    {"zlib", OZX_V2_OF_BYTES, "numcodecs.zlib", "zarr-python, zarrs, zarrita.js", 4},
    {"lz4", OZX_V2_OF_BYTES, "numcodecs.lz4", "zarr-python, zarrita.js", 5},
    {"bz2", OZX_V2_OF_BYTES, "numcodecs.bz2", "zarr-python, zarrs", 6},
    {"lzma", OZX_V2_OF_BYTES, "numcodecs.lzma", "zarr-python", 7},
    {"shuffle", OZX_V2_OF_BYTES, "numcodecs.shuffle", "zarr-python, zarrs, zarrita.js", 8},
    {"crc32", OZX_V2_OF_BYTES, "numcodecs.crc32", "zarr-python", 9},
    {"crc32c", OZX_V2_OF_BYTES, "numcodecs.crc32c", "zarr-python", 10},
    {"adler32", OZX_V2_OF_BYTES, "numcodecs.adler32", "zarr-python", 11},
    {"fletcher32", OZX_V2_OF_BYTES, "numcodecs.fletcher32", "zarr-python", 12},
    {"jenkins_lookup3", OZX_V2_OF_BYTES, "numcodecs.jenkins_lookup3", "zarr-python", 13},
    {"delta", OZX_V2_OF_ARRAYS, "numcodecs.delta", "zarr-python, zarrita.js (not with astype)", 14},
    {"fixedscaleoffset", OZX_V2_OF_ARRAYS, "numcodecs.fixedscaleoffset", "zarr-python, zarrs", 15},
    {"quantize", OZX_V2_OF_ARRAYS, "numcodecs.quantize", "zarr-python", 16},
    {"bitround", OZX_V2_OF_ARRAYS, "numcodecs.bitround", "zarr-python, zarrs, zarrita.js", 17},
    {"packbits", OZX_V2_OF_ARRAYS, "numcodecs.packbits", "zarr-python", 18},
    {"astype", OZX_V2_OF_ARRAYS, "numcodecs.astype", "zarr-python", 19},
    {"zfpy", OZX_V2_TO_BYTES, "numcodecs.zfpy", "zarr-python, zarrs", 20},
    {"pcodec", OZX_V2_TO_BYTES, "numcodecs.pcodec", "zarr-python, zarrs", 21},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])
_Static_assert(ROW_COUNT <= OZX_V2_CODECS_MAX, "a bit for each");

const char *ozx_v2_codec_name(unsigned index)
{
    return index < ROW_COUNT ? rows[index].name : NULL;
}

const char *ozx_v2_codec_readers(unsigned index)
{
    return index < ROW_COUNT ? rows[index].readers : NULL;
}

const struct ozx_v2_codec_row *ozx_v2_find_codec(const char *id)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].id, id) == 0)
            return &rows[i];
    return NULL;
}

/* What a configuration may hold; what is not listed is refused, as numcodecs refuses it. */
enum field_kind { INTEGER, NUMBER, TEXT, BOOLEAN, DTYPE, ANY };

static const struct field {
    const char *id, *name;
    enum field_kind kind;
    int64_t least, most;
} fields[] = {
    {"blosc", "cname", TEXT, 0, 0},
    {"blosc", "clevel", INTEGER, 0, 9},
    {"blosc", "shuffle", INTEGER, -1, 2},
    {"blosc", "blocksize", INTEGER, 0, INT32_MAX},
    {"blosc", "typesize", INTEGER, 1, 255},
    {"gzip", "level", INTEGER, -1, 9},
    {"zstd", "level", INTEGER, -131072, 22},
    {"zstd", "checksum", BOOLEAN, 0, 0},
    {"zlib", "level", INTEGER, -1, 9},
    {"lz4", "acceleration", INTEGER, INT32_MIN, INT32_MAX},
    {"bz2", "level", INTEGER, 1, 9},
    {"lzma", "format", INTEGER, 0, 3},
    {"lzma", "check", INTEGER, -1, 15},
    {"lzma", "preset", INTEGER, 0, UINT32_MAX},
    {"lzma", "filters", ANY, 0, 0},
    {"shuffle", "elementsize", INTEGER, 1, INT32_MAX},
    {"crc32", "location", TEXT, 0, 0},
    {"crc32c", "location", TEXT, 0, 0},
    {"adler32", "location", TEXT, 0, 0},
    {"jenkins_lookup3", "initval", INTEGER, 0, UINT32_MAX},
    {"jenkins_lookup3", "prefix", ANY, 0, 0},
    {"delta", "dtype", DTYPE, 0, 0},
    {"delta", "astype", DTYPE, 0, 0},
    {"fixedscaleoffset", "scale", NUMBER, 0, 0},
    {"fixedscaleoffset", "offset", NUMBER, 0, 0},
    {"fixedscaleoffset", "dtype", DTYPE, 0, 0},
    {"fixedscaleoffset", "astype", DTYPE, 0, 0},
    {"quantize", "digits", INTEGER, -400, 400},
    {"quantize", "dtype", DTYPE, 0, 0},
    {"quantize", "astype", DTYPE, 0, 0},
    {"bitround", "keepbits", INTEGER, 0, 64},
    {"astype", "encode_dtype", DTYPE, 0, 0},
    {"astype", "decode_dtype", DTYPE, 0, 0},
    {"zfpy", "mode", INTEGER, 1, 5},
    {"zfpy", "tolerance", NUMBER, 0, 0},
    {"zfpy", "rate", NUMBER, 0, 0},
    {"zfpy", "precision", NUMBER, 0, 0},
    {"zfpy", "compression_kwargs", ANY, 0, 0},
    {"pcodec", "level", INTEGER, 0, 12},
    {"pcodec", "mode_spec", TEXT, 0, 0},
    {"pcodec", "delta_spec", TEXT, 0, 0},
    {"pcodec", "paging_spec", TEXT, 0, 0},
    {"pcodec", "delta_encoding_order", INTEGER, 0, 7},
    {"pcodec", "equal_pages_up_to", INTEGER, 1, UINT32_MAX},
};

/* --- one configuration ------------------------------------------------------------------------ */

static bool is_right(const struct field *field, const struct ozx_v2_value *value)
{
    char text[256];
    int64_t number;

    switch (field->kind) {
    case INTEGER:
        return ozx_v2_integer(value, &number) && number >= field->least && number <= field->most;
    case NUMBER:
        return ozx_v2_is_number(value);
    case TEXT:
        return ozx_v2_string(value, text, sizeof text);
    case BOOLEAN:
        return ozx_v2_is_word(value, "true") || ozx_v2_is_word(value, "false");
    case DTYPE: /* as a type, where it is asked for */
        return ozx_v2_first(value) == '"';
    default:
        return true;
    }
}

static const struct field *find_field(const char *id, const char *text, struct ozx_json_range key)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].id, id) == 0 && ozx_json_is(text, key, fields[i].name))
            return &fields[i];
    return NULL;
}

int ozx_v2_check_configuration(const struct ozx_v2_codec *codec, struct ozx_error *error)
{
    const char *text = codec->value.text;
    struct ozx_json_cursor cursor = ozx_json_within(text, codec->value.range);
    struct ozx_json_member member;
    char key[64], shown[OZX_ESCAPED_SIZE];

    if (!ozx_json_enter(&cursor, '{'))
        return OZX_V2_REFUSE(error, "%s: is not an object", codec->where);
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        const struct ozx_v2_value value = {text, member.value};
        const struct field *field = find_field(codec->row->id, text, member.key);

        if (ozx_json_is(text, member.key, "id") || (field && ozx_v2_is_word(&value, "null")))
            continue;
        if (!field)
            return OZX_V2_REFUSE(error, "%s: '%s' has no field '%s'", codec->where,
                                 codec->row->id,
                                 ozx_escape(key, sizeof key, text + member.key.from,
                                            member.key.to - member.key.from));
        if (!is_right(field, &value))
            return OZX_V2_REFUSE(error, "%s.%s: %s is not a value of it", codec->where,
                                 field->name, ozx_v2_show(&value, shown));
    }
    return 0;
}

/* The members of a configuration as they are, but for `id` and what is null; the last of a key. */
static bool copy_members(const struct ozx_v2_codec *codec, struct ozx_text *out)
{
    struct ozx_json_cursor cursor = ozx_json_within(codec->value.text, codec->value.range);
    struct ozx_json_member member;
    bool any = false;

    (void)ozx_json_enter(&cursor, '{');
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        const struct ozx_v2_value value = {codec->value.text, member.value};
        const struct field *field = find_field(codec->row->id, value.text, member.key);
        struct ozx_v2_value last;

        if (!field || ozx_v2_is_word(&value, "null") ||
            !ozx_v2_find(&codec->value, field->name, &last) || last.range.from != value.range.from)
            continue;
        ozx_text_format(out, "%s\"%s\":", any ? "," : "", field->name);
        ozx_v2_copy(out, &value);
        any = true;
    }
    return any;
}

/* What numcodecs takes where nothing is stated, as v3's readers ask for it or take something else.
 */
static const struct {
    const char *id, *key, *value;
} defaults[] = {
    {"zlib", "level", "1"},           {"lz4", "acceleration", "1"},
    {"bz2", "level", "1"},            {"shuffle", "elementsize", "4"},
    {"crc32", "location", "\"start\""}, {"adler32", "location", "\"start\""},
};

void ozx_v2_copy_configuration(const struct ozx_v2_codec *codec, struct ozx_text *out)
{
    bool any = copy_members(codec, out);
    struct ozx_v2_value stated;

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (strcmp(defaults[i].id, codec->row->id) != 0 ||
            ozx_v2_find(&codec->value, defaults[i].key, &stated))
            continue;
        ozx_text_format(out, "%s\"%s\":%s", any ? "," : "", defaults[i].key, defaults[i].value);
        any = true;
    }
}
