/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks over image-label where it stands in the text.
 */
#include "zarr/image_label.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "zarr/ome_text.h"

#define SOURCE_SIZE 4096

static bool take_color(const char *text, struct ozx_json_range object, struct ozx_label_color *out)
{
    struct ozx_json_range list, value;
    struct ozx_json_cursor cursor;
    unsigned count = 0;
    double number;

    if (!ozx_json_number_of(text, object, "label-value", &out->label) ||
        !ozx_json_find(text, object, "rgba", &list))
        return false;
    cursor = ozx_json_within(text, list);
    if (!ozx_json_enter(&cursor, '['))
        return false;
    while (ozx_json_next_element(&cursor, &value) == OZX_JSON_ITEM) {
        if (count == 4 || !ozx_json_number(text, value, &number) || number < 0 || number > 255)
            return false;
        out->rgba[count++] = (uint8_t)number;
    }
    return count == 4;
}

static int by_label(const void *a, const void *b)
{
    const struct ozx_label_color *x = a, *y = b;

    return x->label < y->label ? -1 : x->label > y->label;
}

static int take_colors(const char *text, struct ozx_json_range image_label,
                       struct ozx_image_label *out)
{
    struct ozx_json_range list, element;
    struct ozx_json_cursor cursor;
    uint32_t room = 0;

    if (!ozx_json_find(text, image_label, "colors", &list))
        return 0;
    cursor = ozx_json_within(text, list);
    if (!ozx_json_enter(&cursor, '['))
        return 0;
    while (out->color_count < OZX_LABEL_COLORS_MAX &&
           ozx_json_next_element(&cursor, &element) == OZX_JSON_ITEM) {
        if (ozx_array_grow(out->colors, out->color_count, &room))
            return -ENOMEM;
        out->color_count += take_color(text, element, &out->colors[out->color_count]);
    }
    if (out->color_count)
        qsort(out->colors, out->color_count, sizeof *out->colors, by_label);
    return 0;
}

int ozx_image_label_read(const char *text, size_t size_bytes, struct ozx_image_label *out)
{
    struct ozx_image_label label = {.source = NULL};
    struct ozx_json_range image_label, source, value, string;
    char path[SOURCE_SIZE];
    size_t size;
    int failure = 0;

    if (ozx_ome_text_find(text, size_bytes, "image-label", &image_label)) {
        if (ozx_json_find(text, image_label, "source", &source) &&
            ozx_json_find(text, source, "image", &value) &&
            ozx_json_string_of(text, value, &string) &&
            ozx_json_decode(text, string, path, sizeof path, &size)) {
            label.source = strdup(path);
            failure = label.source ? 0 : -ENOMEM;
        }
        if (!failure)
            failure = take_colors(text, image_label, &label);
    }
    if (failure)
        ozx_image_label_clear(&label);
    else
        *out = label;
    return failure;
}

void ozx_image_label_clear(struct ozx_image_label *label)
{
    free(label->source);
    free(label->colors);
    *label = (struct ozx_image_label){.source = NULL};
}

const struct ozx_label_color *ozx_image_label_color(const struct ozx_image_label *label,
                                                    double number)
{
    const struct ozx_label_color wanted = {.label = number};

    return label->color_count ? bsearch(&wanted, label->colors, label->color_count,
                                        sizeof *label->colors, by_label)
                              : NULL;
}
