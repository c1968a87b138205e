/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of verify share. Two things are done at once, by as many threads as there are:
 *
 *     verify_structure.c  central directory: names, kinds, order        -> the runs
 *     verify_data.c       the file, read once in its order: CRC-32, and   by run, on all threads
 *     verify_sum.c        the data of one entry
 *     verify_local.c      local headers and gaps, through one window
 *
 *     verify_open.c       opening the archive, as a mount does          -> its tree
 *     verify_superseded.c what edits left behind, which explains gaps
 *     verify_names.c      what names have in common: twice, case, nesting
 *     verify_metadata.c   zarr.json, references, hierarchy
 *     verify_consolidated.c  what consolidated metadata list
 *     verify_chunks.c     chunk keys
 *     verify_shards.c     shard indices
 *
 *     verify_findings.c   what they found, in one order whatever the threads did
 *
 * Nothing is kept of an entry but what the tree has and where its local header is: the threads that
 * read the data read the central headers once more, beside them.
 */
#ifndef OZX_VERIFY_VERIFY_PARTS_H
#define OZX_VERIFY_VERIFY_PARTS_H

#include <pthread.h>

#include "archive/archive.h"
#include "archive/tree.h"
#include "verify/verify.h"
#include "zarr/comment.h"
#include "zip/directory.h"
#include "zip/end_records.h"
#include "zip/format.h"
#include "zip/local.h"
#include "zip/window.h"

/* One central header, while it is looked at. */
struct ozx_verify_entry {
    struct ozx_zip_entry header; /* its pointers are not to be used */
    enum ozx_eio eio;
    size_t path_size_bytes;
    char path[OZX_NAME_PATH_MAX + 2]; /* decoded, with the final '/' of a directory, terminated */
};

#define OZX_RUN_ENTRIES 256 /* keeps progress and cancelling alive */
#define OZX_RUN_SMALL UINT32_MAX
#define OZX_VERIFY_PART_SIZE                                                                       \
    (UINT64_C(8) << 20) /* of a large entry, and about the size of a run                           \
                         */

/* Entries that follow each other in the directory and in the file. */
struct ozx_verify_run {
    uint64_t local_offset_bytes, header_offset_bytes; /* of the first */
    uint32_t count;
    uint32_t large; /* the run is this large entry, or OZX_RUN_SMALL */
};

/* An entry that is summed in parts, by several threads. */
struct ozx_verify_large {
    uint64_t size_bytes;
    uint64_t left_bytes; /* guarded by the lock of verify_data.c, as the rest */
    uint32_t crc32;
    bool unknown; /* its data cannot be found */
};

struct ozx_verify_rule {
    struct ozx_finding *list;
    uint32_t count, room;
    uint64_t total;
    uint64_t cut_bytes; /* the list was cut: what is not in front of this is only counted */
    bool cut;
    bool left_out;
    enum ozx_verdict verdict;
    char *note;
    uint64_t note_count;
};

struct ozx_verify {
    const struct ozx_verify_options *options;
    struct ozx_archive *archive;
    struct ozx_source *source; /* the archive's */
    struct ozx_zip_end_records records;
    struct ozx_comment comment;

    /* By verify_structure.c; in the order of the file. */
    struct ozx_verify_run *runs;
    uint32_t run_count, run_room;
    struct ozx_verify_large *larges;
    uint32_t large_count, large_room;
    bool in_order;   /* the directory has the order of the file, and no two entries share bytes */
    bool has_compressed; /* an entry is to be decompressed */
    uint64_t data_bytes; /* to be read */

    struct ozx_range *superseded; /* by verify_superseded.c, in the order of the file, apart */
    uint32_t superseded_count, superseded_room;

    uint64_t *local_offsets; /* by verify_names.c, of each node; OZX_OFFSET_NONE: it has no entry */

    /* Where a manifest is wanted, of each node, by the thread that has read it. */
    uint8_t (*digests)[OZX_DIGEST_SIZE];
    bool *digested; /* it is a file, with the right CRC-32 */

