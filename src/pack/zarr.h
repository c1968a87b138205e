/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What pack must know of the Zarr metadata in a planned tree: that there is a root, its OME-Zarr
 * version, and arrays that sharding would serve. zarr.json files are untrusted: they are bounded in
 * size and depth, and only the keys that are asked for are looked at.
 */
#ifndef OZX_PACK_ZARR_H
#define OZX_PACK_ZARR_H

#include "pack/plan.h"
#include "zarr/comment.h"
#include "zarr/json.h"

#define OZX_MANY_CHUNKS 10000 /* in one unsharded array: more are worth a hint */

/* -EBADMSG (rule no-root) if there is no root zarr.json: the error says what the tree is instead,
 * as far as it shows (Zarr v2, one level too high). */
int ozx_zarr_check_root(const struct ozx_plan *plan, struct ozx_error *error) OZX_CHECKED;

/* What is odd about the JSON of all zarr.json files of a plan. */
struct ozx_zarr_json {
    struct {
        uint64_t files; /* that have it; of the first of these: */
        uint64_t entry;
        struct ozx_json_defect defect;
    } kinds[OZX_JSON_KINDS];
    uint64_t broken; /* files that are no JSON object */
    uint64_t unread; /* files beyond the bounds of zarr/json.h; the first of these: */
    uint64_t unread_entry;
    const char *unread_why; /* static */
};

/* Reads every zarr.json. -EBADMSG with the first that is no JSON object (`all` is filled in then,
 * too), -ENOMEM. What cannot be read at all is passed over: the pipeline will tell. */
int ozx_zarr_judge_json(const struct ozx_plan *plan, struct ozx_zarr_json *all,
                        struct ozx_error *error) OZX_CHECKED;

/* The OME-Zarr version: `attributes.ome.version` of the root zarr.json; where the root has none (a
 * plate or a collection may not), the first found below, breadth-first. "" in `version` and 0 if
 * there is none anywhere. `disagree` (may be NULL) is called for each file below that states
 * another version than the one found before it. -EBADMSG: the root zarr.json is no JSON object;
 * -EFBIG: it is beyond the bounds of zarr/json.h. */
int ozx_zarr_version(const struct ozx_plan *plan, char version[OZX_VERSION_TEXT_MAX],
                     void (*disagree)(void *context, const char *path, const char *other),
                     void *context, struct ozx_error *error) OZX_CHECKED;

/* Calls `found` for each array of more than OZX_MANY_CHUNKS files whose codecs are not sharded. */
void ozx_zarr_find_unsharded(const struct ozx_plan *plan,
                             void (*found)(void *context, const char *path, uint32_t chunk_count),
                             void *context);

#endif
