/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of verify share. verify.c runs them one after the other:
 *
 *     verify_structure.c  central directory: names, kinds, order          fills in the entries
 *     verify_names.c      what names have in common: twice, case, nesting
 *     verify_local.c      local headers and gaps        asked by verify_data.c, which reads the
 *     verify_data.c       CRC-32, on several threads    file once, in its order, for both
 *     verify_metadata.c   zarr.json, references, hierarchy
 *     verify_chunks.c     chunk keys and shard indices
 *     verify_findings.c   what they found
 */
#ifndef OZX_OZX_VERIFY_PARTS_H
#define OZX_OZX_VERIFY_PARTS_H

#include <pthread.h>

#include "ozx/archive.h"
#include "ozx/comment.h"
#include "ozx/verify.h"
#include "zip/local.h"
#include "zip/tail.h"

enum ozx_verify_entry_kind {
    OZX_ENTRY_DIRECTORY = 1,
    OZX_ENTRY_CP437 = 2,
    OZX_ENTRY_ZIP64 = 4, /* the central header has a ZIP64 extra field */
};

/* One central header: 48 bytes, since there may be millions. */
struct ozx_verify_entry {
    uint64_t local_offset_bytes, header_offset_bytes;
    uint64_t compressed_size_bytes, uncompressed_size_bytes;
    uint32_t crc32;
    uint32_t path_offset; /* in the paths: decoded, with the final '/' of a directory, terminated */
    uint16_t path_size_bytes;
    uint16_t flags;
    uint16_t method;
    uint8_t kind; /* enum ozx_verify_entry_kind */
    uint8_t eio;  /* enum ozx_eio */
};

struct ozx_verify_rule {
    struct ozx_finding *list;
    size_t count, room;
    uint64_t total;
    uint64_t cut_bytes; /* the list was cut: what is not in front of this is only counted */
    bool cut;
    bool left_out;
    enum ozx_verdict verdict;
};

struct ozx_verify {
    const struct ozx_verify_options *options;
    struct ozx_archive *archive;
    struct ozx_source *source; /* the archive's */
    struct ozx_zip_tail tail;
    struct ozx_comment comment;

    struct ozx_verify_entry *entries; /* from verify_structure.c on in the order of the file */
    uint32_t entry_count, entry_room;
    char *paths;
    uint32_t paths_size, paths_room;
    uint32_t *slots; /* hash table of entries by path, the last of a name; UINT32_MAX: empty */
    uint32_t slot_count;
    uint64_t key[2]; /* of the hash */

    pthread_mutex_t lock;          /* of the two below */
    struct ozx_verify_rule *rules; /* as ozx_rules() */
    bool no_memory;                /* for a finding */
};

static inline const char *ozx_verify_path(const struct ozx_verify *v,
                                          const struct ozx_verify_entry *entry)
{
    return v->paths + entry->path_offset;
}

/* --- verify_findings.c ------------------------------------------------------------------------ */

int ozx_verify_findings_init(struct ozx_verify *v) OZX_CHECKED;
void ozx_verify_findings_free(struct ozx_verify *v);

/* A finding about an entry (NULL: the archive), at the entry's local header if the offset is
 * OZX_OFFSET_NONE. `rule` is one of ozx_rules(). Any thread. */
void ozx_verify_find(struct ozx_verify *v, const char *rule, enum ozx_verdict verdict,
                     const struct ozx_verify_entry *entry, uint64_t offset_bytes,
                     const char *format, ...) OZX_PRINTF(6, 7);

/* The same about any path of the archive (raw bytes, may be NULL), and with a hint (may be NULL).
 */
void ozx_verify_find_path(struct ozx_verify *v, const char *rule, enum ozx_verdict verdict,
                          const char *path, size_t path_size_bytes, uint64_t offset_bytes,
                          const char *hint, const char *format, ...) OZX_PRINTF(8, 9);

/* The same about a node of the archive's tree, at its entry if it has one. */
void ozx_verify_find_node(struct ozx_verify *v, const char *rule, enum ozx_verdict verdict,
                          uint32_t node, const char *format, ...) OZX_PRINTF(5, 6);

void ozx_verify_leave_out(struct ozx_verify *v, const char *rule);

/* Moves the findings into a report. */
int ozx_verify_findings_report(struct ozx_verify *v, struct ozx_verify_report **out) OZX_CHECKED;

/* --- the parts, each 0 or -errno -------------------------------------------------------------- */

int ozx_verify_structure(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
int ozx_verify_data(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
int ozx_verify_metadata(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;

/* --- verify_names.c --------------------------------------------------------------------------- */

/* The table of paths, and the entries that are there twice. */
int ozx_verify_names_index(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
/* Case and nesting, by the archive's tree. */
int ozx_verify_names_tree(struct ozx_verify *v, struct ozx_error *error) OZX_CHECKED;
/* NULL if no entry has that path. */
const struct ozx_verify_entry *ozx_verify_names_find(const struct ozx_verify *v, const char *path,
                                                     size_t path_size_bytes);

/* --- verify_local.c --------------------------------------------------------------------------- */

#define OZX_VERIFY_WINDOW (512u * 1024) /* larger than any header; stays in its core's cache */

/* What was read last. One for each thread. */
struct ozx_verify_window {
    uint8_t *data; /* OZX_VERIFY_WINDOW */
    uint64_t offset_bytes;
    size_t filled_bytes;
};

/* Bytes at `offset_bytes`, at least `need_bytes` of them unless the file ends before; if it has to
 * read, it reads `want_bytes`. `*got_bytes` are there, until the next call. */
int ozx_verify_window_get(struct ozx_verify *v, struct ozx_verify_window *window,
                          uint64_t offset_bytes, size_t need_bytes, size_t want_bytes,
                          const uint8_t **at, size_t *got_bytes,
                          struct ozx_error *error) OZX_CHECKED;

/* Checks the local header of entry `index`; `quiet`: another thread tells what is wrong. 1 if it is
 * not to be trusted, so that its data cannot be found; else 0 and where they are. */
int ozx_verify_local(struct ozx_verify *v, struct ozx_verify_window *window, uint32_t index,
                     size_t want_bytes, bool quiet, uint64_t *data_offset_bytes,
                     struct ozx_error *error) OZX_CHECKED;

/* What lies between the end of the data of entry `index` and the next entry, or in front of the
 * first entry (UINT32_MAX). */
int ozx_verify_gap(struct ozx_verify *v, struct ozx_verify_window *window, uint32_t index,
                   uint64_t from_bytes, size_t want_bytes, struct ozx_error *error) OZX_CHECKED;

/* Where entry `index` ends at the latest: the next local header or the directory. */
uint64_t ozx_verify_limit(const struct ozx_verify *v, uint32_t index);

/* --- verify_chunks.c -------------------------------------------------------------------------- */

struct ozx_array;

#define OZX_VERIFY_NODE 1 /* in `states`: a directory with a zarr.json */

/* Every file below the directory of an array, whose zarr.json is `zarr_json`. What is below a
 * directory with a zarr.json of its own is not this array's: `states` has one for each node. */
int ozx_verify_chunks(struct ozx_verify *v, uint32_t zarr_json, const struct ozx_array *array,
                      const uint8_t *states, struct ozx_error *error) OZX_CHECKED;

#endif
