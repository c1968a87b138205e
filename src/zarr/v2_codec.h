/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The codecs of numcodecs that have a counterpart in Zarr v3, and what their configurations may
 * hold. For zarr/v2*.c only.
 */
#ifndef OZX_ZARR_V2_CODEC_H
#define OZX_ZARR_V2_CODEC_H

#include "zarr/v2_parts.h"

enum ozx_v2_place {
    OZX_V2_OF_ARRAYS, /* an array to an array */
    OZX_V2_TO_BYTES,  /* an array to bytes: in the place of `bytes` */
    OZX_V2_OF_BYTES,
};

struct ozx_v2_codec_row {
    const char *id;
    enum ozx_v2_place place;
    const char *name, *readers; /* in v3; readers NULL: all */
    unsigned number;
};

/* One codec of v2. */
struct ozx_v2_codec {
    const struct ozx_v2_codec_row *row;
    struct ozx_v2_value value; /* its object */
    char where[32];            /* "compressor", "filters[2]" */
};

/* NULL: v3 has none like it. */
const struct ozx_v2_codec_row *ozx_v2_find_codec(const char *id);

/* -EBADMSG: a member that the codec does not have, or a value that it cannot have. */
int ozx_v2_check_configuration(const struct ozx_v2_codec *codec,
                               struct ozx_error *error) OZX_CHECKED;

/* Its members as they are, without `id` and what is null, and with what numcodecs takes for
 * granted. */
void ozx_v2_copy_configuration(const struct ozx_v2_codec *codec, struct ozx_text *out);

#endif
