/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The input that shows another one's Zarr v2 as Zarr v3. Bytes of chunks go through as they are; a
 * zarr.json comes from memory.
 */
#include <string.h>

#include "pack/convert.h"

/* The node whose zarr.json a path is; NONE: it is none that was made. */
static uint32_t made_at(const struct ozx_convert *c, const char *path, size_t size)
{
    static const char name[] = OZX_NAME_ZARR_JSON;
    size_t name_size = sizeof name - 1;

    if (size < name_size || memcmp(path + size - name_size, name, name_size) != 0 ||
        (size > name_size && path[size - name_size - 1] != '/'))
        return OZX_CONVERT_NONE;
    return ozx_convert_find(c, path, size > name_size ? size - name_size - 1 : 0);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* A chunk whose name is another one below; its directory stays open for the next of a walk over
 * them. */
static int look_renamed(struct ozx_convert *c, uint32_t array, const struct ozx_input_item *item,
                        const char *below, size_t size, struct ozx_input_file *file,
                        struct ozx_error *error)
{
    bool is_walk = c->flat.count && c->flat.node == array;
    const char *slash = strrchr(below, '/');
    char name[OZX_NAME_COMPONENT_MAX + 2];
    struct ozx_input_listing listing = {.names = name, .fd = is_walk ? c->flat.listing.fd : -1};
    struct ozx_input_item renamed = {.key = item->key};
    int failure;

    below = slash ? slash + 1 : below;
    renamed.name_size_bytes = (uint16_t)strlen(below);
    if (renamed.name_size_bytes > OZX_NAME_COMPONENT_MAX)
        return ozx_convert_refuse(c, below, strlen(below), NULL, "is too long a name", error);
    memcpy(name, below, renamed.name_size_bytes + 1u);
    below -= size - renamed.name_size_bytes;
    failure = c->base->kind->look(c->base, &listing, below, size, &renamed, file, error);
    if (is_walk)
        c->flat.listing.fd = listing.fd;
    else
        ozx_cleanup_close(&listing.fd);
    return failure;
}

static int look_chunk(struct ozx_convert *c, struct ozx_input_listing *listing, uint32_t array,
                      const char *path, size_t path_size, const struct ozx_input_item *item,
                      struct ozx_input_file *file, struct ozx_error *error)
{
    const struct ozx_convert_node *node = &c->nodes[array];
    char below[OZX_NAME_PATH_MAX + 1];
    const char *rest = path;
    size_t rest_size = 0, size;

    (void)ozx_convert_chunk(c, path, path_size, &rest, &rest_size);
    if (!ozx_convert_is_key(rest, rest_size, node->dimensions))
        return ozx_convert_refuse(c, path, path_size, "move it, or leave it out with --exclude",
                                  "is in an array, and not named like its chunks", error);
    size = ozx_convert_path_below(node, rest, rest_size, below);
    if (node->names == OZX_CHUNK_NAMES_NESTED)
        return c->base->kind->look(c->base, listing, below, size, item, file, error);
    return look_renamed(c, array, item, below, size, file, error);
}

static int look(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error)
{
    struct ozx_convert *c = ozx_convert_of(input);
    uint32_t node = made_at(c, path, path_size_bytes);
    const char *rest;
    size_t rest_size;
    int failure;

    if (node != OZX_CONVERT_NONE) {
        *file = (struct ozx_input_file){.size_bytes = c->texts[c->nodes[node].text].size_bytes,
                                        .key = node,
                                        .mtime_s = c->nodes[node].mtime_s};
        return 0;
    }
    node = ozx_convert_chunk(c, path, path_size_bytes, &rest, &rest_size);
    if (node != OZX_CONVERT_NONE)
        return look_chunk(c, listing, node, path, path_size_bytes, item, file, error);
    failure = ozx_convert_check_inside(c, path, path_size_bytes, false, error);
    return failure
               ? failure
               : c->base->kind->look(c->base, listing, path, path_size_bytes, item, file, error);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A place of the input below. */
struct below {
    struct ozx_input_place place;
    char path[OZX_NAME_PATH_MAX + 1], directory[OZX_NAME_PATH_MAX + 1];
};

/* The same place below, in `below` if it is another. */
static const struct ozx_input_place *
place_below(const struct ozx_convert *c, const struct ozx_input_place *place, struct below *below)
{
    const char *rest, *slash;
    size_t rest_size, size;
    uint32_t array = ozx_convert_chunk(c, place->path, strlen(place->path), &rest, &rest_size);

    if (array == OZX_CONVERT_NONE)
        return place;
    (void)ozx_convert_path_below(&c->nodes[array], rest, rest_size, below->path);
    slash = strrchr(below->path, '/');
    size = slash ? (size_t)(slash - below->path) : 0;
    memcpy(below->directory, below->path, size);
    below->directory[size] = '\0';
    below->place = *place;
    below->place.path = below->path;
    below->place.directory_path = below->directory;
    below->place.name = slash ? slash + 1 : below->path;
    if (c->nodes[array].names != OZX_CHUNK_NAMES_NESTED) { /* all of them in one directory */
        below->place.directory = UINT32_MAX - 1 - array;
        below->place.more_here = true;
    }
    return &below->place;
}

static int open_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int *fd, struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    struct below below;

    if (made_at(c, place->path, strlen(place->path)) != OZX_CONVERT_NONE)
        return 0;
    return c->base->kind->open(c->base, reader, place_below(c, place, &below), fd, error);
}

static int read_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                      uint64_t offset_bytes, struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    uint32_t node = made_at(c, place->path, strlen(place->path));
    struct below below;

    if (node != OZX_CONVERT_NONE) {
        memcpy(buffer, c->texts[c->nodes[node].text].bytes + offset_bytes, size_bytes);
        return 0;
    }
    return c->base->kind->read(c->base, reader, place_below(c, place, &below), fd, buffer,
                               size_bytes, offset_bytes, error);
}

