/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of junk, and whether a directory of it holds something that Zarr could read.
 */
#include "pack/junk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "zarr/metadata_files.h"
#include "zip/format.h"

#define PARTIAL_ID_SIZE 32      /* uuid4().hex */
#define SILLY_RENAME_ID_SIZE 24 /* inode (16) and counter (8), in hexadecimal */
#define FUSE_HIDDEN_ID_SIZE 16  /* inode and counter, 8 or more digits each */

/* --- names ------------------------------------------------------------------------------------ */

static size_t hex_size(const char *text)
{
    return strspn(text, "0123456789abcdef");
}

static bool ends_in(const char *name, size_t size, const char *suffix)
{
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && memcmp(name + size - suffix_size, suffix, suffix_size) == 0;
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* `NAME.<32 hex>.partial` of zarr-python, and `.NAME.partial`, as our own unfinished files are. */
static bool is_partial(const char *name, size_t size)
{
    static const char suffix[] = ".partial";
    const size_t suffix_size = sizeof suffix - 1;

    if (!ends_in(name, size, suffix))
        return false;
    if (name[0] == '.' && size > suffix_size)
        return true;
    size -= suffix_size;
    return size > PARTIAL_ID_SIZE && name[size - PARTIAL_ID_SIZE - 1] == '.' &&
           hex_size(name + size - PARTIAL_ID_SIZE) == PARTIAL_ID_SIZE;
}

static bool is_silly_rename(const char *name, size_t size)
{
    static const char nfs[] = ".nfs", fuse[] = ".fuse_hidden";

    if (begins_with(name, nfs))
        return size == sizeof nfs - 1 + SILLY_RENAME_ID_SIZE &&
               hex_size(name + sizeof nfs - 1) == SILLY_RENAME_ID_SIZE;
    if (begins_with(name, fuse))
        return size >= sizeof fuse - 1 + FUSE_HIDDEN_ID_SIZE &&
               hex_size(name + sizeof fuse - 1) == size - (sizeof fuse - 1);
    return false;
}

static enum ozx_junk of_file(const char *name)
{
    size_t size = strlen(name);

    if (strcmp(name, ".DS_Store") == 0)
        return OZX_JUNK_DS_STORE;
    if (begins_with(name, "._"))
        return OZX_JUNK_APPLE_DOUBLE;
    if (strcmp(name, "Thumbs.db") == 0)
        return OZX_JUNK_THUMBS;
    if (strcmp(name, "desktop.ini") == 0)
        return OZX_JUNK_DESKTOP_INI;
    if (is_partial(name, size))
        return OZX_JUNK_PARTIAL;
    if (ends_in(name, size, ".__lock"))
        return OZX_JUNK_LOCK;
    return is_silly_rename(name, size) ? OZX_JUNK_SILLY_RENAME : OZX_JUNK_NONE;
}

static enum ozx_junk of_directory(const char *name)
{
    static const char *const volume[] = {
        ".Spotlight-V100", ".fseventsd",   ".TemporaryItems",           ".DocumentRevisions-V100",
        "lost+found",      "$RECYCLE.BIN", "System Volume Information", "@eaDir"};
    static const char trash[] = ".Trash-";

    if (strcmp(name, "__MACOSX") == 0)
        return OZX_JUNK_MACOSX;
    if (strcmp(name, ".Trash") == 0 || strcmp(name, ".Trashes") == 0)
        return OZX_JUNK_TRASH;
    if (begins_with(name, trash)) {
        const char *user = name + sizeof trash - 1;
        return *user && !user[strspn(user, "0123456789")] ? OZX_JUNK_TRASH : OZX_JUNK_NONE;
    }
    for (size_t i = 0; i < sizeof volume / sizeof volume[0]; i++)
        if (strcmp(name, volume[i]) == 0)
            return OZX_JUNK_VOLUME;
    return OZX_JUNK_NONE;
}

enum ozx_junk ozx_junk_of_name(const char *name, bool is_directory)
{
    if (*name >= '0' && *name <= '9' && strlen(name) < PARTIAL_ID_SIZE && !strchr(name, '_'))
        return OZX_JUNK_NONE; /* most names are chunks' */
    return is_directory ? of_directory(name) : of_file(name);
}

/* For messages: "._*", "__MACOSX/". Static. */
static const char *label_of(enum ozx_junk kind)
{
    static const char *const labels[OZX_JUNK_KINDS] = {
        [OZX_JUNK_DS_STORE] = ".DS_Store",
        [OZX_JUNK_APPLE_DOUBLE] = "._*",
        [OZX_JUNK_THUMBS] = "Thumbs.db",
        [OZX_JUNK_DESKTOP_INI] = "desktop.ini",
        [OZX_JUNK_PARTIAL] = "*.partial",
        [OZX_JUNK_LOCK] = "*.__lock",
        [OZX_JUNK_SILLY_RENAME] = "removed while open",
        [OZX_JUNK_MACOSX] = "__MACOSX/",
        [OZX_JUNK_TRASH] = ".Trash*/",
        [OZX_JUNK_VOLUME] = "folders of a volume",
    };

    return labels[kind];
}

uint64_t ozx_junk_describe(const struct ozx_junk_counts *counts, char *text, size_t size)
{
    uint64_t sum = 0;
    size_t used = 0;

    text[0] = '\0';
    for (unsigned kind = 0; kind < OZX_JUNK_KINDS; kind++) {
        int more;

        if (!counts->of[kind])
            continue;
        sum += counts->of[kind];
        more = snprintf(text + used, size - used, "%s%" PRIu64 " %s", used ? ", " : "",
                        counts->of[kind], label_of((enum ozx_junk)kind));
        if (more > 0 && (size_t)more < size - used)
            used += (size_t)more;
    }
    return sum;
}

/* --- nodes of Zarr below ---------------------------------------------------------------------- */

bool ozx_junk_is_node_file(const char *name, size_t size_bytes)
{
    return ozx_metadata_file_makes_node(ozx_metadata_file_of(name, size_bytes));
}

static bool is_node_file(const struct ozx_archive *archive, uint32_t node)
{
    struct ozx_node_stat stat;
    size_t size;
    const char *name = ozx_archive_name(archive, node, &size);

    ozx_archive_stat(archive, node, &stat);
    return !stat.is_directory && ozx_junk_is_node_file(name, size);
}

static uint8_t mark_of(const struct ozx_archive *archive, uint32_t node, bool holds_node)
{
    char name[OZX_NAME_COMPONENT_MAX + 1];
    struct ozx_node_stat stat;
    enum ozx_junk kind;
    size_t size;
    const char *raw = ozx_archive_name(archive, node, &size);

    memcpy(name, raw, size); /* at most 255 bytes, without NUL */
    name[size] = '\0';
    ozx_archive_stat(archive, node, &stat);
    kind = ozx_junk_of_name(name, stat.is_directory);
    return kind == OZX_JUNK_NONE || (stat.is_directory && holds_node) ? 0 : (uint8_t)(kind + 1);
}

uint8_t *ozx_junk_mark(const struct ozx_archive *archive)
{
    uint32_t count = ozx_archive_node_count(archive);
    uint8_t *marks = calloc(count, 1);

    if (!marks)
        return NULL;
    /* Children come behind their parents: from the end, whether a Zarr node is at or below each; */
    for (uint32_t node = count - 1; node != OZX_NODE_ROOT; node--)
        if (marks[node] || is_node_file(archive, node))
            marks[ozx_archive_parent(archive, node)] = 1;
    /* and from the front, what each is. */
    marks[OZX_NODE_ROOT] = 0;
    for (uint32_t node = 1; node < count; node++)
        marks[node] = marks[ozx_archive_parent(archive, node)]
                          ? OZX_JUNK_BELOW
                          : mark_of(archive, node, marks[node]);
    return marks;
}
