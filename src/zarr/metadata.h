/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata of one Zarr node: a zarr.json (Zarr v3 and its OME block), or what Zarr v2 has for
 * it (.zgroup, .zarray, .zattrs), as structs.
 *
 *     zarr.json -> struct ozx_metadata -+- struct ozx_array  shape, grid, keys, codecs, sharding
 *                                       +- struct ozx_ome    multiscales, plate, well, labels ...
 *
 * The JSON is untrusted. It is bounded in size, depth and number of values before it is parsed.
 * After that nothing is fatal: a field that is missing or makes no sense is absent from the structs
 * (NULL, 0 or a `has_` that is false), and stands in the list of defects. What is in the structs is
 * valid by construction: shapes have 0 ... OZX_DIMENSIONS_MAX sizes, chunk sizes are at least 1,
 * numbers are finite, counts are those of the lists.
 *
 * Every pointer below is owned by the ozx_metadata and dies with it, or is static. Texts are
 * NUL-terminated, valid UTF-8 without NUL, as they stand in the JSON: they may hold control
 * characters, so whoever prints them escapes them (ozx_escape). Threads: a metadata never changes;
 * any number may read it.
 *
 * Sources: Zarr core specification v3 (zarr.json, regular grid, default and v2 chunk keys), the
 * sharding_indexed codec (ZEP 2), its register of extensions, OME-Zarr 0.1 to 0.5 and the drafts of
 * 0.6 (RFC-5: coordinate systems).
 */
#ifndef OZX_ZARR_METADATA_H
#define OZX_ZARR_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "zarr/metadata_files.h"

#define OZX_DIMENSIONS_MAX 32
#define OZX_DEFECTS_MAX 64 /* kept of one file; more are counted */

/* --- arrays ----------------------------------------------------------------------------------- */

struct ozx_shape {
    uint32_t count; /* dimensions; 0 is a scalar */
    uint64_t sizes[OZX_DIMENSIONS_MAX];
};

struct ozx_codec {
    const char *name;                    /* "blosc", "sharding_indexed", ... never "" */
    /* with what tells codecs of one name apart: "blosc(zstd)" */
    const char *label;
    const struct ozx_sharding *sharding; /* NULL unless it is sharding_indexed and understood */
};

struct ozx_codecs {
    const struct ozx_codec *list;
    size_t count;
};

/* sharding_indexed: one file holds a shard, many chunks and an index of them. Codecs behind it in
 * its list work on the shard as a whole; the inner chunks may be shards themselves:
 *
 *     codecs: [transpose, sharding_indexed {codecs: [sharding_indexed {...}, ...]}, crc32c]
 */
struct ozx_sharding {
    struct ozx_shape chunk_shape; /* of the inner chunks; divides the shard's shape exactly */
    /* their number; 0 if the shard's shape is not known: another grid, or a codec in front that may
     * change it */
    uint64_t chunks_per_shard;
    struct ozx_codecs codecs;
    struct ozx_codecs index_codecs;
    const struct ozx_sharding *inner; /* of `codecs`: the inner chunks are shards; NULL */
    bool index_at_start;              /* index_location; default: at the end */
    bool index_readable;       /* the index codecs are `bytes`, and perhaps `crc32c` behind it, and
                                * the number of chunks is known */
    bool index_big_endian;     /* these three only if index_readable: */
    bool index_crc32c;         /*   four bytes of CRC-32C (little-endian) end the index */
    uint64_t index_size_bytes; /*   16 x chunks_per_shard, 4 more with index_crc32c */
    /* the codec behind it that hides the shard: what is stored is not the shard's bytes; NULL: they
     * are, */
    const char *behind;
    uint32_t trailer_size_bytes; /* and behind them as many bytes of checksums, if not `behind` */
};

enum ozx_key_encoding {
    OZX_KEYS_UNKNOWN, /* a name that is not known here, or none */
    OZX_KEYS_DEFAULT, /* c/0/1, or c.0.1; the scalar's is "c" */
    OZX_KEYS_V2,      /* 0.1 or 0/1; the scalar's is "0" */
};

