/* SPDX-License-Identifier: BSD-2-Clause
 *
 * filters and compressor of Zarr v2 as codecs of v3:
 *
 *     v2   order F     filters: delta, ..., shuffle, ...      compressor
 *     v3   transpose   numcodecs.delta   bytes   numcodecs.shuffle   blosc
 *                      of arrays                 of bytes
 *
 * To v2 all of it is bytes, to v3 a filter of arrays takes and gives a type: so each one's `dtype`
 * must be what the one before it gives, byte order and all, or pixels would come out wrong. The
 * byte order of `bytes` is that of the last of them.
 */
#include <stdio.h>
#include <string.h>

#include "zarr/v2_codec.h"

/* The list that is being made. */
struct making {
    struct ozx_v2_type type; /* of what the next one is given, as long as that is an array */
    uint32_t dimensions;
    bool is_fortran;
    bool is_bytes; /* `bytes`, or what takes its place, is in it */
    bool any;
    struct ozx_text *out;
    struct ozx_v2_report *report;
    struct ozx_error *error;
};

/* --- one configuration ------------------------------------------------------------------------ */

/* Checked before; `otherwise` where it is not stated. */
static int64_t integer_of(const struct ozx_v2_codec *codec, const char *key, int64_t otherwise)
{
    struct ozx_v2_value value;
    int64_t number;

    return ozx_v2_find(&codec->value, key, &value) && ozx_v2_integer(&value, &number) ? number
                                                                                      : otherwise;
}

static bool text_is(const struct ozx_v2_codec *codec, const char *key, const char *wanted,
                    bool otherwise)
{
    struct ozx_v2_value value;
    char text[256];

    if (!ozx_v2_find(&codec->value, key, &value))
        return otherwise;
    return ozx_v2_string(&value, text, sizeof text) && strcmp(text, wanted) == 0;
}

/* `where`.`key` as a type; 1: it is not stated. */
static int type_of(const struct making *m, const struct ozx_v2_codec *codec, const char *key,
                   struct ozx_v2_type *out)
{
    struct ozx_v2_value value;
    char field[64];

