/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashing JSON by what it means. An object's hash is the sum of those of its members, so their
 * order does not count; a list's depends on the order.
 */
#include "zarr/node_digest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "zarr/fill_float.h"

#define NUMBER_SIZE 64  /* longer ones are told apart by their texts */
#define EXACT_DIGITS 20 /* of an integer: all that a fill value of 64 bits may have */
#define TYPE_SIZE 32    /* of the data types that are looked at */

/* A member of an object. */
struct pair {
    uint64_t key, value;
    size_t place;
};

struct hasher {
    const char *text;
    uint64_t seed;
    struct pair *pairs; /* owned: a stack of the members of objects that are open */
    uint32_t count, room;
    char data_type[TYPE_SIZE]; /* "": another one */
    bool in_codecs;
    bool has_byte_order; /* of the values that the codecs at hand encode */
    int failure;
};

/* --- mixing ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    state ^= state >> 32;
    state *= UINT64_C(0xD6E8FEB86659FD93);
    return state ^ state >> 29;
}

static uint64_t mix_bytes(uint64_t state, const char *bytes, size_t size)
{
    uint64_t word;

    state = mix(state, size);
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        state = mix(state, word);
    }
    word = 0;
    memcpy(&word, bytes, size);
    return mix(state, word);
}

/* The kernel gives each process 16 random bytes. */
static uint64_t seed(void)
{
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    uint64_t words[2] = {1, 2};

    if (random)
        memcpy(words, random, sizeof words);
    return mix(words[0], words[1]);
}

/* --- strings and numbers ---------------------------------------------------------------------- */

static uint64_t hash_text(const struct hasher *h, const char *text, size_t size)
{
    return mix_bytes(h->seed, text, size);
}

/* Between the quotes. What cannot be decoded (half a surrogate pair) is taken as it is written. */
static uint64_t hash_string(struct hasher *h, struct ozx_json_range string)
{
    size_t written = string.to - string.from, size;
    OZX_AUTO_FREE char *decoded = NULL;

    if (!memchr(h->text + string.from, '\\', written))
        return hash_text(h, h->text + string.from, written);
    decoded = malloc(written + 1);
    if (!decoded) {
        h->failure = -ENOMEM;
        return 0;
    }
    if (!ozx_json_decode(h->text, string, decoded, written + 1, &size))
        return hash_text(h, h->text + string.from, written);
    return hash_text(h, decoded, size);
}

/* An integer that a double would round, in decimal: its digits, without zeros in front. */
static bool take_integer(const char *number, const char **digits, size_t *count)
{
    const char *at = number + (*number == '-');

    at += strspn(at, "0");
    *digits = at;
    *count = strspn(at, "0123456789");
    return !at[*count] && *count <= EXACT_DIGITS && (*count || at[-1] == '0');
}

/* From 2^53 on there are no fractions. (rint would need libm.) */
static bool is_whole(double value)
{
    return fabs(value) >= 0x1p53 || (double)(int64_t)value == value;
}

/* Every number of one value has one hash. `number` is terminated. */
static uint64_t hash_number(const struct hasher *h, const char *number)
{
    char shortest[NUMBER_SIZE];
    const char *digits, *sign = *number == '-' ? "-" : "";
    size_t count;
    double value;
    int size;

    if (!take_integer(number, &digits, &count)) {
        value = strtod(number, NULL);
        if (!isfinite(value))
            return hash_text(h, value < 0 ? "-Infinity" : "Infinity", value < 0 ? 9 : 8);
        if (fabs(value) >= 1e20 || !is_whole(value)) {
            size = snprintf(shortest, sizeof shortest, "%.17g", value);
            return mix(h->seed + 1, hash_text(h, shortest, (size_t)size));
        }
        snprintf(shortest, sizeof shortest, "%.0f", fabs(value));
        (void)take_integer(shortest, &digits, &count);
        sign = value < 0 ? "-" : "";
    }
    return mix(h->seed + (*sign && count ? 2 : 1), hash_text(h, digits, count));
}

