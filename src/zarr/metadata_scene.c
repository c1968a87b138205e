/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scene of the OME block (drafts of 0.6, RFC-5): images that lie beside each other in space, by
 * transformations from one coordinate system to another. Each of these is the scene's own, or one
 * of an image below it. Whether that image is there is not known here.
 */
#include <string.h>

#include "zarr/metadata_parse.h"

#define SYSTEMS_MAX 1024
#define TRANSFORMS_MAX 65536

const char *const *ozx_parse_system_names(struct ozx_parse *p, const struct ozx_json_path *place,
                                          const json_t *object, size_t *count)
{
    const struct ozx_json_path list_place = {.up = place, .key = "coordinateSystems"};
    const json_t *list =
        ozx_parse_list(p, place, object, "coordinateSystems", SYSTEMS_MAX, OZX_OPTIONAL);
    size_t size = json_array_size(list), kept = 0;
    const char **names = ozx_parse_alloc(p, size, sizeof *names);

    for (size_t i = 0; names && i < size; i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        if (json_is_object(one))
            names[kept] = ozx_parse_text(p, &here, one, "name", OZX_REQUIRED);
        else
            ozx_parse_defect(p, &here, NULL, "is not an object");
        kept += names[kept] != NULL;
    }
    *count = names ? kept : 0;
    return names;
}

bool ozx_has_text(const char *const *texts, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i], wanted) == 0)
            return true;
    return false;
}

/* {"path": an image's, "name": of a coordinate system there}; without a path it is the scene's own.
 */
static void read_end(struct ozx_parse *p, const struct ozx_json_path *place,
                     const json_t *transform, const char *key, const struct ozx_scene *scene,
                     struct ozx_scene_end *out)
{
    const struct ozx_json_path here = {.up = place, .key = key};
    const json_t *end = ozx_parse_field(p, place, transform, key, JSON_OBJECT, OZX_REQUIRED);

    if (!end)
        return;
    out->path = ozx_parse_text(p, &here, end, "path", OZX_OPTIONAL);
    out->name = ozx_parse_text(p, &here, end, "name", OZX_REQUIRED);
    if (!out->path && out->name && !ozx_has_text(scene->systems, scene->system_count, out->name))
        ozx_parse_defect(p, &here, "name",
                         "is '%.40s', which is not a coordinate system of the scene", out->name);
}

const struct ozx_scene *ozx_parse_scene(struct ozx_parse *p, const struct ozx_json_path *up,
                                        const json_t *json)
{
    const struct ozx_json_path place = {.up = up, .key = "scene"};
    const struct ozx_json_path list_place = {.up = &place, .key = "coordinateTransformations"};
    struct ozx_scene *scene = ozx_parse_alloc(p, 1, sizeof *scene);
    struct ozx_scene_transform *transforms;
    const json_t *list;

    if (!scene)
        return NULL;
    scene->systems = ozx_parse_system_names(p, &place, json, &scene->system_count);
    list =
        ozx_parse_list(p, &place, json, "coordinateTransformations", TRANSFORMS_MAX, OZX_REQUIRED);
    if (list && json_array_size(list) == 0)
        ozx_parse_defect(p, &place, "coordinateTransformations", "is empty");
    transforms = ozx_parse_alloc(p, json_array_size(list), sizeof *transforms);
    for (size_t i = 0; transforms && i < json_array_size(list); i++) {
        const struct ozx_json_path here = {.up = &list_place, .index = i};
        const json_t *one = json_array_get(list, i);
        struct ozx_scene_transform *to = &transforms[scene->transform_count];
        if (!json_is_object(one)) {
            ozx_parse_defect(p, &here, NULL, "is not an object");
            continue;
        }
        to->type = ozx_parse_text(p, &here, one, "type", OZX_REQUIRED);
        read_end(p, &here, one, "input", scene, &to->input);
        read_end(p, &here, one, "output", scene, &to->output);
        scene->transform_count++;
    }
    scene->transforms = transforms;
    return scene;
}
