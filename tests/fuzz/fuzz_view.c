/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a browser may send to a viewer, what a server that was taken over may ask of its decoder,
 * and what that makes of any metadata: an answer that the server takes, or an error with its
 * reason. The input is an address, a NUL, the metadata of a node, a NUL, and asks.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "../unit/forge.h"
#include "fuzz.h"
#include "view/make.h"
#include "view/route.h"

static const char token[OZX_TOKEN_SIZE] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char array[] =
    "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[8,8],\"data_type\":\"uint16\","
    "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[4,4]}},"
    "\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":7,"
    "\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]}";

static const char *query(void *context, const char *name)
{
    (void)name;
    return context;
}

static void look_at_address(const char *address)
{
    struct ozx_route route;
    uint64_t first = 0, count = 0;
    const char *rest = address;
    char *mark = strchr(address, '?');
    int kind = ozx_route_range(address, 1000, &first, &count);

    FUZZ_CHECK(kind < 0 || (first <= 1000 && count <= 1000 - first));
    (void)ozx_route_token(address, token, &rest);
    ozx_route_find(rest, query, mark ? mark + 1 : NULL, &route);
    FUZZ_CHECK(route.kind != OZX_ROUTE_ASK || ozx_ask_check(&route.ask));
    FUZZ_CHECK(route.kind != OZX_ROUTE_RAW || strlen(route.path) == route.ask.path_size_bytes);
    FUZZ_CHECK(strlen(route.name) <= OZX_ROUTE_NAME_MAX);
}

static int make(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                struct ozx_error *error)
{
    static int (*const makers[OZX_ASK_KINDS])(struct ozx_maker *, const struct ozx_ask *,
                                              struct ozx_view_answer *, struct ozx_error *) = {
        [OZX_ASK_TREE] = ozx_make_tree,   [OZX_ASK_NODE] = ozx_make_node,
        [OZX_ASK_IMAGE] = ozx_make_image, [OZX_ASK_TILE] = ozx_make_tile,
        [OZX_ASK_PLATE] = ozx_make_plate, [OZX_ASK_THUMBNAIL] = ozx_make_thumbnail,
        [OZX_ASK_READ] = ozx_make_bytes};

    return makers[ask->kind] ? makers[ask->kind](maker, ask, out, error)
                             : ozx_make_found(maker, ask, "a/zarr.json", out, error);
}

static void answer(struct ozx_maker *maker, const struct ozx_ask *ask)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_view_answer out = {.bytes = NULL};
    int failure;

    if (!ozx_ask_check(ask) || ask->kind == OZX_ASK_FINDINGS) /* those are fuzz_archive's */
        return;
    maker->effort = (struct ozx_effort){.live_bytes = 0};
    failure = make(maker, ask, &out, &error);
    FUZZ_CHECK(maker->effort.live_bytes == 0);
    if (failure) {
        FUZZ_CHECK(error.code == failure && *error.text && !out.bytes);
        FUZZ_CHECK(ozx_make_failure(&error, &out) == 0);
    }
    FUZZ_CHECK(ozx_reply_check(&out.reply, ask) && (out.bytes || !out.reply.size_bytes));
    free(out.bytes);
}

static void answer_all(struct ozx_archive *archive, const uint8_t *data, size_t size)
{
    struct ozx_maker maker = {.archive = archive, .file = "x.ozx"};
    struct ozx_ask ask;

    for (uint32_t kind = OZX_ASK_TREE; kind < OZX_ASK_KINDS; kind++)
        for (uint32_t node = 0; node < 3; node++)
            answer(&maker, &(struct ozx_ask){.kind = kind,
                                             .node = node,
                                             .side = 16,
                                             .size_bytes = 4,
                                             .labels = OZX_NO_NODE,
                                             .style_count = 1});
    for (; size >= sizeof ask; data += sizeof ask, size -= sizeof ask) {
        memcpy(&ask, data, sizeof ask);
        ask.kind %= OZX_ASK_KINDS;
        answer(&maker, &ask);
    }
    ozx_maker_let_go(&maker);
}

/* The bytes up to a NUL, which are passed. */
static const uint8_t *cut(const uint8_t **data, size_t *size, size_t *cut_size)
{
    const uint8_t *from = *data, *end = *size ? memchr(from, 0, *size) : NULL;

    *cut_size = end ? (size_t)(end - from) : *size;
    *data += *cut_size + (end != NULL);
    *size -= *cut_size + (end != NULL);
    return from;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    struct ozx_source *source;
    struct forge f = {0};
    const uint8_t *text;
    size_t text_size;
    char *address;

    text = cut(&data, &size, &text_size);
    address = malloc(text_size + 1);
    FUZZ_CHECK(address);
    memcpy(address, text, text_size);
    address[text_size] = '\0';
    look_at_address(address);
    free(address);
    text = cut(&data, &size, &text_size);
    forge_entry(&f, "zarr.json", 9, text, text_size);
    forge_entry(&f, "a/zarr.json", 11, array, sizeof array - 1);
    forge_entry(&f, "a/c/0/0", 7, array, 32);
    forge_end(&f, true, "{}");
    FUZZ_CHECK(source_open_memory(f.data, f.size_bytes, &source) == 0);
    if (ozx_archive_open(source, NULL, &archive, &error) == 0) {
        answer_all(archive, data, size);
        ozx_archive_close(archive);
    } else {
        ozx_source_close(source);
    }
    forge_free(&f);
    return 0;
}