/* A number, true, NaN ... NaN and Infinity are as their names in quotes. */
static uint64_t hash_word(const struct hasher *h, struct ozx_json_range word)
{
    const char *text = h->text + word.from;
    size_t size = word.to - word.from;
    char number[NUMBER_SIZE];

    if (size >= sizeof number)
        return mix(h->seed + 1, hash_text(h, text, size));
    memcpy(number, text, size);
    number[size] = '\0';
    if (strspn(number, "+-.0123456789eE") == size)
        return hash_number(h, number);
    if (strcmp(number, "NaN") == 0 || strstr(number, "Infinity"))
        return hash_text(h, number, size);
    return mix(h->seed + 3, hash_text(h, number, size)); /* true is not "true" */
}

/* --- lists and objects ------------------------------------------------------------------------ */

static uint64_t hash_value(struct hasher *h, struct ozx_json_range value, unsigned depth);

static uint64_t wrong(struct hasher *h)
{
    if (!h->failure)
        h->failure = -EBADMSG;
    return 0;
}

static uint64_t hash_list(struct hasher *h, struct ozx_json_cursor cursor, unsigned depth)
{
    uint64_t state = mix(h->seed, 4);
    struct ozx_json_range element;
    enum ozx_json_step step;

    while (!h->failure && (step = ozx_json_next_element(&cursor, &element)) != OZX_JSON_END) {
        if (step == OZX_JSON_WRONG)
            return wrong(h);
        state = mix(state, hash_value(h, element, depth + 1));
    }
    return state;
}

static void push(struct hasher *h, struct pair pair)
{
    if (ozx_array_grow(h->pairs, h->count, &h->room))
        h->failure = -ENOMEM;
    else
        h->pairs[h->count++] = pair;
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* The members that were pushed since `base`, the last of each key. An object that has nothing but a
 * name is as that name alone. */
static uint64_t sum_members(struct hasher *h, uint32_t base)
{
    uint64_t sum = mix(h->seed, 5), name = hash_text(h, "name", 4);
    struct pair *pairs = h->pairs ? h->pairs + base : NULL; /* none were ever pushed: {} */
    size_t count = h->count - base, kept = 0;

    if (count > 1)
        qsort(pairs, count, sizeof *pairs, by_key);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || pairs[i].key != pairs[i + 1].key) {
            sum += mix(pairs[i].key, pairs[i].value);
            pairs[kept++] = pairs[i];
        }
    h->count = base;
    return kept == 1 && pairs[0].key == name ? pairs[0].value : sum;
}

static bool is_word(const struct hasher *h, struct ozx_json_range value, const char *wanted)
{
    struct ozx_json_range string;

    return ozx_json_is(h->text, ozx_json_string_of(h->text, value, &string) ? string : value,
                       wanted);
}

/* In codecs: what readers assume if it is not there, and what only a writer needs. zarr-python adds
 * these, or leaves them out, when it consolidates what others wrote. */
static bool is_default(const struct hasher *h, const struct ozx_json_member *member)
{
    static const struct {
        const char *key, *value;
    } defaults[] = {
        {"index_location", "end"},
        {"endian", "little"},
        {"checksum", "false"},
        {"blocksize", "0"},
    };

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (ozx_json_is(h->text, member->key, defaults[i].key))
            return is_word(h, member->value, defaults[i].value) || (!h->has_byte_order && i == 1);
    return ozx_json_is(h->text, member->key, "typesize");
}

/* {} and what is meant without it: "configuration": {}, "must_understand": true. */
static bool says_nothing(const struct hasher *h, const struct ozx_json_member *member)
{
    struct ozx_json_cursor inside = ozx_json_within(h->text, member->value);
    struct ozx_json_member one;
    enum ozx_json_step step;

    if (ozx_json_is(h->text, member->key, "must_understand"))
        return ozx_json_is(h->text, member->value, "true");
    if (!ozx_json_is(h->text, member->key, "configuration"))
        return h->in_codecs && is_default(h, member);
    if (!ozx_json_enter(&inside, '{'))
        return false;
    while ((step = ozx_json_next_member(&inside, &one)) == OZX_JSON_ITEM)
        if (!h->in_codecs || !is_default(h, &one))
            return false;
    return step == OZX_JSON_END;
}

/* A member's value. The index of a shard is of uint64, whatever the array is of. */
static uint64_t hash_member(struct hasher *h, const struct ozx_json_member *member, unsigned depth)
{
    bool has_byte_order = h->has_byte_order;
    uint64_t hash;

    if (ozx_json_is(h->text, member->key, "index_codecs"))
        h->has_byte_order = true;
    hash = hash_value(h, member->value, depth);
    h->has_byte_order = has_byte_order;
    return hash;
}

