/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the OME metadata of a node refer to by a path, all kinds in one list: for those who ask
 * whether it is there. The metadata are borrowed.
 */
#ifndef OZX_ZARR_REFERENCES_H
#define OZX_ZARR_REFERENCES_H

#include "zarr/metadata.h"

enum ozx_reference_kind {
    OZX_REFERENCE_DATASET, /* without it there is no image: the others may be missing */
    OZX_REFERENCE_WELL,
    OZX_REFERENCE_FIELD, /* an image of a well */
    OZX_REFERENCE_LABEL,
    OZX_REFERENCE_SERIES, /* an image that OME/ lists */
    OZX_REFERENCE_KINDS,
};

struct ozx_reference {
    enum ozx_reference_kind kind;
    const char *path; /* as it stands: untrusted */
    bool from_above;  /* it starts at the group above the node, else at the node */
    const struct ozx_multiscale *multiscale; /* of a dataset */
};

/* "dataset", "well", "field", "label image", "series image"; static. */
const char *ozx_reference_name(enum ozx_reference_kind kind);

/* In the order in which they stand. Ends with the first result of `each` that is not 0, and returns
 * it. */
int ozx_references_each(const struct ozx_ome *ome,
                        int (*each)(void *context, const struct ozx_reference *reference),
                        void *context) OZX_CHECKED;

#endif
