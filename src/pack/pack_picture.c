/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From an input to that input with its picture: it is planned for once, looked at through the plan,
 * and planned for again with the picture.
 */
#include <string.h>

#include "pack/pack_state.h"
#include "pack/plan_source.h"
#include "zarr/json.h"
#include "zarr/thumbnails.h"

static int read_root(const struct ozx_pack_state *pack, struct ozx_pack_root *root, char **text,
                     struct ozx_error *error)
{
    const struct ozx_input *input = pack->input;
    int failure = input->kind->find(input, OZX_NAME_ZARR_JSON, &root->file, error);

    if (failure == -ENOENT)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "there is no zarr.json in the root that could refer to a thumbnail");
    return failure ? failure
                   : ozx_input_read_file(input, OZX_NAME_ZARR_JSON, &root->file, OZX_JSON_SIZE_MAX,
                                         text, error);
}

/* True if there is a picture already that is as large: it stays. */
static bool has_picture(const char *text, size_t size)
{
    struct ozx_embedded found;

    if (ozx_thumbnails_find(text, size, "image/png", OZX_PICTURE_SIZE, &found))
        return false;
    ozx_embedded_clear(&found);
    return true;
}

static int make(const struct ozx_pack_state *pack, struct ozx_pack_picture *picture,
                struct ozx_error *error)
{
    OZX_AUTO_SOURCE struct ozx_source *source = NULL;

    if (ozx_plan_source(pack->plan, &source))
        return ozx_error_memory(error);
    return pack->options->picture(pack->options->picture_context, source, picture, error);
}

static int add(struct ozx_pack_state *pack, const char *text, struct ozx_pack_picture *picture,
               struct ozx_pack_root *root, struct ozx_error *error)
{
    int failure =
        ozx_thumbnails_add(text, (size_t)root->file.size_bytes, OZX_PICTURE_NAME, picture->width,
                           picture->height, &root->text, &root->size_bytes);

    if (failure == -ENOMEM)
        return ozx_error_memory(error);
    if (failure)
        return ozx_error_set(
            error, failure, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL,
            "the attributes of the root's zarr.json cannot hold a thumbnail: they, "
            "thumbnails or zarr_conventions are not of the type that the convention has");
    return ozx_input_of_pictured(pack->input, picture, root, &pack->input, error);
}

int ozx_pack_put_picture(struct ozx_pack_state *pack, const struct ozx_plan_options *options)
{
    struct ozx_plan_options quiet = *options;
    struct ozx_pack_picture picture = {.data = NULL};
    struct ozx_pack_root root = {.text = NULL};
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_FREE char *text = NULL;
    int failure;

    if (!pack->options->picture)
        return 0;
    quiet.left_out = NULL; /* that is told the second time */
    failure = ozx_pack_plan(pack, &quiet);
    if (failure)
        return failure; /* and was told */
    failure = read_root(pack, &root, &text, &error);
    if (!failure && !has_picture(text, (size_t)root.file.size_bytes)) {
        failure = make(pack, &picture, &error);
        if (!failure)
            failure = add(pack, text, &picture, &root, &error);
    }
    ozx_plan_close(ozx_take(pack->plan));
    free(picture.data);
    free(root.text);
    return failure ? ozx_pack_tell(pack, OZX_PACK_INPUT, &error) : 0;
}
