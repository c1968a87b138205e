/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zarr.json files: made of what v2 has for a node when the walk comes by, and kept. The arrays of a
 * plate mostly have the same one.
 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "pack/convert.h"
#include "zarr/json.h"
#include "zip/name.h"

/* The files of v2 of one node, in memory. */
struct files {
    char *text[OZX_CONVERT_FILES]; /* owned; NULL: there is none */
    size_t size_bytes[OZX_CONVERT_FILES];
};

static void free_files(struct files *files)
{
    for (int i = 0; i < OZX_CONVERT_FILES; i++)
        free(files->text[i]);
}

/* What a node is made of, and what comes out. */
struct making {
    struct ozx_convert *c;
    const char *path;
    size_t path_size_bytes;
    struct files files;
    struct ozx_convert_node node;
    struct ozx_v2_report report;
    struct ozx_text attributes, text;
};

/* --- images on the way down ------------------------------------------------------------------- */

static bool is_above(const struct ozx_convert_node *above, const char *path, size_t size)
{
    size_t prefix = above->path_size_bytes;

    return prefix <= size && memcmp(above->path, path, prefix) == 0 &&
           (!prefix || prefix == size || path[prefix] == '/');
}

void ozx_convert_pop_images(struct ozx_convert *c, const char *path, size_t size_bytes)
{
    while (c->image_count) {
        struct ozx_convert_image *last = &c->images[c->image_count - 1];
        if (is_above(&c->nodes[last->node], path, size_bytes))
            return;
        ozx_metadata_free(last->metadata);
        c->image_count--;
    }
}

static int push_image(struct making *m, uint32_t node, struct ozx_error *error)
{
    static const char group[] = "{\"zarr_format\":2}";
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_convert *c = m->c;
    int failure;

    if (!(m->report.said & OZX_V2_OME) || m->node.is_array)
        return 0;
    failure = ozx_metadata_parse(OZX_METADATA_ZGROUP, group, sizeof group - 1,
                                 m->files.text[OZX_ZATTRS], m->files.size_bytes[OZX_ZATTRS],
                                 &metadata, error);
    if (failure || !metadata->ome || !metadata->ome->multiscale_count)
        return failure;
    if (ozx_array_grow(c->images, c->image_count, &c->image_room))
        return ozx_error_memory(error);
    c->images[c->image_count++] =
        (struct ozx_convert_image){.node = node, .metadata = ozx_take(metadata)};
    return 0;
}

/* The multiscale that has the array at `path` as a dataset; NULL. */
static const struct ozx_multiscale *find_multiscale(const struct ozx_convert *c, const char *path,
                                                    size_t size)
{
    for (uint32_t i = c->image_count; i-- > 0;) {
        const struct ozx_convert_node *node = &c->nodes[c->images[i].node];
        const struct ozx_ome *ome = c->images[i].metadata->ome;
        size_t start = node->path_size_bytes + (node->path_size_bytes != 0);

        for (size_t m = 0; start < size && m < ome->multiscale_count; m++)
            for (size_t d = 0; d < ome->multiscales[m].dataset_count; d++) {
                const char *dataset = ome->multiscales[m].datasets[d].path;
                if (strlen(dataset) == size - start &&
                    memcmp(dataset, path + start, size - start) == 0)
                    return &ome->multiscales[m];
            }
    }
    return NULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* "`path`/`name`", terminated. */
static void join(const char *path, size_t size, const char *name, char out[OZX_NAME_PATH_MAX + 16])
{
    snprintf(out, OZX_NAME_PATH_MAX + 16, "%.*s%s%s", (int)size, path, size ? "/" : "", name);
}

/* In front of what is wrong with a file of the node: its path. */
static int __attribute__((noinline))
blame(const struct making *m, enum ozx_convert_file file, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 16], name[OZX_ESCAPED_SIZE], text[sizeof error->text];

    if (error->code != -EBADMSG)
        return error->code;
    join(m->path, m->path_size_bytes, ozx_convert_file_name(file), path);
    memcpy(text, error->text, sizeof text);
    snprintf(error->text, sizeof error->text, "%s'%s': %.380s", m->c->kind.subject,
             ozx_escape(name, sizeof name, path, strlen(path)), text);
    return error->code;
}

