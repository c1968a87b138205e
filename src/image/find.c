/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a node down to the pixels: plate -> well -> field, collection -> series -> image, image ->
 * level.
 */
#include "image/find.h"

#include <string.h>

#include "archive/node_metadata.h"

#define STEPS_MAX 8   /* from the node to its image */
#define LEVELS_MAX 64 /* of one image that are looked at */

static int fail(const struct ozx_image *image, int code, const char *text, struct ozx_error *error)
{
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];

    ozx_escape(name, sizeof name, path, ozx_archive_path(image->archive, image->directory, path));
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "'/%s': %s", name,
                         text);
}

/* --- the image -------------------------------------------------------------------------------- */

/* Where the metadata lead to; NULL: nowhere. */
static const char *next_path(const struct ozx_ome *ome)
{
    if (!ome)
        return NULL;
    if (ome->plate && ome->plate->well_count)
        return ome->plate->wells[0].path;
    if (ome->well && ome->well->image_count)
        return ome->well->images[0];
    if (ome->label_count)
        return ome->labels[0];
    return ome->has_bioformats2raw ? "0" : NULL;
}

static int load(struct ozx_image *image, struct ozx_error *error)
{
    uint32_t node;

    ozx_metadata_free(image->metadata);
    image->metadata = NULL;
    if (ozx_metadata_find(image->archive, image->directory, &node)) {
        (void)fail(image, -ENOENT, "there is no Zarr node", error);
        return -ENOENT;
    }
    if (ozx_effort_metadata(image->effort, image->archive, node, error))
        return -ENOTSUP;
    return ozx_metadata_load(image->archive, node, &image->metadata, error);
}

static int find_image(struct ozx_image *image, struct ozx_error *error)
{
    for (int step = 0; step < STEPS_MAX; step++) {
        int failure = load(image, error);
        const struct ozx_ome *ome;
        const char *path;

        if (failure)
            return failure;
        ome = image->metadata->ome;
        if (image->metadata->is_array)
            return 0;
        if (ome && ome->multiscale_count && ome->multiscales[0].dataset_count) {
            image->multiscale = &ome->multiscales[0];
            return 0;
        }
        path = next_path(ome);
        if (!path)
            break;
        if (ozx_metadata_resolve(image->archive, image->directory, path, &image->directory))
            return fail(image, -ENOENT, "what its metadata refer to is missing", error);
    }
    return fail(image, -ENOENT, "it holds no image: choose a node with --path", error);
}

/* --- its axes --------------------------------------------------------------------------------- */

static const char *axis_name(const struct ozx_image *image, uint32_t axis, uint32_t count,
                             const char **type)
{
    static const char *const implied[] = {"t", "c", "z", "y", "x"};
    const struct ozx_multiscale *m = image->multiscale;
    const struct ozx_array *array = image->pixels.array;

    *type = NULL;
    if (m && !m->axes_implied && m->axis_count == count) {
        *type = m->axes[axis].type;
        return m->axes[axis].name;
    }
    if (!m && array->dimension_names && array->dimension_names[axis])
        return array->dimension_names[axis];
    return count - axis <= 5 ? implied[5 - (count - axis)] : "";
}

/* Axes by their types; those of space from the last one, x. */
static int find_axes(struct ozx_image *image, struct ozx_error *error)
{
    const uint32_t count = image->pixels.array->shape.count;

    image->x = image->y = image->z = image->c = image->t = -1;
    for (uint32_t i = count; i-- > 0;) {
        const char *type, *name = axis_name(image, i, count, &type);
        const int axis = (int)i;
        if ((type && strcmp(type, "channel") == 0) || strcmp(name, "c") == 0)
            image->c = axis;
        else if ((type && strcmp(type, "time") == 0) || strcmp(name, "t") == 0)
            image->t = axis;
        else if (image->x < 0)
            image->x = axis;
        else if (image->y < 0)
            image->y = axis;
        else if (image->z < 0)
            image->z = axis;
    }
    return image->x >= 0 ? 0 : fail(image, -ENOTSUP, "it has no spatial axis", error);
}

/* --- its level -------------------------------------------------------------------------------- */

static uint64_t longer_side(const struct ozx_image *image, const struct ozx_pixels *pixels)
{
    const struct ozx_shape *shape = &pixels->array->shape;
    uint64_t x = shape->sizes[image->x], y = image->y < 0 ? 1 : shape->sizes[image->y];

    return x > y ? x : y;
}

static bool is_better(uint64_t side, uint64_t best, uint32_t size)
{
    if (best < size)
        return side > best;
    return side >= size && side < best;
}

