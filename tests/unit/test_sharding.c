/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shards of chunks: the checksum, the shapes, places and indices (held against one that is made the
 * long way), and the metadata there and back.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "check.h"
#include "pack/shard_array.h"
#include "zarr/crc32c.h"
#include "zarr/sharding_text.h"

#define ABSENT UINT64_MAX
#define SHARDS_SIZE 65536

/* --- CRC-32C ---------------------------------------------------------------------------------- */

/* RFC 3720, appendix B.4; and the one that every implementation states. */
static void test_crc_vectors(void)
{
    static const uint8_t command[48] = {0x01,        0xC0,        [16] = 0x14, [22] = 0x04,
                                        [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
    uint8_t bytes[32] = {0};

    CHECK_UINT(ozx_crc32c(0, "", 0), 0);
    CHECK_UINT(ozx_crc32c(0, "123456789", 9), 0xE3069283);
    CHECK_UINT(ozx_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    CHECK_UINT(ozx_crc32c(0, bytes, 32), 0x62A8AB43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    CHECK_UINT(ozx_crc32c(0, bytes, 32), 0x46DD794E);
    for (size_t i = 0; i <= 32; i++) /* in two parts */
        CHECK_UINT(ozx_crc32c(ozx_crc32c(0, bytes, i), bytes + i, 32 - i), 0x46DD794E);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    CHECK_UINT(ozx_crc32c(0, bytes, 32), 0x113FDB5C);
    CHECK_UINT(ozx_crc32c(0, command, sizeof command), 0xD9963A56);
}

static uint32_t sum_bit_by_bit(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82F63B78) : crc >> 1;
    }
    return ~crc;
}

/* Each number of the table is used by a sum of one byte. */
static void test_crc_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        CHECK_UINT(ozx_crc32c(0, &byte, 1), sum_bit_by_bit(&byte, 1));
    }
}

/* --- arrays ----------------------------------------------------------------------------------- */

static struct ozx_array grid_of(uint32_t count, const uint64_t *shape, const uint64_t *chunk)
{
    struct ozx_array array = {.has_shape = true,
                              .has_grid = true,
                              .key_encoding = OZX_KEYS_DEFAULT,
                              .separator = '/'};

    array.shape.count = array.chunk_shape.count = count;
    for (uint32_t i = 0; i < count; i++) {
        array.shape.sizes[i] = shape[i];
        array.chunk_shape.sizes[i] = chunk[i];
    }
    return array;
}

static uint64_t along(const struct ozx_array *array, uint32_t i)
{
    return (array->shape.sizes[i] + array->chunk_shape.sizes[i] - 1) / array->chunk_shape.sizes[i];
}

/* --- shapes ----------------------------------------------------------------------------------- */

struct shape_case {
    const char *name;
    uint32_t count;
    uint64_t shape[4], chunk[4];
    struct ozx_shard_wish wish;
    uint32_t chunks; /* that are there, */
    uint64_t each_bytes;
    int result;
    uint64_t factors[4];
};

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define BYTES(n) {.mode = OZX_SHARD_BYTES, .size_bytes = (n)}
#define SHAPE(n, ...) {.mode = OZX_SHARD_SHAPE, .shape = {.count = (n), .sizes = {__VA_ARGS__}}}
#define AUTO {.mode = OZX_SHARD_AUTO}

static const struct shape_case shape_cases[] = {
    {"one chunk stays", 2, {8, 8}, {4, 4}, AUTO, 1, 16, 1, {0}},
    {"no chunk stays", 2, {8, 8}, {4, 4}, AUTO, 0, 0, 1, {0}},
    {"all in one", 2, {8, 8}, {4, 4}, AUTO, 4, 16, 0, {2, 2}},
    {"64 MiB: 64 of 1 MiB", 2, {640, 640}, {10, 10}, AUTO, 4096, MIB, 0, {1, 64}},
    {"of nearly the same size", 1, {1000}, {10}, AUTO, 100, MIB, 0, {50}},
    {"at most 16,384", 1, {1000000}, {1}, AUTO, 1000000, 1, 0, {16130}},
    {"empty chunks are no division by zero", 1, {40}, {10}, AUTO, 4, 0, 0, {4}},
    {"a size less than a chunk leaves all", 1, {40}, {10}, BYTES(1), 4, 1000, 1, {0}},
    {"a size", 1, {40}, {10}, BYTES(2 * KIB), 4, KIB, 0, {2}},
    {"a shape", 2, {10, 9}, {4, 4}, SHAPE(2, 8, 4), 9, 1, 0, {2, 1}},
    {"over the edge: all there are", 2, {10, 9}, {4, 4}, SHAPE(2, 10, 1000), 9, 1, 0, {3, 3}},
    {"the array's own size is enough", 1, {10}, {4}, SHAPE(1, 11), 3, 1, 0, {3}},
    {"no multiple", 1, {100}, {4}, SHAPE(1, 10), 25, 1, -EINVAL, {0}},
    {"less than a chunk", 1, {100}, {4}, SHAPE(1, 2), 25, 1, -EINVAL, {0}},
    {"the chunk's own", 1, {100}, {4}, SHAPE(1, 4), 25, 1, 1, {0}},
    {"of another number of dimensions: auto", 1, {100}, {4}, SHAPE(2, 8, 8), 25, 1, 0, {25}},
    {"too many chunks", 1, {1 << 30}, {1}, SHAPE(1, 1 << 25), 2, 1, -EINVAL, {0}},
    {"as many as may be", 1, {1 << 30}, {1}, SHAPE(1, 1 << 24), 2, 1, 0, {1 << 24}},
};

