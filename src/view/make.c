/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all answers have in common, and those that are bytes of the archive.
 */
#include "view/make.h"

#include <inttypes.h>
#include <string.h>

/* --- images that are held --------------------------------------------------------------------- */

static struct ozx_held *find_held(struct ozx_maker *maker, uint32_t node, uint32_t level)
{
    struct ozx_held *oldest = &maker->held[0];

    for (size_t i = 0; i < OZX_HELD_IMAGES; i++) {
        struct ozx_held *held = &maker->held[i];
        if (held->used && held->node == node && held->level == level)
            return held;
        if (held->used < oldest->used)
            oldest = held;
    }
    if (oldest->used)
        ozx_image_close(&oldest->image);
    oldest->used = 0;
    return oldest;
}

int ozx_maker_image(struct ozx_maker *maker, uint32_t node, uint32_t level, struct ozx_image **out,
                    struct ozx_error *error)
{
    struct ozx_held *held = find_held(maker, node, level);
    int failure = ozx_make_check_directory(maker, node, error);

    if (failure)
        return failure;
    if (!held->used) {
        failure =
            ozx_image_open(maker->archive, node, UINT32_MAX, &maker->effort, &held->image, error);
        if (failure)
            return failure;
        failure = ozx_image_go_to_level(&held->image, level, error);
        if (failure) {
            ozx_image_close(&held->image);
            return failure;
        }
        held->node = node;
        held->level = level;
    }
    held->used = ++maker->clock;
    *out = &held->image;
    return 0;
}

void ozx_maker_let_go(struct ozx_maker *maker)
{
    for (size_t i = 0; i < OZX_HELD_IMAGES; i++) {
        if (maker->held[i].used)
            ozx_image_close(&maker->held[i].image);
        maker->held[i].used = 0;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

int ozx_json_answer_begin(struct ozx_json_answer *answer, struct ozx_error *error)
{
    *answer = (struct ozx_json_answer){.stream = {.is_first = true}};
    if (ozx_memory_stream_begin(&answer->memory))
        return ozx_error_memory(error);
    answer->stream.out = answer->memory.out;
    return 0;
}

int ozx_json_answer_begin_node(struct ozx_json_answer *answer, const struct ozx_maker *maker,
                               uint32_t node, struct ozx_error *error)
{
    int failure = ozx_make_check_directory(maker, node, error);

    if (!failure)
        failure = ozx_json_answer_begin(answer, error);
    if (!failure)
        ozx_json_stream_open(&answer->stream, NULL, '{');
    return failure;
}

int ozx_json_answer_end(struct ozx_json_answer *answer, int failure, struct ozx_view_answer *out,
                        struct ozx_error *error)
{
    struct ozx_memory_stream *memory = &answer->memory;

    if ((ozx_memory_stream_end(memory) || answer->stream.failed) && !failure)
        failure = ozx_error_memory(error);
    if (!failure && memory->size_bytes > OZX_REPLY_SIZE_MAX)
        failure = ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "there is more of it than is shown");
    if (failure) {
        free(memory->bytes);
        return failure;
    }
    out->bytes = memory->bytes;
    out->reply = (struct ozx_reply){
        .status = 200, .type = OZX_REPLY_JSON, .size_bytes = (uint32_t)memory->size_bytes};
    return 0;
}

static uint32_t status_of(int code)
{
    return code == -ENOENT || code == -ERANGE || code == -EISDIR || code == -ENOTDIR ? 404
           : code == -ENOMEM                                                         ? 503
                                                                                     : 422;
}

int ozx_make_failure(const struct ozx_error *error, struct ozx_view_answer *out)
{
    struct ozx_error unused = OZX_ERROR_INIT;
    struct ozx_json_answer json;
    int failure = ozx_json_answer_begin(&json, &unused);

    if (failure)
        return failure;
    ozx_json_stream_open(&json.stream, NULL, '{');
    ozx_json_stream_put(&json.stream, "message", ozx_json_stream_text(error->text));
    ozx_json_stream_close(&json.stream, '}');
    failure = ozx_json_answer_end(&json, 0, out, &unused);
    out->reply.status = status_of(error->code);
    return failure;
}

int ozx_make_check_directory(const struct ozx_maker *maker, uint32_t node, struct ozx_error *error)
{
    struct ozx_node_stat stat = {.is_directory = false};

    if (node < ozx_archive_node_count(maker->archive))
        ozx_archive_stat(maker->archive, node, &stat);
    return stat.is_directory ? 0
                             : ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                             "there is no node %" PRIu32, node);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int no_file(struct ozx_error *error)
{
    return ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "there is no such file in the archive");
}

int ozx_make_found(struct ozx_maker *maker, const struct ozx_ask *ask, const char *path,
                   struct ozx_view_answer *out, struct ozx_error *error)
{
    struct ozx_node_stat stat;
    uint32_t node = OZX_WHOLE_ARCHIVE;
    size_t got;
    char byte;
    int failure = 0;
    uint64_t size = ozx_source_size(ozx_archive_source(maker->archive));

    if (ask->path_size_bytes) {
        if (ozx_archive_find(maker->archive, path, &node))
            return no_file(error);
        ozx_archive_stat(maker->archive, node, &stat);
        if (stat.is_directory)
            return no_file(error);
        size = stat.size_bytes;
        if (!size) /* of which nothing will be read */
            failure = ozx_archive_read(maker->archive, node, &byte, 0, 0, &got, error);
        if (failure)
            return failure;
    }
    out->reply = (struct ozx_reply){
        .status = 200, .type = OZX_REPLY_FOUND, .node = node, .total_bytes = size};
    return 0;
}

static int read_bytes(struct ozx_maker *maker, const struct ozx_ask *ask, char *bytes,
                      struct ozx_error *error)
{
    struct ozx_node_stat stat = {.is_directory = true};
    size_t got = 0;
    int failure;

    if (ask->node == OZX_WHOLE_ARCHIVE) {
        failure = ozx_source_read(ozx_archive_source(maker->archive), bytes, ask->size_bytes,
                                  ask->offset_bytes);
        return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, ask->offset_bytes, NULL,
                                       "cannot read the archive: %s", ozx_source_reason(failure))
                       : 0;
    }
    if (ask->node < ozx_archive_node_count(maker->archive))
        ozx_archive_stat(maker->archive, ask->node, &stat);
    if (stat.is_directory)
        return no_file(error);
    failure = ozx_archive_read(maker->archive, ask->node, bytes, ask->size_bytes, ask->offset_bytes,
                               &got, error);
    if (!failure && got < ask->size_bytes)
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the entry ends early");
    return failure;
}

int ozx_make_bytes(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error)
{
    OZX_AUTO_FREE char *bytes = malloc(ask->size_bytes);
    int failure = bytes ? read_bytes(maker, ask, bytes, error) : ozx_error_memory(error);

    if (failure)
        return failure;
    out->bytes = ozx_take(bytes);
    out->reply =
        (struct ozx_reply){.status = 200, .type = OZX_REPLY_BYTES, .size_bytes = ask->size_bytes};
    return 0;
}
