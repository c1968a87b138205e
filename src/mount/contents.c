/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows, before it is parsed.
 */
#include "mount/contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/file_name.h"
#include "base/descriptors.h"
#include "mount/mount.h"

#define ENDING ".ome.zarr"

static bool is_taken(const struct ozx_mount_contents *contents, const char *name)
{
    for (uint32_t i = 0; i + 1 < contents->count; i++)
        if (strcmp(contents->archives[i].name, name) == 0)
            return true;
    return false;
}

void ozx_mount_contents_name_last(struct ozx_mount_contents *contents)
{
    struct ozx_mount_archive *last = &contents->archives[contents->count - 1];
    unsigned number = 1;

    do
        ozx_directory_name_of(last->file, number++, last->name);
    while (is_taken(contents, last->name));
}

int ozx_mount_contents_close_others(const struct ozx_mount_contents *contents, const int *others,
                                    size_t count)
{
    const size_t most = (size_t)contents->count * OZX_SOURCE_DESCRIPTORS_MAX + count + 2;
    OZX_AUTO_FREE int *keep = calloc(most, sizeof *keep);
    size_t kept = 0;

    if (!keep)
        return -ENOMEM;
    for (uint32_t i = 0; i < contents->count; i++)
        kept += ozx_source_descriptors(contents->archives[i].source, keep + kept);
    if (count)
        memcpy(keep + kept, others, count * sizeof *others);
    kept += count;
    keep[kept++] = contents->directory;
    keep[kept++] = contents->requests;
    ozx_descriptors_close_others(keep, kept);
    return 0;
}

unsigned ozx_mount_contents_threads(const struct ozx_mount_contents *contents)
{
    for (uint32_t i = 0; i < contents->count; i++)
        if (contents->archives[i].source && ozx_source_fd(contents->archives[i].source) < 0 &&
            ozx_source_hears(contents->archives[i].source))
            return OZX_MOUNT_THREADS_REMOTE;
    return OZX_MOUNT_THREADS;
}

void ozx_mount_contents_close(struct ozx_mount_contents *contents)
{
    for (uint32_t i = 0; i < contents->count; i++)
        ozx_source_close(contents->archives[i].source);
    free(ozx_take(contents->archives));
    contents->count = 0;
    if (contents->directory >= 0)
        close(ozx_take_fd(&contents->directory));
    if (contents->requests >= 0)
        close(ozx_take_fd(&contents->requests));
}

void ozx_directory_name(const char *archive_path, const char *suffix, char name[NAME_MAX + 1])
{
    const char *base = strrchr(archive_path, '/');
    size_t size, room = NAME_MAX - strlen(suffix);

    base = base ? base + 1 : archive_path;
    size = ozx_file_name_stem_size(base);
    if (size > room)
        for (size = room; size > 1 && (base[size] & 0xC0) == 0x80;)
            size--; /* not inside a character */
    snprintf(name, NAME_MAX + 1, "%.*s%s", (int)size, base, suffix);
}

void ozx_directory_name_of(const char *archive_path, unsigned number, char name[NAME_MAX + 1])
{
    char suffix[32];

    snprintf(suffix, sizeof suffix, number > 1 ? "-%u" ENDING : ENDING, number);
    ozx_directory_name(archive_path, suffix, name);
}