/* Of arrays that have shards already. */
static const struct {
    struct shape_case to;
    uint64_t from[4];
} reshape_cases[] = {
    {{"as they are", 2, {8, 8}, {4, 4}, SHAPE(2, 8, 8), 4, 1, 1, {0}}, {8, 8}},
    {{"as they are, but for the edge", 1, {10}, {4}, SHAPE(1, 12), 3, 1, 1, {0}}, {40}},
    {{"a size that they have", 1, {40}, {10}, BYTES(2 * KIB), 4, KIB, 1, {0}}, {20}},
    {{"smaller", 2, {8, 8}, {4, 4}, SHAPE(2, 4, 8), 4, 1, 0, {1, 2}}, {8, 8}},
    {{"larger", 2, {8, 8}, {4, 4}, SHAPE(2, 8, 8), 4, 1, 0, {2, 2}}, {4, 8}},
    {{"a chunk each", 2, {8, 8}, {4, 4}, SHAPE(2, 4, 4), 4, 1, 0, {1, 1}}, {8, 8}},
    {{"one chunk, and a shape", 2, {8, 8}, {4, 4}, SHAPE(2, 8, 8), 1, 1, 0, {2, 2}}, {4, 8}},
    {{"one chunk, and a size", 2, {8, 8}, {4, 4}, BYTES(KIB), 1, 1, 1, {0}}, {4, 8}},
    {{"no chunk", 2, {8, 0}, {4, 4}, SHAPE(2, 4, 4), 0, 0, 1, {0}}, {8, 8}},
    {{"no multiple", 1, {100}, {4}, SHAPE(1, 10), 25, 1, -EINVAL, {0}}, {20}},
};

/* `from`: the sizes of the shards that the array has; NULL. */
static int choose(const struct shape_case *c, const uint64_t *from, struct ozx_shard_array *shards)
{
    struct ozx_array array = grid_of(c->count, c->shape, c->chunk);
    const struct ozx_sharding sharding = {.chunk_shape = array.chunk_shape};
    struct ozx_error error = OZX_ERROR_INIT;
    int result;

    if (from) {
        array.sharding = &sharding;
        memcpy(array.chunk_shape.sizes, from, c->count * sizeof *from);
    }

    if (!CHECK_INT(ozx_shard_array_init(shards, "a", 1, &array), 0))
        return -ENOMEM;
    shards->count = c->chunks; /* only their number and sum are looked at */
    shards->data_bytes = c->chunks * c->each_bytes;
    result = ozx_shard_choose(shards, &c->wish, &error);
    CHECK((result < 0) == (error.text[0] != '\0'));
    return result;
}

static void check_shape(const struct shape_case *c, const uint64_t *from)
{
    struct ozx_shard_array shards;
    bool right = CHECK_INT(choose(c, from, &shards), c->result);

    for (uint32_t j = 0; j < c->count && !c->result; j++)
        right &= CHECK_UINT(shards.factors[j], c->factors[j]);
    if (!right)
        fprintf(stderr, "    in: %s\n", c->name);
    ozx_shard_array_free(&shards);
}

static void test_shapes(void)
{
    for (size_t i = 0; i < sizeof shape_cases / sizeof shape_cases[0]; i++)
        check_shape(&shape_cases[i], NULL);
    for (size_t i = 0; i < sizeof reshape_cases / sizeof reshape_cases[0]; i++)
        check_shape(&reshape_cases[i].to, reshape_cases[i].from);
}