static uint64_t hash_object(struct hasher *h, struct ozx_json_cursor cursor, unsigned depth)
{
    struct ozx_json_member member;
    enum ozx_json_step step;
    uint32_t base = h->count;

    while (!h->failure && (step = ozx_json_next_member(&cursor, &member)) != OZX_JSON_END) {
        struct pair pair = {.place = h->count};
        if (step == OZX_JSON_WRONG)
            return wrong(h);
        if (says_nothing(h, &member))
            continue;
        pair.key = hash_string(h, member.key);
        pair.value = hash_member(h, &member, depth + 1);
        push(h, pair);
    }
    return h->failure ? 0 : sum_members(h, base);
}

static uint64_t hash_value(struct hasher *h, struct ozx_json_range value, unsigned depth)
{
    struct ozx_json_cursor inside = ozx_json_within(h->text, value);
    struct ozx_json_range string;

    if (depth > OZX_NODE_DEPTH_MAX)
        return mix_bytes(h->seed + 6, h->text + value.from, value.to - value.from);
    if (ozx_json_enter(&inside, '{'))
        return hash_object(h, inside, depth);
    if (ozx_json_enter(&inside, '['))
        return hash_list(h, inside, depth);
    if (ozx_json_string_of(h->text, value, &string))
        return hash_string(h, string);
    return hash_word(h, value);
}

/* --- a node ----------------------------------------------------------------------------------- */

static const char *const names[] = {
    [OZX_FIELD_TYPE] = "node_type",
    [OZX_FIELD_SHAPE] = "shape",
    [OZX_FIELD_DATA_TYPE] = "data_type",
    [OZX_FIELD_CHUNK_GRID] = "chunk_grid",
    [OZX_FIELD_CHUNK_KEYS] = "chunk_key_encoding",
    [OZX_FIELD_CODECS] = "codecs",
    [OZX_FIELD_FILL_VALUE] = "fill_value",
    [OZX_FIELD_TRANSFORMERS] = "storage_transformers",
    [OZX_FIELD_ATTRIBUTES] = "attributes",
};

const char *ozx_node_field_name(enum ozx_node_field field)
{
    return names[field];
}

/* [] and {} are as if they were not there. */
static bool is_empty(const struct hasher *h, struct ozx_json_range value)
{
    struct ozx_json_cursor list = ozx_json_within(h->text, value), object = list;
    struct ozx_json_range element;
    struct ozx_json_member member;

    return (ozx_json_enter(&list, '[') && ozx_json_next_element(&list, &element) == OZX_JSON_END) ||
           (ozx_json_enter(&object, '{') && ozx_json_next_member(&object, &member) == OZX_JSON_END);
}

/* The separator that a key encoding does not name is '/', of "v2" '.'. */
static uint64_t hash_keys(struct hasher *h, struct ozx_json_range value)
{
    struct ozx_json_range name = value, configuration, separator, string;
    uint64_t of_name;
    bool is_v2, is_object = ozx_json_find(h->text, value, "name", &name);

    is_v2 = ozx_json_string_of(h->text, name, &string) && ozx_json_is(h->text, string, "v2");
    of_name = hash_value(h, name, 0);
    if (is_object && ozx_json_find(h->text, value, "configuration", &configuration) &&
        ozx_json_find(h->text, configuration, "separator", &separator))
        return mix(of_name, hash_value(h, separator, 0));
    return mix(of_name, hash_text(h, is_v2 ? "." : "/", 1));
}

/* NaN is as "NaN", and a number as it is written is as what the data type makes of it. */
static uint64_t hash_float(struct hasher *h, struct ozx_json_range value)
{
    char text[NUMBER_SIZE];
    struct ozx_json_range at = value;
    bool is_string = ozx_json_string_of(h->text, value, &at);
    size_t size = at.to - at.from;
    double number;

    if (size >= sizeof text)
        return hash_value(h, value, 0);
    memcpy(text, h->text + at.from, size);
    text[size] = '\0';
    if (!ozx_fill_float(h->data_type, text, is_string, &number))
        return hash_value(h, value, 0);
    if (isnan(number))
        return hash_text(h, "NaN", 3);
    snprintf(text, sizeof text, "%.17g", number);
    return hash_number(h, text);
}

