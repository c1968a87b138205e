/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks over omero where it stands in the text.
 */
#include "zarr/omero_windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "zarr/json_text.h"

#define NUMBER_SIZE 64

static bool take_number(const char *text, struct ozx_json_range object, const char *key,
                        double *out)
{
    struct ozx_json_range value;
    char number[NUMBER_SIZE], *end;
    size_t size;

    if (!ozx_json_find(text, object, key, &value))
        return false;
    size = value.to - value.from;
    if (!size || size >= sizeof number || text[value.from] == '"')
        return false;
    memcpy(number, text + value.from, size);
    number[size] = '\0';
    *out = strtod(number, &end);
    return *end == '\0' && isfinite(*out);
}

static bool find_channels(const char *text, struct ozx_json_range all, struct ozx_json_range *out)
{
    struct ozx_json_range place = all, inner;

    if (ozx_json_find(text, place, "attributes", &inner))
        place = inner;
    if (ozx_json_find(text, place, "ome", &inner))
        place = inner;
    return ozx_json_find(text, place, "omero", &inner) &&
           ozx_json_find(text, inner, "channels", out);
}

void ozx_omero_windows(const char *text, size_t size_bytes, struct ozx_omero_window *windows,
                       size_t count)
{
    struct ozx_json_cursor cursor = ozx_json_text(text, size_bytes);
    struct ozx_json_range channels, channel, window;

    memset(windows, 0, count * sizeof *windows);
    if (!find_channels(text, (struct ozx_json_range){cursor.at, cursor.end}, &channels))
        return;
    cursor = ozx_json_within(text, channels);
    if (!ozx_json_enter(&cursor, '['))
        return;
    for (size_t i = 0; i < count && ozx_json_next_element(&cursor, &channel) == OZX_JSON_ITEM;
         i++) {
        struct ozx_omero_window *w = &windows[i];
        w->is_stated = ozx_json_find(text, channel, "window", &window) &&
                       take_number(text, window, "start", &w->start) &&
                       take_number(text, window, "end", &w->end) && w->end > w->start;
    }
}