static int open_level(struct ozx_image *image, const char *path, struct ozx_pixels *out,
                      struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];
    uint32_t node;

    if (ozx_metadata_resolve(image->archive, image->directory, path, &node)) {
        (void)ozx_error_set(error, -ENOENT, OZX_RULE_OME_PATH, OZX_OFFSET_NONE, NULL,
                            "the level '%s' is missing",
                            ozx_escape(name, sizeof name, path, strlen(path)));
        return -ENOENT;
    }
    return ozx_pixels_open(image->archive, node, image->effort, out, error);
}

static int choose_level(struct ozx_image *image, uint32_t size, struct ozx_error *error)
{
    const struct ozx_multiscale *m = image->multiscale;
    uint32_t count = 0;
    uint64_t best = 0;

    for (size_t i = 0; i < m->dataset_count && i < LEVELS_MAX; i++) {
        struct ozx_pixels level;
        int failure = open_level(image, m->datasets[i].path, &level, error);
        if (!failure && !i) {
            image->pixels = level;
            count = level.array->shape.count;
            failure = find_axes(image, error);
            best = failure ? 0 : longer_side(image, &image->pixels);
            if (failure)
                return failure;
            continue;
        }
        if (failure)
            return failure;
        if (level.array->shape.count == count &&
            is_better(longer_side(image, &level), best, size)) {
            best = longer_side(image, &level);
            ozx_pixels_close(&image->pixels);
            image->pixels = level;
        } else {
            ozx_pixels_close(&level);
        }
    }
    return 0;
}

uint32_t ozx_image_level_count(const struct ozx_image *image)
{
    const size_t count = image->multiscale ? image->multiscale->dataset_count : 1;

    return (uint32_t)(count < LEVELS_MAX ? count : LEVELS_MAX);
}

int ozx_image_go_to_level(struct ozx_image *image, uint32_t level, struct ozx_error *error)
{
    struct ozx_pixels next;
    int failure;

    if (level >= ozx_image_level_count(image))
        return fail(image, -ERANGE, "there is no such level", error);
    if (!image->multiscale)
        return 0;
    failure = open_level(image, image->multiscale->datasets[level].path, &next, error);
    if (failure)
        return failure;
    if (next.array->shape.count != image->pixels.array->shape.count) {
        ozx_pixels_close(&next);
        return fail(image, -EBADMSG, "its levels have different dimensions", error);
    }
    ozx_pixels_close(&image->pixels);
    image->pixels = next;
    return 0;
}

/* --- what only its text says ------------------------------------------------------------------ */

static int read_text(struct ozx_image *image, struct ozx_error *error)
{
    const struct ozx_ome *ome = image->metadata->ome;
    const char *name = image->metadata->zarr_format == 2 ? OZX_NAME_ZATTRS : OZX_NAME_ZARR_JSON;
    OZX_AUTO_FREE char *text = NULL;
    size_t size = 0;
    uint32_t node;
    int failure;

    if (!ome || (!ome->channel_count && !ome->has_image_label) ||
        ozx_archive_lookup(image->archive, image->directory, name, strlen(name), &node))
        return 0;
    failure = ozx_effort_metadata(image->effort, image->archive, node, error);
    if (!failure)
        failure = ozx_metadata_text(image->archive, node, &text, &size, error);
    if (failure)
        return failure;
    if (ome->has_image_label && ozx_image_label_read(text, size, &image->label))
        return ozx_error_memory(error);
    if (!ome->channel_count)
        return 0;
    image->windows = calloc(ome->channel_count, sizeof *image->windows);
    if (!image->windows)
        return ozx_error_memory(error);
    ozx_omero_windows(text, size, image->windows, ome->channel_count);
    return 0;
}

int ozx_image_open(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                   struct ozx_effort *effort, struct ozx_image *out, struct ozx_error *error)
{
    struct ozx_image image = {.archive = archive, .directory = directory, .effort = effort};
    int failure = find_image(&image, error);

    if (!failure && image.multiscale)
        failure = choose_level(&image, size, error);
    else if (!failure &&
             !(failure = ozx_pixels_open(archive, image.directory, effort, &image.pixels, error)))
        failure = find_axes(&image, error);
    if (!failure)
        failure = read_text(&image, error);
    if (failure)
        ozx_image_close(&image);
    else
        *out = image;
    return failure;
}

bool ozx_image_is_label(const struct ozx_image *image)
{
    return image->metadata->ome && image->metadata->ome->has_image_label;
}

uint64_t ozx_image_size(const struct ozx_image *image, int axis)
{
    return axis < 0 ? 1 : image->pixels.array->shape.sizes[axis];
}

void ozx_image_close(struct ozx_image *image)
{
    ozx_pixels_close(&image->pixels);
    ozx_metadata_free(image->metadata);
    ozx_image_label_clear(&image->label);
    free(image->windows);
    *image = (struct ozx_image){.archive = NULL};
}