struct ozx_array {
    bool has_shape;
    struct ozx_shape shape;
    bool has_grid;                /* the regular grid, of as many dimensions as the shape */
    struct ozx_shape chunk_shape; /* of what one file holds: the shard, if sharded */
    enum ozx_key_encoding key_encoding;
    char separator;              /* '/' or '.' */
    const char *data_type;       /* "uint16"; NULL if there is none */
    /* of one item, 0 if not known (extension types, variable length) */
    uint32_t item_size_bytes;
    bool has_fill_value;         /* it is required */
    const char *fill_value;      /* its JSON, cut at about 64 bytes; NULL without one */
    struct ozx_codecs codecs;
    const struct ozx_sharding *sharding; /* the array-to-bytes codec, if that is sharding_indexed */
    bool has_storage_transformers; /* chunks may be stored under other keys, in another form */
    const char *const *dimension_names;  /* NULL, or one for each dimension, each may be NULL */
};

/* What a name below an array's directory is to the array. */
enum ozx_key {
    OZX_KEY_NONE,    /* no chunk key: nothing that a reader would ask for */
    OZX_KEY_INSIDE,  /* the key of a chunk of the grid */
    OZX_KEY_OUTSIDE, /* well-formed, but beyond the shape: it can never be read */
};

/* Judges `key`, a path relative to the array's directory ("c/0/1"). `index` (may be NULL) gets the
 * chunk's place in the grid unless the answer is OZX_KEY_NONE. For arrays with has_shape, has_grid
 * and a known key_encoding; others give OZX_KEY_NONE. Numbers with leading zeros are no keys. */
enum ozx_key ozx_array_judge_key(const struct ozx_array *array, const char *key,
                                 size_t key_size_bytes, uint64_t index[OZX_DIMENSIONS_MAX]);

/* How many chunk keys the grid has; UINT64_MAX if that overflows, 0 without has_grid or when a size
 * is 0. */
uint64_t ozx_array_chunk_count(const struct ozx_array *array);

/* --- the OME block ---------------------------------------------------------------------------- */

struct ozx_axis {
    const char *name; /* never NULL */
    const char *type; /* "space", "time", "channel"; NULL */
    const char *unit; /* "micrometer"; NULL */
};

/* The scale and translation that a list of coordinateTransformations comes to (0.6: also inside
 * `sequence`). Each list has as many numbers as the multiscale has axes. */
struct ozx_transforms {
    const double *scale;       /* NULL if there is none */
    const double *translation; /* NULL if there is none */
    size_t count;              /* transformations listed */
    bool has_other;            /* one that is neither: scale and translation are not all of it */
};

struct ozx_dataset {
    const char *path; /* relative to the multiscale's group; never NULL, may be hostile: "../x" */
    struct ozx_transforms transforms;
};

struct ozx_multiscale {
    const char *name; /* NULL */
    const char *type; /* downscaling method; NULL */
    const struct ozx_axis *axes; /* 0.6: of the coordinate system that the datasets map to */
    size_t axis_count;
    /* 0.1 and 0.2 state none: t c z y x, of which arrays of fewer dimensions have the last */
    bool axes_implied;
    const struct ozx_dataset *datasets; /* largest first, as they stand */
    size_t dataset_count;
    struct ozx_transforms transforms; /* of all levels together (up to 0.5) */
    const char *const *systems;       /* 0.6: the names of its coordinate systems */
    size_t system_count;
};

struct ozx_channel {
    const char *label; /* NULL */
    const char *color; /* six hexadecimal digits; NULL if absent or something else */
    bool is_active;    /* `active` is true */
};

struct ozx_well_reference {
    const char *path; /* "A/1"; never NULL */
    uint32_t row, column; /* indices into the lists below; UINT32_MAX if absent or beyond */
};

struct ozx_plate {
    const char *name; /* NULL */
    const char *const *rows; /* names, never NULL */
    size_t row_count;
    const char *const *columns;
    size_t column_count;
    const struct ozx_well_reference *wells;
    size_t well_count;
    size_t acquisition_count;
    bool has_field_count;
    uint64_t field_count; /* the largest number of fields of a well, as stated */
};

