/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading back an archive that was just written, with the reader that mount uses: end records,
 * central directory, every local header, every byte against its CRC.
 */
#ifndef OZX_PACK_READBACK_H
#define OZX_PACK_READBACK_H

#include <signal.h>

#include "base/error.h"

struct ozx_readback {
    int fd; /* borrowed; its size and mtime must stand still */
    unsigned jobs;
    uint64_t files, directories, data_bytes; /* what must be found; directories: explicit ones */
    const char *version;
    const volatile sig_atomic_t *cancel; /* may be NULL */
    void *context;
    void (*progress)(void *context, uint64_t entries, uint64_t data_bytes); /* may be NULL */
};

/* 0 if the archive is without fault. -EBADMSG: it is not, the error says where. */
int ozx_readback(const struct ozx_readback *readback, struct ozx_error *error) OZX_CHECKED;

#endif
