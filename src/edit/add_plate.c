/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plate names its wells, and a well its fields: viewers show what is named and nothing else. What
 * is added where a field or a well belongs is listed there, if one place only comes into question.
 *
 *     plate   rows, columns, wells [{path "A/1", rowIndex 0, columnIndex 0}], field_count
 *       A/1   images [{path "0"}]
 *         0   multiscales
 */
#include <stdio.h>
#include <string.h>

#include "edit/add_parents.h"
#include "zarr/json_write.h"

#define PLATE "attributes.ome.plate."

/* What OME-Zarr allows in the name of a row, a column or a field. */
static bool is_alphanumeric(const char *name, size_t size)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return size && strspn(name, allowed) >= size;
}

/* The path from the group on. */
static const char *from_group(const struct ozx_add_options *options,
                              const struct ozx_add_parent *group)
{
    return options->path + group->path_size_bytes + (group->path_size_bytes != 0);
}

/* --- fields ----------------------------------------------------------------------------------- */

static const struct ozx_plate *plate_above(const struct ozx_add_parents *parents)
{
    const struct ozx_metadata *above =
        parents->count > 2 ? parents->list[parents->count - 3].metadata : NULL;

    return above && above->ome ? above->ome->plate : NULL;
}

const char *ozx_add_field_of(const struct ozx_add_options *options,
                             const struct ozx_add_parents *parents, const struct ozx_add_kind *tree)
{
    const struct ozx_add_parent *parent = &parents->list[parents->count - 1];
    const struct ozx_ome *ome = parent->metadata ? parent->metadata->ome : NULL;
    const struct ozx_plate *plate = plate_above(parents);
    const char *name = from_group(options, parent), *why = NULL;

    if (!tree->is_image || (!plate && (!ome || !ome->well)))
        return NULL;
    if (!parent->is_new && (!ome || !ome->well))
        why = "is not listed as a field: the group above it is not a well";
    else if (!parent->is_new && ozx_has_text(ome->well->images, ome->well->image_count, name))
        return NULL;
    else if (plate && plate->acquisition_count > 1)
        why = "is not listed as a field: the plate has several acquisitions";
    else if (!is_alphanumeric(name, strlen(name)))
        why = "is not listed as a field: OME-Zarr allows letters and digits in its name";
    if (!why)
        return name;
    ozx_add_warn(options, options->path, OZX_ADD_HINT, why, "");
    return NULL;
}

/* One more in a list, or a list of one: an object that has the text as `key`, and `more` of
 * members. */
static int put_last(struct ozx_change_text *text, const char *list, size_t count, const char *key,
                    const char *value, const char *more, struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text object = {.bytes = NULL};
    char place[64];

    ozx_text_format(&object, count ? "{\"%s\": " : "[{\"%s\": ", key);
    ozx_text_string(&object, value);
    ozx_text_put(&object, more);
    ozx_text_put(&object, count ? "}" : "}]");
    if (object.no_memory)
        return ozx_error_memory(error);
    snprintf(place, sizeof place, count ? "%s.-" : "%s", list);
    return ozx_change_set(text, place, object.bytes, error);
}

int ozx_add_list_field(struct ozx_archive *archive, const struct ozx_add_options *options,
                       struct ozx_add_parent *well, const char *name, struct ozx_error *error)
{
    static const char *const parts[] = {"attributes.ome.well", "attributes.ome.well.images", NULL};
    size_t count = well->metadata->ome->well->image_count;
    int failure = ozx_add_judge(options, well, parts, error);

    if (!failure)
        failure = ozx_add_parent_load(archive, well, error);
    well->field_count = count + 1;
    return failure ? failure
                   : put_last(&well->text, "attributes.ome.well.images", count, "path", name, "",
                              error);
}

/* --- wells ------------------------------------------------------------------------------------ */

struct listing {
    struct ozx_archive *archive;
    const struct ozx_add_options *options;
    struct ozx_add_parent *plate;
};

/* In the order of "1", "2", "10" and "A", "B", "AA". */
static bool is_behind(const char *name, const char *last)
{
    size_t size = strlen(name), last_size = strlen(last);

    return size != last_size ? size > last_size : strcmp(name, last) > 0;
}

/* The index of a row or column; `count`: it is to be listed as the last one. False: it would not be
 * that. */
static bool find_place(const char *const *names, size_t count, const char *name, size_t *index)
{
    for (*index = 0; *index < count; ++*index)
        if (strcmp(names[*index], name) == 0)
            return true;
    return is_alphanumeric(name, strlen(name)) && (!count || is_behind(name, names[count - 1]));
}

/* In a plate of which `plate` says what there is. */
static int put_well(struct listing *l, const struct ozx_plate *plate, const char *path,
                    struct ozx_error *error)
{
    struct ozx_change_text *text = &l->plate->text;
    const char *column = strchr(path, '/') + 1;
    OZX_AUTO_FREE char *row = strndup(path, (size_t)(column - path) - 1);
    size_t row_index, column_index;
    char indices[96];
    int failure;

