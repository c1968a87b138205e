/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an address asks for. The address is a stranger's: what is not exactly one of those that
 * there are is nothing. A pure function; any number of threads.
 *
 *     /TOKEN/tile/3/0/12/0/4/7.png?c=0:FF0000:10:900,1:00FF00:0:255&l=5
 */
#ifndef OZX_VIEW_ROUTE_H
#define OZX_VIEW_ROUTE_H

#include "view/ask.h"

#define OZX_TOKEN_SIZE 65 /* 64 hexadecimal digits, and the NUL */
#define OZX_ROUTE_NAME_MAX 63

enum ozx_route_kind {
    OZX_ROUTE_NONE,
    OZX_ROUTE_PAGE,  /* a file of the page, `name` */
    OZX_ROUTE_ASK,   /* `ask` goes to the decoder */
    OZX_ROUTE_RAW,   /* `ask` finds the file whose bytes are sent */
    OZX_ROUTE_ALIVE, /* the page is still open */
};

struct ozx_route {
    enum ozx_route_kind kind;
    char name[OZX_ROUTE_NAME_MAX + 1];
    struct ozx_ask ask;
    char path[OZX_ASK_PATH_MAX + 1]; /* of RAW: decoded, ask.path_size_bytes of it */
};

/* True if the address begins with "/TOKEN/", found out in a time that does not depend on how much
 * of the token is right. `*rest` is what follows then. */
bool ozx_route_token(const char *address, const char token[OZX_TOKEN_SIZE], const char **rest);

/* `rest` is the path behind the token, percent-encoded as it came; `query(context, name)` gives the
 * value of that name in the address as it came, NULL for none. */
void ozx_route_find(const char *rest, const char *(*query)(void *context, const char *name),
                    void *context, struct ozx_route *out);

/* The range of a file of `total_bytes` that a Range header (NULL: none) asks for. 1: that range; 0:
 * all of it, by no header or by one that is of another form; -1: there is no such range. */
int ozx_route_range(const char *header, uint64_t total_bytes, uint64_t *first, uint64_t *count);

#endif
