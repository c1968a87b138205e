/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What goes between the process that speaks HTTP and the one that reads the archive, over pairs
 * of stream sockets. Neither trusts the other: kinds, numbers and sizes are looked at on both
 * sides.
 *
 *     server  -- struct ozx_ask, and path_size_bytes bytes -->  decoder
 *     server  <-- struct ozx_reply, and size_bytes bytes ----  decoder
 *
 * One ask at a time on a socket; each is answered once.
 */
#ifndef OZX_VIEW_ASK_H
#define OZX_VIEW_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define OZX_ASK_STYLES_MAX 32
#define OZX_ASK_PATH_MAX 4095
#define OZX_ASK_BLOCK_MAX (1u << 20)   /* bytes of one OZX_ASK_READ */
#define OZX_REPLY_SIZE_MAX (16u << 20) /* bytes of one answer */
#define OZX_ASK_SOCKETS_MAX 8
#define OZX_NO_NODE UINT32_MAX
#define OZX_WHOLE_ARCHIVE UINT32_MAX /* in place of a node of OZX_ASK_READ */

enum ozx_ask_kind {
    OZX_ASK_TREE = 1,
    OZX_ASK_NODE,
    OZX_ASK_IMAGE,
    OZX_ASK_TILE,
    OZX_ASK_PLATE,
    OZX_ASK_THUMBNAIL,
    OZX_ASK_FINDINGS,
    OZX_ASK_FIND, /* a file by its path, or the archive without one: which node, how large */
    OZX_ASK_READ, /* bytes of that */
    OZX_ASK_KINDS
};

struct ozx_ask_style {
    uint64_t channel;
    uint32_t color; /* 0xRRGGBB */
    uint32_t unused;
    double start, end; /* finite */
};

/* What is not of a kind is 0. */
struct ozx_ask {
    uint32_t kind, node;
    uint32_t level, labels;                          /* TILE; labels: a node, OZX_NO_NODE */
    uint64_t z, t, x, y;                             /* TILE */
    uint32_t side, style_count;                      /* side: THUMBNAIL, pixels */
    struct ozx_ask_style styles[OZX_ASK_STYLES_MAX]; /* TILE */
    uint64_t offset_bytes;                           /* READ */
    uint32_t size_bytes;                             /* READ */
    uint32_t path_size_bytes;                        /* FIND */
};

enum ozx_reply_type { OZX_REPLY_JSON, OZX_REPLY_PNG, OZX_REPLY_BYTES, OZX_REPLY_FOUND };

struct ozx_reply {
    uint32_t
        status; /* of HTTP: 200, 404, 422, 500, 503; other than 200 comes with a message as JSON */
    uint32_t type;
    uint32_t size_bytes;  /* that follow */
    uint32_t node;        /* FOUND */
    uint64_t total_bytes; /* FOUND: of the file */
};

/* A known kind, numbers within their bounds. */
bool ozx_ask_check(const struct ozx_ask *ask);
/* An answer that can be one to this ask. */
bool ozx_reply_check(const struct ozx_reply *reply, const struct ozx_ask *ask);

#endif
