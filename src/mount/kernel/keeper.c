/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keeper: waits for a byte, which says that it is not needed, or for the end without one.
 */
#include "mount/kernel/keeper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "mount/kernel/image.h"
#include "mount/mount_point.h"
#include "mount/process.h"
#include "mount/unmount.h"

/* In the child. What is still open in it answers with errors from then on. */
static void keep(const struct ozx_direct *d, int end, const struct ozx_mount_id *mount)
{
    const struct ozx_place *place = d->options->place;
    const int kept[] = {end, place->parent, d->archive}; /* so that the lease stays */
    struct ozx_error ignored = OZX_ERROR_INIT;
    ssize_t got;
    char byte;

    setsid(); /* no ^C and no ^Z from the terminal */
    ozx_descriptors_close_others(kept, sizeof kept / sizeof kept[0]);
    (void)!ozx_process_detach_standard();
    do
        got = read(end, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return;
    (void)!ozx_unmount(place, mount, true, &ignored);
    ozx_kernel_image_poison(d->image.memory, d->meta_end_bytes);
    if (place->made)
        ozx_mount_point_remove_made(place, geteuid());
}

int ozx_keeper_start(struct ozx_direct *d, int mount)
{
    struct ozx_mount_id id;
    int ends[2], failure = ozx_mount_id_of(mount, &id);

    if (failure)
        return failure;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    d->keeper = fork();
    if (d->keeper == 0) {
        keep(d, ends[0], &id);
        _exit(0);
    }
    failure = d->keeper < 0 ? -errno : 0;
    close(ends[0]);
    d->keeper_end = ends[1];
    return failure;
}

void ozx_keeper_stop(struct ozx_direct *d)
{
    if (d->keeper_end < 0)
        return;
    (void)!write(d->keeper_end, "", 1);
    close(ozx_take_fd(&d->keeper_end));
    if (d->keeper > 0)
        (void)!ozx_wait_child(d->keeper);
}
