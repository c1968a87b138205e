/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata of a node of Zarr v2 as that of Zarr v3, without touching what it is about: no chunk
 * is decoded, so whatever v3 has no words for is refused, by its field.
 *
 *     .zattrs --> ozx_v2_attributes ---+
 *                                      +--> ozx_v2_group, ozx_v2_array --> zarr.json
 *     .zgroup, .zarray ----------------+
 *
 * OME-Zarr 0.1 to 0.4 becomes 0.5 on the way: its blocks move below `ome`, axes and scales that a
 * version leaves to its reader are written out. All else in .zattrs keeps its bytes.
 *
 * The texts are untrusted. Nothing is kept between calls; any thread may call. -EBADMSG with the
 * field and what is wrong with it (the caller puts the file in front), -ENOMEM.
 *
 * Sources: Zarr core specification v2 and v3, the register of Zarr extensions, numcodecs
 * (configurations and their defaults), OME-Zarr 0.1 to 0.5. zarr-python's reading of both is the
 * measure (tests/convert).
 */
#ifndef OZX_ZARR_V2_H
#define OZX_ZARR_V2_H

#include "zarr/metadata.h"
#include "zarr/json_write.h"

/* What was done that the text of v2 does not say by itself: bits. */
enum ozx_v2_said {
    OZX_V2_FILL_NULL = 1 << 0,     /* no fill value: the type's zero */
    OZX_V2_GZIP_LEVEL = 1 << 1,    /* gzip level -1 is stated as 6 */
    OZX_V2_AXES_IMPLIED = 1 << 2,  /* 0.1, 0.2: axes t c z y x */
    OZX_V2_AXES_TYPED = 1 << 3,    /* 0.3: letters have types now */
    OZX_V2_SCALES = 1 << 4,        /* 0.1 to 0.3: scales are ratios of shapes */
    OZX_V2_DIMENSIONS = 1 << 5,    /* the axes differ from _ARRAY_DIMENSIONS, and win */
    OZX_V2_NOT_OME = 1 << 6,       /* `multiscales` that is not OME-Zarr's stays an attribute */
    OZX_V2_OME = 1 << 7,           /* there was something of OME-Zarr */
    OZX_V2_SAID_BITS = 8
};

struct ozx_v2_report {
    uint32_t said;   /* enum ozx_v2_said */
    uint32_t codecs; /* bit i: ozx_v2_codec_name(i), which not all readers know */
};

#define OZX_V2_CODECS_MAX 32
/* "numcodecs.delta", and the readers that know it ("zarr-python, zarrita.js"); static. NULL: no
 * such. */
const char *ozx_v2_codec_name(unsigned index);
const char *ozx_v2_codec_readers(unsigned index);

/* Of the arrays below a group, for versions that leave scales to the reader. */
struct ozx_v2_levels {
    void *context;
    /* 1: the shape of the array at `path` (from the group, as it stands in the metadata: it may be
     * hostile); 0: there is none; -errno with the error. */
    int (*shape_of)(void *context, const char *path, struct ozx_shape *shape,
                    struct ozx_error *error);
};

/* The attributes of a v3 node, an object, behind what is in `out`. `levels` NULL: of an array. Bits
 * are added to the report. */
int ozx_v2_attributes(const char *zattrs, size_t size_bytes, const struct ozx_v2_levels *levels,
                      struct ozx_text *out, struct ozx_v2_report *report,
                      struct ozx_error *error) OZX_CHECKED;

/* A group's zarr.json. `zgroup` NULL: v2 had none there; `attributes`: an object, or "" for none.
 */
int ozx_v2_group(const char *zgroup, size_t size_bytes, const char *attributes,
                 struct ozx_text *out, struct ozx_error *error) OZX_CHECKED;

/* What else is known of an array. */
struct ozx_v2_array {
    const char *attributes;   /* an object, or "" */
    const char *zattrs;       /* NULL without; already taken by ozx_v2_attributes */
    size_t zattrs_size_bytes;
    const char *const *names; /* of the axes that OME-Zarr gives it; NULL */
    size_t name_count;
    bool last_names; /* the array has the last of them (0.1, 0.2) */
};

/* An array's zarr.json, its chunks at c/0/1/2. */
int ozx_v2_array(const char *zarray, size_t size_bytes, const struct ozx_v2_array *array,
                 struct ozx_text *out, struct ozx_v2_report *report,
                 struct ozx_error *error) OZX_CHECKED;

/* The shape alone; and the separator that the text states, which old writers misstate. */
int ozx_v2_shape(const char *zarray, size_t size_bytes, struct ozx_shape *shape, char *separator,
                 struct ozx_error *error) OZX_CHECKED;

#endif
