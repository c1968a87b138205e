/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Small questions about an image of a summary, asked by those who print it: what its version, its
 * shards and its two places of transformations come to.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "info/summary.h"

/* The sharding whose inner chunks are no shards; NULL. */
static const struct ozx_sharding *innermost(const struct ozx_array *array)
{
    const struct ozx_sharding *sharding = array->sharding;

    while (sharding && sharding->inner)
        sharding = sharding->inner;
    return sharding;
}

const struct ozx_shape *ozx_summary_chunk_shape(const struct ozx_array *array)
{
    const struct ozx_sharding *sharding = innermost(array);

    if (sharding)
        return &sharding->chunk_shape;
    return array->has_grid ? &array->chunk_shape : NULL;
}

uint64_t ozx_summary_inner_chunks(const struct ozx_array *array, uint64_t files)
{
    const struct ozx_sharding *sharding = innermost(array);
    struct ozx_array inner = {
        .has_shape = array->has_shape, .shape = array->shape, .has_grid = true};
    uint64_t all, in_files = files;

    if (!sharding || !array->has_shape || !array->has_grid ||
        sharding->chunk_shape.count != array->shape.count)
        return 0;
    inner.chunk_shape = sharding->chunk_shape;
    all = ozx_array_chunk_count(&inner);
    for (uint32_t i = 0; i < inner.shape.count; i++)
        if (!inner.chunk_shape.sizes[i] ||
            __builtin_mul_overflow(in_files,
                                   array->chunk_shape.sizes[i] / inner.chunk_shape.sizes[i],
                                   &in_files))
            return all;
    return in_files < all ? in_files : all;
}

const struct ozx_codecs *ozx_summary_chunk_codecs(const struct ozx_array *array)
{
    const struct ozx_sharding *sharding = innermost(array);

    return sharding ? &sharding->codecs : &array->codecs;
}

const struct ozx_axis *ozx_summary_axes(const struct ozx_multiscale *multiscale,
                                        const struct ozx_summary_level *first, size_t *count)
{
    const struct ozx_array *array = first && first->metadata ? first->metadata->array : NULL;
    size_t skipped = 0;

    if (multiscale->axes_implied && array && array->has_shape &&
        array->shape.count < multiscale->axis_count)
        skipped = multiscale->axis_count - array->shape.count;
    *count = multiscale->axis_count - skipped;
    return multiscale->axes + skipped;
}

double ozx_summary_pixel_size(const struct ozx_multiscale *multiscale, size_t level, size_t axis)
{
    const struct ozx_transforms *own = &multiscale->datasets[level].transforms;
    const struct ozx_transforms *all = &multiscale->transforms;

    if (!own->scale || own->has_other || all->has_other)
        return 0;
    return own->scale[axis] * (all->scale ? all->scale[axis] : 1);
}

bool ozx_summary_versions_agree(const struct ozx_summary *summary)
{
    return summary->comment_version && summary->metadata_version &&
           strcmp(summary->comment_version, summary->metadata_version) == 0;
}

struct missing {
    const struct ozx_archive *archive;
    uint32_t directory;
    int (*each)(void *context, const struct ozx_reference *reference);
    void *context;
};

static int pass_missing(void *context, const struct ozx_reference *reference)
{
    const struct missing *m = context;
    uint32_t from = m->directory, target, file;

    if (reference->from_above)
        from = ozx_archive_parent(m->archive, from);
    if (ozx_metadata_resolve(m->archive, from, reference->path, &target) == 0 &&
        ozx_metadata_find(m->archive, target, &file) == 0)
        return 0;
    return m->each(m->context, reference);
}

int ozx_summary_missing(const struct ozx_archive *archive, const struct ozx_summary_node *node,
                        int (*each)(void *context, const struct ozx_reference *reference),
                        void *context)
{
    struct missing m = {archive, node->directory, each, context};

    if (!node->metadata || !node->metadata->ome)
        return 0;
    return ozx_references_each(node->metadata->ome, pass_missing, &m);
}
