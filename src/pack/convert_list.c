/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a directory holds once it is of v3: a node's own zarr.json for .zgroup, .zarray and .zattrs,
 * `c` for the chunks of an array, everything else as it is.
 */
#include <string.h>

#include "pack/convert.h"
#include "pack/junk.h"

/* What the names of a directory say. */
struct names {
    bool has[OZX_CONVERT_FILES];
    bool has_v3, has_zmetadata, has_c;
};

static bool is_named(const struct ozx_input_listing *listing, const struct ozx_input_item *item,
                     const char *name)
{
    return !item->is_directory && item->name_size_bytes == strlen(name) &&
           memcmp(ozx_input_name(listing, item), name, item->name_size_bytes) == 0;
}

/* The file of v2 that an item is, or OZX_CONVERT_FILES. */
static int file_of(const struct ozx_input_listing *listing, const struct ozx_input_item *item)
{
    int file = 0;

    while (file < OZX_CONVERT_FILES &&
           !is_named(listing, item, ozx_convert_file_name((enum ozx_convert_file)file)))
        file++;
    return file;
}

static struct names read_names(const struct ozx_input_listing *listing)
{
    struct names names = {.has_v3 = false};

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_input_item *item = &listing->items[i];
        int file = file_of(listing, item);

        if (file < OZX_CONVERT_FILES)
            names.has[file] = true;
        names.has_v3 |= is_named(listing, item, OZX_NAME_ZARR_JSON);
        names.has_zmetadata |= is_named(listing, item, OZX_NAME_ZMETADATA);
        names.has_c |= item->name_size_bytes == 1 && *ozx_input_name(listing, item) == 'c';
    }
    return names;
}

/* Metadata of v2 are not shown; how many there were. */
static uint32_t drop_v2(struct ozx_input_listing *listing)
{
    uint32_t kept = 0, count = listing->count;

    for (uint32_t i = 0; i < count; i++) {
        const struct ozx_input_item item = listing->items[i];
        if (file_of(listing, &item) == OZX_CONVERT_FILES &&
            !is_named(listing, &item, OZX_NAME_ZMETADATA))
            listing->items[kept++] = item;
    }
    listing->count = kept;
    return count - kept;
}

/* --- where there is no node ------------------------------------------------------------------- */

static bool is_node(const struct names *names)
{
    return names->has[OZX_ZGROUP] || names->has[OZX_ZARRAY] || names->has[OZX_ZATTRS];
}

/* What cannot be listed holds no node: the walk will say why. `path` has room for any. */
static bool holds_node(struct ozx_convert *c, char *path, size_t size, uint32_t key)
{
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct names names;
    bool found;

    listing.omits = ozx_convert_omits;
    if (c->base->kind->list(c->base, path, size, key, &listing, &ignored))
        return false;
    ozx_cleanup_close(&listing.fd);
    listing.fd = -1;
    names = read_names(&listing);
    found = is_node(&names) || names.has_v3;
    for (uint32_t i = 0; i < listing.count && !found; i++) {
        const struct ozx_input_item *item = &listing.items[i];
        size_t start = size + (size != 0), end = start + item->name_size_bytes;

        if (!item->is_directory || end > OZX_NAME_PATH_MAX)
            continue;
        if (size)
            path[size] = '/';
        memcpy(path + start, ozx_input_name(&listing, item), item->name_size_bytes);
        path[end] = '\0';
        found = holds_node(c, path, end, item->key);
        path[size] = '\0';
    }
    return found;
}

/* The first directory of a listing that is above a node, into `below`. */
static bool find_node_below(struct ozx_convert *c, const char *path, size_t size,
                            const struct ozx_input_listing *listing,
                            char below[OZX_NAME_PATH_MAX + 1])
{
    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_input_item *item = &listing->items[i];
        size_t start = size + (size != 0), end = start + item->name_size_bytes;

        if (!item->is_directory || end > OZX_NAME_PATH_MAX)
            continue;
        memcpy(below, path, size);
        if (size)
            below[size] = '/';
        memcpy(below + start, ozx_input_name(listing, item), item->name_size_bytes);
        below[end] = '\0';
        if (ozx_junk_of_name(below + start, true) == OZX_JUNK_NONE &&
            holds_node(c, below, end, item->key))
            return true;
    }
    return false;
}

/* --- a store that is v3 already --------------------------------------------------------------- */

static int list_v3(struct ozx_convert *c, const char *path, size_t size, const struct names *names,
                   struct ozx_input_listing *listing, struct ozx_error *error)
{
    if (is_node(names) && !names->has_v3)
        return ozx_convert_refuse(c, path, size, "remove what does not belong there",
                                  "is of Zarr v2, in a hierarchy of Zarr v3", error);
    c->beside_v3 += drop_v2(listing);
    return 0;
}

/* --- a directory of v2 ------------------------------------------------------------------------ */

static int refuse_root(struct ozx_convert *c, const struct ozx_input_listing *listing,
                       struct ozx_error *error)
{
    char below[OZX_NAME_PATH_MAX + 1], name[OZX_ESCAPED_SIZE];

    if (!find_node_below(c, "", 0, listing, below))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             c->kind.hint_no_zarr, "has no .zgroup: not a Zarr hierarchy");
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, c->kind.hint_above,
                         "has no .zgroup at its root, but there is a hierarchy in '%s/'",
                         ozx_escape(name, sizeof name, below, strlen(below)));
}