/* --- indices ---------------------------------------------------------------------------------- */

/* One array, and what its shards are to be: made chunk by chunk, without any order or search. */
struct model {
    struct ozx_array grid;
    uint64_t factors[4];
    uint64_t sizes[4096]; /* of each chunk, in C order; ABSENT */
    uint64_t count;
    uint8_t index[SHARDS_SIZE], got[SHARDS_SIZE];
};

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

static void split(const struct ozx_array *grid, uint64_t number, uint64_t *index)
{
    for (uint32_t i = grid->shape.count; i-- > 0;) {
        index[i] = number % along(grid, i);
        number /= along(grid, i);
    }
}

static uint64_t join(const struct ozx_array *grid, const uint64_t *index)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < grid->shape.count; i++)
        number = number * along(grid, i) + index[i];
    return number;
}

/* The index of a shard with its sum; the shard's size, 0 if it has no chunk. */
static uint64_t expect(struct model *m, const uint64_t *shard, size_t *index_size)
{
    uint32_t count = m->grid.shape.count;
    uint64_t inner_count = 1, data = 0;
    uint8_t *at = m->index;
    bool any = false;

    for (uint32_t i = 0; i < count; i++)
        inner_count *= m->factors[i];
    for (uint64_t inner = 0; inner < inner_count; inner++) {
        uint64_t chunk[OZX_DIMENSIONS_MAX], rest = inner, size = ABSENT;
        bool inside = true;

        for (uint32_t i = count; i-- > 0;) {
            chunk[i] = shard[i] * m->factors[i] + rest % m->factors[i];
            rest /= m->factors[i];
            inside &= chunk[i] < along(&m->grid, i);
        }
        if (inside)
            size = m->sizes[join(&m->grid, chunk)];
        at = ozx_put_u64(ozx_put_u64(at, size == ABSENT ? ABSENT : data), size);
        any |= size != ABSENT;
        data += size == ABSENT ? 0 : size;
    }
    at = ozx_put_u32(at, sum_bit_by_bit(m->index, (size_t)(at - m->index)));
    *index_size = (size_t)(at - m->index);
    return any ? data + *index_size : 0;
}

static void check_shard(struct model *m, const struct ozx_shard_array *shards, uint32_t shard,
                        uint64_t size, size_t index_size, uint32_t *random)
{
    uint64_t data = ozx_shard_data_size(shards, shard), at = 0;

    CHECK_UINT(ozx_shard_size(shards, shard), size);
    CHECK_UINT(ozx_shard_index_size(shards), index_size);
    CHECK_UINT(data + index_size, size);
    memset(m->got, 0xAA, sizeof m->got);
    for (size_t from = 0; from < index_size;) { /* in parts of any size */
        size_t part = 1 + next(random) % 40;
        part = part < index_size - from ? part : index_size - from;
        ozx_shard_read_index(shards, shard, m->got + from, part, from);
        from += part;
    }
    CHECK_MEMORY(m->got, index_size, m->index, index_size);
    for (uint32_t i = shards->firsts[shard]; i < shards->firsts[shard + 1]; i++) {
        const struct ozx_shard_chunk chunk = ozx_shard_list_get(&shards->list, i);
        uint64_t index[OZX_DIMENSIONS_MAX];

        ozx_shard_chunk_index(shards, i, index);
        CHECK_UINT(m->sizes[join(&m->grid, index)], chunk.size_bytes);
        CHECK_UINT(chunk.key, join(&m->grid, index)); /* as it was added */
        if (chunk.size_bytes) {
            CHECK_UINT(ozx_shard_chunk_at(shards, shard, at), i);
            at += chunk.size_bytes;
            CHECK_UINT(ozx_shard_chunk_at(shards, shard, at - 1), i);
        }
    }
    CHECK_UINT(at, data);
}

static void check_all(struct model *m, const struct ozx_shard_array *shards, uint32_t *random)
{
    uint64_t count = ozx_array_chunk_count(&shards->shards);
    uint32_t found = 0, first, end;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t index[OZX_DIMENSIONS_MAX], size;
        char key[OZX_CHUNK_KEY_MAX];
        size_t key_size, index_size;
        uint32_t shard;
        bool is_there;

        split(&shards->shards, i, index);
        size = expect(m, index, &index_size);
        key_size = ozx_chunk_put_key(&shards->shards, index, key);
        is_there = ozx_shard_find(shards, key, key_size, &shard);
        CHECK(is_there == (size != 0));
        if (is_there && CHECK_UINT(shard, found)) {
            found++;
            check_shard(m, shards, shard, size, index_size, random);
        }
    }
    CHECK_UINT(shards->shard_count, found);
    ozx_shard_below(shards, NULL, 0, &first, &end);
    CHECK(first == 0 && end == found);
}

