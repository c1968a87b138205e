/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bounds of what is sent.
 */
#include "view/ask.h"

#include <math.h>

#include "image/thumbnail.h"

_Static_assert(OZX_ASK_STYLES_MAX == OZX_CHANNELS_MAX, "as many as are blended");

static bool check_styles(const struct ozx_ask *ask)
{
    if (ask->style_count > OZX_ASK_STYLES_MAX)
        return false;
    for (uint32_t i = 0; i < ask->style_count; i++)
        if (ask->styles[i].color > 0xFFFFFF || !isfinite(ask->styles[i].start) ||
            !isfinite(ask->styles[i].end))
            return false;
    return true;
}

bool ozx_ask_check(const struct ozx_ask *ask)
{
    switch (ask->kind) {
    case OZX_ASK_TILE:
        return check_styles(ask);
    case OZX_ASK_THUMBNAIL:
        return ask->side >= 1 && ask->side <= OZX_THUMBNAIL_SIZE_MAX;
    case OZX_ASK_FIND:
        return ask->path_size_bytes <= OZX_ASK_PATH_MAX;
    case OZX_ASK_READ:
        return ask->size_bytes >= 1 && ask->size_bytes <= OZX_ASK_BLOCK_MAX;
    default:
        return ask->kind >= OZX_ASK_TREE && ask->kind < OZX_ASK_KINDS;
    }
}

static bool is_type_of(uint32_t type, uint32_t kind)
{
    switch (kind) {
    case OZX_ASK_TILE:
    case OZX_ASK_THUMBNAIL:
        return type == OZX_REPLY_PNG;
    case OZX_ASK_FIND:
        return type == OZX_REPLY_FOUND;
    case OZX_ASK_READ:
        return type == OZX_REPLY_BYTES;
    default:
        return type == OZX_REPLY_JSON;
    }
}

bool ozx_reply_check(const struct ozx_reply *reply, const struct ozx_ask *ask)
{
    if (reply->size_bytes > OZX_REPLY_SIZE_MAX)
        return false;
    if (reply->status != 200)
        return (reply->status == 404 || reply->status == 422 || reply->status == 500 ||
                reply->status == 503) &&
               reply->type == OZX_REPLY_JSON;
    if (ask->kind == OZX_ASK_READ && reply->size_bytes != ask->size_bytes)
        return false;
    return is_type_of(reply->type, ask->kind) && reply->total_bytes <= INT64_MAX;
}
