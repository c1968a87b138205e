/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What will be packed, in which order, and where each entry will lie: decided completely before a
 * byte is written. Sizes are taken by the walk, so the layout of the archive is known here, and
 * threads may fill it in any order.
 *
 * Order (RFC-9): the root zarr.json, every other zarr.json breadth-first (fewer '/' first, then by
 * the bytes of the path), then everything else by the bytes of the path. Directories are entries
 * only where they are empty.
 *
 * Memory: a zarr.json takes 64 bytes, any other entry about 18 with its name (pack/plan_rows.h), a
 * directory 40 bytes and its path.
 *
 * A plan never changes once it is made but for CRCs, which the pipeline fills in, and for cuts
 * (below), which come before that.
 */
#ifndef OZX_PACK_PLAN_H
#define OZX_PACK_PLAN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "base/error.h"
#include "pack/input.h"
#include "pack/junk.h"
#include "zip/format.h"
#include "zip/writer.h"

#define OZX_PLAN_NO_OWNER UINT32_MAX

/* A directory that was read. Directory 0 is the root. They are numbered in the order of the walk:
 * by the bytes of their paths with '/' behind. */
struct ozx_plan_directory {
    const char *path; /* from the root, without '/' at the end, terminated; the root's is "" */
    uint64_t fingerprint;
    uint32_t owner;       /* the nearest directory at or above that has a zarr.json, or NO_OWNER */
    uint32_t chunk_count; /* files other than zarr.json that this directory owns */
    uint16_t path_size_bytes;
    uint16_t depth; /* components of the path */
};

struct ozx_plan_entry {
    uint64_t size_bytes; /* in the archive that is written */
    uint64_t key;        /* the input's own (pack/input.h) */
    uint64_t local_offset_bytes;
    uint64_t end_offset_bytes; /* of its data */
    int64_t mtime_s;           /* clamped to the limit already */
    const char *name; /* last component, terminated; "" for an empty directory (the entry is it) */
    uint32_t directory;
    uint32_t crc32; /* as it was when the cursor was asked */
    uint16_t name_size_bytes;
    bool is_directory;
    bool is_cut;    /* it is written without some of its bytes */
    bool in_order;  /* it is to be read by one reader, from front to back */
    bool more_here; /* the next one is of the same directory, as far as is known */
};

/* Where in a plan somebody reads. One thread's. */
struct ozx_plan_cursor {
    const struct ozx_plan *plan; /* borrowed; all else is ozx_plan_entry's, and 0 at first */
    struct ozx_plan_entry entry;
    uint64_t index; /* 1 + the entry's number */
    uint64_t at;    /* of the next one */
};

/* Bytes of a file that are not written. */
struct ozx_plan_cut {
    uint64_t at_bytes;      /* where they would be in what is written */
    uint64_t skipped_bytes; /* of the file, with those of all cuts before */
};

/* Things of a directory that --exclude left out. */
struct ozx_plan_omission {
    const char *first; /* the first one's name; terminated */
    uint32_t directory;
    uint32_t count;
    bool is_directory; /* the first one */
    bool has_metadata; /* the zarr.json is among them, and not counted */
};

struct ozx_plan;

struct ozx_plan_options {
    const char *const *excludes; /* globs; borrowed while the plan is made */
    size_t exclude_count;
    uint8_t *excludes_matched; /* becomes 1 for each that matched something; may be NULL */
    bool only_match;       /* leave nothing out, not what is junk either: to fill in the above */
    int64_t mtime_limit_s; /* later mtimes become this; INT64_MAX: none do */
    uint32_t align_bytes;  /* as in zip/writer.h */
    bool align_by_gaps;    /* as there, too */
    bool keep_junk;        /* what pack/junk.h lists is packed, too */
    /* Where the tree goes in an archive: below which path ("" or "a/b/", borrowed by the plan), and
     * behind how many bytes. NULL and 0: it is the archive. */
    const char *below;
    uint64_t first_offset_bytes;
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */
    void *context;
    /* Each thing that forbids packing, as it is found; the walk goes on. */
    void (*problem)(void *context, const struct ozx_error *problem);
    /* Each thing left out as junk or by --exclude; a directory ends in '/'. May be NULL. */
    void (*left_out)(void *context, const char *path);
    /* Now and then, on the calling thread; may be NULL. */
    void (*progress)(void *context, uint64_t entries_found);
};

/* Walks the input (borrowed by the plan until it is closed). 0 and a plan, or the code of the first
 * problem; every problem, fatal or not, went through `problem`. */
int ozx_plan_make(struct ozx_input *input, const struct ozx_plan_options *options,
                  struct ozx_plan **out) OZX_CHECKED;
void ozx_plan_close(struct ozx_plan *plan); /* NULL is fine */