static int check(const struct ozx_input *input, struct ozx_input_reader *reader,
                 const struct ozx_input_place *place, int fd, struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    uint32_t node = made_at(c, place->path, strlen(place->path));
    struct below below;

    if (node != OZX_CONVERT_NONE)
        return ozx_convert_check(c, node, error);
    return c->base->kind->check(c->base, reader, place_below(c, place, &below), fd, error);
}

static int check_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                     uint32_t crc32, struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    struct below below;

    if (made_at(c, place->path, strlen(place->path)) != OZX_CONVERT_NONE)
        return 0; /* what it was made of was summed when it was read */
    return c->base->kind->check_crc(c->base, place_below(c, place, &below), crc32, error);
}

/* --- by path ---------------------------------------------------------------------------------- */

static const char *path_below(const struct ozx_convert *c, const char *path,
                              char below[OZX_NAME_PATH_MAX + 1])
{
    size_t rest_size;
    const char *rest;
    uint32_t array = ozx_convert_chunk(c, path, strlen(path), &rest, &rest_size);

    if (array == OZX_CONVERT_NONE)
        return path;
    (void)ozx_convert_path_below(&c->nodes[array], rest, rest_size, below);
    return below;
}

static bool holds_node(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key)
{
    struct ozx_convert *c = ozx_convert_of(input);

    return c->base->kind->holds_node(c->base, path, path_size_bytes, key);
}

static bool exists(const struct ozx_input *input, const char *path)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    char below[OZX_NAME_PATH_MAX + 1];

    return made_at(c, path, strlen(path)) != OZX_CONVERT_NONE ||
           c->base->kind->exists(c->base, path_below(c, path, below));
}

static int find(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    uint32_t node = made_at(c, path, strlen(path));
    char below[OZX_NAME_PATH_MAX + 1];

    if (node == OZX_CONVERT_NONE)
        return c->base->kind->find(c->base, path_below(c, path, below), file, error);
    *file = (struct ozx_input_file){.size_bytes = c->texts[c->nodes[node].text].size_bytes,
                                    .key = node,
                                    .mtime_s = c->nodes[node].mtime_s};
    return 0;
}

/* Chunks go through as they are, and so do their keys. */
static uint64_t key_count(const struct ozx_input *input)
{
    const struct ozx_input *base = ozx_convert_of(input)->base;

    return base->kind->key_count(base);
}

static uint64_t size_of(const struct ozx_input *input, uint64_t key)
{
    const struct ozx_input *base = ozx_convert_of(input)->base;

    return base->kind->size_of(base, key);
}

static bool is_unchanged(const struct ozx_input *input, const char *path, uint64_t fingerprint)
{
    const struct ozx_convert *c = ozx_convert_of(input);
    char below[OZX_NAME_PATH_MAX + 1];
    size_t rest_size;
    const char *rest;
    uint32_t array = ozx_convert_chunk(c, path, strlen(path), &rest, &rest_size);

    if (array != OZX_CONVERT_NONE && c->nodes[array].names != OZX_CHUNK_NAMES_NESTED)
        return c->base->kind->is_unchanged(c->base, c->nodes[array].path, fingerprint);
    return c->base->kind->is_unchanged(c->base, path_below(c, path, below), fingerprint);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int check_output(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error)
{
    const struct ozx_convert *c = ozx_convert_of(input);

    return c->base->kind->check_output(c->base, output, error);
}

/* What is stated beside v2 is the version of that. */
static const char *version(const struct ozx_input *input)
{
    const struct ozx_convert *c = ozx_convert_of(input);

    return c->is_v3 ? c->base->kind->version(c->base) : NULL;
}

static void close_input(struct ozx_input *input)
{
    struct ozx_convert *c = ozx_convert_of(input);

    ozx_convert_free_nodes(c);
    ozx_input_listing_free(&c->flat.listing);
    ozx_input_close(c->base);
    free(c);
}

int ozx_input_of_v2(struct ozx_input *base, struct ozx_input **out, struct ozx_error *error)
{
    struct ozx_convert *c = calloc(1, sizeof *c);

    if (!c)
        return ozx_error_memory(error);
    c->kind = (struct ozx_input_kind){.subject = base->kind->subject,
                                      .hint_above = base->kind->hint_above,
                                      .hint_no_zarr = "give the directory of an OME-Zarr image",
                                      .states_crc = base->kind->states_crc,
                                      .key_count = base->kind->key_count ? key_count : NULL,
                                      .size_of = base->kind->size_of ? size_of : NULL,
                                      .list = ozx_convert_list,
                                      .look = look,
                                      .holds_node = holds_node,
                                      .exists = exists,
                                      .find = find,
                                      .open = open_place,
                                      .read = read_place,
                                      .check = check,
                                      .check_crc = check_crc,
                                      .is_unchanged = is_unchanged,
                                      .check_output = check_output,
                                      .version = version,
                                      .tell = ozx_convert_tell,
                                      .close = close_input};
    c->input.kind = &c->kind;
    c->base = base;
    c->flat.listing.fd = -1;
    *out = &c->input;
    return 0;
}
