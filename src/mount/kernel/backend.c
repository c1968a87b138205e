/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's EROFS as a backend: the lease on the archive, the image, the mount.
 */
#include "mount/kernel/backend.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/descriptors.h"
#include "mount/attach.h"
#include "mount/kernel/attach.h"
#include "mount/kernel/image.h"
#include "mount/kernel/keeper.h"
#include "mount/kernel/proof.h"
#include "mount/kernel/state.h"
#include "mount/kernel_mount.h"

#define XFS_MAGIC 0x58465342

static int refuse(struct ozx_error *why, const char *text)
{
    return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s", text);
}

static int fail(struct ozx_error *why, int code, const char *what)
{
    return ozx_error_set(why, code == -EPERM ? -EPERM : -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         NULL, "%s: %s", what, strerror(-code));
}

/* File systems of this machine alone: what another one writes breaks no lease here. Others may be
 * so, too, but these are known to be. */
static bool is_local(int archive)
{
    struct statfs fs;

    if (fstatfs(archive, &fs) < 0)
        return false;
    switch ((unsigned long)fs.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
        return true;
    default:
        return false;
    }
}

/* What of -o only FUSE can do; NULL: nothing. */
static const char *needs_fuse(const struct ozx_mount_options *options)
{
    return options->handed_fd >= 0 ? "a device was given to serve by"
           : options->debug        ? "-d prints the requests of FUSE"
           : options->xattr        ? "-o xattr needs FUSE"
           : options->io_uring     ? "-o io_uring needs FUSE"
           : options->serve_as     ? "-o serve_as needs FUSE"
                                   : NULL;
}

static int check_kernel(struct ozx_error *why)
{
    OZX_AUTO_CLOSE int fs = fsopen("erofs", FSOPEN_CLOEXEC);

    if (fs >= 0)
        return 0;
    return errno == ENODEV ? refuse(why, "this kernel has no EROFS") : fail(why, -errno, "fsopen");
}

static void release(struct ozx_direct *d)
{
    ozx_keeper_stop(d);
    ozx_lease_end(d);
    ozx_kernel_image_file_close(&d->image);
    if (d->breaks >= 0)
        close(d->breaks);
    if (d->archive >= 0)
        close(d->archive);
    free(d);
}

static int hold(const struct ozx_mount_options *options, int archive, struct ozx_direct **out,
                struct ozx_error *why)
{
    const char *what = needs_fuse(options);
    struct ozx_direct *d;
    int failure = what ? refuse(why, what) : check_kernel(why);

    if (!failure && !is_local(archive))
        failure = refuse(why, "a change of the archive might not be noticed on its file system");
    if (failure)
        return failure;
    d = malloc(sizeof *d);
    if (!d)
        return fail(why, -ENOMEM, "no memory");
    *d = (struct ozx_direct){
        .options = options, .breaks = -1, .keeper_end = -1, .image = OZX_IMAGE_FILE_INIT};
    /* The same open file, so the lease is on both. */
    d->archive = fcntl(archive, F_DUPFD_CLOEXEC, 3);
    failure = d->archive < 0 ? fail(why, -errno, "no descriptor") : ozx_lease_take(d, why);
    if (failure) {
        release(d);
        return failure;
    }
    *out = d;
    return 0;
}

static int alarm_of(const struct ozx_direct *d)
{
    return d->breaks;
}

static int read_archive(void *context, void *to, size_t size, uint64_t offset)
{
    const struct ozx_direct *d = context;

    return ozx_descriptors_read_at(d->archive, to, size, offset);
}

static bool is_for_all(const struct ozx_mount_options *options)
{
    return strstr(options->fuse_options, "allow_other");
}

static int make_image(struct ozx_direct *d, const struct ozx_table *table, uint64_t archive_size,
                      struct ozx_error *why)
{
    const struct ozx_mount_options *options = d->options;
    const struct ozx_kernel_image_options how = {
        .uid = options->uid,
        .gid = options->gid,
        .file_mode = options->file_mode,
        .directory_mode = options->directory_mode,
        /* EROFS knows no mount for one user: others do not come past the root. */
        .root_uid = is_for_all(options) ? options->uid : geteuid(),
        .root_mode = is_for_all(options) ? options->directory_mode : 0500,
        .archive_size_bytes = archive_size};
    struct ozx_kernel_image image;
    int failure = ozx_kernel_image_plan(table, &how, &image, why);

    if (failure)
        return failure;
    failure = ozx_kernel_image_file_make(image.size_bytes, &d->image, why);
    if (!failure) {
        failure = ozx_kernel_image_write(&image, d->image.memory, read_archive, d);
        if (failure)
            failure = fail(why, failure, "cannot read the archive");
    }
    d->meta_end_bytes = image.meta_end_bytes;
    ozx_kernel_image_free(&image);
    return failure;
}

static void expect(struct ozx_direct *d, uint32_t count, uint32_t names_size_bytes)
{
    ozx_kernel_image_file_expect(ozx_kernel_image_guess(count, names_size_bytes), &d->image);
}

static int put(struct ozx_direct *d, int mount, struct ozx_mount_id *out, struct ozx_error *why)
{
    OZX_AUTO_CLOSE int lock = -1;
    int failure = ozx_kernel_mount_begin(d->options, &lock, why);

    if (!failure && ozx_lease_is_broken(d))
        failure = refuse(why, "the archive is being changed");
    if (!failure && ozx_keeper_start(d, mount))
        failure = refuse(why, "cannot start a process that watches over it");
    if (!failure)
        failure = ozx_attach_put(mount, d->options->place, out, why);
    if (!failure)
        close(ozx_take_fd(&d->options->place->directory));
    return failure;
}

static int attach(struct ozx_direct *d, struct ozx_table *table, struct ozx_mount_id *out,
                  struct ozx_error *why)
{
    OZX_AUTO_CLOSE int mount = -1;
    struct stat st;
    int failure = fstat(d->archive, &st) < 0 ? fail(why, -errno, "fstat") : 0;

    if (!failure)
        failure = ozx_table_check(table, (uint64_t)st.st_size, why);
    if (!failure)
        failure = make_image(d, table, (uint64_t)st.st_size, why);
    if (!failure)
        failure = ozx_kernel_image_attach(d->options, d->image.fd, d->archive, &mount, why);
    if (!failure)
        failure = ozx_kernel_image_prove(table, mount, d->archive, why);
    if (!failure)
        failure = put(d, mount, out, why);
    d->attached = !failure;
    if (!failure)
        (void)!ozx_error_set(why, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the kernel serves %" PRIu32
                             " files and directories by an image of %" PRIu64 " bytes",
                             table->count, d->image.size_bytes);
    return failure;
}

const struct ozx_direct_backend ozx_kernel_backend = {.name = "kernel",
                                                      .hold = hold,
                                                      .alarm = alarm_of,
                                                      .expect = expect,
                                                      .attach = attach,
                                                      .watch = ozx_kernel_watch,
                                                      .release = release};
