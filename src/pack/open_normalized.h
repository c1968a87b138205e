/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening an archive to write it anew: as the one reader opens it, and if that refuses it for what
 * can be put right without guessing, once more with that put right:
 *
 *     bytes in front that no offset counts   are left away (zip/prefix.h)
 *     names that are no paths                are taken in their normal form, if
 *                                            all have one and no two of them share it
 */
#ifndef OZX_PACK_OPEN_NORMALIZED_H
#define OZX_PACK_OPEN_NORMALIZED_H

#include "archive/archive.h"

struct ozx_normalized {
    uint64_t prefix_bytes; /* left away in front */
    uint64_t names;        /* taken in another form */
    char first[OZX_ESCAPED_SIZE], first_became[OZX_ESCAPED_SIZE]; /* of them; escaped */
};

/* Takes ownership of `*source` on success; else it is the caller's, perhaps as another source that
 * leaves the prefix away and owns the first. `options->names` is not looked at. -EBADMSG: refused;
 * the error says why, with the name that has no normal form, or both names that share one. */
int ozx_open_normalized(struct ozx_source **source, const struct ozx_archive_options *options,
                  struct ozx_archive **out, struct ozx_normalized *normalized,
                  struct ozx_error *error) OZX_CHECKED;

#endif
