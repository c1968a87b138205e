/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was fetched, in pages of 4 KiB, in memory or in a file without a name. Of blocks of 64 KiB,
 * those whose last use is longest ago are dropped.
 */
#ifndef OZX_FETCH_CACHE_H
#define OZX_FETCH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define OZX_PAGE UINT64_C(4096)
#define OZX_CACHE_IN_MEMORY (UINT64_C(64) << 20) /* bytes, if nothing else is said */

struct ozx_cache;

/* A file for it in a folder, that nobody else opens and that is gone with who has it open, be it by
 * a crash. */
int ozx_cache_make_file(const char *folder, int *fd, struct ozx_error *error) OZX_CHECKED;

/* `fd`: an empty file to keep them in, owned from success on; -1: memory. */
int ozx_cache_open(uint64_t size_bytes, int fd, struct ozx_cache **out) OZX_CHECKED;
void ozx_cache_close(struct ozx_cache *cache); /* NULL is fine */
/* None is dropped from this page on to the object's end, which are at most OZX_CACHE_KEPT pages. */
#define OZX_CACHE_KEPT 128
void ozx_cache_keep_from(struct ozx_cache *cache, uint64_t page);

/* `page` counts pages. The last one of an object may be short; then the rest of it is of no
 * meaning. */
bool ozx_cache_has(const struct ozx_cache *cache, uint64_t page);
/* False: it is not there. */
bool ozx_cache_get(struct ozx_cache *cache, uint64_t page, void *to, size_t size_bytes);
/* Keeps it, if there is memory for it. */
void ozx_cache_put(struct ozx_cache *cache, uint64_t page, const void *from, size_t size_bytes);

#endif
