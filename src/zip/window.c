/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading forwards. Knows signatures, and nothing of what is behind them.
 */
#include "zip/window.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/format.h"

#define ARCHIVE_EXTRA_SIGNATURE UINT32_C(0x08064B50) /* APPNOTE 4.3.11 */

int ozx_window_open(struct ozx_window *window, struct ozx_source *source, size_t block_bytes)
{
    uint8_t *block = malloc(block_bytes);

    if (!block)
        return -ENOMEM;
    *window = (struct ozx_window){.source = source,
                                  .size_bytes = ozx_source_size(source),
                                  .block = block,
                                  .block_bytes = block_bytes};
    return 0;
}

void ozx_window_close(struct ozx_window *window)
{
    free(ozx_take(window->block));
}

static bool holds(const struct ozx_window *window, uint64_t offset_bytes, size_t size_bytes)
{
    return offset_bytes >= window->start_bytes &&
           offset_bytes - window->start_bytes <= window->filled_bytes &&
           size_bytes <= window->filled_bytes - (offset_bytes - window->start_bytes);
}

const uint8_t *ozx_window_get(struct ozx_window *window, uint64_t offset_bytes, size_t need_bytes,
                              size_t want_bytes, size_t *got_bytes)
{
    uint64_t left = window->size_bytes - offset_bytes;

    window->failure = 0;
    if (need_bytes > left)
        need_bytes = (size_t)left;
    if (!holds(window, offset_bytes, need_bytes)) {
        size_t size = need_bytes > want_bytes ? need_bytes : want_bytes;
        if (size > window->block_bytes)
            size = window->block_bytes;
        if (size > left)
            size = (size_t)left;
        window->filled_bytes = 0;
        window->failure = ozx_source_read(window->source, window->block, size, offset_bytes);
        if (window->failure)
            return NULL;
        window->start_bytes = offset_bytes;
        window->filled_bytes = size;
    }
    *got_bytes = window->filled_bytes - (size_t)(offset_bytes - window->start_bytes);
    return window->block + (offset_bytes - window->start_bytes);
}

const uint8_t *ozx_window_view(struct ozx_window *window, uint64_t offset_bytes, size_t size_bytes)
{
    size_t got;

    window->failure = 0;
    if (offset_bytes > window->size_bytes || size_bytes > window->size_bytes - offset_bytes)
        return NULL;
    return ozx_window_get(window, offset_bytes, size_bytes, window->block_bytes, &got);
}

int ozx_window_find(struct ozx_window *window, uint64_t *offset_bytes,
                    const volatile sig_atomic_t *cancel)
{
    uint64_t offset = *offset_bytes;

    while (offset < window->size_bytes && window->size_bytes - offset >= 4) {
        const uint8_t *at, *hit;
        size_t size, searched;

        at = ozx_window_get(window, offset, 4, window->block_bytes, &size);
        if (!at)
            return window->failure;
        if (cancel && *cancel)
            return -EINTR;
        searched = size - 3; /* the last that has three bytes behind it */
        hit = at;
        while ((hit = memchr(hit, 'P', searched - (size_t)(hit - at)))) {
            if (hit[1] == 'K') {
                *offset_bytes = offset + (uint64_t)(hit - at);
                return 0;
            }
            hit++;
        }
        offset += searched;
    }
    *offset_bytes = window->size_bytes;
    return -ENODATA;
}

enum ozx_zip_record ozx_zip_record_at(const uint8_t *at)
{
    struct ozx_bytes b = ozx_bytes_of(at, 4);

    switch (ozx_bytes_u32(&b)) {
    case OZX_LOCAL_SIGNATURE:
        return OZX_RECORD_LOCAL;
    case OZX_CENTRAL_SIGNATURE:
        return OZX_RECORD_CENTRAL;
    case OZX_DIGITAL_SIGNATURE:
    case OZX_END64_SIGNATURE:
    case OZX_LOCATOR_SIGNATURE:
    case OZX_END_SIGNATURE:
    case ARCHIVE_EXTRA_SIGNATURE:
        return OZX_RECORD_END;
    default:
        return OZX_RECORD_NONE;
    }
}
