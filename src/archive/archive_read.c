/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading entries: the local header is checked at an entry's first read, then data come straight
 * from their place in the archive, or out of the decompressor.
 */
#include "archive/archive_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zip/crc.h"
#include "zip/format.h"
#include "zip/local.h"
#include "zip/name.h"

/* Local headers up to this size are read together with the data behind them. */
#define HEAD_MAX 8192
#define WHOLE_MAX                                                                                  \
    (UINT64_C(4) << 20) /* whoever begins at the first byte of so small a file reads all of it */

int ozx_archive_name_entry(const struct ozx_archive *archive, uint32_t node,
                           struct ozx_error *error)
{
    char path[OZX_PATH_SIZE], escaped[OZX_ESCAPED_SIZE], text[sizeof error->text];
    size_t size = ozx_tree_path(&archive->tree, node, path);

    snprintf(text, sizeof text, "%s", error->text);
    snprintf(error->text, sizeof error->text, "entry '%s': %.300s",
             ozx_escape(escaped, sizeof escaped, path, size), text);
    return error->code;
}

struct ozx_zip_expected ozx_archive_expect(const struct ozx_archive *archive, uint32_t node,
                                           uint64_t where, char path[OZX_PATH_SIZE])
{
    const struct ozx_node *n = &archive->tree.nodes[node];
    struct ozx_node_entry entry;
    struct ozx_zip_expected expected;

    ozx_archive_entry(archive, node, &entry);
    expected = (struct ozx_zip_expected){
        .local_offset_bytes = where,
        .compressed_size_bytes = entry.compressed_size_bytes,
        .uncompressed_size_bytes = ozx_tree_size(&archive->tree, node),
        .name = path,
        .name_size_bytes = ozx_tree_path(&archive->tree, node, path),
        .name_cp437 = ozx_node_kind(n) & OZX_KIND_CP437,
        .names = archive->names,
        .flags = ozx_tree_flags(&archive->tree, node),
        .method = entry.method,
        .crc32 = n->crc32,
    };
    expected.data_end_limit_bytes =
        where + OZX_LOCAL_SIZE +
        ozx_zip_name_raw_size(path, expected.name_size_bytes, expected.name_cp437) +
        entry.compressed_size_bytes + n->slack_bytes;
    return expected;
}

void ozx_archive_remember(struct ozx_node *n, uint64_t data_offset)
{
    uint64_t about = ozx_node_where(n) & ~OZX_WHERE_OFFSET;

    atomic_store_explicit(&n->where, about | OZX_WHERE_RESOLVED | data_offset,
                          memory_order_relaxed);
}

static int resolve(struct ozx_archive *archive, uint32_t node, uint64_t *offset,
                   struct ozx_error *error)
{
    struct ozx_node *n = &archive->tree.nodes[node];
    uint64_t where = ozx_node_where(n);
    struct ozx_zip_expected expected;
    char path[OZX_PATH_SIZE];

    if (where & OZX_WHERE_RESOLVED) {
        *offset = where & OZX_WHERE_OFFSET;
        return 0;
    }
    expected = ozx_archive_expect(archive, node, where & OZX_WHERE_OFFSET, path);
    if (ozx_zip_local_resolve(archive->source, &expected, offset, error))
        return ozx_archive_name_entry(archive, node, error);
    ozx_archive_remember(n, *offset);
    return 0;
}

/* The first read of a stored file, from its first byte: local header and data with one request.
 * That works out if the header takes all the room in front of the data, as it does where there are
 * no gaps;
 * `*done` says whether it did. */
