/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A source of kind remote: what it reads is asked of a fetcher (src/fetch/) by channels
 * (io/wire.h). It knows no URL and no network.
 */
#ifndef OZX_IO_SOURCE_REMOTE_H
#define OZX_IO_SOURCE_REMOTE_H

#include "io/source.h"
#include "io/wire.h"

/* `channels`: OZX_WIRE_CHANNELS sockets of a fetcher that has opened an object of `size_bytes`;
 * owned by the source from success on. To close it in the last process that has it ends the
 * fetcher. */
int ozx_source_open_remote(const int *channels, uint64_t size_bytes, int64_t mtime_s,
                           struct ozx_source **out) OZX_CHECKED;

#endif