struct ozx_input *ozx_plan_input(const struct ozx_plan *plan); /* borrowed */
uint64_t ozx_plan_entry_count(const struct ozx_plan *plan);
/* The entry of that number, borrowed until the next call: the next one, and the same again, at
 * once, others after some search. */
const struct ozx_plan_entry *ozx_plan_entry(struct ozx_plan_cursor *cursor, uint64_t index);
/* The number of the last entry that begins at or in front of the offset. */
uint64_t ozx_plan_entry_at(const struct ozx_plan *plan, uint64_t offset_bytes);
/* What some bytes contribute to the CRC-32 of entry `index` (0 at first), which is the sum of these
 * without carries. One thread at a time for each entry. */
void ozx_plan_add_crc(struct ozx_plan_cursor *cursor, uint64_t index, uint32_t crc32);
uint64_t ozx_plan_metadata_count(const struct ozx_plan *plan); /* entries 0 ... n-1: zarr.json */
struct ozx_plan_entry *ozx_plan_metadata(const struct ozx_plan *plan,
                                         uint64_t index); /* of those */
uint32_t ozx_plan_directory_count(const struct ozx_plan *plan);
const struct ozx_plan_directory *ozx_plan_directory(const struct ozx_plan *plan, uint32_t index);

uint32_t ozx_plan_omission_count(const struct ozx_plan *plan);
const struct ozx_plan_omission *ozx_plan_omission(const struct ozx_plan *plan, uint32_t index);

/* The directory of that path (terminated, "" is the root), or OZX_PLAN_NO_OWNER. */
uint32_t ozx_plan_find_directory(const struct ozx_plan *plan, const char *path);

uint64_t ozx_plan_data_bytes(const struct ozx_plan *plan);     /* of all files together */
uint64_t ozx_plan_left_out_count(const struct ozx_plan *plan); /* junk and excluded */
const struct ozx_junk_counts *ozx_plan_junk(const struct ozx_plan *plan); /* of them, the junk */
uint64_t ozx_plan_directory_offset(const struct ozx_plan *plan);
uint64_t ozx_plan_directory_bytes(const struct ozx_plan *plan); /* the central directory's size */

/* The entry's path, a directory's with its final '/', terminated; returns its length. */
uint16_t ozx_plan_path(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                       char path[OZX_NAME_PATH_MAX + 1]);

/* The entry as the writer wants it, its name below `below`; `path` is filled and must live as long
 * as the result. */
struct ozx_zip_file ozx_plan_file(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                                  char path[OZX_NAME_PATH_MAX + 1]);

/* -ESTALE if a directory is not what it was when it was listed (something was added, removed or
 * renamed in it). */
int ozx_plan_check_unchanged(const struct ozx_plan *plan, struct ozx_error *error) OZX_CHECKED;

/* --- files that are written without some of their bytes --------------------------------------- */

/* Of a zarr.json that has none yet: `cuts` (from malloc, at least one, in order) belong to the plan
 * then, whatever comes. The plan's layout is not right before ozx_plan_lay_out. -ENOMEM. */
int ozx_plan_cut(struct ozx_plan *plan, struct ozx_plan_entry *entry, struct ozx_plan_cut *cuts,
                 size_t count) OZX_CHECKED;

/* Where each entry lies, for the sizes that they have. -EFBIG with the error. */
int ozx_plan_lay_out(struct ozx_plan *plan, struct ozx_error *error) OZX_CHECKED;

/* --- reading entries, without what is cut out (plan_read.c) ----------------------------------- */

/* The descriptor to read the entry from, to be closed; `*fd` stays as it is if there is none. */
int ozx_plan_open(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                  const struct ozx_plan_entry *entry, int *fd, struct ozx_error *error) OZX_CHECKED;

/* Exactly these bytes of what is written. -ESTALE: the file has fewer, it changed. */
int ozx_plan_read(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                  const struct ozx_plan_entry *entry, int fd, uint8_t *buffer, size_t size_bytes,
                  uint64_t offset_bytes, struct ozx_error *error) OZX_CHECKED;

/* After the reading. -ESTALE: the file is not what the walk saw, so it changed. */
int ozx_plan_check(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                   const struct ozx_plan_entry *entry, int fd, struct ozx_error *error) OZX_CHECKED;

/* -EBADMSG (rule crc): `crc32` is not what the input states of the entry. What is cut has no sum
 * there. */
int ozx_plan_check_crc(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                       uint32_t crc32, struct ozx_error *error) OZX_CHECKED;

/* Says that the entry changed while it was read; -ESTALE. */
int ozx_plan_changed(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                     struct ozx_error *error);

/* The whole of an entry, into `text`. */
int ozx_plan_read_text(const struct ozx_plan *plan, const struct ozx_plan_entry *entry, char *text,
                       struct ozx_error *error) OZX_CHECKED;

#endif
