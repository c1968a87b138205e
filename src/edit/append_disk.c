/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing to the archive, and to the disk.
 */
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "edit/append_parts.h"

static int fail(int code, struct ozx_error *error)
{
    /* the system's limit for files, not one of archives */
    return ozx_error_set(error, code == -EFBIG ? -EIO : code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         ozx_hint_no_space(code), "cannot write: %s", strerror(-code));
}

int ozx_append_sync(int fd, struct ozx_error *error)
{
    return fsync(fd) < 0 ? fail(-errno, error) : 0;
}

int ozx_append_put(int fd, const void *data, size_t size_bytes, uint64_t offset_bytes,
                   struct ozx_error *error)
{
    int failure = ozx_descriptors_write(fd, data, size_bytes, (int64_t)offset_bytes);

    return failure ? fail(failure, error) : 0;
}

int ozx_append_cut(int fd, uint64_t size_bytes, struct ozx_error *error)
{
    if (ftruncate(fd, (off_t)size_bytes) < 0)
        return ozx_error_set(error, -errno, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot set the size: %s", strerror(errno));
    return ozx_append_sync(fd, error);
}

int ozx_append_finish(int fd, const struct ozx_append_mark *mark, struct ozx_error *error)
{
    static const uint8_t zeros[4];
    bool any = false;
    int failure = 0;

    for (int i = 0; i < OZX_APPEND_CLEAR_MAX && !failure; i++) {
        if (mark->clear_offsets_bytes[i] == OZX_OFFSET_NONE)
            continue;
        any = true;
        failure = ozx_append_put(fd, zeros, sizeof zeros, mark->clear_offsets_bytes[i], error);
    }
    if (any && !failure)
        failure = ozx_append_sync(fd, error);
    return failure ? failure : ozx_append_cut(fd, mark->new_size_bytes, error);
}
