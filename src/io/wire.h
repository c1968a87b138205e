/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What goes between a process that reads an archive and the one that fetches it (src/fetch/), over
 * pairs of stream sockets. Neither trusts the other: sizes and kinds are looked at on both sides.
 *
 *     control   settings (ozx_wire_put) ->  ... <- one struct ozx_wire_opened
 *     channel   struct ozx_wire_ask ->  ... <- struct ozx_wire_reply, and `size_bytes` bytes: of
 *               the object, or with a status, of a text that says why
 *
 * A channel has at most one READ under way; each READ is answered once, with a CANCEL or without
 * it. NEED and CANCEL have no answer of their own.
 */
#ifndef OZX_IO_WIRE_H
#define OZX_IO_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define OZX_WIRE_CHANNELS 64                /* so many reads wait at a time */
#define OZX_WIRE_READ_MAX ((size_t)1 << 20) /* of one ask, bytes */
#define OZX_WIRE_TEXT_MAX 512               /* of a reply's text, bytes */
#define OZX_WIRE_SETTINGS_MAX ((size_t)64 << 10)
#define OZX_WIRE_CONTROL_FD 3 /* the fetcher's; its channels follow */

enum ozx_wire_kind { OZX_WIRE_READ = 1, OZX_WIRE_NEED, OZX_WIRE_CANCEL };

struct ozx_wire_ask {
    uint32_t kind;
    uint32_t unused;
    uint64_t offset_bytes, size_bytes;
};

struct ozx_wire_reply {
    int32_t status; /* 0 or -errno */
    uint32_t size_bytes;
};

struct ozx_wire_opened {
    struct ozx_error error; /* code 0: it is open */
    uint64_t size_bytes;
    int64_t mtime_s;   /* Last-Modified; 0: not told */
    char warning[256]; /* "" for none */
};

/* Whether an ask is one: a known kind, a range of at most OZX_WIRE_READ_MAX bytes inside `total`
 * bytes. */
bool ozx_wire_ask_check(const struct ozx_wire_ask *ask, uint64_t total_bytes);
/* Whether a reply answers a READ of `size_bytes`. */
bool ozx_wire_reply_check(const struct ozx_wire_reply *reply, size_t size_bytes);
/* Ends the texts, makes them harmless, and the code an errno. False: no size that a file can have.
 */
bool ozx_wire_opened_check(struct ozx_wire_opened *opened);

/* Settings are pairs of texts, each with its 0 behind it. `next`: *at is 0 at first; false: the
 * end, or what is left is no pair. */
bool ozx_wire_next(const char *settings, size_t size_bytes, size_t *at, const char **name,
                   const char **value);
/* `*settings` grows by a pair; freed by ozx_wire_forget. -ENOMEM; -E2BIG: more than
 * OZX_WIRE_SETTINGS_MAX. */
int ozx_wire_put(char **settings, size_t *size_bytes, const char *name,
                 const char *value) OZX_CHECKED;
/* Overwrites and frees them: they have secrets in them. NULL is fine. */
void ozx_wire_forget(char *settings, size_t size_bytes);

/* All of it, on a blocking socket. -EPIPE: nobody is there. */
int ozx_wire_send(int socket, const void *data, size_t size_bytes) OZX_CHECKED;
int ozx_wire_receive(int socket, void *data, size_t size_bytes) OZX_CHECKED;

#endif
