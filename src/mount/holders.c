/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who still has a file system mounted.
 */
#include "mount/holders.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "mount/daemons.h"
#include "mount/mountinfo.h"

#define NAMED_MAX 4       /* of each kind */
#define NAMESPACES_MAX 64 /* looked into */
#define LINK_SIZE 40      /* "mnt:[4026531840]" */

bool ozx_holders_may_exist(const struct ozx_mount_id *mount)
{
    char path[64];

    /* Every file system has its entry from its first mount to its last. */
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u", mount->device_major, mount->device_minor);
    return access(path, F_OK) == 0 || access("/sys/class/bdi", F_OK) < 0;
}

/* Appends a name to a list, and dots to one that is long enough. */
static void add(char *list, size_t size, unsigned *count, const char *name)
{
    size_t used = strlen(list);

    if (*count <= NAMED_MAX)
        snprintf(list + used, size - used, "%s%s", *count ? ", " : "",
                 *count < NAMED_MAX ? name : "...");
    ++*count;
}

static void find_bind_mounts(const struct ozx_mount_id *mount, char *list, size_t size)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    char path[100];
    unsigned count = 0;

    if (ozx_mountinfo_read(&info))
        return;
    for (size_t i = 0; i < info.count; i++) {
        const struct ozx_mount_entry *entry = &info.entries[i];
        if (entry->device_major == mount->device_major &&
            entry->device_minor == mount->device_minor)
            add(list, size, &count,
                ozx_escape(path, sizeof path, entry->path, strlen(entry->path)));
    }
}

static bool read_namespace(const char *pid, char link[LINK_SIZE])
{
    char path[64];
    ssize_t size;

    snprintf(path, sizeof path, "/proc/%.20s/ns/mnt", pid);
    size = readlink(path, link, LINK_SIZE - 1);
    link[size > 0 ? size : 0] = '\0';
    return size > 0;
}

/* True if this process is the first one seen of its namespace, which then is one of `seen`. */
static bool is_new(char seen[NAMESPACES_MAX][LINK_SIZE], unsigned *count, const char *pid)
{
    char link[LINK_SIZE];

    if (*count == NAMESPACES_MAX || !read_namespace(pid, link))
        return false;
    for (unsigned i = 0; i < *count; i++)
        if (strcmp(seen[i], link) == 0)
            return false;
    strcpy(seen[(*count)++], link);
    return true;
}

static void find_namespaces(const struct ozx_mount_id *mount, char *list, size_t size)
{
    char seen[NAMESPACES_MAX][LINK_SIZE], name[OZX_DAEMONS_WHO_SIZE];
    unsigned seen_count = 0, count = 0;
    DIR *proc = opendir("/proc");
    const char *pid;

    is_new(seen, &seen_count, "self");
    while (proc && ozx_daemons_next_process(proc, &pid)) {
        OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
        if (is_new(seen, &seen_count, pid) && ozx_mountinfo_read_of(pid, &info) == 0 &&
            ozx_mountinfo_by_device(&info, mount->device_major, mount->device_minor))
            add(list, size, &count, ozx_daemons_who(pid, name));
    }
    if (proc)
        closedir(proc);
}

void ozx_holders_find(const struct ozx_mount_id *mount, struct ozx_holders *out)
{
    char here[180] = "", elsewhere[180] = "";

    find_bind_mounts(mount, here, sizeof here);
    find_namespaces(mount, elsewhere, sizeof elsewhere);
    out->elsewhere = elsewhere[0] != '\0';
    snprintf(out->text, sizeof out->text, "%s%s%s%s%s", here[0] ? "on " : "", here,
             here[0] && elsewhere[0] ? ", and " : "",
             elsewhere[0] ? "in another mount namespace, that of " : "", elsewhere);
}
