/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The act of mounting: by descriptors where that is allowed, else by fusermount3, which takes
 * nothing but a path and is another process; what it mounted is looked at afterwards.
 */
#include "mount/kernel_mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/wait.h"
#include "mount/attach.h"
#include "mount/channel.h"
#include "mount/fusermount.h"
#include "mount/mount_point.h"
#include "mount/mountinfo.h"
#include "mount/option_list.h"
#include "mount/unmount.h"

#define KERNEL_READAHEAD_BYTES (128u << 10) /* without us */
/* More makes no stream faster, and so much is read around a page that is missing in a mapped file
 * (tests/bench/run --cases seq-cold,seq,mmap). */
#define READAHEAD_BYTES (256u << 10)
#define LOCK_RETRY_MS 10
#define LOCK_RETRIES_MAX 200
#define TRIES_MAX 100

/* "ro,nosuid,...": always read-only, without devices or set-uid programs. */
static char *format_options(const struct ozx_mount_options *options)
{
    size_t room = 2 * strlen(options->fsname) + 2 * strlen(options->subtype) +
                  strlen(options->fuse_options) + 128;
    char *text = malloc(room), *end = text;

    if (!text)
        return NULL;
    end += sprintf(end, "ro,nosuid,nodev,%smax_read=%u,fsname=",
                   ozx_attach_has_permissions(options) ? "default_permissions," : "",
                   options->max_read_bytes);
    end = ozx_option_escape(end, options->fsname);
    end = ozx_option_escape(stpcpy(end, ",subtype="), options->subtype);
    if (options->fuse_options[0])
        stpcpy(stpcpy(end, ","), options->fuse_options);
    return text;
}

static int mount_by_fusermount(const struct ozx_mount_options *options, int *device,
                               struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = format_options(options);
    int failure =
        text ? ozx_fusermount(options->place->path, text, device, error) : ozx_error_memory(error);

    if (failure == -ENODEV && geteuid() == 0)
        return ozx_error_set(error, -EPERM, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "a container needs --cap-add SYS_ADMIN --device /dev/fuse",
                             "cannot mount: %s", strerror(EPERM));
    return failure;
}

static bool is_own(const struct ozx_mount_options *options, const struct ozx_mount_entry *entry)
{
    return entry && ozx_mount_entry_is_fuse(entry) && strcmp(entry->source, options->fsname) == 0;
}

/* Takes away what was mounted elsewhere. Tried often: somebody is just moving directories about. */
static void take_away(const struct ozx_mount_entry *entry)
{
    struct ozx_error ignored = OZX_ERROR_INIT;

    for (int i = 0; i < TRIES_MAX; i++) {
        OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
        struct ozx_mount_id id;
        if (ozx_place_find(entry->path, &place, &ignored) == 0 &&
            ozx_place_mount(&place, &id) == 0 && id.number == (uint64_t)entry->id &&
            ozx_unmount(&place, &id, true, &ignored) == 0)
            return;
    }
}

/* The number of the connection that the kernel made for `device`, which is the number of the
 * mounted file system's device, too; 0 where the kernel does not tell (before Linux 6.16). */
static unsigned connection_of(int device)
{
    char path[64], line[128];
    unsigned number = 0;
    FILE *info;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", device);
    info = fopen(path, "re");
    while (info && !number && fgets(line, sizeof line, info))
        if (sscanf(line, "fuse_connection: %u", &number) != 1)
            number = 0;
    if (info)
        fclose(info);
    return number;
}

/* True if `entry` is what was mounted for `device`. Where the kernel does not tell, it is what was
 * not there `before`: numbers of mounts and of devices are given again, so that one with both of
 * what was mounted before is taken for that, although it may have ended meanwhile. */
static bool is_new(const struct ozx_mount_entry *entry, int device,
                   const struct ozx_mountinfo *before)
{
    const struct ozx_mount_entry *older;
    unsigned connection = connection_of(device);

    if (connection)
        return entry->device_major == 0 && entry->device_minor == connection;
    older = ozx_mountinfo_by_number(before, (uint64_t)entry->id);
    return !older || older->device_minor != entry->device_minor;
}

