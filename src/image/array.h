/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An array of an archive, opened for its pixels, and a plane of it sampled into a picture:
 *
 *     entry -> codecs undone -> items -> mean of the box of each pixel of the picture
 *
 * Chunk by chunk: memory follows the chunk (OZX_CHUNK_MAX at most) and the picture, never the
 * array. What the metadata claims is checked for overflow before it is used. One thread.
 */
#ifndef OZX_IMAGE_ARRAY_H
#define OZX_IMAGE_ARRAY_H

#include "archive/archive.h"
#include "image/pixel.h"
#include "zarr/chain.h"

#define OZX_CHUNK_MAX (32u << 20)                /* bytes of a chunk, encoded or decoded */
#define OZX_DECODED_LIVE_MAX (72u << 20)         /* bytes of all chunks that are held at once */
#define OZX_DECODED_MAX (UINT64_C(16) << 30)     /* bytes that one picture may take to be decoded */
#define OZX_CHUNK_VISITS_MAX (UINT64_C(1) << 20) /* chunks that one picture may ask for */
#define OZX_METADATA_READ_MAX                                                                      \
    (UINT64_C(128) << 20) /* bytes of metadata that one picture may take */
#define OZX_BOX_MEAN_MAX                                                                           \
    (UINT64_C(1) << 24) /* pixels of a plane of which all are read; else one of each box */

/* What one picture has taken so far, of however many arrays. */
struct ozx_effort {
    uint64_t live_bytes, decoded_bytes, visits, metadata_bytes;
};

/* The metadata file `node` is about to be read. -ENOTSUP: it would be too much for one picture. */
int ozx_effort_metadata(struct ozx_effort *effort, const struct ozx_archive *archive, uint32_t node,
                        struct ozx_error *error) OZX_CHECKED;

struct ozx_pixels {
    struct ozx_archive *archive;                  /* borrowed */
    uint32_t directory;                           /* of the array */
    struct ozx_metadata *metadata, *key_metadata; /* owned; the second one: of Zarr v2, else NULL */
    const struct ozx_array *array;                /* shape, grid, codecs; of `metadata` */
    const struct ozx_array *keys;                 /* whose chunk keys are in the archive */
    struct ozx_chain *chain;                      /* owned */
    struct ozx_pixel item;
    double fill;
    struct ozx_effort *effort; /* borrowed */
};

/* Opens the array at `directory`. -EBADMSG, -ENOTSUP: why there are no pixels of it. The caller
 * closes `*out`, of success only. */
int ozx_pixels_open(struct ozx_archive *archive, uint32_t directory, struct ozx_effort *effort,
                    struct ozx_pixels *out, struct ozx_error *error) OZX_CHECKED;
void ozx_pixels_close(struct ozx_pixels *pixels);

/* Within a plane; width 0: all of it. */
struct ozx_plane_window {
    uint64_t x, y, width, height;
};

/* Which plane, and what of it each pixel of the picture takes. */
struct ozx_plane {
    uint64_t at[OZX_DIMENSIONS_MAX]; /* of the other axes, within the shape */
    int x_axis, y_axis;              /* y -1: the picture has one row */
    struct ozx_plane_window window;  /* the part of the plane that is shown */
    uint32_t width, height;          /* of the picture, at most the window's */
    bool nearest;                    /* one pixel of each box, its middle one; never a mean */
    double *sums;                    /* width x height, added to; finite values only */
    uint32_t *counts;                /* likewise */
};

int ozx_pixels_sample(struct ozx_pixels *pixels, const struct ozx_plane *plane,
                      struct ozx_error *error) OZX_CHECKED;

#endif
