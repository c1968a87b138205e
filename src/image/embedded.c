/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whatever is wrong with it, there is still the image itself: nothing here is an error for the
 * user.
 */
#include "image/embedded.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "image/boxes.h"
#include "image/png.h"
#include "zarr/thumbnails.h"

/* --- made smaller ----------------------------------------------------------------------------- */

static uint32_t fit(uint32_t side, uint32_t longer, uint32_t size)
{
    const uint64_t fitted = ((uint64_t)side * size + longer / 2) / longer;

    return fitted ? (uint32_t)fitted : 1;
}

/* The mean of a box of one of the three colours, rounded. */
static uint8_t average(const struct ozx_picture *from, const uint64_t x[2], const uint64_t y[2],
                       unsigned part)
{
    uint64_t sum = 0, count = 0;

    for (uint64_t j = y[0]; j < y[1]; j++)
        for (uint64_t i = x[0]; i < x[1]; i++, count++)
            sum += from->rgb[3 * (j * from->width + i) + part];
    return (uint8_t)(count ? (sum + count / 2) / count : 0);
}

/* Rules 1 and 2 of ozxfs-thumbnail(1). */
static int shrink(struct ozx_picture *picture, uint32_t size)
{
    const uint32_t longer = picture->width > picture->height ? picture->width : picture->height;
    struct ozx_picture small;
    struct ozx_boxes x, y;

    if (longer <= size)
        return 0;
    small.width = fit(picture->width, longer, size);
    small.height = fit(picture->height, longer, size);
    small.rgb = malloc((size_t)small.width * small.height * 3);
    if (!small.rgb)
        return -ENOMEM;
    x = (struct ozx_boxes){picture->width, small.width, false, 0};
    y = (struct ozx_boxes){picture->height, small.height, false, 0};
    for (uint32_t j = 0; j < small.height; j++)
        for (uint32_t i = 0; i < small.width; i++)
            for (unsigned part = 0; part < 3; part++)
                small.rgb[3 * ((size_t)j * small.width + i) + part] =
                    average(picture, (uint64_t[]){ozx_boxes_from(&x, i), ozx_boxes_from(&x, i + 1)},
                            (uint64_t[]){ozx_boxes_from(&y, j), ozx_boxes_from(&y, j + 1)}, part);
    free(picture->rgb);
    *picture = small;
    return 0;
}

/* --- found ------------------------------------------------------------------------------------ */

static int find(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                struct ozx_effort *effort, struct ozx_embedded *out)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    OZX_AUTO_FREE char *text = NULL;
    size_t text_size = 0;
    uint32_t node;

    if (ozx_archive_lookup(archive, directory, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON),
                           &node) &&
        ozx_archive_lookup(archive, directory, OZX_NAME_ZATTRS, strlen(OZX_NAME_ZATTRS), &node))
        return -ENOENT;
    if (ozx_effort_metadata(effort, archive, node, &ignored) ||
        ozx_metadata_text(archive, node, &text, &text_size, &ignored))
        return -ENOENT;
    return ozx_thumbnails_find(text, text_size, "image/png", size, out);
}

static int read_entry(struct ozx_archive *archive, uint32_t directory,
                      struct ozx_embedded *embedded)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct ozx_node_stat stat;
    uint32_t node;

    if (ozx_metadata_resolve(archive, directory, embedded->path, &node))
        return -ENOENT;
    ozx_archive_stat(archive, node, &stat);
    if (stat.is_directory || !stat.size_bytes || stat.size_bytes > OZX_THUMBNAIL_DATA_MAX)
        return -ENOENT;
    embedded->data = malloc((size_t)stat.size_bytes);
    if (!embedded->data || ozx_archive_read_all(archive, node, embedded->data, &ignored))
        return -ENOENT;
    embedded->data_size_bytes = (size_t)stat.size_bytes;
    return 0;
}

int ozx_embedded_picture(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                         struct ozx_effort *effort, struct ozx_picture *out)
{
    struct ozx_picture picture = {.rgb = NULL};
    struct ozx_embedded embedded;

    if (find(archive, directory, size, effort, &embedded))
        return -ENOENT;
    if ((!embedded.path || !read_entry(archive, directory, &embedded)) &&
        ozx_png_read(embedded.data, embedded.data_size_bytes, &picture.rgb, &picture.width,
                     &picture.height) == 0 &&
        shrink(&picture, size)) {
        free(picture.rgb);
        picture.rgb = NULL;
    }
    ozx_embedded_clear(&embedded);
    if (!picture.rgb)
        return -ENOENT;
    *out = picture;
    return 0;
}