static void fill_model(struct model *m, uint32_t *random)
{
    uint32_t count = next(random) % 4;
    uint64_t shape[4] = {0}, chunk[4] = {0};

    for (uint32_t i = 0; i < count; i++) {
        shape[i] = 1 + next(random) % 20;
        chunk[i] = 1 + next(random) % 4;
    }
    m->grid = grid_of(count, shape, chunk);
    m->grid.separator = next(random) % 2 ? '/' : '.';
    m->grid.key_encoding = next(random) % 2 ? OZX_KEYS_DEFAULT : OZX_KEYS_V2;
    m->count = ozx_array_chunk_count(&m->grid);
    for (uint32_t i = 0; i < count; i++)
        m->factors[i] = 1 + next(random) % (along(&m->grid, i) + 1) % 8;
    for (uint64_t i = 0; i < 4096; i++)
        m->sizes[i] = next(random) % 3 ? next(random) % 200 : ABSENT;
}

/* Arrays of 0 to 3 dimensions, most with ragged edges, missing and empty chunks, added in any
 * order. */
static void test_indices(void)
{
    struct model *m = calloc(1, sizeof *m);
    uint32_t random = 1;

    for (unsigned round = 0; m && round < 300; round++) {
        const struct ozx_shard_other *other = NULL;
        struct ozx_shard_array shards;
        uint64_t step, at = 0;

        fill_model(m, &random);
        if (m->count > 4096)
            continue;
        CHECK_INT(ozx_shard_array_init(&shards, "a", 1, &m->grid), 0);
        for (step = 1 + next(&random) % m->count; m->count % step && step < m->count; step++)
            continue;
        for (uint64_t i = 0; i < m->count; i++) {
            uint64_t index[OZX_DIMENSIONS_MAX];

            split(&m->grid, at, index);
            if (m->sizes[at] != ABSENT)
                CHECK_INT(ozx_shard_array_add(&shards, index, m->sizes[at], at), 0);
            at += step;
            if (at >= m->count)
                at = at % step + 1;
        }
        memcpy(shards.factors, m->factors, sizeof m->factors);
        CHECK_INT(ozx_shard_array_settle(&shards, &other), 0);
        check_all(m, &shards, &random);
        ozx_shard_array_free(&shards);
    }
    CHECK(m != NULL);
    free(m);
}

/* --- names ------------------------------------------------------------------------------------ */

struct name_case {
    enum ozx_key_encoding encoding;
    char separator;
    const char *path;
    bool is_directory, inside;
    uint32_t depth;
};

static const struct name_case name_cases[] = {
    {OZX_KEYS_DEFAULT, '/', "", true, true, 0},     {OZX_KEYS_DEFAULT, '/', "c", true, true, 0},
    {OZX_KEYS_DEFAULT, '/', "c/2", true, true, 1},  {OZX_KEYS_DEFAULT, '/', "c/3", true, false, 1},
    {OZX_KEYS_DEFAULT, '/', "c/01", false, 0, 0},   {OZX_KEYS_DEFAULT, '/', "c/", false, 0, 0},
    {OZX_KEYS_DEFAULT, '/', "c/0/", false, 0, 0},   {OZX_KEYS_DEFAULT, '/', "c/0/0", false, 0, 0},
    {OZX_KEYS_DEFAULT, '/', "0", false, 0, 0},      {OZX_KEYS_DEFAULT, '/', "cx", false, 0, 0},
    {OZX_KEYS_DEFAULT, '.', "c", false, 0, 0},      {OZX_KEYS_DEFAULT, '.', "", true, true, 0},
    {OZX_KEYS_V2, '/', "2", true, true, 1},         {OZX_KEYS_V2, '/', "c", false, 0, 0},
    {OZX_KEYS_V2, '/', "18446744073709551616", true, false, 1},
};

