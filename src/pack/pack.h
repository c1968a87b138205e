/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packing a directory into a .ozx, from the walk to the final name:
 *
 *     plan (walk, validate, order)  ->  version  ->  data and headers  ->  directory, end records
 *     ->  did a directory change?   ->  fsync, and meanwhile re-read with our own reader  ->  name
 *
 * Nothing has the output's name before all of that is done. The same tree gives the same bytes,
 * whatever the machine, time zone, or number of threads.
 */
#ifndef OZX_PACK_PACK_H
#define OZX_PACK_PACK_H

#include "pack/picture.h"
#include "pack/plan.h"
#include "pack/shards.h"
#include "io/output_file.h"
#include "zarr/comment.h"

/* What a message is about. */
enum ozx_pack_about {
    OZX_PACK_INPUT,
    OZX_PACK_ARGUMENTS,     /* what was asked for makes no sense of this input */
    OZX_PACK_OUTPUT,        /* writing it */
    OZX_PACK_OUTPUT_CREATE, /* making it: its name, its directory, its permissions */
};

enum ozx_pack_phase {
    OZX_PACK_SCAN, /* entries found so far */
    OZX_PACK_SUM,  /* to a stream: the pass that only sums */
    OZX_PACK_WRITE,
    OZX_PACK_VERIFY,
};

struct ozx_pack_progress {
    enum ozx_pack_phase phase;
    uint64_t entries, entries_total; /* total 0: not known yet */
    uint64_t bytes, bytes_total;     /* data of the files */
};

struct ozx_pack_result {
    uint64_t files, directories; /* entries written: all files, and empty directories */
    uint64_t left_out;
    uint64_t data_bytes, archive_bytes;
    char version[OZX_VERSION_TEXT_MAX];
    bool verified;
    struct ozx_shard_counts shards;
    /* nodes left out that consolidated metadata do not list any more */
    uint64_t consolidated_removed;
};

struct ozx_pack_options {
    const char *input;      /* a directory; with `from` only for messages */
    /* ozx_pack closes it, whatever comes; not NULL: it is packed, not `input` */
    struct ozx_input *from;
    const char *output; /* a file's path; NULL: `output_fd`, to which is only written, in order */
    int output_fd;      /* borrowed */
    const struct ozx_output_file
        *output_file;        /* borrowed; not NULL: what `output` is, prepared (and made, unless
                              * `dry_run`) by the caller, who gives it its name at the end */
    const char *ome_version; /* NULL: from the metadata */
    const char *const *excludes;
    size_t exclude_count;
    int64_t mtime_limit_s; /* INT64_MAX: none */
    struct ozx_shard_wish shard; /* mode NONE: chunks stay files */
    uint32_t align_bytes;  /* power of two up to OZX_ALIGN_MAX; 0 or 1: none */
    enum ozx_rule_set rule_set; /* DRAFT: align_bytes by gaps */
    unsigned jobs;         /* threads, at least 1 */
    bool verify, force, dry_run;
    bool keep_consolidated; /* as they are, even if they list what is left out */
    bool is_salvage;        /* of a damaged archive: what is not there may have been lost */
    bool convert;           /* from Zarr v2 to v3 (pack/convert.h) */
    bool keep_junk;         /* what pack/junk.h lists is packed, too */
    ozx_picture_maker *picture; /* NULL: none is packed with it */
    void *picture_context;
    const volatile sig_atomic_t *cancel; /* may be NULL */

    /* All of these are called on the calling thread; the last three may be NULL. A note is a
     * warning of what is as it should be. */
    void *context;
    void (*problem)(void *context, enum ozx_pack_about about, const struct ozx_error *problem);
    void (*warning)(void *context, enum ozx_pack_about about, const struct ozx_error *warning);
    void (*note)(void *context, enum ozx_pack_about about, const struct ozx_error *note);
    void (*left_out)(void *context, const char *path);
    void (*listed)(void *context, const char *path, uint64_t size_bytes); /* dry_run, in order */
    void (*progress)(void *context, const struct ozx_pack_progress *progress);
};

/* Packs, or with `dry_run` only lists. On failure every reason went through `problem`, and the
 * first one's code is returned; the output is as it was before. */
int ozx_pack(const struct ozx_pack_options *options, struct ozx_pack_result *result) OZX_CHECKED;

#endif
