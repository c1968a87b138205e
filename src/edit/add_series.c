/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The images of a bioformats2raw layout are those that OME/ lists as its series, in the order in
 * which the OME-XML beside the list describes them. Nothing can be added to the one without the
 * other, so it is told.
 */
#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "edit/add_parents.h"

/* The metadata of OME/ below the group; none is no failure. */
static int load_ome(struct ozx_archive *archive, const struct ozx_add_options *options,
                    const struct ozx_add_parent *group, struct ozx_metadata **out,
                    struct ozx_error *error)
{
    OZX_AUTO_FREE char *path = strndup(options->path, group->path_size_bytes);
    uint32_t directory, file;

    if (!path)
        return ozx_error_memory(error);
    if (ozx_archive_find(archive, path, &directory) ||
        ozx_metadata_resolve(archive, directory, "OME", &directory) ||
        ozx_metadata_find(archive, directory, &file))
        return 0;
    return ozx_metadata_load(archive, file, out, error);
}

/* Without a list, the images are 0, 1, 2, ...: is `name` the one behind those that are there? */
static bool is_next(const struct ozx_archive *archive, const struct ozx_add_options *options,
                    const struct ozx_add_parent *group, const char *name)
{
    char *end, before[OZX_PATH_SIZE + 24];
    unsigned long number = strtoul(name, &end, 10);
    uint32_t node;

    if (*end || strspn(name, "0123456789") != strlen(name) || strlen(name) > 9 ||
        (*name == '0' && name[1]))
        return false;
    snprintf(before, sizeof before, "%.*s/%lu", (int)group->path_size_bytes, options->path,
             number - 1);
    return !number || ozx_archive_find(archive, before, &node) == 0;
}

int ozx_add_judge_series(struct ozx_archive *archive, const struct ozx_add_options *options,
                         const struct ozx_add_parent *group, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    const char *name = options->path + group->path_size_bytes + (group->path_size_bytes != 0);
    int failure = load_ome(archive, options, group, &metadata, error);
    const struct ozx_ome *ome = metadata ? metadata->ome : NULL;

    if (failure)
        return failure;
    if (ome && ome->has_series ? !ozx_has_text(ome->series, ome->series_count, name)
                               : !is_next(archive, options, group, name))
        ozx_add_warn(options, options->path, OZX_ADD_HINT,
                     ome && ome->has_series
                         ? "is not listed in the series of OME, as OME-XML would describe it, too"
                         : "is not the number of the next series",
                     "");
    return 0;
}
