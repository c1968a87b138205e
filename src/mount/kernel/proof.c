/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the kernel serves what stands in the archive.
 */
#include "mount/kernel/proof.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/descriptors.h"

#define SPREAD 32
#define COMPARED_BYTES (UINT64_C(64) << 10) /* from a file's start, and up to its end */

static int fail(struct ozx_error *why, int code, const char *what)
{
    return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the kernel serves it wrongly: %s%s%s", what, code ? ": " : "",
                         code ? strerror(-code) : "");
}

/* A file or directory of the mount, from its root down. The descriptor, or -errno. */
static int open_row(const struct ozx_table *table, int mount, uint32_t i)
{
    const struct ozx_row *row = &table->rows[i];
    OZX_AUTO_CLOSE int parent = -1;
    char name[256];
    int fd;

    if (i == 0) {
        fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    }
    parent = open_row(table, mount, row->parent);
    if (parent < 0)
        return parent;
    memcpy(name, table->names + row->name_offset, row->name_size);
    name[row->name_size] = '\0';
    fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int compare(const struct ozx_table *table, const struct ozx_row *row, int fd, int archive,
                   uint64_t offset, struct ozx_error *why)
{
    static uint8_t served[COMPARED_BYTES], stored[COMPARED_BYTES];
    uint64_t left = row->size_bytes - offset;
    size_t size = (size_t)(left < COMPARED_BYTES ? left : COMPARED_BYTES);
    int failure = ozx_descriptors_read_at(fd, served, size, offset);

    if (!failure && row->kind == OZX_ROW_DATA)
        memcpy(stored, table->data + row->offset_bytes + offset, size);
    else if (!failure)
        failure = ozx_descriptors_read_at(archive, stored, size, row->offset_bytes + offset);
    if (failure)
        return fail(why, failure, "a file cannot be read");
    return memcmp(served, stored, size) ? fail(why, 0, "a file has other bytes") : 0;
}

static int prove_row(const struct ozx_table *table, int mount, int archive, uint32_t i,
                     struct ozx_error *why)
{
    const struct ozx_row *row = &table->rows[i];
    OZX_AUTO_CLOSE int fd = open_row(table, mount, i);
    struct stat st;
    int failure;

    if (fd < 0)
        return fail(why, fd, "a name cannot be opened");
    if (fstat(fd, &st) < 0)
        return fail(why, -errno, "fstat");
    if (row->kind == OZX_ROW_DIRECTORY)
        return S_ISDIR(st.st_mode) ? 0 : fail(why, 0, "a directory is not one");
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != row->size_bytes)
        return fail(why, 0, "a file has another size");
    if (row->size_bytes == 0)
        return 0;
    failure = compare(table, row, fd, archive, 0, why);
    if (!failure && row->size_bytes > COMPARED_BYTES)
        failure = compare(table, row, fd, archive, row->size_bytes - COMPARED_BYTES, why);
    return failure;
}

int ozx_kernel_image_prove(const struct ozx_table *table, int mount, int archive,
                           struct ozx_error *why)
{
    /* The root, where there is none. */
    int failure = prove_row(table, mount, archive, table->facts.largest, why);

    if (!failure)
        failure = prove_row(table, mount, archive, table->facts.furthest, why);
    for (uint32_t i = 0; i < SPREAD && !failure; i++)
        failure = prove_row(table, mount, archive,
                            (uint32_t)((uint64_t)(table->count - 1) * i / (SPREAD - 1)), why);
    return failure;
}
