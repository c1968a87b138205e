/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the two halves of unpack_files share: the making of directories and files (unpack_make.c)
 * and the threads that fill them (unpack_files.c). Private to them.
 */
#ifndef OZX_UNPACK_UNPACK_STATE_H
#define OZX_UNPACK_UNPACK_STATE_H

#include "base/crew.h"
#include "unpack/extract.h"
#include "unpack/unpack_files.h"

#define OZX_UNPACK_PART_SIZE (UINT64_C(8) << 20)
#define OZX_UNPACK_LARGE_SIZE (2 * OZX_UNPACK_PART_SIZE) /* stored files of this size go in parts  \
                                                          */
#define OZX_UNPACK_NO_NODE UINT32_MAX

struct ozx_unpack_large {
    uint32_t node;
    uint32_t crc32;      /* guarded by the lock of state.crew, as the next */
    uint64_t bytes_left; /* of parts that are not done */
};

/* A directory below the root that is held open: the next file is most likely in it, too. */
struct ozx_unpack_place {
    uint32_t node; /* OZX_UNPACK_NO_NODE: none */
    int fd;
};

struct ozx_unpack_state {
    const struct ozx_unpack_files *files;
    struct ozx_archive *archive;
    struct ozx_extract_shared shared;
    size_t prefix_size; /* of paths: what is in front of the root */
    atomic_uint_fast64_t files_done, chunks_done;
    struct ozx_unpack_large *large; /* owned; in the order of nodes */
    uint32_t large_count, large_room;

    struct ozx_crew crew;
    uint32_t cursor; /* guarded by the crew's lock, as the next two */
    uint32_t large_next;
    uint64_t large_offset;
};

/* Every thread stops. Returns the code. */
int ozx_unpack_fail_making(struct ozx_unpack_state *state, uint32_t node, int code);

/* Its CRC is wrong: the same. */
int ozx_unpack_fail_crc(struct ozx_unpack_state *state, uint32_t node);

/* The node's path below the root of what is unpacked: in `path`. */
const char *ozx_unpack_path(const struct ozx_unpack_state *state, uint32_t node,
                            char path[OZX_PATH_SIZE]);

void ozx_unpack_leave(struct ozx_unpack_place *place);

/* A new, empty file for the node; its descriptor or -errno. */
int ozx_unpack_make_file(const struct ozx_unpack_state *state, struct ozx_unpack_place *place,
                         uint32_t node) OZX_CHECKED;

/* The file is complete: its mtime, and what closing has to say (on NFS, whether it was written). */
int ozx_unpack_end_file(const struct ozx_unpack_state *state, uint32_t node, int fd) OZX_CHECKED;

/* unpack_split.c: makes the files of a shard's inner chunks; `buffer` has OZX_EXTRACT_BUFFER_SIZE.
 * What fails is told to the state. */
int ozx_unpack_split(struct ozx_unpack_state *state, uint32_t node, uint8_t *buffer) OZX_CHECKED;

/* Makes all directories that are marked, and the large files, at their size but empty. What fails
 * is told to the state. */
int ozx_unpack_make_frame(struct ozx_unpack_state *state) OZX_CHECKED;

#endif
