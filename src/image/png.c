/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What libpng writes is collected in memory: its errors jump, and a picture is small.
 */
#include "image/png.h"

#include <string.h>

#include "base/descriptors.h"
#include "config.h"

#ifdef OZX_HAVE_PNG
#include <png.h>

bool ozx_png_is_built_in(void)
{
    return true;
}

static int encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint32_t flags,
                  uint8_t **file, size_t *size_bytes, struct ozx_error *error)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = width,
                       .height = height,
                       .format = PNG_FORMAT_RGB,
                       .flags = flags};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    OZX_AUTO_FREE uint8_t *made = malloc(size);

    if (!made)
        return ozx_error_memory(error);
    if (!png_image_write_to_memory(&image, made, &size, 0, rgb, 0, NULL))
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot encode the picture: %s", image.message);
    *file = ozx_take(made);
    *size_bytes = size;
    return 0;
}

int ozx_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                   size_t *size_bytes, struct ozx_error *error)
{
    return encode(rgb, width, height, 0, file, size_bytes, error);
}

int ozx_png_encode_quickly(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                           size_t *size_bytes, struct ozx_error *error)
{
    return encode(rgb, width, height, PNG_IMAGE_FLAG_FAST, file, size_bytes, error);
}

int ozx_png_read(const uint8_t *data, size_t size_bytes, uint8_t **rgb, uint32_t *width,
                 uint32_t *height)
{
    static const png_color black = {0, 0, 0};
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *pixels = NULL;
    int failure = -EBADMSG;

    if (!png_image_begin_read_from_memory(&image, data, size_bytes))
        return -EBADMSG;
    if ((uint64_t)image.width * image.height <= OZX_PNG_PIXELS_MAX) {
        image.format = PNG_FORMAT_RGB;
        pixels = malloc(PNG_IMAGE_SIZE(image));
        failure = !pixels                                                  ? -ENOMEM
                  : png_image_finish_read(&image, &black, pixels, 0, NULL) ? 0
                                                                           : -EBADMSG;
    }
    if (failure) {
        free(pixels);
    } else {
        *rgb = pixels;
        *width = image.width;
        *height = image.height;
    }
    png_image_free(&image);
    return failure;
}

#else

bool ozx_png_is_built_in(void)
{
    return false;
}

int ozx_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                   size_t *size_bytes, struct ozx_error *error)
{
    (void)rgb, (void)width, (void)height, (void)file, (void)size_bytes;
    return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "pictures are not built in: they need libpng");
}

int ozx_png_encode_quickly(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **file,
                           size_t *size_bytes, struct ozx_error *error)
{
    return ozx_png_encode(rgb, width, height, file, size_bytes, error);
}

int ozx_png_read(const uint8_t *data, size_t size_bytes, uint8_t **rgb, uint32_t *width,
                 uint32_t *height)
{
    (void)data, (void)size_bytes, (void)rgb, (void)width, (void)height;
    return -ENOTSUP;
}

#endif

int ozx_png_write(int fd, const uint8_t *rgb, uint32_t width, uint32_t height,
                  struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *file = NULL;
    size_t size = 0;
    int failure = ozx_png_encode(rgb, width, height, &file, &size, error);

    if (failure)
        return failure;
    failure = ozx_descriptors_write(fd, file, size, -1);
    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             ozx_hint_no_space(failure), "cannot write the picture: %s",
                             strerror(-failure));
    return 0;
}