static int __attribute__((noinline))
read_one(struct making *m, enum ozx_convert_file file, struct ozx_error *error)
{
    const struct ozx_input *base = m->c->base;
    char path[OZX_NAME_PATH_MAX + 16];
    struct ozx_input_file found;
    int failure;

    join(m->path, m->path_size_bytes, ozx_convert_file_name(file), path);
    if (strlen(path) > OZX_NAME_PATH_MAX)
        return ozx_convert_refuse(m->c, m->path, m->path_size_bytes, NULL, "has too long a path",
                                  error);
    failure = base->kind->find(base, path, &found, error);
    if (failure == -ENOENT)
        return ozx_convert_refuse(m->c, path, strlen(path), NULL, "is not a regular file", error);
    if (!failure)
        failure = ozx_input_read_file(base, path, &found, OZX_JSON_SIZE_MAX, &m->files.text[file],
                                      error);
    if (failure)
        return failure;
    m->files.size_bytes[file] = found.size_bytes;
    m->node.sources[file] = (struct ozx_convert_source){
        .size_bytes = found.size_bytes, .key = found.key, .is_there = true};
    if (found.mtime_s > m->node.mtime_s)
        m->node.mtime_s = found.mtime_s;
    return 0;
}

int ozx_convert_check(const struct ozx_convert *c, uint32_t node, struct ozx_error *error)
{
    const struct ozx_convert_node *n = &c->nodes[node];

    for (int i = 0; i < OZX_CONVERT_FILES; i++) {
        char path[OZX_NAME_PATH_MAX + 16];
        struct ozx_input_file found;
        int failure;

        if (!n->sources[i].is_there)
            continue;
        join(n->path, n->path_size_bytes, ozx_convert_file_name((enum ozx_convert_file)i), path);
        failure = c->base->kind->find(c->base, path, &found, error);
        if (failure && failure != -ENOENT)
            return failure;
        if (failure || found.key != n->sources[i].key ||
            found.size_bytes != n->sources[i].size_bytes)
            return ozx_input_changed(c->base, path, error);
    }
    return 0;
}

/* The shape of an array below the group that is being made. */
static int shape_of(void *context, const char *path, struct ozx_shape *shape,
                    struct ozx_error *error)
{
    const struct making *m = context;
    const struct ozx_input *base = m->c->base;
    OZX_AUTO_FREE char *whole = NULL, *text = NULL;
    size_t size = m->path_size_bytes + strlen(path) + sizeof "//.zarray";
    struct ozx_input_file found;
    char separator;
    int failure;

    whole = malloc(size);
    if (!whole)
        return ozx_error_memory(error);
    snprintf(whole, size, "%.*s%s%s/.zarray", (int)m->path_size_bytes, m->path,
             m->path_size_bytes ? "/" : "", path);
    if (ozx_zip_name_defect(whole, strlen(whole)))
        return 0;
    failure = base->kind->find(base, whole, &found, error);
    if (failure == -ENOENT)
        return 0;
    if (!failure)
        failure =
            ozx_input_read_file(base, whole, &found, OZX_JSON_SIZE_MAX, &text, error);
    if (!failure)
        failure = ozx_v2_shape(text, found.size_bytes, shape, &separator, error);
    return failure ? failure : 1;
}

/* --- making ----------------------------------------------------------------------------------- */

static int make_attributes(struct making *m, struct ozx_error *error)
{
    const struct ozx_v2_levels levels = {.context = m, .shape_of = shape_of};
    int failure;

    if (!m->files.text[OZX_ZATTRS])
        return 0;
    failure = ozx_v2_attributes(m->files.text[OZX_ZATTRS], m->files.size_bytes[OZX_ZATTRS],
                                m->node.is_array ? NULL : &levels, &m->attributes, &m->report,
                                error);
    return failure ? blame(m, OZX_ZATTRS, error) : 0;
}