static int read_at_once(struct ozx_archive *archive, uint32_t node, void *buffer, size_t size,
                        bool *done, struct ozx_error *error)
{
    struct ozx_node *n = &archive->tree.nodes[node];
    uint64_t where = ozx_node_where(n);
    struct ozx_zip_expected expected;
    struct ozx_zip_local local;
    uint8_t head[HEAD_MAX];
    char path[OZX_PATH_SIZE];
    uint64_t head_size;
    int64_t result;

    *done = false;
    if (where & OZX_WHERE_RESOLVED)
        return 0;
    where &= OZX_WHERE_OFFSET;
    expected = ozx_archive_expect(archive, node, where, path);
    head_size = expected.data_end_limit_bytes - where - expected.compressed_size_bytes;
    if (head_size > sizeof head ||
        ozx_source_read_two(archive->source, head, (size_t)head_size, buffer, size, where))
        return 0; /* the ordinary way finds what it was */
    result = ozx_zip_local_check(head, (size_t)head_size, &expected, &local, error);
    if (result < 0)
        return ozx_archive_name_entry(archive, node, error);
    if (result == 0) {
        ozx_archive_remember(n, where + local.size_bytes);
        *done = local.size_bytes == head_size;
    }
    return 0;
}

bool ozx_archive_is_empty_file(const struct ozx_archive *archive, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(archive, node, &stat);
    return !stat.is_directory && stat.size_bytes == 0;
}

bool ozx_archive_is_compressed(const struct ozx_archive *archive, uint32_t node)
{
    const struct ozx_node *n = &archive->tree.nodes[node];

    return (ozx_node_kind(n) & OZX_KIND_COMPRESSED) && !ozx_tree_eio(&archive->tree, node);
}

uint64_t ozx_archive_local_offset(const struct ozx_archive *archive, uint32_t node)
{
    const struct ozx_node *n = &archive->tree.nodes[node];

    return ozx_node_is_directory(n) ? OZX_OFFSET_NONE : ozx_node_offset(n);
}

int ozx_archive_data_offset(struct ozx_archive *archive, uint32_t node, uint64_t *offset_bytes,
                            struct ozx_error *error)
{
    if (ozx_node_is_directory(&archive->tree.nodes[node]))
        return ozx_error_set(error, -EISDIR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "a directory has no data");
    return resolve(archive, node, offset_bytes, error);
}

int ozx_archive_fail_by_policy(const struct ozx_archive *archive, uint32_t node,
                               struct ozx_error *error)
{
    static const char *const texts[] = {
        [OZX_EIO_ENCRYPTED] = "it is encrypted",
        [OZX_EIO_METHOD] = "its compression method is not supported",
        [OZX_EIO_SPECIAL] = "it is a symbolic link or a special file",
        [OZX_EIO_RATIO] = "it claims a size that deflate cannot reach",
    };

    ozx_error_set(error, -EIO, ozx_tree_eio_rule(&archive->tree, node),
                  ozx_node_offset(&archive->tree.nodes[node]), NULL, "%s",
                  texts[ozx_tree_eio(&archive->tree, node)]);
    return ozx_archive_name_entry(archive, node, error);
}

static int read_compressed(struct ozx_archive *archive, uint32_t node, uint64_t data_offset,
                           void *buffer, size_t size, uint64_t offset, struct ozx_error *error)
{
    const struct ozx_oddity *compressed = ozx_tree_oddity(&archive->tree, node);
    const struct ozx_zip_compressed entry = {.key = node,
                                             .data_offset_bytes = data_offset,
                                             .compressed_size_bytes =
                                                 compressed->compressed_size_bytes,
                                             .uncompressed_size_bytes = compressed->size_bytes,
                                             .crc32 = archive->tree.nodes[node].crc32,
                                             .method = compressed->method};
    int failure;

    ozx_source_will_wait(archive->source);
    failure = ozx_zip_streams_read(archive->streams, &entry, buffer, size, offset, error);

    return failure ? ozx_archive_name_entry(archive, node, error) : 0;
}

static int read_stored(struct ozx_archive *archive, uint32_t node, uint64_t data_offset,
                       void *buffer, size_t size, uint64_t offset, struct ozx_error *error)
{
    int failure = ozx_source_read(archive->source, buffer, size, data_offset + offset);

    if (!failure)
        return 0;
    ozx_error_set(error, failure, failure == -ESTALE ? OZX_RULE_CHANGED : OZX_RULE_NONE,
                  data_offset + offset, NULL, "%s",
                  failure == -ESTALE ? "the archive changed while it was open"
                                     : ozx_source_reason(failure));
    return ozx_archive_name_entry(archive, node, error);
}

/* A chunk is read as a whole, in as many reads as it takes a kernel: where each of them costs the
 * way to a server, all of it is asked for with the first. */