static void test_names(void)
{
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        const struct name_case *c = &name_cases[i];
        struct ozx_array array = grid_of(2, (uint64_t[]){9, 9}, (uint64_t[]){3, 3});
        uint64_t index[OZX_DIMENSIONS_MAX];
        uint32_t depth = 0;
        bool inside = false, right;

        array.key_encoding = c->encoding;
        array.separator = c->separator;
        right = CHECK(ozx_chunk_is_directory(&array, c->path, strlen(c->path), index, &depth,
                                             &inside) == c->is_directory);
        if (c->is_directory)
            right &= CHECK(inside == c->inside) & CHECK_UINT(depth, c->depth);
        if (!right)
            fprintf(stderr, "    in: '%s'\n", c->path);
    }
}

/* --- metadata --------------------------------------------------------------------------------- */

static const char plain[] =
    "{\"node_type\" : \"array\",\n \"codecs\":[ {\"name\":\"bytes\"} , \"zstd\" ],\"chunk_grid\": "
    "{\"configuration\": {\"chunk_shape\":[ 4,4 ]}, \"name\": \"regular\"}}\n";

typedef int change(const char *text, struct ozx_json_range node, struct ozx_text_edits *edits);

static int put(const char *text, struct ozx_json_range node, struct ozx_text_edits *edits)
{
    const struct ozx_shape shape = {.count = 2, .sizes = {8, 18446744073709551615u}};

    return ozx_sharding_put(text, node, &shape, edits);
}

static int put_other(const char *text, struct ozx_json_range node, struct ozx_text_edits *edits)
{
    const struct ozx_shape shape = {.count = 2, .sizes = {16, 4}};

    return ozx_sharding_put(text, node, &shape, edits);
}

/* From malloc; NULL if it cannot be. */
static char *changed(const char *text, change *by)
{
    OZX_AUTO_TEXT_EDITS struct ozx_text_edits edits = {.count = 0};
    struct ozx_json_cursor cursor = ozx_json_text(text, strlen(text));
    char *made = NULL;
    size_t size;
    int failure = by(text, (struct ozx_json_range){cursor.at, cursor.end}, &edits);

    CHECK(failure == 0 || failure == -EBADMSG);
    if (!failure && CHECK_INT(ozx_text_edits_apply(&edits, text, strlen(text), &made, &size), 0))
        CHECK_UINT(size, strlen(made));
    return made;
}

static void test_there_and_back(void)
{
    OZX_AUTO_FREE char *sharded = changed(plain, put);
    OZX_AUTO_FREE char *other = sharded ? changed(sharded, put_other) : NULL;
    OZX_AUTO_FREE char *at_once = changed(plain, put_other);
    OZX_AUTO_FREE char *back = other ? changed(other, ozx_sharding_remove) : NULL;

    CHECK(sharded && strstr(sharded, "\"chunk_shape\":[8, 18446744073709551615]}, \"name\""));
    CHECK(sharded &&
          strstr(sharded, "{\"chunk_shape\": [ 4,4 ], \"codecs\": [ {\"name\":\"bytes\"} "
                          ", \"zstd\" ], \"index_codecs\""));
    CHECK_STRING(other, at_once); /* sharded again: the inner chunks stay what they are */
    CHECK_STRING(back, plain);
}

static void test_what_is_no_sharded_array(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"codecs\": []}",
        "{\"chunk_grid\": {\"configuration\": {\"chunk_shape\": [1]}}}",
        "{\"chunk_grid\": [], \"codecs\": []}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK(changed(texts[i], put) == NULL);
        CHECK(changed(texts[i], ozx_sharding_remove) == NULL);
    }
    CHECK(changed(plain, ozx_sharding_remove) == NULL); /* it is not sharded */
}

static void test_edits(void)
{
    char a[] = "A", b[] = "BB", *made = NULL;
    size_t size = 0;
    struct ozx_text_edit list[] = {{.bytes = {3, 5}, .text = b, .size_bytes = 2},
                                   {.bytes = {0, 3}, .text = a, .size_bytes = 1}};
    struct ozx_text_edits edits = {.list = list, .count = 2};

    CHECK_INT(ozx_text_edits_apply(&edits, "0123456", 7, &made, &size), 0);
    CHECK_STRING(made, "ABB56");
    CHECK_UINT(size, 5);
    free(made);
    list[1].bytes.from = 2; /* they are in order now: the second begins in the first */
    CHECK_INT(ozx_text_edits_apply(&edits, "0123456", 7, &made, &size), -EBADMSG);
}

CHECK_MAIN({"crc_vectors", test_crc_vectors}, {"crc_table", test_crc_table},
           {"shapes", test_shapes}, {"indices", test_indices}, {"names", test_names},
           {"there_and_back", test_there_and_back},
           {"what_is_no_sharded_array", test_what_is_no_sharded_array}, {"edits", test_edits})