static int check_names(const struct ozx_convert *c, const char *path, size_t size,
                       const struct names *names, struct ozx_error *error)
{
    if (names->has_v3)
        return ozx_convert_refuse(c, path, size, "remove what does not belong there",
                                  "has a zarr.json, in a hierarchy of Zarr v2", error);
    if (names->has[OZX_ZGROUP] && names->has[OZX_ZARRAY])
        return ozx_convert_refuse(c, path, size, "remove what does not belong there",
                                  "has both a .zgroup and a .zarray", error);
    if (names->has[OZX_ZARRAY] && names->has_c)
        return ozx_convert_refuse(c, path, size, "rename it",
                                  "is an array and has a 'c', where Zarr v3 has its chunks", error);
    return 0;
}

static int list_v2(struct ozx_convert *c, const char *path, size_t size, uint32_t key,
                   const struct names *names, struct ozx_input_listing *listing, uint32_t *made,
                   struct ozx_error *error)
{
    char below[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_item *item;
    uint32_t node;
    int failure = check_names(c, path, size, names, error);

    if (failure)
        return failure;
    if (!is_node(names) && !size)
        return refuse_root(c, listing, error);
    if (!is_node(names) && !find_node_below(c, path, size, listing, below))
        return 0;
    failure = ozx_convert_make(c, path, size, names->has, listing->mtime_s, &node, error);
    if (failure)
        return failure;
    *made = node;
    c->zmetadata += names->has_zmetadata;
    (void)drop_v2(listing);
    if (c->nodes[node].is_array)
        failure = ozx_convert_take_chunks(c, node, key, listing, error);
    if (failure)
        return failure;
    if (ozx_input_listing_add(listing, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON), false,
                              &item))
        return ozx_error_memory(error);
    item->key = node;
    ozx_input_listing_sort(listing);
    return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Below an array, but not of its chunks: nobody would find it there. */
static int refuse_inside(const struct ozx_convert *c, const char *path, size_t size,
                         struct ozx_error *error)
{
    return ozx_convert_refuse(c, path, size, "move it, or leave it out with --exclude",
                              "is in an array, and not named like its chunks", error);
}

/* The first component below an array that has a path in it; NULL: it is in none. */
static const char *inside_array(const struct ozx_convert *c, const char *path, size_t size)
{
    uint32_t node = c->node_count ? ozx_convert_find(c, "", 0) : OZX_CONVERT_NONE;

    if (node != OZX_CONVERT_NONE && c->nodes[node].is_array && size)
        return path;
    for (size_t i = 0; i < size; i++) {
        if (path[i] != '/')
            continue;
        node = ozx_convert_find(c, path, i);
        if (node != OZX_CONVERT_NONE && c->nodes[node].is_array)
            return path + i + 1;
    }
    return NULL;
}

static bool is_junk(const char *name, bool is_directory)
{
    char component[OZX_NAME_COMPONENT_MAX + 1];
    size_t size = strcspn(name, "/");

    if (size >= sizeof component)
        return false;
    memcpy(component, name, size);
    component[size] = '\0';
    return ozx_junk_of_name(component, is_directory || name[size]) != OZX_JUNK_NONE;
}

int ozx_convert_check_inside(const struct ozx_convert *c, const char *path, size_t size,
                             bool is_directory, struct ozx_error *error)
{
    const char *name = inside_array(c, path, size);

    return !name || is_junk(name, is_directory) ? 0 : refuse_inside(c, path, size, error);
}

int ozx_convert_list(struct ozx_input *input, const char *path, size_t path_size_bytes,
                     uint32_t key, struct ozx_input_listing *listing, struct ozx_error *error)
{
    struct ozx_convert *c = ozx_convert_of(input);
    struct names names;
    const char *rest;
    size_t rest_size;
    uint32_t array, made = OZX_CONVERT_NONE;
    int failure;

    c->base->output_file = input->output_file;
    c->base->output_directory = input->output_directory;
    array = ozx_convert_chunk(c, path, path_size_bytes, &rest, &rest_size);
    if (array != OZX_CONVERT_NONE) {
        uint32_t depth = 0;
        while (depth < c->nodes[array].dimensions && !ozx_convert_is_key(rest, rest_size, depth))
            depth++;
        if (depth == c->nodes[array].dimensions)
            return refuse_inside(c, path, path_size_bytes, error);
        return ozx_convert_list_chunks(c, array, rest, rest_size, key, listing, error);
    }
    ozx_convert_pop_images(c, path, path_size_bytes);
    ozx_convert_drop_flat(c, path, path_size_bytes);
    failure = ozx_convert_check_inside(c, path, path_size_bytes, true, error);
    if (failure)
        return failure;
    listing->omits = ozx_convert_omits;
    failure = c->base->kind->list(c->base, path, path_size_bytes, key, listing, error);
    listing->omits = NULL;
    if (failure)
        return failure;
    names = read_names(listing);
    if (!path_size_bytes)
        c->is_v3 = names.has_v3;
    if (c->is_v3)
        failure = list_v3(c, path, path_size_bytes, &names, listing, error);
    else if (!inside_array(c, path, path_size_bytes)) /* otherwise junk */
        failure = list_v2(c, path, path_size_bytes, key, &names, listing, &made, error);
    return failure ? failure : ozx_convert_add_omitted(c, made, key, listing, error);
}