/* What was mounted for `device`, but not on the place. */
static void take_new_away(const struct ozx_mount_options *options, int device,
                          const struct ozx_mountinfo *before, const struct ozx_mountinfo *now)
{
    for (size_t i = 0; i < now->count; i++)
        if (is_own(options, &now->entries[i]) && is_new(&now->entries[i], device, before))
            take_away(&now->entries[i]);
}

static int fail_mountinfo(int failure, struct ozx_error *error)
{
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "check that /proc is mounted", "cannot read /proc/self/mountinfo: %s",
                         strerror(-failure));
}

/* The mount that was just made by somebody who did not say which it is. */
static int identify(const struct ozx_mount_options *options, int device,
                    const struct ozx_mountinfo *before, struct ozx_mount_id *out,
                    struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo now = {0};
    const struct ozx_mount_entry *entry;
    struct ozx_mount_id id;
    int failure = ozx_mountinfo_read(&now);

    if (failure)
        return fail_mountinfo(failure, error);
    entry =
        ozx_place_mount(options->place, &id) == 0 ? ozx_mountinfo_by_number(&now, id.number) : NULL;
    if (is_own(options, entry) && is_new(entry, device, before)) {
        *out = id;
        return 0;
    }
    take_new_away(options, device, before, &now);
    return ozx_error_set(error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the mount point was removed, replaced or mounted on meanwhile");
}

/* Mounts, and tells which mount it is. */
static int mount_it(const struct ozx_mount_options *options, int *device, struct ozx_mount_id *out,
                    struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo before = {0};
    int read, failure = ozx_attach(options, device, out, error);

    if (!failure || error->code)
        return failure;
    read = ozx_mountinfo_read(&before);
    if (read)
        return fail_mountinfo(read, error);
    /* What filters system calls in a container answers EPERM, too. */
    if (failure == -ENOSYS || geteuid() == 0)
        failure = ozx_attach_by_mount(options, device, error);
    if (failure && !error->code)
        failure = mount_by_fusermount(options, device, error);
    return failure ? failure : identify(options, *device, &before, out, error);
}

/* Locks the directory until `*lock` is closed, so that of two mounts at once the second sees the
 * first. Where it cannot be opened or locked there is nothing to hold. */
static int lock_directory(const struct ozx_place *place, int *lock, struct ozx_error *error)
{
    *lock = openat(place->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; *lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
         i++) {
        if (i == LOCK_RETRIES_MAX)
            return ozx_error_set(error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                 "the mount point is in use: another process keeps it locked");
        ozx_wait_ms(LOCK_RETRY_MS);
    }
    return 0;
}

int ozx_kernel_mount_begin(const struct ozx_mount_options *options, int *lock,
                           struct ozx_error *error)
{
    int failure = lock_directory(options->place, lock, error);

    return failure ? failure : ozx_mount_point_refuse_used(options->place, error);
}

int ozx_kernel_mount(const struct ozx_mount_options *options, int socket, struct ozx_mount_id *out,
                     struct ozx_error *error)
{
    OZX_AUTO_CLOSE int lock = -1;
    OZX_AUTO_CLOSE int device = -1;
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct ozx_mount_id id;
    int failure = ozx_kernel_mount_begin(options, &lock, error);

    if (!failure)
        failure = mount_it(options, &device, &id, error);
    close(ozx_take_fd(&options->place->directory));
    if (failure)
        return failure;
    failure = ozx_channel_send_descriptor(socket, OZX_MESSAGE_DEVICE, device);
    if (failure) {
        (void)!ozx_unmount(options->place, &id, true, &ignored);
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot mount: the worker is gone");
    }
    *out = id;
    return 0;
}

void ozx_kernel_mount_readahead(unsigned device_minor, unsigned max_read_bytes)
{
    char place[64];
    OZX_AUTO_CLOSE int fd = -1;

    if (max_read_bytes <= KERNEL_READAHEAD_BYTES)
        return;
    if (max_read_bytes > READAHEAD_BYTES)
        max_read_bytes = READAHEAD_BYTES;
    snprintf(place, sizeof place, "/sys/class/bdi/0:%u/read_ahead_kb", device_minor);
    fd = open(place, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        dprintf(fd, "%u", max_read_bytes / 1024);
}
