/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From what readers ask to what is fetched: pages that are there are given at once, those under way
 * are waited for, the others fetched, neighbours together while they queue, and ahead of who reads
 * in order.
 */
#ifndef OZX_FETCH_ASKS_H
#define OZX_FETCH_ASKS_H

#include "fetch/cache.h"
#include "fetch/object.h"
#include "io/wire.h"

#define OZX_STREAMS 16
#define OZX_UNITS 64
#define OZX_ASK_PAGES (OZX_WIRE_READ_MAX / OZX_PAGE + 2)

/* One read, from its question to its answer. */
struct ozx_read_ask {
    bool waits;
    uint64_t offset_bytes, size_bytes;
    uint64_t first_page;
    uint32_t page_count, missing;
    bool have[OZX_ASK_PAGES];
    uint8_t *pages; /* owned */
};

/* A reader that goes on where it was. */
struct ozx_stream {
    uint64_t begin_bytes, next_bytes, ahead_bytes, window_bytes;
    uint64_t read_bytes;     /* from `begin_bytes` on */
    uint64_t unit_end_bytes; /* what begins before it was counted */
    unsigned reads;          /* of units, or of what is in none */
    uint64_t used;           /* when, by the count of asks */
    bool has_waited;         /* its reader, since the window was looked at */
};

/* What was announced by a NEED: it will be read as a whole, and that its parts are read one behind
 * the other says nothing of what is read behind it. */
struct ozx_unit {
    uint64_t first_bytes, end_bytes;
    bool is_cut; /* as long as a message may say: the next one may go on with it */
};

/* The bytes of an answer. They lie in `buffer`, which whoever is answered owns; NULL: they are
 * borrowed during the call. */
struct ozx_given {
    const uint8_t *bytes;
    size_t size_bytes;
    uint8_t *buffer;
};

struct ozx_asks {
    struct ozx_object *object;
    struct ozx_cache *cache;
    uint64_t cache_bytes; /* readahead fills no more than a part of it */
    uint8_t *whole;       /* the object, by a server without ranges; else NULL. Owned */
    struct ozx_read_ask asks[OZX_WIRE_CHANNELS];
    struct ozx_stream streams[OZX_STREAMS];
    struct ozx_unit units[OZX_UNITS]; /* the last ones */
    unsigned unit_count;
    uint64_t count;
    /* Ask `number` is answered, with its bytes, or an error (else NULL). */
    void (*answer)(void *context, unsigned number, const struct ozx_error *error,
                   const struct ozx_given *given);
    void *context;
};

/* `ask` was checked, and `number` has none that waits. */
void ozx_asks_read(struct ozx_asks *asks, unsigned number, const struct ozx_wire_ask *ask);
void ozx_asks_need(struct ozx_asks *asks, const struct ozx_wire_ask *ask);
void ozx_asks_cancel(struct ozx_asks *asks, unsigned number);
/* For ozx_object.ended, once it is open. */
void ozx_asks_ended(struct ozx_asks *asks, struct ozx_fetch *fetch);
/* Keeps what opening fetched, from `first_bytes`, a multiple of a page or not, to the end of the
 * object or a page. */
void ozx_asks_keep(struct ozx_asks *asks, uint64_t first_bytes, const uint8_t *data,
                   size_t size_bytes);
void ozx_asks_release(struct ozx_asks *asks);

#endif