    pthread_mutex_t lock;          /* of the two below */
    struct ozx_verify_rule *rules; /* of each rule */
    bool no_memory;                /* for a finding */
};

/* --- verify_findings.c ------------------------------------------------------------------------ */

int ozx_verify_findings_init(struct ozx_verify *v) OZX_CHECKED;
void ozx_verify_findings_free(struct ozx_verify *v);

/* A finding about an entry (NULL: the archive), at the entry's local header if the offset is
 * OZX_OFFSET_NONE. Any thread. */
void ozx_verify_find(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                     const struct ozx_verify_entry *entry, uint64_t offset_bytes,
                     const char *format, ...) OZX_PRINTF(6, 7);

/* The same about any path of the archive (raw bytes, may be NULL), and with a hint (may be NULL).
 */
void ozx_verify_find_path(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                          const char *path, size_t path_size_bytes, uint64_t offset_bytes,
                          const char *hint, const char *format, ...) OZX_PRINTF(8, 9);

/* The same about a node of the archive's tree, at its entry if it has one. */
void ozx_verify_find_node(struct ozx_verify *v, enum ozx_rule rule, enum ozx_verdict verdict,
                          uint32_t node, const char *format, ...) OZX_PRINTF(5, 6);

/* What of the rule could not be judged, and why; the first is kept, the others are counted. */
void ozx_verify_note(struct ozx_verify *v, enum ozx_rule rule, uint32_t node, const char *format,
                     ...) OZX_PRINTF(4, 5);

void ozx_verify_leave_out(struct ozx_verify *v, enum ozx_rule rule);

/* As if nothing had been found by this rule. */
void ozx_verify_forget(struct ozx_verify *v, enum ozx_rule rule);

/* Moves the findings into a report. */
int ozx_verify_findings_report(struct ozx_verify *v, struct ozx_verify_report **out) OZX_CHECKED;

/* --- the parts, each 0 or -errno; verify_data.c ----------------------------------------------- */

