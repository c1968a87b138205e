/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An input whose arrays have shards where those of another input have chunks, or shards of another
 * shape. Nothing is decoded: a shard is its chunks as they are, one behind the other, and an index.
 *
 * All of that other input is walked first, and each array's chunks are found, as their sizes decide
 * which shards there are; what stands in the way is told then, by the array's name, before anything
 * is written. Memory: 16 bytes for each chunk that goes into a shard, 48 for each shard that it
 * comes of.
 *
 * Private to the files of it, but for the options and ozx_input_of_shards:
 *
 *     shard_scan.c    the walk
 *     shard_judge.c   whether an array can be sharded
 *     shard_origins.c shards that there are already, taken apart
 *     shard_texts.c   metadata
 *     shard_find.c    what is at a path
 *     input_shards.c  what the packer's walk is shown
 *     shard_read.c    reading
 */
#ifndef OZX_PACK_SHARDS_H
#define OZX_PACK_SHARDS_H

#include <pthread.h>
#include <signal.h>

#include "pack/input.h"
#include "pack/shard_array.h"

struct ozx_plan_options;

/* What became of the arrays. */
struct ozx_shard_counts {
    uint64_t arrays, chunks, shards; /* that were sharded, and of what into what */
};

struct ozx_shard_options {
    struct ozx_shard_wish wish;
    const struct ozx_plan_options *plan; /* what is left out, cancel; borrowed */
    void *context;
    void (*problem)(void *context, const struct ozx_error *problem);
};

/* Takes ownership of `below`, whatever comes. What is wrong was told; the first problem's code. */
int ozx_input_of_shards(struct ozx_input *below, const struct ozx_shard_options *options,
                        struct ozx_input **out, struct ozx_shard_counts *counts) OZX_CHECKED;

/* --- shared by the files ---------------------------------------------------------------- */

/* A zarr.json that becomes another one: of an array that is sharded, or with consolidated metadata
 * that name one. */
struct ozx_shard_text {
    char *path; /* owned; of its directory */
    uint64_t source_bytes, key; /* of the file below */
    uint64_t size_bytes;
};

/* A chunk that was read in part. */
struct ozx_shard_part {
    const struct ozx_shard_array *array;
    uint32_t chunk, crc32;
    uint64_t done_bytes;
};

struct ozx_shards {
    struct ozx_input input;
    struct ozx_input_kind kind; /* with the words of the input below */
    struct ozx_input *below; /* owned */
    struct ozx_shard_array *arrays; /* owned; by path */
    uint32_t array_count, array_room;
    uint64_t sharded_before; /* arrays that stay as they are */
    struct ozx_shard_text *texts; /* owned; by path */
    uint32_t text_count, text_room;
    pthread_mutex_t lock; /* of what follows: chunks that several readers read a part of */
    struct ozx_shard_part *parts; /* owned */
    uint32_t part_count, part_room;
};

static inline struct ozx_shards *ozx_shards_of(const struct ozx_input *input)
{
    return (struct ozx_shards *)(uintptr_t)input;
}

/* Fills in arrays and groups. */
int ozx_shards_scan(struct ozx_shards *self, const struct ozx_shard_options *options) OZX_CHECKED;

/* shard_find.c: the sharded array at the path, or the nearest above it; `*rest`: the path from
 * there, "" for itself. NULL: there is none. */
struct ozx_shard_array *ozx_shards_find(const struct ozx_shards *self, const char *path,
                                        size_t path_size_bytes, const char **rest);

/* The text of the zarr.json at the path; NULL: it stays. */
const struct ozx_shard_text *ozx_shards_find_text(const struct ozx_shards *self, const char *path);
/* shard_texts.c: how large they become; those that stay are dropped. */
int ozx_shards_measure(struct ozx_shards *self, struct ozx_error *error) OZX_CHECKED;
/* The new text, from malloc. */
int ozx_shards_make_text(const struct ozx_shards *self, const struct ozx_shard_text *text,
                         char **out, size_t *size_bytes, struct ozx_error *error) OZX_CHECKED;
/* All of a file of the input below, terminated; it was asked whether it changed. */
int ozx_shards_read_text(const struct ozx_input *below, const char *path, uint64_t size_bytes,
                         uint64_t key, char **out, struct ozx_error *error) OZX_CHECKED;

/* shard_judge.c: sharded already, and not to be changed. */
bool ozx_shard_stays(const struct ozx_shard_wish *wish, const struct ozx_array *array);
/* Why an array cannot be sharded; NULL if it can. Static, or `text`. */
const char *ozx_shard_defect(const struct ozx_metadata *metadata, char *text, size_t room_bytes);
/* A pattern matches a shard or a directory of shards, but no chunk: it was not meant for these. */
bool ozx_shard_is_left_out(const struct ozx_shard_array *array,
                           const struct ozx_plan_options *plan);

/* A file that is a shard already, as the walk found it. All is borrowed. */
struct ozx_shard_source {
    const struct ozx_input *input;
    const char *path; /* from the input's root, terminated */
    struct ozx_input_file file;
    const struct ozx_sharding *sharding; /* with a readable index */
    const uint64_t *index;               /* its numbers in the array's grid of files */
    const volatile sig_atomic_t *cancel; /* may be NULL */
};

/* shard_origins.c: adds its chunks, before the array is settled. -EBADMSG: its index is damaged, or
 * states what cannot be; -EINTR; or what the input fails with. The array is then as before. */
int ozx_shard_split(struct ozx_shard_array *array, const struct ozx_shard_source *source,
                    struct ozx_error *error) OZX_CHECKED;

/* shard_read.c */
int ozx_shards_open(const struct ozx_input *input, struct ozx_input_reader *reader,
                    const struct ozx_input_place *place, int *fd,
                    struct ozx_error *error) OZX_CHECKED;
int ozx_shards_read(const struct ozx_input *input, struct ozx_input_reader *reader,
                    const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes, struct ozx_error *error) OZX_CHECKED;
int ozx_shards_check(const struct ozx_input *input, struct ozx_input_reader *reader,
                     const struct ozx_input_place *place, int fd,
                     struct ozx_error *error) OZX_CHECKED;
int ozx_shards_check_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                         uint32_t crc32, struct ozx_error *error) OZX_CHECKED;

#endif
