/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an archive is, for a person who got it by mail: the facts behind `ozxfs info`, as a tree of
 * the images in it. Reads metadata only, no pixels.
 *
 *     summary -> node (the root) -> levels of its multiscales
 *                                -> children: labels, fields, images of a collection ...
 *
 * The work is bounded, whatever the archive says: OZX_SUMMARY_NODES_MAX nodes and levels and
 * OZX_SUMMARY_JSON_MAX bytes of metadata; all that is kept of these together takes at most
 * OZX_SUMMARY_MEMORY_MAX bytes. What is left out for that is counted.
 */
#ifndef OZX_INFO_SUMMARY_H
#define OZX_INFO_SUMMARY_H

#include <stdio.h>

#include "archive/node_metadata.h"
#include "zarr/references.h"

#define OZX_SUMMARY_NODES_MAX 10000
#define OZX_SUMMARY_JSON_MAX (128u << 20)
#define OZX_SUMMARY_MEMORY_MAX (64u << 20)
#define OZX_SUMMARY_DEPTH_MAX 16 /* of nodes inside nodes, and of directories between them */

#define OZX_NODE_NONE UINT32_MAX

enum ozx_summary_kind {
    OZX_SUMMARY_PLAIN,          /* no metadata here; it stands for the root of a plain ZIP */
    OZX_SUMMARY_UNREADABLE,     /* there is metadata, but see `problem` */
    OZX_SUMMARY_ARRAY,          /* an array that is no level of an image */
    /* a group that OME-Zarr says nothing of: a collection of what is below */
    OZX_SUMMARY_GROUP,
    OZX_SUMMARY_IMAGE,          /* a multiscale image; metadata->ome->has_image_label: of labels */
    OZX_SUMMARY_LABELS,         /* the group `labels` */
    OZX_SUMMARY_PLATE,
    OZX_SUMMARY_WELL,
    OZX_SUMMARY_BIOFORMATS2RAW, /* images 0, 1, ... and OME/ */
    OZX_SUMMARY_SERIES,         /* OME/ of that layout */
    OZX_SUMMARY_SCENE,          /* images in one space */
};

/* A dataset of a multiscale. */
struct ozx_summary_level {
    uint32_t directory;             /* of its array, OZX_NODE_NONE if that is not there */
    struct ozx_metadata *metadata;  /* of an array; NULL: see `problem` */
    char *problem;                  /* owned; escaped; NULL */
    bool is_missing;                /* there is no such node */
    uint64_t bytes;                 /* of all its files in the archive, as compressed as they are */
    uint64_t chunk_files;           /* files other than metadata below its directory */
};

struct ozx_summary_node {
    uint32_t directory;
    enum ozx_summary_kind kind;
    struct ozx_metadata *metadata; /* NULL for PLAIN and UNREADABLE */
    char *problem;                 /* escaped; NULL */
    uint64_t bytes;                /* of all files below, as compressed as they are */
    uint64_t files;
    uint64_t chunk_files; /* those that are no metadata */
    /* Of its multiscales: those of the first, then those of the second ... */
    struct ozx_summary_level *levels;
    size_t level_count;
    /* What hangs below it, in the order of the paths; of a plate only the first field. */
    struct ozx_summary_node *children;
    size_t child_count;
    bool holds_levels; /* there is a level of an image further up below it */
    /* A plate: */
    uint32_t *well_fields; /* fields of each well of the metadata, OZX_FIELDS_UNKNOWN */
    uint64_t wells_present, field_count;
    uint64_t fields_missing; /* of field_count: listed by wells, and not there */
};
#define OZX_FIELDS_UNKNOWN UINT32_MAX

struct ozx_summary {
    struct ozx_archive_facts facts;
    uint64_t size_bytes; /* of the archive */
    uint64_t file_count, directory_count; /* that a mount shows, the root not counted */
    uint64_t data_bytes;                  /* of all files, as compressed as they are */
    uint64_t compressed_count;            /* files with a method other than 0 */
    uint64_t unreadable_count;            /* files whose reads fail by the policy */
    const char *comment_version;          /* NULL */
    const char *metadata_version;         /* of the root, else the first below that has one; NULL */
    struct ozx_summary_node root;
    uint64_t omitted_count; /* nodes and levels that were not looked at, at least */
};

/* The archive is borrowed until the summary is freed. Metadata that cannot be parsed is no failure.
 * -ENOMEM, or what reading the archive failed with (-ESTALE). */
int ozx_summary_make(struct ozx_archive *archive, struct ozx_summary **out,
                     struct ozx_error *error) OZX_CHECKED;
void ozx_summary_free(struct ozx_summary *summary); /* NULL is fine */

/* What the OME metadata of the node refer to and is not there: calls `each` for it, in the order of
 * the metadata. -ENOMEM and whatever else `each` returns that is not 0, which ends it. */
int ozx_summary_missing(const struct ozx_archive *archive, const struct ozx_summary_node *node,
                        int (*each)(void *context, const struct ozx_reference *reference),
                        void *context) OZX_CHECKED;

/* "image", "plate", ... for the kinds; static. */
const char *ozx_summary_kind_name(enum ozx_summary_kind kind);
/* By its own metadata. */
enum ozx_summary_kind ozx_summary_kind_of(const struct ozx_metadata *metadata);

/* The sizes of what is decoded at once: the innermost chunk, if the array is sharded; NULL if not
 * known. */
const struct ozx_shape *ozx_summary_chunk_shape(const struct ozx_array *array);

/* How many of those `files` shards can hold, within the array's shape: what would be files without
 * the sharding. 0 if the array is not sharded, or that is not known; UINT64_MAX if it overflows. */
uint64_t ozx_summary_inner_chunks(const struct ozx_array *array, uint64_t files);

/* The codecs that those go through: of the innermost sharding, if it is sharded. */
const struct ozx_codecs *ozx_summary_chunk_codecs(const struct ozx_array *array);

/* The axes of a multiscale, whose first level is `first` (may be NULL): of those that its version
 * implies, as many as that has dimensions. */
const struct ozx_axis *ozx_summary_axes(const struct ozx_multiscale *multiscale,
                                        const struct ozx_summary_level *first, size_t *count);

/* Size of a pixel along an axis of a level: the scales of the dataset and of the multiscale
 * together, 0 if there is none or it is not all of it. */
double ozx_summary_pixel_size(const struct ozx_multiscale *multiscale, size_t level, size_t axis);

/* Does the version of the comment agree with that of the metadata? False if one is absent. */
bool ozx_summary_versions_agree(const struct ozx_summary *summary);

/* Writes the summary as JSON (ozxfs-info(1), JSON OUTPUT), indented, with a newline at its end; of
 * memory it takes what one value needs. `file` is its name as given, any bytes. -ENOMEM, with `out`
 * written in part; ferror(out) is the caller's. */
int ozx_summary_json(const struct ozx_archive *archive, const struct ozx_summary *summary,
                     const char *file, FILE *out) OZX_CHECKED;

#endif
