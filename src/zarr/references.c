/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where OME metadata hold paths.
 */
#include "zarr/references.h"

const char *ozx_reference_name(enum ozx_reference_kind kind)
{
    static const char *const names[] = {[OZX_REFERENCE_DATASET] = "dataset",
                                        [OZX_REFERENCE_WELL] = "well",
                                        [OZX_REFERENCE_FIELD] = "field",
                                        [OZX_REFERENCE_LABEL] = "label image",
                                        [OZX_REFERENCE_SERIES] = "series image"};

    return names[kind];
}

struct visit {
    int (*each)(void *context, const struct ozx_reference *reference);
    void *context;
};

static int visit_paths(const struct visit *visit, enum ozx_reference_kind kind,
                       const char *const *paths, size_t count)
{
    struct ozx_reference reference = {.kind = kind, .from_above = kind == OZX_REFERENCE_SERIES};
    int result = 0;

    for (size_t i = 0; i < count && !result; i++) {
        reference.path = paths[i];
        result = visit->each(visit->context, &reference);
    }
    return result;
}

static int visit_datasets(const struct visit *visit, const struct ozx_multiscale *multiscale)
{
    struct ozx_reference reference = {.kind = OZX_REFERENCE_DATASET, .multiscale = multiscale};
    int result = 0;

    for (size_t i = 0; i < multiscale->dataset_count && !result; i++) {
        reference.path = multiscale->datasets[i].path;
        result = visit->each(visit->context, &reference);
    }
    return result;
}

int ozx_references_each(const struct ozx_ome *ome,
                        int (*each)(void *context, const struct ozx_reference *reference),
                        void *context)
{
    const struct visit visit = {each, context};
    struct ozx_reference well = {.kind = OZX_REFERENCE_WELL};
    int result = 0;

    for (size_t i = 0; i < ome->multiscale_count && !result; i++)
        result = visit_datasets(&visit, &ome->multiscales[i]);
    for (size_t i = 0; ome->plate && i < ome->plate->well_count && !result; i++) {
        well.path = ome->plate->wells[i].path;
        result = each(context, &well);
    }
    if (ome->well && !result)
        result =
            visit_paths(&visit, OZX_REFERENCE_FIELD, ome->well->images, ome->well->image_count);
    if (!result)
        result = visit_paths(&visit, OZX_REFERENCE_LABEL, ome->labels, ome->label_count);
    if (!result)
        result = visit_paths(&visit, OZX_REFERENCE_SERIES, ome->series, ome->series_count);
    return result;
}
