/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mounts of runs that were killed. Knows them by their path, and by there being no supervisor.
 */
#include "mount/left_runs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mount/daemons.h"
#include "mount/mounts.h"
#include "mount/process.h"
#include "mount/state.h"
#include "mount/unmount.h"

#define TEXT_MAX ((size_t)8 << 20) /* of an environment; who has more is taken for a user */

/* True if `path` is in this file of /proc, or if that cannot be told. What is not ours to read
 * (other users', which our mounts do not let in) says no. */
static bool mentions(const char *pid, const char *file, const char *path)
{
    OZX_AUTO_FREE char *text = NULL;
    OZX_AUTO_CLOSE int fd = -1;
    size_t size = 0, space = 0;
    ssize_t got;
    char name[64];

    snprintf(name, sizeof name, "/proc/%.20s/%s", pid, file);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    do {
        if (size == space) {
            char *more = space < TEXT_MAX ? realloc(text, space + 65536) : NULL;
            if (!more)
                return true;
            text = more;
            space += 65536;
        }
        got = read(fd, text + size, space - size);
        size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    return memmem(text, size, path, strlen(path)) != NULL;
}

static bool is_wanted(const char *path)
{
    DIR *proc = opendir("/proc");
    bool wanted = !proc;
    const char *pid;

    while (!wanted && ozx_daemons_next_process(proc, &pid))
        wanted = mentions(pid, "environ", path) || mentions(pid, "cmdline", path);
    if (proc)
        closedir(proc);
    return wanted;
}

/* True if the mount is one of a run in the same directory as `where`; `out` borrows its base. */
static bool is_of_run(const struct ozx_private_place *where, const char *path,
                      struct ozx_private_place *out)
{
    const size_t base_size = strlen(where->base_path);
    const char *name = path + base_size + 1, *inner;

    if (strncmp(path, where->base_path, base_size) != 0 || path[base_size] != '/' ||
        strncmp(name, OZX_PRIVATE_PLACE_PREFIX, strlen(OZX_PRIVATE_PLACE_PREFIX)) != 0)
        return false;
    inner = strchr(name, '/');
    if (!inner || (size_t)(inner - name) >= sizeof out->name || !inner[1] ||
        strchr(inner + 1, '/') || strlen(inner + 1) >= sizeof out->inner)
        return false;
    *out = (struct ozx_private_place){.base = where->base};
    snprintf(out->base_path, sizeof out->base_path, "%s", where->base_path);
    snprintf(out->name, sizeof out->name, "%.*s", (int)(inner - name), name);
    snprintf(out->inner, sizeof out->inner, "%s", inner + 1);
    return true;
}

/* Processes that have the name of this mount, whosoever they are: one too many keeps it. */
static unsigned count_daemons(unsigned device_minor)
{
    char name[OZX_PROCESS_NAME_SIZE], line[OZX_PROCESS_NAME_SIZE + 1];
    DIR *proc = opendir("/proc");
    unsigned count = proc ? 0 : 2;
    const char *pid;

    ozx_process_name(name, device_minor);
    strcat(strcpy(line, name), "\n");
    while (proc && ozx_daemons_next_process(proc, &pid))
        count += mentions(pid, "comm", line);
    if (proc)
        closedir(proc);
    return count;
}

/* Its supervisor is gone: the worker goes on alone (and has its name before it answers), or is
 * gone, too. Of a mount whose processes are not to be seen, as in another PID namespace, none is
 * counted, and it answers. */
static bool is_left(const struct ozx_mount_entry *entry)
{
    struct ozx_mount_state ignored;
    bool counted;
    enum ozx_mount_condition condition = ozx_mount_ask(entry, &ignored, &counted);
    unsigned daemons = count_daemons(entry->device_minor);

    return condition == OZX_MOUNT_DEAD ? daemons == 0 : counted && daemons == 1;
}

static void take_away(const struct ozx_private_place *left, const struct ozx_mount_entry *entry)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct ozx_mount_id id;

    if (!ozx_private_place_find(left, &place) && !ozx_place_mount(&place, &id) &&
        id.device_minor == entry->device_minor && !ozx_unmount(&place, &id, false, &ignored))
        (void)ozx_private_place_remove(left);
}

void ozx_left_runs_remove(const struct ozx_private_place *where)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    OZX_AUTO_FREE const struct ozx_mount_entry **entries = NULL;
    OZX_AUTO_CLOSE int here = -1;
    size_t count;

    if (ozx_mounts_find(geteuid(), NULL, &info, &entries, &count))
        return;
    here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC); /* unmounting leaves it */
    for (size_t i = 0; i < count; i++) {
        struct ozx_private_place left;
        if (is_of_run(where, entries[i]->path, &left) && is_left(entries[i]) &&
            !is_wanted(entries[i]->path))
            take_away(&left, entries[i]);
    }
    if (here >= 0)
        (void)!fchdir(here);
}
