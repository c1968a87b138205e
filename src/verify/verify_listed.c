/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Viewers find label images, wells, fields and series by lists in the metadata of other nodes: a
 * node that stands where such a list leads, and is in none, is there for nobody. Told by the states
 * of the nodes alone.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "verify/verify_parts.h"

struct listed {
    struct ozx_verify *v;
    const uint16_t *states;
};

static uint16_t above(const struct listed *l, uint32_t directory, int levels)
{
    while (levels-- > 0 && directory != OZX_NODE_ROOT)
        directory = ozx_archive_parent(l->v->archive, directory);
    return l->states[directory];
}

/* --- labels ----------------------------------------------------------------------------------- */

/* An image below a group that lists label images, with nothing but groups between. */
static bool is_label_image(const struct listed *l, uint32_t directory)
{
    uint32_t node = directory;

    while (node != OZX_NODE_ROOT) {
        node = ozx_archive_parent(l->v->archive, node);
        if (l->states[node] & OZX_VERIFY_LABELS)
            return true;
        if (l->states[node] & (OZX_VERIFY_IMAGE | OZX_VERIFY_ARRAY))
            return false;
    }
    return false;
}

/* The group `labels` of an image. */
static bool is_labels_group(const struct listed *l, uint32_t directory)
{
    size_t size;
    const char *name = ozx_archive_name(l->v->archive, directory, &size);

    return size == 6 && memcmp(name, "labels", 6) == 0 &&
           (l->states[directory] & (OZX_VERIFY_NODE | OZX_VERIFY_ARRAY)) == OZX_VERIFY_NODE &&
           above(l, directory, 1) & OZX_VERIFY_IMAGE;
}

/* --- plates and series ------------------------------------------------------------------------ */

/* The group OME beside it lists series. */
static bool is_beside_series(const struct listed *l, uint32_t directory)
{
    uint32_t ome, parent = ozx_archive_parent(l->v->archive, directory);

    return directory != OZX_NODE_ROOT &&
           ozx_archive_lookup(l->v->archive, parent, "OME", 3, &ome) == 0 &&
           l->states[ome] & OZX_VERIFY_SERIES;
}

/* The list that should lead to the node, and does not; NULL: there is no such list. */
static const char *missing_in(const struct listed *l, uint32_t directory)
{
    uint16_t state = l->states[directory];

    if (directory == OZX_NODE_ROOT || state & OZX_VERIFY_REFERENCED)
        return NULL;
    if (state & OZX_VERIFY_IMAGE && is_label_image(l, directory))
        return "the labels group does not list this label image";
    if (state & OZX_VERIFY_IMAGE && above(l, directory, 1) & OZX_VERIFY_WELL)
        return "the well does not list this image";
    if (state & OZX_VERIFY_WELL && above(l, directory, 2) & OZX_VERIFY_PLATE)
        return "the plate does not list this well";
    if (state & OZX_VERIFY_IMAGE && is_beside_series(l, directory))
        return "the series of OME do not list this image";
    return NULL;
}

static void judge(struct listed *l, uint32_t directory)
{
    uint16_t state = l->states[directory];
    const char *missing = missing_in(l, directory);
    uint32_t zarr_json;

    if (!missing && !(state & (OZX_VERIFY_LABELS | OZX_VERIFY_IMAGE)) &&
        is_labels_group(l, directory))
        missing = "a labels group must list its labels: attributes.ome.labels is missing";
    if (missing && ozx_archive_lookup(l->v->archive, directory, OZX_NAME_ZARR_JSON,
                                      strlen(OZX_NAME_ZARR_JSON), &zarr_json) == 0)
        ozx_verify_find_node(l->v, OZX_RULE_OME_BLOCK, OZX_VERDICT_WARN, zarr_json, "%s", missing);
}

void ozx_verify_listed(struct ozx_verify *v, const uint16_t *states)
{
    struct listed listed = {.v = v, .states = states};

    for (uint32_t node = 0; node < ozx_archive_node_count(v->archive); node++)
        if (states[node] & OZX_VERIFY_NODE)
            judge(&listed, node);
}
