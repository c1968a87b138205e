/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading forwards. Knows signatures, and nothing of what is behind them.
 */
#include "zip/window.h"

#include <string.h>

#include "base/bytes.h"
#include "zip/format.h"

#define ARCHIVE_EXTRA_SIGNATURE UINT32_C(0x08064B50) /* APPNOTE 4.3.11 */

int ozx_window_open(struct ozx_window *window, struct ozx_source *source)
{
    uint8_t *block = malloc(OZX_WINDOW_SIZE);

    if (!block)
        return -ENOMEM;
    *window = (struct ozx_window){
        .source = source, .size_bytes = ozx_source_size(source), .block = block};
    return 0;
}

void ozx_window_close(struct ozx_window *window)
{
    free(ozx_take(window->block));
}

const uint8_t *ozx_window_view(struct ozx_window *window, uint64_t offset_bytes, size_t size_bytes)
{
    uint64_t left;

    window->failure = 0;
    if (offset_bytes >= window->start_bytes &&
        offset_bytes - window->start_bytes <= window->filled_bytes &&
        size_bytes <= window->filled_bytes - (offset_bytes - window->start_bytes))
        return window->block + (offset_bytes - window->start_bytes);
    if (offset_bytes > window->size_bytes || size_bytes > window->size_bytes - offset_bytes)
        return NULL;
    left = window->size_bytes - offset_bytes;
    window->start_bytes = offset_bytes;
    window->filled_bytes = left < OZX_WINDOW_SIZE ? (size_t)left : OZX_WINDOW_SIZE;
    window->failure =
        ozx_source_read(window->source, window->block, window->filled_bytes, offset_bytes);
    if (!window->failure)
        return window->block;
    window->filled_bytes = 0;
    return NULL;
}

/* How much is there from `offset_bytes` on without reading, at least `want` after a look. */
static size_t available(struct ozx_window *window, uint64_t offset_bytes, size_t want,
                        const uint8_t **at)
{
    uint64_t left = window->size_bytes - offset_bytes;

    *at = ozx_window_view(window, offset_bytes, left < want ? (size_t)left : want);
    return *at ? window->filled_bytes - (size_t)(offset_bytes - window->start_bytes) : 0;
}

int ozx_window_find(struct ozx_window *window, uint64_t *offset_bytes,
                    const volatile sig_atomic_t *cancel)
{
    uint64_t offset = *offset_bytes;

    while (offset < window->size_bytes && window->size_bytes - offset >= 4) {
        const uint8_t *at, *hit;
        size_t size = available(window, offset, 4, &at), searched;

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
