/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks over omero where it stands in the text.
 */
#include "zarr/omero_windows.h"

#include <string.h>

#include "zarr/ome_text.h"

void ozx_omero_windows(const char *text, size_t size_bytes, struct ozx_omero_window *windows,
                       size_t count)
{
    struct ozx_json_range omero, channels, channel, window;
    struct ozx_json_cursor cursor;

    memset(windows, 0, count * sizeof *windows);
    if (!ozx_ome_text_find(text, size_bytes, "omero", &omero) ||
        !ozx_json_find(text, omero, "channels", &channels))
        return;
    cursor = ozx_json_within(text, channels);
    if (!ozx_json_enter(&cursor, '['))
        return;
    for (size_t i = 0; i < count && ozx_json_next_element(&cursor, &channel) == OZX_JSON_ITEM;
         i++) {
        struct ozx_omero_window *w = &windows[i];
        w->is_stated = ozx_json_find(text, channel, "window", &window) &&
                       ozx_json_number_of(text, window, "start", &w->start) &&
                       ozx_json_number_of(text, window, "end", &w->end) && w->end > w->start;
    }
}
