/* SPDX-License-Identifier: BSD-2-Clause
 *
 * .zattrs as the attributes of v3: what is OME-Zarr's moves below `ome`, everything else stays
 * where and what it is, byte by byte.
 */
#include <string.h>

#include "zarr/v2_ome.h"

/* The blocks of OME-Zarr, and what their values begin with if they are such. */
static const struct block {
    const char *key, *first;
} blocks[] = {
    {"multiscales", "["}, {"omero", "{"},
    {"labels", "["},      {"image-label", "{"},
    {"plate", "{"},       {"well", "{"},
    {"series", "["},      {"bioformats2raw.layout", "-0123456789"},
};
#define BLOCKS (sizeof blocks / sizeof blocks[0])

struct moving {
    struct ozx_v2_value root;
    const struct ozx_v2_levels *levels;
    bool moves[BLOCKS], moves_any;
    struct ozx_text *out;
    struct ozx_v2_report *report;
    struct ozx_error *error;
};

/* Others have multiscales, too: of theirs neither axes nor version say anything to OME-Zarr, and
 * what they name are groups. 1: OME-Zarr's. */
static int is_ome_multiscales(const struct moving *m, const struct ozx_v2_value *list)
{
    struct ozx_json_cursor cursor = ozx_json_within(list->text, list->range);
    struct ozx_v2_value first = {.text = list->text}, value;
    struct ozx_shape shape;
    char path[4096];

    if (!ozx_json_enter(&cursor, '[') ||
        ozx_json_next_element(&cursor, &first.range) != OZX_JSON_ITEM ||
        ozx_v2_first(&first) != '{')
        return 0;
    if (ozx_v2_find(&first, "version", &value) || ozx_v2_find(&first, "axes", &value))
        return 1;
    if (!ozx_v2_first_level(&first, path, sizeof path))
        return 0;
    return m->levels->shape_of(m->levels->context, path, &shape, m->error);
}

/* Which blocks are there. */
static int find_blocks(struct moving *m)
{
    struct ozx_v2_value value;

    for (size_t i = 0; i < BLOCKS; i++) {
        if (!ozx_v2_find(&m->root, blocks[i].key, &value) ||
            !strchr(blocks[i].first, ozx_v2_first(&value)))
            continue;
        if (i == 0) {
            int is = is_ome_multiscales(m, &value);
            if (is < 0)
                return is;
            if (!is) {
                m->report->said |= OZX_V2_NOT_OME;
                continue;
            }
        }
        m->moves[i] = m->moves_any = true;
    }
    if (!m->moves_any)
        return 0;
    m->report->said |= OZX_V2_OME;
    if (ozx_json_find(m->root.text, m->root.range, "ome", &value.range))
        return OZX_V2_REFUSE(m->error,
                             "ome: exists already, where OME-Zarr 0.5 has its own metadata");
    return 0;
}

static int put_multiscales(struct moving *m, const struct ozx_v2_value *list)
{
    struct ozx_json_cursor cursor = ozx_json_within(list->text, list->range);
    struct ozx_v2_value one = {.text = list->text};
    int failure = 0;

    ozx_text_put(m->out, "[");
    (void)ozx_json_enter(&cursor, '[');
    for (size_t i = 0;
         !failure && ozx_json_next_element(&cursor, &one.range) == OZX_JSON_ITEM; i++) {
        ozx_text_put(m->out, i ? "," : "");
        failure = ozx_v2_put_multiscale(&one, i, m->levels, m->out, m->report, m->error);
    }
    ozx_text_put(m->out, "]");
    return failure;
}

static void put_unversioned(const struct ozx_v2_value *object, struct ozx_text *out)
{
    ozx_text_put(out, "{");
    (void)ozx_v2_put_members(object, "version", false, out);
    ozx_text_put(out, "}");
}

static int put_ome(struct moving *m, bool *any)
{
    struct ozx_v2_value value;
    int failure = 0;

    if (!m->moves_any)
        return 0;
    ozx_text_put(m->out, "\"ome\":{\"version\":\"0.5\"");
    for (size_t i = 0; i < BLOCKS && !failure; i++) {
        if (!m->moves[i])
            continue;
        (void)ozx_v2_find(&m->root, blocks[i].key, &value);
        ozx_text_format(m->out, ",\"%s\":", blocks[i].key);
        if (i == 0)
            failure = put_multiscales(m, &value);
        else if (ozx_v2_first(&value) == '{')
            put_unversioned(&value, m->out);
        else
            ozx_v2_copy(m->out, &value);
    }
    ozx_text_put(m->out, "}");
    *any = true;
    return failure;
}

static bool was_moved(const struct moving *m, const struct ozx_json_member *member)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (m->moves[i] && ozx_json_is(m->root.text, member->key, blocks[i].key))
            return true;
    return false;
}

static void put_others(struct moving *m, bool any)
{
    struct ozx_json_cursor cursor = ozx_json_within(m->root.text, m->root.range);
    struct ozx_json_member member;

    (void)ozx_json_enter(&cursor, '{');
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM) {
        if (was_moved(m, &member))
            continue;
        ozx_text_put(m->out, any ? "," : "");
        ozx_text_add(m->out, m->root.text + member.start, member.value.to - member.start);
        any = true;
    }
}

int ozx_v2_attributes(const char *zattrs, size_t size_bytes, const struct ozx_v2_levels *levels,
                      struct ozx_text *out, struct ozx_v2_report *report, struct ozx_error *error)
{
    struct moving m = {.levels = levels, .out = out, .report = report, .error = error};
    bool any = false;
    int failure = ozx_v2_load(zattrs, size_bytes, &m.root, error);

    if (!failure && levels)
        failure = find_blocks(&m);
    if (failure)
        return failure;
    ozx_text_put(out, "{");
    if (levels)
        failure = put_ome(&m, &any);
    if (failure)
        return failure;
    put_others(&m, any);
    ozx_text_put(out, "}");
    return out->no_memory ? ozx_error_memory(error) : 0;
}
