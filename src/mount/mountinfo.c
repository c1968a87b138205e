/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is mounted where.
 */
#include "mount/mountinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* All of a file whose size is not known before it was read. Terminated. */
static int read_all(const char *path, char **out)
{
    OZX_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    OZX_AUTO_FREE char *text = NULL;
    size_t size = 0, room = 0;

    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t got;
        if (room - size < 4096) {
            char *larger = realloc(text, room += 65536);
            if (!larger)
                return -ENOMEM;
            text = larger;
        }
        got = read(fd, text + size, room - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    text[size] = '\0';
    *out = ozx_take(text);
    return 0;
}

/* Undoes the kernel's \040 for space, \011, \012, \134 and \043, in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p;) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 4;
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
}

/* Fields of a line, each behind one space:
 *     36 35 98:0 /root /mount/point rw,noatime [optional ...] - type source super,options */
static bool parse_line(char *line, struct ozx_mount_entry *entry)
{
    char *rest = line, *field[6], *type, *source, *options, *separator;

    for (size_t i = 0; i < 6; i++) {
        field[i] = strsep(&rest, " ");
        if (!rest)
            return false;
    }
    while ((separator = strsep(&rest, " ")) && strcmp(separator, "-") != 0)
        ;
    type = strsep(&rest, " ");
    source = strsep(&rest, " ");
    options = strsep(&rest, " ");
    if (!type || !source || sscanf(field[0], "%d", &entry->id) != 1 ||
        sscanf(field[1], "%d", &entry->parent_id) != 1 ||
        sscanf(field[2], "%u:%u", &entry->device_major, &entry->device_minor) != 2)
        return false;
    unescape(field[4]);
    unescape(type);
    unescape(source);
    entry->path = field[4];
    entry->type = type;
    entry->source = source;
    entry->options = options ? options : "";
    return true;
}

static int read_path(const char *path, struct ozx_mountinfo *out)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    size_t lines = 1;
    char *rest, *line;
    int failure = read_all(path, &info.text);

    if (failure)
        return failure;
    for (const char *p = info.text; p && *p; p++)
        lines += *p == '\n';
    info.entries = calloc(lines, sizeof *info.entries);
    if (!info.entries)
        return -ENOMEM;
    rest = info.text;
    while ((line = strsep(&rest, "\n")))
        if (parse_line(line, &info.entries[info.count]))
            info.count++;
    *out = info;
    info = (struct ozx_mountinfo){0};
    return 0;
}

int ozx_mountinfo_read(struct ozx_mountinfo *out)
{
    return read_path("/proc/self/mountinfo", out);
}

int ozx_mountinfo_read_of(const char *pid, struct ozx_mountinfo *out)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%.20s/mountinfo", pid);
    return read_path(path, out);
}

void ozx_mountinfo_free(struct ozx_mountinfo *info)
{
    free(info->entries);
    free(info->text);
    *info = (struct ozx_mountinfo){0};
}

const struct ozx_mount_entry *ozx_mountinfo_by_number(const struct ozx_mountinfo *info,
                                                      uint64_t number)
{
    for (size_t i = 0; i < info->count; i++)
        if ((uint64_t)info->entries[i].id == number)
            return &info->entries[i];
    return NULL;
}

const struct ozx_mount_entry *ozx_mountinfo_by_device(const struct ozx_mountinfo *info,
                                                      unsigned major, unsigned minor)
{
    for (size_t i = 0; i < info->count; i++)
        if (info->entries[i].device_major == major && info->entries[i].device_minor == minor)
            return &info->entries[i];
    return NULL;
}

const struct ozx_mount_entry *ozx_mountinfo_at(const struct ozx_mountinfo *info, const char *path)
{
    const struct ozx_mount_entry *top = NULL;

    /* Of mounts stacked on one path each is the child of the one below. */
    for (size_t i = 0; i < info->count; i++) {
        const struct ozx_mount_entry *entry = &info->entries[i];
        if (strcmp(entry->path, path) == 0 && (!top || top->parent_id != entry->id))
            top = entry;
    }
    return top;
}

const struct ozx_mount_entry *ozx_mountinfo_find(const struct ozx_mountinfo *info, int id,
                                                 unsigned device_minor, const char *source)
{
    for (size_t i = 0; i < info->count; i++) {
        const struct ozx_mount_entry *entry = &info->entries[i];
        if (entry->id == id && entry->device_minor == device_minor &&
            strcmp(entry->source, source) == 0)
            return entry;
    }
    return NULL;
}

bool ozx_mount_entry_is_fuse(const struct ozx_mount_entry *entry)
{
    return strcmp(entry->type, "fuse") == 0 || strncmp(entry->type, "fuse.", 5) == 0;
}

uid_t ozx_mount_entry_user(const struct ozx_mount_entry *entry)
{
    const char *option = strstr(entry->options, "user_id=");
    unsigned user;

    return option && sscanf(option + strlen("user_id="), "%u", &user) == 1 ? user : 0;
}