/* Runs both of the two on the threads that there are. -EBADMSG if the archive is refused. */
int ozx_verify_run(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;

/* --- verify_open.c ---------------------------------------------------------------------------- */

/* On one of them: opens the archive, calls `opened`, and judges names and metadata. */
int ozx_verify_open(struct ozx_verify *v, void (*opened)(void *context), void *context,
                    struct ozx_error *error) OZX_CHECKED;

/* --- verify_structure.c ----------------------------------------------------------------------- */

/* Every entry of the directory, and the runs. */
int ozx_verify_directory(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
/* The order of the file where it is not the directory's. */
int ozx_verify_file_order(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
/* The archive as a whole. */
void ozx_verify_whole(struct ozx_verify *v);

void ozx_verify_entry_set(struct ozx_verify_entry *entry, const struct ozx_zip_entry *header);
/* Its bytes are summed as they lie in the file; they are decompressed. */
bool ozx_verify_is_plain(const struct ozx_verify_entry *entry);
bool ozx_verify_is_compressed(const struct ozx_verify_entry *entry);

/* Rule extra-fields of the draft: of the local header if the offset is OZX_OFFSET_NONE, else of the
 * central one, there; `id` 0: bytes that are no field. */
void ozx_verify_extra_fields(struct ozx_verify *v, const struct ozx_verify_entry *entry,
                             uint64_t offset_bytes, uint16_t id);

/* --- verify_names.c --------------------------------------------------------------------------- */

/* The local offsets, and the entries that are there twice. Before anything of the archive is read.
 */
int ozx_verify_names_index(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
/* Case and nesting, by the archive's tree. */
int ozx_verify_names_tree(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;

/* --- verify_metadata.c ------------------------------------------------------------------------ */

/* What a directory of the tree is; `states` below has them of each node. */
enum ozx_verify_state {
    OZX_VERIFY_NODE = 1, /* it has a zarr.json */
    OZX_VERIFY_ARRAY = 2,
    OZX_VERIFY_REFERENCED = 4,    /* OME metadata lead here */
    OZX_VERIFY_V2 = 8,            /* it has metadata of Zarr v2 */
    OZX_VERIFY_IMAGE = 16,        /* it has multiscales */
    OZX_VERIFY_LABELS = 32,       /* it lists label images */
    OZX_VERIFY_CONSOLIDATED = 64, /* its zarr.json has, or may have, consolidated metadata */
    OZX_VERIFY_PLATE = 128,
    OZX_VERIFY_WELL = 256,
    OZX_VERIFY_SERIES = 512, /* it lists the images beside it */
};

int ozx_verify_metadata(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;

/* --- verify_consolidated.c -------------------------------------------------------------------- */

/* The consolidated metadata of all groups. */
int ozx_verify_consolidated(struct ozx_verify *v, const uint16_t *states,
                            struct ozx_error *error) OZX_CHECKED;

/* --- verify_listed.c -------------------------------------------------------------------------- */

/* What viewers find by a list of another node only, and do not find there. */
void ozx_verify_listed(struct ozx_verify *v, const uint16_t *states);

/* --- verify_local.c --------------------------------------------------------------------------- */

#define OZX_VERIFY_WINDOW (512u * 1024) /* larger than any header; stays in its core's cache */

/* As ozx_window_get, with the error. NULL if it failed. */
const uint8_t *ozx_verify_window_get(struct ozx_window *window, uint64_t offset_bytes,
                                     size_t need_bytes, size_t want_bytes, size_t *got_bytes,
                                     struct ozx_error *error);

/* Checks the local header of the entry, whose data end at `limit_bytes` at the latest; `quiet`:
 * another thread tells what is wrong. 1 if it is not to be trusted, so that its data cannot be
 * found; else 0 and where they are. */
int ozx_verify_local(struct ozx_verify *v, struct ozx_window *window,
                     const struct ozx_verify_entry *entry, uint64_t limit_bytes, size_t want_bytes,
                     bool quiet, uint64_t *data_offset_bytes, struct ozx_error *error) OZX_CHECKED;

/* What lies between the end of the data of the entry and what follows at `to_bytes`, or (NULL) in
 * front of the first entry. */
int ozx_verify_gap(struct ozx_verify *v, struct ozx_window *window,
                   const struct ozx_verify_entry *entry, uint64_t from_bytes, uint64_t to_bytes,
                   size_t want_bytes, struct ozx_error *error) OZX_CHECKED;

/* --- verify_superseded.c ---------------------------------------------------------------------- */

/* Fills in `superseded`, before the threads begin. -ENOMEM. */
int ozx_verify_superseded(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;

/* --- verify_chunks.c -------------------------------------------------------------------------- */

struct ozx_array;

/* Every file below the directory of an array, whose zarr.json is `zarr_json`. What is below a
 * directory with a zarr.json of its own is not this array's. */
int ozx_verify_chunks(struct ozx_verify *v, uint32_t zarr_json, const struct ozx_array *array,
                      const uint16_t *states, struct ozx_error *error) OZX_CHECKED;

/* --- verify_shards.c -------------------------------------------------------------------------- */

struct ozx_sharding;

/* The shards of one array. */
struct ozx_verify_shards {
    struct ozx_verify *v;
    struct ozx_error *error;
    uint8_t *block;
    uint64_t unchecked;                /* files of which a part cannot be looked into, */
    const struct ozx_sharding *reason; /* the first such part's */
    bool noted;                        /* the file at hand is counted */
};

/* -ENOMEM. To be ended, whatever comes of it; that tells, beside `zarr_json`, what was not checked.
 */
int ozx_verify_shards_begin(struct ozx_verify_shards *shards, struct ozx_verify *v,
                            struct ozx_error *error) OZX_CHECKED;
void ozx_verify_shards_end(struct ozx_verify_shards *shards, uint32_t zarr_json);

/* Judges the index of the shard in the file `node`, and those of the shards in it. */
int ozx_verify_shard(struct ozx_verify_shards *shards, uint32_t node,
                     const struct ozx_sharding *sharding) OZX_CHECKED;

#endif
