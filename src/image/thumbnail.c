/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a node to its picture. The rules are those of ozxfs-thumbnail(1), and
 * tests/image/rendering.py has them once more.
 */
#include "image/thumbnail.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "image/embedded.h"
#include "image/labels.h"
#include "image/sheet.h"

struct making {
    struct ozx_archive *archive;
    const struct ozx_thumbnail_options *options;
    struct ozx_effort effort;
    uint32_t width, height;
    float *light; /* red, green, blue of each pixel; owned */
    struct ozx_error *error;
};

static int allocate(struct making *m, uint32_t width, uint32_t height)
{
    m->width = width;
    m->height = height;
    m->light = calloc((size_t)width * height, 3 * sizeof *m->light);
    return m->light ? 0 : ozx_error_memory(m->error);
}

/* --- one image -------------------------------------------------------------------------------- */

static int open_view(struct making *m, uint32_t directory, struct ozx_view *view)
{
    int failure =
        ozx_view_open(m->archive, directory, m->options->size, &m->effort, view, m->error);

    if (failure)
        return failure;
    failure = ozx_view_place(view, m->options->z, m->options->z_maximum, m->options->t, m->error);
    if (failure)
        ozx_view_close(view);
    return failure;
}

static int blend_channels(struct making *m, struct ozx_view *view)
{
    struct ozx_style styles[OZX_CHANNELS_MAX];
    int failure = 0, count = ozx_styles_of(&view->image, m->options->channels,
                                           m->options->channel_count, styles, m->error);

    if (count < 0)
        return count;
    for (int i = 0; !failure && i < count; i++) {
        failure = ozx_view_sample(view, styles[i].channel, m->error);
        if (!failure)
            ozx_blend(&styles[i], view->values, view->pixel_count, m->light);
    }
    return failure;
}

static int draw(struct making *m, struct ozx_view *view)
{
    int failure = allocate(m, view->plane.width, view->plane.height);

    if (failure)
        return failure;
    return ozx_image_is_label(&view->image) ? ozx_labels_color(view, m->light, m->error)
                                            : blend_channels(m, view);
}

static int draw_image(struct making *m, uint32_t directory)
{
    struct ozx_view view;
    int failure = open_view(m, directory, &view);

    if (failure)
        return failure;
    failure = draw(m, &view);
    ozx_view_close(&view);
    return failure;
}

/* A label image over its image, whichever of the two the node is. */
static int draw_pair(struct making *m, uint32_t directory)
{
    uint32_t base = 0, labels = 0;
    struct ozx_image image;
    struct ozx_view view;
    int failure =
        ozx_image_open(m->archive, directory, m->options->size, &m->effort, &image, m->error);

    if (failure)
        return failure;
    failure = ozx_labels_pair(&image, &base, &labels, m->error);
    ozx_image_close(&image);
    if (!failure)
        failure = open_view(m, base, &view);
    if (failure)
        return failure;
    failure = draw(m, &view);
    if (!failure)
        failure = ozx_labels_over(&view, labels, m->options->size, m->light, m->error);
    ozx_view_close(&view);
    return failure;
}

/* --- a plate ---------------------------------------------------------------------------------- */

/* The metadata of a plate that is shown as a sheet; NULL: the node is something else. */
static int find_plate(struct making *m, uint32_t directory, struct ozx_metadata **out)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    const struct ozx_plate *plate;
    uint32_t node;
    int failure;

    *out = NULL;
    if (ozx_metadata_find(m->archive, directory, &node))
        return 0; /* whoever looks for an image says so */
    failure = ozx_effort_metadata(&m->effort, m->archive, node, m->error);
    if (!failure)
        failure = ozx_metadata_load(m->archive, node, &metadata, m->error);
    if (failure)
        return failure;
    plate = metadata->ome && !metadata->ome->multiscale_count ? metadata->ome->plate : NULL;
    if (plate && plate->well_count && plate->row_count && plate->column_count)
        *out = ozx_take(metadata);
    return 0;
}

static int draw_plate(struct making *m, uint32_t directory, const struct ozx_plate *plate)
{
    struct ozx_sheet sheet;
    int failure;

    if (m->options->labels)
        return ozx_error_set(m->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose a well with --path", "label images are not drawn over plates");
    failure =
        ozx_sheet_draw(m->archive, directory, plate, m->options, &m->effort, &sheet, m->error);
    if (failure)
        return failure;
    m->light = sheet.light;
    m->width = sheet.width;
    m->height = sheet.height;
    return 0;
}

/* --- any node --------------------------------------------------------------------------------- */

static int find_node(const struct making *m, uint32_t *directory)
{
    const char *path = m->options->path;
    char name[OZX_ESCAPED_SIZE];

    *directory = OZX_NODE_ROOT;
    if (path && ozx_archive_find(m->archive, path, directory))
        return ozx_error_set(m->error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "'%s': there is no such entry in the archive",
                             ozx_escape(name, sizeof name, path, strlen(path)));
    return 0;
}

/* An embedded thumbnail stands for the node as it is, not for what else is asked for. */
static bool is_plain(const struct ozx_thumbnail_options *o)
{
    return !o->drawn && !o->labels && !o->channel_count && !o->z_maximum && !o->t &&
           o->z == OZX_Z_MIDDLE;
}

static int round_off(struct making *m, struct ozx_picture *out)
{
    const size_t count = (size_t)m->width * m->height * 3;
    uint8_t *rgb = malloc(count);

    if (!rgb)
        return ozx_error_memory(m->error);
    for (size_t i = 0; i < count; i++)
        rgb[i] = (uint8_t)(m->light[i] >= 255 ? 255 : m->light[i] + 0.5F);
    *out = (struct ozx_picture){m->width, m->height, rgb};
    return 0;
}

int ozx_thumbnail(struct ozx_archive *archive, const struct ozx_thumbnail_options *options,
                  struct ozx_picture *out, struct ozx_error *error)
{
    struct making m = {.archive = archive, .options = options, .error = error};
    OZX_AUTO_METADATA struct ozx_metadata *plate = NULL;
    uint32_t directory;
    int failure = find_node(&m, &directory);

    if (!failure && is_plain(options) &&
        ozx_embedded_picture(archive, directory, options->size, &m.effort, out) == 0)
        return 0;
    if (!failure)
        failure = find_plate(&m, directory, &plate);
    if (!failure)
        failure = plate             ? draw_plate(&m, directory, plate->ome->plate)
                  : options->labels ? draw_pair(&m, directory)
                                    : draw_image(&m, directory);
    if (!failure)
        failure = round_off(&m, out);
    free(m.light);
    return failure;
}
