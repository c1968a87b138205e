/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The input that is another one with a picture of it in its root, which its zarr.json refers to.
 * Both files come from memory.
 */
#include <string.h>

#include "pack/input.h"
#include "pack/picture.h"
#include "zarr/metadata_files.h"

struct pictured {
    struct ozx_input input;
    struct ozx_input_kind kind;
    struct ozx_input *base;
    struct ozx_pack_picture picture; /* owned */
    struct ozx_pack_root root;       /* owned */
};

static struct pictured *of(const struct ozx_input *input)
{
    return (struct pictured *)(uintptr_t)input;
}

static bool is_picture(const char *path, size_t size)
{
    return size == strlen(OZX_PICTURE_NAME) && memcmp(path, OZX_PICTURE_NAME, size) == 0;
}

static bool is_root(const char *path, size_t size)
{
    return size == strlen(OZX_NAME_ZARR_JSON) && memcmp(path, OZX_NAME_ZARR_JSON, size) == 0;
}

/* --- walking ---------------------------------------------------------------------------------- */

static int list(struct ozx_input *input, const char *path, size_t path_size_bytes, uint32_t key,
                struct ozx_input_listing *listing, struct ozx_error *error)
{
    const struct pictured *self = of(input);
    struct ozx_input_item *item;
    int failure;

    self->base->output_file = input->output_file;
    self->base->output_directory = input->output_directory;
    failure = self->base->kind->list(self->base, path, path_size_bytes, key, listing, error);
    if (failure || path_size_bytes || ozx_input_listing_has(listing, OZX_PICTURE_NAME))
        return failure;
    failure =
        ozx_input_listing_add(listing, OZX_PICTURE_NAME, strlen(OZX_PICTURE_NAME), false, &item);
    if (!failure)
        ozx_input_listing_sort(listing);
    return failure;
}

static struct ozx_input_file picture_file(const struct pictured *self)
{
    return (struct ozx_input_file){.size_bytes = self->picture.size_bytes,
                                   .mtime_s = self->root.file.mtime_s};
}

/* The root's zarr.json as it was found, with the size that it gets. */
static int change_root(const struct pictured *self, struct ozx_input_file *file,
                       struct ozx_error *error)
{
    if (file->size_bytes != self->root.file.size_bytes || file->key != self->root.file.key)
        return ozx_input_changed(&self->input, OZX_NAME_ZARR_JSON, error);
    file->size_bytes = self->root.size_bytes;
    file->in_order = false;
    return 0;
}

static int look(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error)
{
    const struct pictured *self = of(input);
    int failure;

    if (is_picture(path, path_size_bytes)) {
        *file = picture_file(self);
        return 0;
    }
    failure = self->base->kind->look(self->base, listing, path, path_size_bytes, item, file, error);
    return failure || !is_root(path, path_size_bytes) ? failure : change_root(self, file, error);
}

static int find(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error)
{
    const struct pictured *self = of(input);
    int failure;

    if (is_picture(path, strlen(path))) {
        *file = picture_file(self);
        return 0;
    }
    failure = self->base->kind->find(self->base, path, file, error);
    return failure || !is_root(path, strlen(path)) ? failure : change_root(self, file, error);
}

static bool exists(const struct ozx_input *input, const char *path)
{
    const struct ozx_input *base = of(input)->base;

    return is_picture(path, strlen(path)) || base->kind->exists(base, path);
}

static bool holds_node(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key)
{
    struct ozx_input *base = of(input)->base;

    return base->kind->holds_node(base, path, path_size_bytes, key);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The bytes of a file that comes from memory; NULL: of another one. */
static const void *bytes_of(const struct pictured *self, const char *path)
{
    if (is_picture(path, strlen(path)))
        return self->picture.data;
    return is_root(path, strlen(path)) ? self->root.text : NULL;
}

static int open_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int *fd, struct ozx_error *error)
{
    const struct pictured *self = of(input);

    if (is_picture(place->path, strlen(place->path)))
        return 0;
    return self->base->kind->open(self->base, reader, place, fd, error);
}

static int read_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                      uint64_t offset_bytes, struct ozx_error *error)
{
    const struct pictured *self = of(input);
    const char *bytes = bytes_of(self, place->path);

    if (!bytes)
        return self->base->kind->read(self->base, reader, place, fd, buffer, size_bytes,
                                      offset_bytes, error);
    memcpy(buffer, bytes + offset_bytes, size_bytes);
    return 0;
}

static int check(const struct ozx_input *input, struct ozx_input_reader *reader,
                 const struct ozx_input_place *place, int fd, struct ozx_error *error)
{
    const struct pictured *self = of(input);
    struct ozx_input_place below = *place;

    if (is_picture(place->path, strlen(place->path)))
        return 0;
    if (is_root(place->path, strlen(place->path)))
        below.size_bytes = self->root.file.size_bytes;
    return self->base->kind->check(self->base, reader, &below, fd, error);
}

static int check_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                     uint32_t crc32, struct ozx_error *error)
{
    const struct pictured *self = of(input);

    if (bytes_of(self, place->path))
        return 0; /* what it was made of was summed when it was read */
    return self->base->kind->check_crc(self->base, place, crc32, error);
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool is_unchanged(const struct ozx_input *input, const char *path, uint64_t fingerprint)
{
    const struct ozx_input *base = of(input)->base;

    return base->kind->is_unchanged(base, path, fingerprint);
}

static int check_output(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error)
{
    const struct ozx_input *base = of(input)->base;

    return base->kind->check_output(base, output, error);
}

static const char *version(const struct ozx_input *input)
{
    const struct ozx_input *base = of(input)->base;

    return base->kind->version(base);
}

static void tell(struct ozx_input *input, const struct ozx_input_teller *teller)
{
    struct ozx_input *base = of(input)->base;

    if (base->kind->tell)
        base->kind->tell(base, teller);
}

static void close_input(struct ozx_input *input)
{
    struct pictured *self = of(input);

    free(self->picture.data);
    free(self->root.text);
    ozx_input_close(self->base);
    free(self);
}

int ozx_input_of_pictured(struct ozx_input *base, struct ozx_pack_picture *picture,
                          struct ozx_pack_root *root, struct ozx_input **out,
                          struct ozx_error *error)
{
    struct pictured *self = calloc(1, sizeof *self);

    if (!self)
        return ozx_error_memory(error);
    self->kind = *base->kind;
    self->kind.list = list;
    self->kind.look = look;
    self->kind.holds_node = holds_node;
    self->kind.exists = exists;
    self->kind.find = find;
    self->kind.open = open_place;
    self->kind.read = read_place;
    self->kind.check = check;
    self->kind.check_crc = check_crc;
    self->kind.is_unchanged = is_unchanged;
    self->kind.check_output = check_output;
    self->kind.version = version;
    self->kind.tell = tell;
    self->kind.close = close_input;
    self->input = *base;
    self->input.kind = &self->kind;
    self->base = base;
    self->picture = *picture;
    self->root = *root;
    picture->data = NULL;
    root->text = NULL;
    *out = &self->input;
    return 0;
}
