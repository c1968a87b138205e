/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive that is damaged, as far as it can be read:
 *
 *     does it open? -no-> scan the local headers (zip/scan.h)
 *           |                 -> make a central directory in memory, put it behind the file
 *           |                    (io/source.h)
 *           |                 -> open that
 *          yes                         |
 *           +--------------------------+-> read every entry -> leave out those that are wrong
 *
 * So whatever comes out has gone through the one reader and its policy, and every byte of it was
 * summed.
 */
#ifndef OZX_PACK_RECOVER_H
#define OZX_PACK_RECOVER_H

#include <signal.h>

#include "archive/archive.h"
#include "pack/open_normalized.h"

struct ozx_recovery {
    struct ozx_archive *archive; /* owned */
    uint8_t *left_out;           /* owned; not 0 for each node that is lost */
    uint64_t lost;               /* entries and stretches of bytes, as they were told */
    bool scanned;                /* it did not open by itself */
    struct ozx_normalized normalized; /* to open it */
};

struct ozx_recover_options {
    struct ozx_archive_options archive;
    unsigned jobs;                       /* threads, at least 1 */
    bool keep_junk;                      /* false: junk (pack/junk.h) that is damaged is no loss */
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */

    /* Called on the calling thread. */
    void *context;
    void (*broken)(void *context, const struct ozx_error *why); /* it does not open by itself */
    void (*lost)(void *context, const struct ozx_error *what);
    void (*progress)(void *context, uint64_t files, uint64_t files_total, uint64_t bytes,
                     uint64_t bytes_total); /* may be NULL */
};

/* Takes ownership of `source`, whatever comes. Close `*out` (zeroed before) in any case. Memory: an
 * entry that is found takes about 100 bytes and its name. -EBADMSG: nothing is left, or what is
 * left is refused; the error says why. */
int ozx_recover(struct ozx_source *source, const struct ozx_recover_options *options,
                struct ozx_recovery *out, struct ozx_error *error) OZX_CHECKED;
void ozx_recovery_close(struct ozx_recovery *recovery); /* twice is fine */

#endif