static void announce(struct ozx_archive *archive, uint32_t node, size_t size)
{
    const struct ozx_node *n = &archive->tree.nodes[node];
    uint64_t where = ozx_node_where(n);
    struct ozx_range range = {.offset_bytes = where & OZX_WHERE_OFFSET};
    struct ozx_zip_expected expected;
    char path[OZX_PATH_SIZE];

    if (n->size_bytes <= size || n->size_bytes > WHOLE_MAX || !ozx_source_hears(archive->source))
        return;
    expected = ozx_archive_expect(archive, node, range.offset_bytes, path);
    range.size_bytes = expected.compressed_size_bytes;
    if (!(where & OZX_WHERE_RESOLVED)) /* that is where the local header is */
        range.size_bytes = expected.data_end_limit_bytes - range.offset_bytes;
    if (range.size_bytes > expected.compressed_size_bytes + HEAD_MAX)
        range.size_bytes = expected.compressed_size_bytes + HEAD_MAX;
    ozx_source_will_need(archive->source, &range, 1);
}

/* `size` bytes that the file has; 0 only of an empty file, which has no bytes to be wrong, but
 * whose local header or compressed data may still tell another story. */
static int read_bytes(struct ozx_archive *archive, uint32_t node, void *buffer, size_t size,
                      uint64_t offset, struct ozx_error *error)
{
    bool compressed = ozx_node_kind(&archive->tree.nodes[node]) & OZX_KIND_COMPRESSED, done = false;
    uint64_t data_offset;
    int failure = 0;

    if (offset == 0)
        announce(archive, node, size);
    if (!compressed && offset == 0)
        failure = read_at_once(archive, node, buffer, size, &done, error);
    if (failure || done)
        return failure;
    failure = resolve(archive, node, &data_offset, error);
    if (failure)
        return failure;
    if (compressed)
        return read_compressed(archive, node, data_offset, buffer, size, offset, error);
    return !size ? 0 : read_stored(archive, node, data_offset, buffer, size, offset, error);
}

int ozx_archive_read(struct ozx_archive *archive, uint32_t node, void *buffer, size_t size_bytes,
                     uint64_t offset_bytes, size_t *got_bytes, struct ozx_error *error)
{
    uint64_t size;

    if (ozx_node_is_directory(&archive->tree.nodes[node]))
        return ozx_error_set(error, -EISDIR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "is a directory");
    if (ozx_tree_eio(&archive->tree, node))
        return ozx_archive_fail_by_policy(archive, node, error);
    size = ozx_tree_size(&archive->tree, node);
    if (offset_bytes >= size)
        size_bytes = 0;
    else if (size_bytes > size - offset_bytes)
        size_bytes = (size_t)(size - offset_bytes);
    if (size_bytes || size == 0) {
        int failure = read_bytes(archive, node, buffer, size_bytes, offset_bytes, error);
        if (failure)
            return failure;
    }
    *got_bytes = size_bytes;
    return 0;
}

int ozx_archive_crc_error(struct ozx_archive *archive, uint32_t node, const char *hint,
                          struct ozx_error *error)
{
    uint64_t offset_bytes = OZX_OFFSET_NONE;

    if (ozx_archive_data_offset(archive, node, &offset_bytes, error))
        offset_bytes = OZX_OFFSET_NONE;
    ozx_error_set(error, -EBADMSG, OZX_RULE_CRC, offset_bytes, hint,
                  "CRC-32 mismatch: the data are damaged");
    return ozx_archive_name_entry(archive, node, error);
}

int ozx_archive_read_all(struct ozx_archive *archive, uint32_t node, void *buffer,
                         struct ozx_error *error)
{
    size_t got = 0;
    int failure = ozx_archive_read(archive, node, buffer,
                                   (size_t)ozx_tree_size(&archive->tree, node), 0, &got, error);

    if (!failure && !archive->crcs_unknown &&
        ozx_crc32(0, buffer, got) != archive->tree.nodes[node].crc32)
        failure =
            ozx_archive_crc_error(archive, node, "get the file again, or ask its author", error);
    return failure;
}
