/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of the archive: central directory and end records, through one buffer.
 */
#include <string.h>

#include "base/descriptors.h"
#include "pack/pack_state.h"
#include "pack/pipeline.h"

#define DIRECTORY_BUFFER_SIZE (512 * 1024)

/* Where the next bytes go: by position to a file, wherever it stands to a stream. */
struct sink {
    int fd;
    int64_t offset;  /* negative: a stream */
    uint8_t *buffer; /* DIRECTORY_BUFFER_SIZE */
    size_t used;
};

static int sink_flush(struct sink *sink)
{
    int failure = ozx_descriptors_write(sink->fd, sink->buffer, sink->used, sink->offset);

    if (sink->offset >= 0)
        sink->offset += (int64_t)sink->used;
    sink->used = 0;
    return failure;
}

static int put_directory(struct ozx_pack_state *pack, struct sink *sink)
{
    struct ozx_plan_cursor cursor = {.plan = pack->plan};
    char path[OZX_NAME_PATH_MAX + 1];
    uint16_t comment_size = (uint16_t)pack->comment_size;
    int failure = 0;

    for (uint64_t i = 0; i < pack->entry_count && !failure; i++) {
        struct ozx_zip_file file = ozx_plan_file(pack->plan, ozx_plan_entry(&cursor, i), path);

        if (DIRECTORY_BUFFER_SIZE - sink->used < ozx_zip_central_size(&file))
            failure = sink_flush(sink);
        sink->used = (size_t)(ozx_zip_put_central(sink->buffer + sink->used, &file) - sink->buffer);
    }
    if (!failure && DIRECTORY_BUFFER_SIZE - sink->used < ozx_zip_end_records_size(comment_size))
        failure = sink_flush(sink);
    if (failure)
        return failure;
    sink->used = (size_t)(ozx_zip_put_end_records(sink->buffer + sink->used,
                                                  ozx_plan_directory_offset(pack->plan),
                                                  ozx_plan_directory_bytes(pack->plan),
                                                  pack->entry_count, pack->comment, comment_size) -
                          sink->buffer);
    return sink_flush(sink);
}

int ozx_pack_write_directory(struct ozx_pack_state *pack, int fd, bool stream)
{
    OZX_AUTO_FREE uint8_t *buffer = malloc(DIRECTORY_BUFFER_SIZE);
    struct sink sink = {.fd = fd,
                        .offset = stream ? -1 : (int64_t)ozx_plan_directory_offset(pack->plan),
                        .buffer = buffer};
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!buffer) {
        ozx_error_memory(&error);
        return ozx_pack_tell(pack, OZX_PACK_OUTPUT, &error);
    }
    failure = put_directory(pack, &sink);
    if (!failure)
        return 0;
    ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(failure),
                  "cannot write: %s", strerror(-failure));
    return ozx_pack_tell(pack, OZX_PACK_OUTPUT, &error);
}
