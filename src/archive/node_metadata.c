/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Metadata found by names in the tree, read whole, and handed to the parser.
 */
#include "archive/node_metadata.h"
#include <string.h>

#include "zarr/json.h"
#include "zarr/metadata_files.h"

/* A file of that name in the directory. */
static int find_file(const struct ozx_archive *archive, uint32_t directory, const char *name,
                     uint32_t *node)
{
    struct ozx_node_stat stat;
    uint32_t found;
    int failure = ozx_archive_lookup(archive, directory, name, strlen(name), &found);

    if (failure)
        return failure;
    ozx_archive_stat(archive, found, &stat);
    if (stat.is_directory)
        return -ENOENT;
    *node = found;
    return 0;
}

int ozx_metadata_find(const struct ozx_archive *archive, uint32_t directory, uint32_t *node)
{
    for (enum ozx_metadata_file file = OZX_METADATA_ZARR_JSON; ozx_metadata_file_makes_node(file);
         file++) {
        int failure = find_file(archive, directory, ozx_metadata_file_name(file), node);
        if (failure != -ENOENT)
            return failure;
    }
    return -ENOENT;
}

/* Puts the entry's path in front of what is wrong with its text. */
static int name_entry(const struct ozx_archive *archive, uint32_t node, struct ozx_error *error)
{
    char path[OZX_PATH_SIZE], escaped[OZX_ESCAPED_SIZE];
    struct ozx_error cause = *error;
    size_t size = ozx_archive_path(archive, node, path);

    return ozx_error_set(error, cause.code, cause.rule, cause.offset_bytes, cause.hint,
                         "entry '%s': %.300s", ozx_escape(escaped, sizeof escaped, path, size),
                         cause.text);
}

int ozx_metadata_text(struct ozx_archive *archive, uint32_t node, char **out, size_t *size_bytes,
                      struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_node_stat stat;
    int failure;

    ozx_archive_stat(archive, node, &stat);
    if (stat.size_bytes > OZX_JSON_SIZE_MAX) {
        ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "it is larger than 64 MiB, so it is not parsed");
        return name_entry(archive, node, error);
    }
    text = malloc((size_t)stat.size_bytes + 1);
    if (!text)
        return ozx_error_memory(error);
    failure = ozx_archive_read_all(archive, node, text, error);
    if (failure)
        return failure;
    *out = ozx_take(text);
    *size_bytes = (size_t)stat.size_bytes;
    return 0;
}

static enum ozx_metadata_file file_of(const struct ozx_archive *archive, uint32_t node)
{
    size_t size;
    const char *name = ozx_archive_name(archive, node, &size);

    return ozx_metadata_file_of(name, size);
}

int ozx_metadata_load(struct ozx_archive *archive, uint32_t node, struct ozx_metadata **out,
                      struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = NULL, *attributes = NULL;
    const enum ozx_metadata_file file = file_of(archive, node);
    size_t size = 0, attributes_size = 0;
    uint32_t beside;
    int failure = ozx_metadata_text(archive, node, &text, &size, error);

    if (!failure && file != OZX_METADATA_ZARR_JSON && file != OZX_METADATA_ZATTRS &&
        find_file(archive, ozx_archive_parent(archive, node), OZX_NAME_ZATTRS, &beside) == 0)
        failure = ozx_metadata_text(archive, beside, &attributes, &attributes_size, error);
    if (failure)
        return failure;                   /* it names the entry */
    failure = file == OZX_METADATA_ZATTRS /* alone */
                  ? ozx_metadata_parse(OZX_METADATA_ZGROUP, "{}", 2, text, size, out, error)
                  : ozx_metadata_parse(file, text, size, attributes, attributes_size, out, error);
    return failure == -EBADMSG ? name_entry(archive, node, error) : failure;
}

int ozx_metadata_resolve(const struct ozx_archive *archive, uint32_t directory, const char *path,
                         uint32_t *node)
{
    uint32_t at = directory;

    if (*path == '/')
        return -ENOENT; /* nothing in an archive is absolute */
    for (;;) {
        size_t size;
        path += strspn(path, "/");
        if (!*path)
            break;
        size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            if (at == OZX_NODE_ROOT)
                return -ENOENT;
            at = ozx_archive_parent(archive, at);
        } else if (size != 1 || path[0] != '.') {
            int failure = ozx_archive_lookup(archive, at, path, size, &at);
            if (failure)
                return failure;
        }
        path += size;
    }
    *node = at;
    return 0;
}