    if (!ozx_v2_find(&codec->value, key, &value))
        return 1;
    snprintf(field, sizeof field, "%s.%s", codec->where, key);
    return ozx_v2_type(&value, field, out, m->error);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void begin(struct making *m, const char *name)
{
    ozx_text_format(m->out, "%s{\"name\":\"%s\",\"configuration\":{", m->any ? "," : "", name);
    m->any = true;
}

static void end(struct making *m)
{
    ozx_text_put(m->out, "}}");
}

/* The serializer, in front of the first codec of bytes. */
static void put_bytes(struct making *m)
{
    if (m->is_bytes)
        return;
    m->is_bytes = true;
    begin(m, "bytes");
    if (m->type.order != '|')
        ozx_text_format(m->out, "\"endian\":\"%s\"", m->type.order == '<' ? "little" : "big");
    end(m);
}

static void put_transpose(struct making *m)
{
    begin(m, "transpose");
    ozx_text_put(m->out, "\"order\":[");
    for (uint32_t i = m->dimensions; i-- > 0;)
        ozx_text_format(m->out, "%u%s", i, i ? "," : "");
    ozx_text_put(m->out, "]");
    end(m);
}

/* --- codecs of bytes -------------------------------------------------------------------------- */

/* What numcodecs gives to blosc as the size of an item; more than a byte holds is none to it. */
static uint32_t item_size(const struct making *m, bool was_bytes)
{
    uint32_t size = was_bytes ? 1 : m->type.size_bytes;

    return size < 1 || size > 255 ? 1 : size;
}

static int put_blosc(struct making *m, const struct ozx_v2_codec *codec, bool was_bytes)
{
    static const char *const names[] = {"lz4", "lz4hc", "blosclz", "zstd", "snappy", "zlib"};
    static const char *const shuffles[] = {"noshuffle", "shuffle", "bitshuffle"};
    uint32_t size = (uint32_t)integer_of(codec, "typesize", item_size(m, was_bytes));
    int64_t shuffle = integer_of(codec, "shuffle", 1);
    size_t i = 0;

    while (i < 6 && !text_is(codec, "cname", names[i], i == 0))
        i++;
    if (i == 6)
        return OZX_V2_REFUSE(m->error, "%s.cname: blosc of Zarr v3 does not have it", codec->where);
    if (shuffle < 0)
        shuffle = size == 1 ? 2 : 1;
    begin(m, "blosc");
    ozx_text_format(m->out,
                    "\"typesize\":%u,\"cname\":\"%s\",\"clevel\":%d,\"shuffle\":\"%s\","
                    "\"blocksize\":%d",
                    size, names[i], (int)integer_of(codec, "clevel", 5), shuffles[shuffle],
                    (int)integer_of(codec, "blocksize", 0));
    end(m);
    return 0;
}

static void put_gzip(struct making *m, const struct ozx_v2_codec *codec)
{
    int level = (int)integer_of(codec, "level", 1);

    if (level < 0) {
        level = 6; /* zlib's own choice */
        m->report->said |= OZX_V2_GZIP_LEVEL;
    }
    begin(m, "gzip");
    ozx_text_format(m->out, "\"level\":%d", level);
    end(m);
}

static void put_zstd(struct making *m, const struct ozx_v2_codec *codec)
{
    struct ozx_v2_value checksum;
    bool has = ozx_v2_find(&codec->value, "checksum", &checksum) &&
               ozx_v2_is_word(&checksum, "true");

    begin(m, "zstd");
    ozx_text_format(m->out, "\"level\":%d,\"checksum\":%s", (int)integer_of(codec, "level", 0),
                    has ? "true" : "false");
    end(m);
}

static void put_numcodecs(struct making *m, const struct ozx_v2_codec *codec)
{
    m->report->codecs |= UINT32_C(1) << codec->row->number;
    begin(m, codec->row->name);
    ozx_v2_copy_configuration(codec, m->out);
    end(m);
}

static int add_of_bytes(struct making *m, const struct ozx_v2_codec *codec)
{
    const char *id = codec->row->id;
    bool was_bytes = m->is_bytes;

    if (strstr(id, "32") && !text_is(codec, "location", "end", true) &&
        !text_is(codec, "location", "start", true))
        return OZX_V2_REFUSE(m->error, "%s.location: neither 'start' nor 'end'", codec->where);
    put_bytes(m);
    if (strcmp(id, "blosc") == 0)
        return put_blosc(m, codec, was_bytes);
    if (strcmp(id, "gzip") == 0) {
        put_gzip(m, codec);
    } else if (strcmp(id, "zstd") == 0) {
        put_zstd(m, codec);
    } else if (strcmp(id, "crc32c") == 0 && text_is(codec, "location", "end", true)) {
        begin(m, "crc32c"); /* v3's own: the same four bytes */
        end(m);
    } else {
        put_numcodecs(m, codec);
    }
    return 0;
}

/* --- codecs of arrays ------------------------------------------------------------------------- */

static int refuse_type(const struct making *m, const struct ozx_v2_codec *codec, const char *key,
                       const char *why)
{
    return OZX_V2_REFUSE(m->error, "%s%s%s: %s", codec->where, key ? "." : "", key ? key : "", why);
}

/* The member that names the type it is given, and the one that names what it makes of it. */
static int follow_types(struct making *m, const struct ozx_v2_codec *codec, const char *given_key,
                        const char *made_key)
{
    struct ozx_v2_type given, made;
    int failure = type_of(m, codec, given_key, &given);

    if (failure)
        return failure < 0 ? failure : refuse_type(m, codec, given_key, "is missing");
    if (!ozx_v2_same_type(&given, &m->type))
        return refuse_type(m, codec, given_key,
                           "is not the type that the filter gets, which Zarr v3 cannot express");
    if (!ozx_v2_is_numeric(&given))
        return refuse_type(m, codec, given_key, "is not a number");
    made = given;
    failure = type_of(m, codec, made_key, &made);
    if (failure < 0)
        return failure;
    if (failure && strcmp(made_key, "encode_dtype") == 0)
        return refuse_type(m, codec, made_key, "is missing");
    if (!ozx_v2_is_numeric(&made))
        return refuse_type(m, codec, made_key, "is not a number");
    m->type = made;
    return 0;
}

static int need_integer(const struct making *m, const struct ozx_v2_codec *codec, const char *key)
{
    struct ozx_v2_value value;

    return ozx_v2_find(&codec->value, key, &value) ? 0
                                                   : refuse_type(m, codec, key, "is missing");
}

static int check_filter(struct making *m, const struct ozx_v2_codec *codec)
{
    const char *id = codec->row->id;
    struct ozx_v2_type before = m->type;
    int failure;

    if (strcmp(id, "packbits") == 0) {
        if (m->type.kind != OZX_V2_BOOL)
            return refuse_type(m, codec, NULL, "'packbits' of what is not bool");
        m->type = (struct ozx_v2_type){.kind = OZX_V2_UINT, .order = '|', .size_bytes = 1};
        return 0;
    }
    if (strcmp(id, "bitround") == 0) {
        failure = need_integer(m, codec, "keepbits");
        if (!failure && m->type.kind != OZX_V2_FLOAT)
            failure = refuse_type(m, codec, NULL, "'bitround' of what is not a float");
        return failure;
    }
    if (strcmp(id, "astype") == 0)
        return follow_types(m, codec, "decode_dtype", "encode_dtype");
    failure = follow_types(m, codec, "dtype", "astype");
    if (!failure && strcmp(id, "fixedscaleoffset") == 0) {
        failure = need_integer(m, codec, "scale");
        if (!failure)
            failure = need_integer(m, codec, "offset");
    }
    if (!failure && strcmp(id, "quantize") == 0) {
        failure = need_integer(m, codec, "digits");
        if (!failure && !ozx_v2_same_type(&before, &m->type))
            failure = refuse_type(m, codec, "astype",
                                  "is another type than dtype, which no reader of Zarr v3 follows");
    }
    return failure;
}

static int add_of_arrays(struct making *m, const struct ozx_v2_codec *codec)
{
    int failure;

    if (m->is_bytes)
        return OZX_V2_REFUSE(m->error,
                             "%s: '%s' follows a codec of bytes, which Zarr v3 does not allow",
                             codec->where, codec->row->id);
    failure = check_filter(m, codec);
    if (!failure)
        put_numcodecs(m, codec);
    return failure;
}

static int add_to_bytes(struct making *m, const struct ozx_v2_codec *codec)
{
    bool is_text = strcmp(codec->row->id, "vlen-utf8") == 0;

    if (is_text != (m->type.kind == OZX_V2_OBJECT) || m->is_bytes)
        return OZX_V2_REFUSE(m->error, "%s: Zarr v3 does not allow '%s' there", codec->where,
                             codec->row->id);
    if (!is_text && (!ozx_v2_is_numeric(&m->type) || m->type.order == '>'))
        return OZX_V2_REFUSE(m->error, "%s: '%s' of other than little-endian numbers",
                             codec->where, codec->row->id);
    if (!is_text && m->is_fortran && m->dimensions > 1)
        return OZX_V2_REFUSE(m->error, "%s: '%s' of an array of order F", codec->where,
                             codec->row->id);
    m->is_bytes = true;
    if (!is_text) {
        put_numcodecs(m, codec);
        return 0;
    }
    begin(m, codec->row->name);
    end(m);
    return 0;
}

/* --- the list --------------------------------------------------------------------------------- */

static int add(struct making *m, struct ozx_v2_codec *codec)
{
    struct ozx_v2_value id;
    char name[64] = "", shown[OZX_ESCAPED_SIZE];
    int failure;

    if (ozx_v2_first(&codec->value) != '{')
        return OZX_V2_REFUSE(m->error, "%s: is not an object", codec->where);
    if (!ozx_v2_find(&codec->value, "id", &id))
        return OZX_V2_REFUSE(m->error, "%s: has no id", codec->where);
    codec->row = ozx_v2_string(&id, name, sizeof name) ? ozx_v2_find_codec(name) : NULL;
    if (!codec->row)
        return OZX_V2_REFUSE(m->error, "%s: %s is a codec that Zarr v3 does not have",
                             codec->where, ozx_v2_show(&id, shown));
    failure = ozx_v2_check_configuration(codec, m->error);
    if (failure)
        return failure;
    return codec->row->place == OZX_V2_OF_ARRAYS  ? add_of_arrays(m, codec)
           : codec->row->place == OZX_V2_TO_BYTES ? add_to_bytes(m, codec)
                                           : add_of_bytes(m, codec);
}

static int add_filters(struct making *m, const struct ozx_v2_value *zarray)
{
    struct ozx_v2_value list;
    struct ozx_v2_codec codec = {.row = NULL};
    struct ozx_json_cursor cursor;
    unsigned index = 0;

    if (!ozx_v2_find(zarray, "filters", &list))
        return 0;
    codec.value.text = list.text;
    cursor = ozx_json_within(list.text, list.range);
    if (!ozx_json_enter(&cursor, '['))
        return OZX_V2_REFUSE(m->error, "filters: is not a list");
    while (ozx_json_next_element(&cursor, &codec.value.range) == OZX_JSON_ITEM) {
        int failure;

        snprintf(codec.where, sizeof codec.where, "filters[%u]", index++);
        failure = add(m, &codec);
        if (failure)
            return failure;
    }
    return 0;
}

int ozx_v2_put_codecs(const struct ozx_v2_value *zarray, const struct ozx_v2_type *type,
                      uint32_t dimensions, bool is_fortran, struct ozx_text *out,
                      struct ozx_v2_report *report, struct ozx_error *error)
{
    struct making m = {.type = *type,
                       .dimensions = dimensions,
                       .is_fortran = is_fortran,
                       .out = out,
                       .report = report,
                       .error = error};
    struct ozx_v2_codec compressor = {.where = "compressor"};
    int failure;

    ozx_text_put(out, "[");
    if (is_fortran && dimensions > 1)
        put_transpose(&m);
    failure = add_filters(&m, zarray);
    if (!failure && ozx_v2_find(zarray, "compressor", &compressor.value))
        failure = add(&m, &compressor);
    if (failure)
        return failure;
    if (!m.is_bytes && m.type.kind == OZX_V2_OBJECT)
        return OZX_V2_REFUSE(error, "dtype: \"|O\" without the filter 'vlen-utf8'");
    put_bytes(&m);
    ozx_text_put(out, "]");
    return 0;
}
