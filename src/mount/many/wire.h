/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the worker and the porter say to each other, over a SOCK_SEQPACKET pair: a datagram is one
 * struct ozx_wish, or a struct ozx_news with what belongs to it behind it.
 *
 * The worker's wishes are not trusted: they are a kind and the number of something that the porter
 * has listed itself, or they end the channel.
 */
#ifndef OZX_MOUNT_MANY_WIRE_H
#define OZX_MOUNT_MANY_WIRE_H

#include <stdint.h>

enum ozx_wish_kind {
    OZX_WISH_LIST = 1, /* all that is in a directory, and from then on what changes there */
    OZX_WISH_OPEN,     /* a descriptor of an archive or a file */
};

struct ozx_wish {
    uint32_t kind;
    uint32_t number;
};

enum ozx_news_kind {
    OZX_NEWS_ADDED = 1, /* `count` of struct ozx_news_item */
    OZX_NEWS_REMOVED,   /* `number`, and what is below it */
    OZX_NEWS_LISTED,    /* the answer for the directory `number`: 0, or why not (-errno) */
    OZX_NEWS_OPENED,    /* the answer for `number`: 0 and the descriptor, or why not (-errno) */
};

struct ozx_news {
    uint32_t kind;
    uint32_t number;
    int32_t code;
    uint32_t count;
};

/* An item (mount/many/catalog.h), then its name in the mount and its file's name, each with its
 * NUL, and then what makes the whole a multiple of 8. */
struct ozx_news_item {
    uint32_t number, parent;
    uint32_t kind; /* enum ozx_item_kind */
    uint32_t mode, file_mode;
    uint32_t uid, gid;
    uint32_t mtime_ns;
    int64_t mtime_s;
    uint64_t size_bytes;
    uint32_t name_size, file_size; /* with the NULs */
    uint32_t replaces; /* the number of the one that it takes the place of, in one step; 0: none */
    uint32_t unused;
};

#define OZX_NEWS_SIZE_MAX 32768 /* of a datagram */

#endif