    if (!row)
        return ozx_error_memory(error);
    if (!find_place(plate->rows, plate->row_count, row, &row_index) ||
        !find_place(plate->columns, plate->column_count, column, &column_index)) {
        ozx_add_warn(l->options, path, OZX_ADD_HINT,
                     "is not listed as a well: its row or column would not be the plate's last",
                     "");
        return 0;
    }
    failure = ozx_add_parent_load(l->archive, l->plate, error);
    if (!failure && row_index == plate->row_count)
        failure = put_last(text, PLATE "rows", row_index, "name", row, "", error);
    if (!failure && column_index == plate->column_count)
        failure = put_last(text, PLATE "columns", column_index, "name", column, "", error);
    snprintf(indices, sizeof indices, ", \"rowIndex\": %zu, \"columnIndex\": %zu", row_index,
             column_index);
    return failure ? failure
                   : put_last(text, PLATE "wells", plate->well_count, "path", path, indices, error);
}

/* What is stated of the largest well. */
static int raise_field_count(struct listing *l, const struct ozx_plate *plate, size_t fields,
                             struct ozx_error *error)
{
    char number[24];
    int failure;

    if (!plate->has_field_count || fields <= plate->field_count)
        return 0;
    failure = ozx_add_parent_load(l->archive, l->plate, error);
    snprintf(number, sizeof number, "%zu", fields);
    return failure ? failure : ozx_change_set(&l->plate->text, PLATE "field_count", number, error);
}

/* The well at `path`, new or not, has so many fields. */
static int list_well(struct listing *l, const char *path, bool is_new, size_t fields,
                     struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *changed = NULL;
    static const char *const parts[] = {PLATE "rows",         PLATE "columns",     PLATE "wells",
                                        PLATE "acquisitions", PLATE "field_count", NULL};
    const struct ozx_plate *plate = l->plate->metadata->ome->plate;
    int failure = ozx_add_judge(l->options, l->plate, parts, error);

    if (failure)
        return failure;
    if (l->plate->text.text) {
        failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, l->plate->text.text,
                                     l->plate->text.size_bytes, NULL, 0, &changed, error);
        if (failure)
            return failure;
        plate = changed->ome->plate;
    }
    for (size_t i = 0; i < plate->well_count && is_new; i++)
        is_new = strcmp(plate->wells[i].path, path) != 0;
    if (is_new)
        failure = put_well(l, plate, path, error);
    return failure ? failure : raise_field_count(l, plate, fields, error);
}

/* The tree is a row of the plate. */
static int list_row(struct listing *l, const char *row, struct ozx_error *error)
{
    const struct ozx_add_options *options = l->options;
    struct ozx_add_kind kind;
    char path[OZX_PATH_SIZE];
    int failure = 0;

    if (!options->has_all_nodes)
        ozx_add_warn(options, options->path, OZX_ADD_HINT,
                     "may hold wells that are not listed: there are too many nodes", "");
    for (size_t i = 1; i < options->node_count && !failure; i++) {
        const struct ozx_add_node *node = &options->nodes[i];
        if (strchr(node->path, '/') || strlen(row) + strlen(node->path) + 2 > sizeof path)
            continue;
        failure = ozx_add_kind_of(node, &kind, error);
        stpcpy(stpcpy(stpcpy(path, row), "/"), node->path);
        if (!failure && kind.is_well)
            failure = list_well(l, path, true, kind.field_count, error);
    }
    return failure;
}

/* The first two components. */
static const char *well_of(const char *path, char well[OZX_PATH_SIZE])
{
    size_t row = strcspn(path, "/"), size = row + 1 + strcspn(path + row + 1, "/");

    memcpy(well, path, size);
    well[size] = '\0';
    return well;
}

int ozx_add_list_wells(struct ozx_archive *archive, const struct ozx_add_options *options,
                       const struct ozx_add_parents *parents, uint32_t number,
                       const struct ozx_add_kind *tree, struct ozx_error *error)
{
    struct listing l = {.archive = archive, .options = options, .plate = &parents->list[number]};
    const struct ozx_add_parent *last = &parents->list[parents->count - 1];
    const char *path = from_group(options, l.plate);
    char well[OZX_PATH_SIZE];

    switch (parents->count - number) { /* components of the path */
    case 1:
        return tree->is_image || tree->is_well ? 0 : list_row(&l, path, error);
    case 2:
        return tree->is_well ? list_well(&l, path, true, tree->field_count, error) : 0;
    case 3:
        return last->field_count
                   ? list_well(&l, well_of(path, well), last->is_new, last->field_count, error)
                   : 0;
    default:
        return 0;
    }
}
