/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing an archive anew, as RFC-9 wants it: what a mount of it would show (archive/archive.h),
 * packed as a directory would be (pack/pack.h). So duplicates are resolved, compression is removed,
 * order, comment and ZIP64 are as pack makes them; the data of the files stays as it is, and so do
 * their mtimes (an entry that states none gets 1980-01-01, so that the same archive gives the same
 * bytes).
 */
#ifndef OZX_PACK_REPACK_H
#define OZX_PACK_REPACK_H

#include "pack/pack.h"

struct ozx_repack_options {
    /* `input` is the archive's path, for messages; `from` is set here */
    struct ozx_pack_options pack;
    const char *subdir;           /* NULL, or the directory of the archive that becomes the root */
    /* the archive itself is replaced: `pack.output` is its name; `pack.force`, whatever it is */
    bool in_place;
    bool recover;                 /* write what is whole of an archive that is damaged */
    /* Called with pack.context: the archive, once it is open; what is lost, with `recover`. */
    void (*opened)(void *context, const struct ozx_archive *archive);
    void (*lost)(void *context, const struct ozx_error *what);
};

struct ozx_repack_result {
    struct ozx_pack_result pack;
    uint64_t lost; /* calls of `lost` */
};

/* The three steps, for a caller that does the second one in a process without rights. What goes
 * wrong is told by options->pack.problem. */

/* Makes the output, if there is to be one; `output_file` is to be closed in any case. Nothing of
 * the archive is read. */
int ozx_repack_begin(const struct ozx_source *source, const struct ozx_repack_options *options,
                     struct ozx_output_file *output_file) OZX_CHECKED;

/* As ozx_pack; `options->pack.output_file` is that of the first step, if it made one. Takes
 * ownership of `source`, whatever comes. */
int ozx_repack(struct ozx_source *source, const struct ozx_repack_options *options,
               struct ozx_repack_result *result) OZX_CHECKED;

/* The output gets its name. */
int ozx_repack_commit(const struct ozx_repack_options *options,
                      struct ozx_output_file *output_file) OZX_CHECKED;

#endif