static int make_array(struct making *m, struct ozx_error *error)
{
    const struct ozx_multiscale *multiscale =
        find_multiscale(m->c, m->path, m->path_size_bytes);
    size_t count = multiscale ? multiscale->axis_count : 0;
    OZX_AUTO_FREE const char **names = calloc(count + 1, sizeof *names);
    struct ozx_v2_array array = {.attributes = m->attributes.bytes ? m->attributes.bytes : "",
                                 .zattrs = m->files.text[OZX_ZATTRS],
                                 .zattrs_size_bytes = m->files.size_bytes[OZX_ZATTRS],
                                 .names = count ? names : NULL,
                                 .name_count = count,
                                 .last_names = multiscale && multiscale->axes_implied};
    const char *zarray = m->files.text[OZX_ZARRAY];
    size_t size = m->files.size_bytes[OZX_ZARRAY];
    struct ozx_shape shape;
    char separator = '.';
    int failure;

    if (!names)
        return ozx_error_memory(error);
    for (size_t i = 0; i < count; i++)
        names[i] = multiscale->axes[i].name;
    failure = ozx_v2_array(zarray, size, &array, &m->text, &m->report, error);
    if (!failure)
        failure = ozx_v2_shape(zarray, size, &shape, &separator, error);
    if (failure)
        return blame(m, OZX_ZARRAY, error);
    m->node.dimensions = shape.count;
    m->node.names = shape.count < 2    ? OZX_CHUNK_NAMES_NONE
                    : separator == '.' ? OZX_CHUNK_NAMES_FLAT
                                       : OZX_CHUNK_NAMES_NESTED; /* stated; the files will tell */
    return 0;
}

static int make_group(struct making *m, struct ozx_error *error)
{
    int failure = ozx_v2_group(m->files.text[OZX_ZGROUP], m->files.size_bytes[OZX_ZGROUP],
                               m->attributes.bytes ? m->attributes.bytes : "", &m->text, error);

    return failure ? blame(m, OZX_ZGROUP, error) : 0;
}

static void count_one(struct ozx_convert_count *count, uint32_t node)
{
    if (!count->count++)
        count->first = node;
}

static void count_report(const struct making *m, uint32_t node)
{
    for (unsigned i = 0; i < OZX_V2_SAID_BITS; i++)
        if (m->report.said >> i & 1)
            count_one(&m->c->said[i], node);
    for (unsigned i = 0; i < OZX_V2_CODECS_MAX; i++)
        if (m->report.codecs >> i & 1)
            count_one(&m->c->codecs[i], node);
    if (!m->node.is_array && !m->node.sources[OZX_ZGROUP].is_there)
        count_one(&m->c->implicit, node);
}

static int make(struct making *m, const bool has[OZX_CONVERT_FILES], uint32_t *node,
                struct ozx_error *error)
{
    int failure = 0;

    for (int i = 0; i < OZX_CONVERT_FILES && !failure; i++)
        if (has[i])
            failure = read_one(m, (enum ozx_convert_file)i, error);
    if (!failure)
        failure = make_attributes(m, error);
    if (!failure)
        failure = m->node.is_array ? make_array(m, error) : make_group(m, error);
    if (failure)
        return failure;
    m->node.path = strndup(m->path, m->path_size_bytes);
    if (!m->node.path || ozx_convert_keep_text(m->c, &m->text, &m->node.text) ||
        ozx_convert_keep_node(m->c, &m->node, node))
        return ozx_error_memory(error);
    count_report(m, *node);
    return push_image(m, *node, error);
}

int ozx_convert_make(struct ozx_convert *c, const char *path, size_t size_bytes,
                     const bool has[OZX_CONVERT_FILES], int64_t mtime_s, uint32_t *node,
                     struct ozx_error *error)
{
    struct making m = {.c = c,
                       .path = path,
                       .path_size_bytes = size_bytes,
                       .node = {.path_size_bytes = (uint32_t)size_bytes,
                                .mtime_s = has[OZX_ZGROUP] || has[OZX_ZARRAY] || has[OZX_ZATTRS]
                                               ? INT64_MIN
                                               : mtime_s,
                                .is_array = has[OZX_ZARRAY]}};
    int failure;

    *node = ozx_convert_find(c, path, size_bytes);
    if (*node != OZX_CONVERT_NONE)
        return 0; /* it is walked a second time (pack_excludes.c) */
    failure = make(&m, has, node, error);
    free(m.node.path);
    free_files(&m.files);
    ozx_text_free(&m.attributes);
    ozx_text_free(&m.text);
    return failure;
}