static uint64_t hash_fill_value(struct hasher *h, struct ozx_json_range value)
{
    struct ozx_json_cursor list = ozx_json_within(h->text, value);
    uint64_t state = mix(h->seed, 4);
    struct ozx_json_range element;
    enum ozx_json_step step;

    if (strncmp(h->data_type, "numpy.", 6) == 0 && is_word(h, value, "NaT"))
        return hash_number(h, "-9223372036854775808");
    if (strncmp(h->data_type, "complex", 7) != 0 || !ozx_json_enter(&list, '['))
        return hash_float(h, value);
    while ((step = ozx_json_next_element(&list, &element)) == OZX_JSON_ITEM)
        state = mix(state, hash_float(h, element));
    return step == OZX_JSON_END ? state : wrong(h);
}

static uint64_t hash_codecs(struct hasher *h, struct ozx_json_range value)
{
    static const char *const bytes[] = {"bool", "int8", "uint8", "int4", "uint4", "int2", "uint2"};
    uint64_t hash;

    h->in_codecs = h->has_byte_order = true;
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        if (strcmp(h->data_type, bytes[i]) == 0)
            h->has_byte_order = false;
    if (strncmp(h->data_type, "float8_", 7) == 0)
        h->has_byte_order = false;
    hash = hash_value(h, value, 0);
    h->in_codecs = false;
    return hash;
}

/* Its name; the empty string if it has none, or a long one. */
static void take_data_type(struct hasher *h, struct ozx_json_range node)
{
    struct ozx_json_range type, name;
    size_t size;

    if (!ozx_json_find(h->text, node, "data_type", &type))
        return;
    (void)ozx_json_find(h->text, type, "name", &type);
    if (!ozx_json_string_of(h->text, type, &name) ||
        !ozx_json_decode(h->text, name, h->data_type, sizeof h->data_type, &size))
        h->data_type[0] = '\0';
}

static bool field_of(const struct hasher *h, const struct ozx_json_member *member,
                     enum ozx_node_field *field)
{
    for (size_t i = 0; i < OZX_FIELD_COUNT; i++)
        if (ozx_json_is(h->text, member->key, names[i])) {
            *field = (enum ozx_node_field)i;
            return true;
        }
    return false;
}

static uint64_t hash_field(struct hasher *h, enum ozx_node_field field, struct ozx_json_range value)
{
    if (ozx_json_is(h->text, value, "null") && field != OZX_FIELD_FILL_VALUE)
        return 0;
    if ((field == OZX_FIELD_TRANSFORMERS || field == OZX_FIELD_ATTRIBUTES) && is_empty(h, value))
        return 0;
    switch (field) {
    case OZX_FIELD_CHUNK_KEYS:
        return hash_keys(h, value);
    case OZX_FIELD_CODECS:
        return hash_codecs(h, value);
    case OZX_FIELD_FILL_VALUE:
        return hash_fill_value(h, value);
    default:
        return hash_value(h, value, 0);
    }
}

int ozx_node_digest(const char *text, struct ozx_json_range value, struct ozx_node_digest *out)
{
    struct hasher h = {.text = text, .seed = seed()};
    struct ozx_json_cursor cursor = ozx_json_within(text, value);
    uint64_t format = 0, dimensions = 0;
    enum ozx_json_step step = OZX_JSON_WRONG;
    struct ozx_json_member member;
    enum ozx_node_field field;

    memset(out, 0, sizeof *out);
    take_data_type(&h, value);
    if (ozx_json_enter(&cursor, '{'))
        while ((step = ozx_json_next_member(&cursor, &member)) == OZX_JSON_ITEM && !h.failure) {
            if (field_of(&h, &member, &field))
                out->fields[field] = hash_field(&h, field, member.value);
            else if (ozx_json_is(text, member.key, "zarr_format"))
                format = hash_value(&h, member.value, 0);
            else if (ozx_json_is(text, member.key, "dimension_names"))
                dimensions =
                    ozx_json_is(text, member.value, "null") ? 0 : hash_value(&h, member.value, 0);
        }
    free(h.pairs);
    if (h.failure)
        return h.failure;
    if (step == OZX_JSON_WRONG)
        return -EBADMSG;
    out->fields[OZX_FIELD_TYPE] = mix(out->fields[OZX_FIELD_TYPE], format);
    out->fields[OZX_FIELD_ATTRIBUTES] = mix(out->fields[OZX_FIELD_ATTRIBUTES], dimensions);
    return 0;
}
