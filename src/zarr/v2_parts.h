/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the conversion share: values of a JSON text where they stand in it, so that a
 * number keeps its digits and a string its escapes; the types of Zarr v2. For zarr/v2*.c only.
 */
#ifndef OZX_ZARR_V2_PARTS_H
#define OZX_ZARR_V2_PARTS_H

#include <stdint.h>

#include "zarr/json_text.h"
#include "zarr/v2.h"

/* A value of a text that was found to be JSON. */
struct ozx_v2_value {
    const char *text;
    struct ozx_json_range range;
};

/* Checks a whole text and gives its object: what some readers take for JSON is taken. -EBADMSG,
 * with line and column. */
int ozx_v2_load(const char *text, size_t size_bytes, struct ozx_v2_value *out,
                struct ozx_error *error) OZX_CHECKED;

/* The first byte: '{', '[', '"', a digit or '-', 't', 'f', 'n'; 'N', 'I' for what is not finite. */
static inline char ozx_v2_first(const struct ozx_v2_value *value)
{
    return value->text[value->range.from];
}
static inline size_t ozx_v2_size(const struct ozx_v2_value *value)
{
    return value->range.to - value->range.from;
}
static inline void ozx_v2_copy(struct ozx_text *out, const struct ozx_v2_value *value)
{
    ozx_text_add(out, value->text + value->range.from, ozx_v2_size(value));
}

/* A member of an object that is there and not null. */
bool ozx_v2_find(const struct ozx_v2_value *object, const char *key, struct ozx_v2_value *out);
bool ozx_v2_is_word(const struct ozx_v2_value *value, const char *word); /* "true", "null", "NaN" */
/* A number written without fraction and exponent, that fits. */
bool ozx_v2_integer(const struct ozx_v2_value *value, int64_t *out);
bool ozx_v2_is_number(const struct ozx_v2_value *value); /* finite, as JSON has them */
/* A string of UTF-8 without NUL that fits `out`. */
bool ozx_v2_string(const struct ozx_v2_value *value, char *out, size_t room_bytes);
/* The value for a message: escaped, cut. Returns `out`. */
const char *ozx_v2_show(const struct ozx_v2_value *value, char out[OZX_ESCAPED_SIZE]);

#define OZX_V2_REFUSE(error, ...)                                                                  \
    ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL, __VA_ARGS__)

/* --- types ------------------------------------------------------------------------------------ */

enum ozx_v2_kind {
    OZX_V2_BOOL,
    OZX_V2_INT,
    OZX_V2_UINT,
    OZX_V2_FLOAT,
    OZX_V2_COMPLEX,
    OZX_V2_UTF32,    /* <U: as many code points, four bytes each */
    OZX_V2_BYTES,    /* |S: filled up with NUL */
    OZX_V2_RAW,      /* |V */
    OZX_V2_DATETIME, /* M8 */
    OZX_V2_TIMEDELTA,
    OZX_V2_OBJECT, /* |O: what it holds, a codec says */
};

struct ozx_v2_type {
    enum ozx_v2_kind kind;
    char order;          /* '<', '>', or '|' where there is none: one byte, or bytes */
    uint32_t size_bytes; /* of an item; 0 for objects */
    uint32_t factor;     /* of times: 25 of [25s] */
    char unit[8];        /* of times: "s", "generic" */
};

#define OZX_V2_ITEM_MAX (1u << 20) /* bytes of an item of text or bytes */

/* A dtype, the value of `field`. */
int ozx_v2_type(const struct ozx_v2_value *value, const char *field, struct ozx_v2_type *out,
                struct ozx_error *error) OZX_CHECKED;
bool ozx_v2_same_type(const struct ozx_v2_type *a, const struct ozx_v2_type *b);
/* Integers, floats: what filters reckon with. */
bool ozx_v2_is_numeric(const struct ozx_v2_type *type);
/* Its data_type in v3, as JSON. */
void ozx_v2_put_type(const struct ozx_v2_type *type, struct ozx_text *out);
/* The name of a numeric type: "float32". */
const char *ozx_v2_type_name(const struct ozx_v2_type *type, char out[24]);

/* The fill value in v3, as JSON; `value` NULL where v2 has null or none. */
int ozx_v2_put_fill(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                    struct ozx_text *out, struct ozx_v2_report *report,
                    struct ozx_error *error) OZX_CHECKED;

/* filters, then compressor, as v3's list `codecs`. `dimensions` and `is_fortran` of the array. */
int ozx_v2_put_codecs(const struct ozx_v2_value *zarray, const struct ozx_v2_type *type,
                      uint32_t dimensions, bool is_fortran, struct ozx_text *out,
                      struct ozx_v2_report *report, struct ozx_error *error) OZX_CHECKED;

#endif