struct ozx_well {
    const char *const *images; /* paths of the fields, never NULL */
    size_t image_count;
};

/* One end of a transformation. */
struct ozx_scene_end {
    const char *path; /* of an image below the scene; NULL: `name` is one of the scene's own */
    const char *name; /* of a coordinate system; NULL if absent */
};

struct ozx_scene_transform {
    const char *type; /* "affine"; NULL */
    struct ozx_scene_end input, output;
};

/* Images in one space (drafts of 0.6). */
struct ozx_scene {
    const char *const *systems; /* the names of its own coordinate systems, never NULL */
    size_t system_count;
    const struct ozx_scene_transform *transforms;
    size_t transform_count;
};

struct ozx_ome {
    const char *version; /* NULL: none, or no string */
    const struct ozx_multiscale *multiscales;
    size_t multiscale_count;
    bool has_labels; /* this is the group `labels`; `labels` are the paths of the label images */
    const char *const *labels;
    size_t label_count;
    bool has_image_label; /* this multiscale is a label image */
    const struct ozx_plate *plate; /* NULL */
    const struct ozx_well *well;   /* NULL */
    const struct ozx_scene *scene; /* NULL */
    bool has_omero;
    const struct ozx_channel *channels; /* omero */
    size_t channel_count;
    bool has_bioformats2raw;
    int64_t bioformats2raw; /* bioformats2raw.layout: 3 */
    bool has_series;        /* this is the group `OME`: */
    const char *const *series; /* paths of the images, from the group above */
    size_t series_count;
};

/* Is `wanted` one of them? */
bool ozx_has_text(const char *const *texts, size_t count, const char *wanted);

/* --- a node ----------------------------------------------------------------------------------- */

enum ozx_metadata_part {
    OZX_PART_ZARR, /* zarr_format, node_type, or a field of the array */
    OZX_PART_OME,  /* attributes.ome (Zarr v2: the attributes) */
};

struct ozx_defect {
    enum ozx_metadata_part part;
    /* "codecs[0].configuration", "multiscales[0].axes"; escaped already; "" is all */
    const char *where;
    const char *text;  /* "is missing", "is no list"; escaped already */
    bool is_spelling;  /* NaN or the like: no JSON to some readers, and what it says is known */
};

struct ozx_metadata {
    int zarr_format; /* 3 or 2; 0 if it says neither */
    bool is_group, is_array;             /* by node_type (v2: by the file); at most one */
    const struct ozx_array *array;       /* NULL unless is_array */
    const struct ozx_ome *ome;           /* NULL if there is no OME block */
    bool has_consolidated; /* consolidated_metadata is there (and not null) */
    const struct ozx_defect *defects;
    size_t defect_count;   /* those kept */
    uint64_t defect_total; /* those found */
    struct ozx_metadata_memory *memory; /* all of the above */
};

/* Parses `text` (need not be terminated), the contents of a zarr.json, .zarray or .zgroup.
 * `attributes` is the .zattrs beside a Zarr v2 file, NULL for none and for zarr.json. What some
 * readers take for JSON and others do not is read, and a defect. -EBADMSG if it is no JSON object
 * (rule zarr-json; the text says why, with line and column) or beyond the bounds of zarr/json.h (no
 * rule), -ENOMEM. The caller frees `*out`. */
int ozx_metadata_parse(enum ozx_metadata_file file, const char *text, size_t text_size_bytes,
                       const char *attributes, size_t attributes_size_bytes,
                       struct ozx_metadata **out, struct ozx_error *error) OZX_CHECKED;

void ozx_metadata_free(struct ozx_metadata *metadata); /* NULL is fine */

static inline void ozx_cleanup_metadata(struct ozx_metadata **metadata)
{
    ozx_metadata_free(*metadata);
}
#define OZX_AUTO_METADATA OZX_CLEANUP(ozx_cleanup_metadata)

#endif
