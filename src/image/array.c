/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the directory of an array to what its chunks need to be decoded. Zarr v2 is converted first
 * (zarr/v2.h), so there is one form of codecs; only the keys of its chunks stay what they are.
 */
#include "image/array.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "zarr/v2.h"

#define METADATA_FILE_COST 1024 /* of one more file, in bytes: it is looked up, parsed, freed */

int ozx_effort_metadata(struct ozx_effort *effort, const struct ozx_archive *archive, uint32_t node,
                        struct ozx_error *error)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(archive, node, &stat);
    if (stat.size_bytes > OZX_METADATA_READ_MAX - effort->metadata_bytes)
        return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose an image with --path",
                             "the picture takes more metadata than are read for one (128 MiB)");
    effort->metadata_bytes += stat.size_bytes + METADATA_FILE_COST;
    if (effort->metadata_bytes > OZX_METADATA_READ_MAX)
        effort->metadata_bytes = OZX_METADATA_READ_MAX;
    return 0;
}

static int say(struct ozx_error *error, int code, const char *name, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "array '%s': %s", name,
                         text);
}

/* The same error, with the array in front. */
static int in_array(struct ozx_error *error, const char *name)
{
    struct ozx_error inner = *error;

    return ozx_error_set(error, inner.code, inner.rule, inner.offset_bytes,
                         inner.hint[0] ? inner.hint : NULL, "array '%s': %s", name, inner.text);
}

static int convert(struct ozx_pixels *p, char **text, size_t *size, struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text made = {.bytes = NULL};
    struct ozx_v2_report report = {.said = 0};
    const struct ozx_v2_array array = {.attributes = ""};
    int failure =
        ozx_metadata_parse(OZX_METADATA_ZARRAY, *text, *size, NULL, 0, &p->key_metadata, error);

    if (!failure)
        failure = ozx_v2_array(*text, *size, &array, &made, &report, error);
    if (failure)
        return failure;
    if (made.no_memory)
        return ozx_error_memory(error);
    free(*text);
    *text = ozx_take(made.bytes);
    *size = made.size_bytes;
    return 0;
}

static int judge(struct ozx_pixels *p, const char *name, struct ozx_error *error)
{
    const struct ozx_array *array = p->metadata->array;
    char type[OZX_ESCAPED_SIZE];

    if (p->metadata->is_group)
        return say(error, -EBADMSG, name, "it is a group");
    p->array = array;
    p->keys = p->key_metadata ? p->key_metadata->array : array;
    if (!array || !p->keys || !array->has_shape || !array->has_grid || !array->data_type)
        return say(error, -EBADMSG, name,
                   "its metadata have no valid shape, chunk grid or data type");
    if (p->keys->key_encoding == OZX_KEYS_UNKNOWN || array->has_storage_transformers)
        return say(error, -ENOTSUP, name, "its chunks are stored in a way that is not supported");
    if (array->shape.count == 0)
        return say(error, -ENOTSUP, name, "it has no dimensions");
    for (uint32_t i = 0; i < array->shape.count; i++)
        if (!array->shape.sizes[i])
            return say(error, -ENOTSUP, name, "it is empty");
    if (!ozx_pixel_of(array->data_type, &p->item))
        return ozx_error_set(
            error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
            "array '%s': the data type '%s' is not supported", name,
            ozx_escape(type, sizeof type, array->data_type, strlen(array->data_type)));
    if (!ozx_pixel_fill(p->item, array->fill_value, &p->fill))
        return say(error, -EBADMSG, name, "it has no valid fill value");
    return 0;
}

static int open_named(struct ozx_pixels *p, const char *name, struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = NULL;
    const char *file;
    enum ozx_metadata_file kind;
    size_t size = 0;
    uint32_t node;
    int failure;

    if (ozx_metadata_find(p->archive, p->directory, &node))
        return say(error, -EBADMSG, name, "it has no metadata");
    file = ozx_archive_name(p->archive, node, &size);
    kind = ozx_metadata_file_of(file, size);
    if (kind != OZX_METADATA_ZARR_JSON && kind != OZX_METADATA_ZARRAY)
        return say(error, -EBADMSG, name, "it is a group");
    failure = ozx_effort_metadata(p->effort, p->archive, node, error);
    if (!failure)
        failure = ozx_metadata_text(p->archive, node, &text, &size, error);
    if (failure)
        return failure; /* it names the entry */
    if (kind == OZX_METADATA_ZARRAY)
        failure = convert(p, &text, &size, error);
    if (!failure)
        failure =
            ozx_metadata_parse(OZX_METADATA_ZARR_JSON, text, size, NULL, 0, &p->metadata, error);
    if (failure)
        return in_array(error, name);
    failure = judge(p, name, error);
    if (failure)
        return failure;
    failure = ozx_chain_parse(text, size, &p->array->chunk_shape, &p->chain, error);
    return failure ? in_array(error, name) : 0;
}

int ozx_pixels_open(struct ozx_archive *archive, uint32_t directory, struct ozx_effort *effort,
                    struct ozx_pixels *out, struct ozx_error *error)
{
    struct ozx_pixels pixels = {.archive = archive, .directory = directory, .effort = effort};
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    int failure;

    if (ozx_archive_path(archive, directory, path) == 0)
        memcpy(path, "/", 2);
    ozx_escape(name, sizeof name, path, strlen(path));
    failure = open_named(&pixels, name, error);
    if (failure)
        ozx_pixels_close(&pixels);
    else
        *out = pixels;
    return failure;
}

void ozx_pixels_close(struct ozx_pixels *pixels)
{
    ozx_metadata_free(pixels->metadata);
    ozx_metadata_free(pixels->key_metadata);
    ozx_chain_free(pixels->chain);
    *pixels = (struct ozx_pixels){.archive = NULL};
}
