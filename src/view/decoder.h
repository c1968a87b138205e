/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The process that reads the archive: it answers what comes by its sockets (view/ask.h) until
 * they are closed, a thread for each. What it is asked and what it reads are both strangers'; it
 * has no other way out.
 */
#ifndef OZX_VIEW_DECODER_H
#define OZX_VIEW_DECODER_H

#include "archive/archive.h"

struct ozx_decoder_options {
    const char *file; /* name of the archive, as it is shown */
    const int *sockets;
    size_t socket_count; /* 1 ... OZX_ASK_SOCKETS_MAX */
};

/* Sends one byte by the first socket: the archive is open. Then serves until all sockets are closed
 * at the other end. -ENOMEM: there are no threads. */
int ozx_decoder_run(struct ozx_archive *archive,
                    const struct ozx_decoder_options *options) OZX_CHECKED;

#endif
