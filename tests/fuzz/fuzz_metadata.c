/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as metadata of each kind of file: what comes out is as metadata.h promises, whoever
 * wrote it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "zarr/json.h"
#include "zarr/metadata.h"

static void check_text(const char *text)
{
    FUZZ_CHECK(!text || ozx_utf8_valid(text, strlen(text)));
}

static void check_codecs(const struct ozx_codecs *codecs)
{
    for (size_t i = 0; i < codecs->count; i++) {
        const struct ozx_sharding *s = codecs->list[i].sharding;
        FUZZ_CHECK(codecs->list[i].name && codecs->list[i].name[0] && codecs->list[i].label);
        check_text(codecs->list[i].label);
        if (!s)
            continue;
        FUZZ_CHECK(!s->index_readable ||
                   (s->chunks_per_shard >= 1 &&
                    s->index_size_bytes == 16 * s->chunks_per_shard + (s->index_crc32c ? 4 : 0)));
        FUZZ_CHECK(!s->inner || s->codecs.count);
        check_text(s->behind);
        check_codecs(&s->codecs);
        check_codecs(&s->index_codecs);
    }
}

static void check_array(const struct ozx_array *a)
{
    FUZZ_CHECK(a->shape.count <= OZX_DIMENSIONS_MAX && a->chunk_shape.count <= OZX_DIMENSIONS_MAX);
    FUZZ_CHECK(!a->has_grid || (a->has_shape && a->chunk_shape.count == a->shape.count));
    for (uint32_t i = 0; i < a->chunk_shape.count; i++)
        FUZZ_CHECK(a->chunk_shape.sizes[i] >= 1);
    check_text(a->data_type);
    check_text(a->fill_value);
    check_codecs(&a->codecs);
    (void)ozx_array_chunk_count(a);
    (void)ozx_array_judge_key(a, "c/0/1", 5, NULL);
}

static void check_numbers(const double *numbers, size_t count)
{
    for (size_t i = 0; numbers && i < count; i++)
        FUZZ_CHECK(isfinite(numbers[i]));
}

static void check_ome(const struct ozx_ome *ome)
{
    for (size_t i = 0; i < ome->multiscale_count; i++) {
        const struct ozx_multiscale *m = &ome->multiscales[i];
        for (size_t k = 0; k < m->axis_count; k++)
            FUZZ_CHECK(m->axes[k].name);
        for (size_t k = 0; k < m->system_count; k++)
            check_text(m->systems[k]);
        for (size_t k = 0; k < m->dataset_count; k++) {
            FUZZ_CHECK(m->datasets[k].path);
            check_numbers(m->datasets[k].transforms.scale, m->axis_count);
            check_numbers(m->datasets[k].transforms.translation, m->axis_count);
        }
    }
    for (size_t i = 0; i < ome->channel_count; i++)
        FUZZ_CHECK(!ome->channels[i].color || strlen(ome->channels[i].color) == 6);
    for (size_t i = 0; i < ome->label_count; i++)
        FUZZ_CHECK(ome->labels[i]);
    for (size_t i = 0; ome->scene && i < ome->scene->system_count; i++)
        FUZZ_CHECK(ome->scene->systems[i]);
    for (size_t i = 0; ome->scene && i < ome->scene->transform_count; i++) {
        check_text(ome->scene->transforms[i].input.path);
        check_text(ome->scene->transforms[i].output.name);
    }
    for (size_t i = 0; ome->plate && i < ome->plate->well_count; i++) {
        const struct ozx_well_reference *well = &ome->plate->wells[i];
        FUZZ_CHECK(well->path);
        FUZZ_CHECK(well->row == UINT32_MAX || well->row < ome->plate->row_count);
        FUZZ_CHECK(well->column == UINT32_MAX || well->column < ome->plate->column_count);
    }
}

/* The scanner against jansson, which knows nothing of it: what jansson takes is taken, and what is
 * taken without a word is JSON to jansson. But jansson passes over a byte 0 behind a number
 * ("[4\0]"). */
static void check_json(const char *text, size_t size)
{
    struct ozx_json_problem problem;
    OZX_AUTO_JSON json_t *ours = NULL, *theirs = NULL;
    json_error_t error;
    int failure = ozx_json_parse(text, size, &ours, NULL, &problem);
    bool odd = false;

    theirs = json_loadb(text, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    FUZZ_CHECK(!failure == (ours != NULL));
    if (failure) {
        FUZZ_CHECK(failure == -EBADMSG);
        FUZZ_CHECK(problem.bound || !theirs || memchr(text, '\0', size));
        FUZZ_CHECK(problem.bound ||
                   (problem.json.text[0] && problem.json.line >= 1 && problem.json.column >= 1 &&
                    problem.json.position <= (int)size));
        return;
    }
    for (int kind = 0; kind < OZX_JSON_KINDS; kind++) {
        const struct ozx_json_defect *defect = &problem.defects[kind];
        char said[OZX_JSON_TEXT_SIZE];
        odd |= defect->count && kind != OZX_JSON_DUPLICATE;
        FUZZ_CHECK(defect->offset <= size && strlen(defect->what) < sizeof defect->what);
        FUZZ_CHECK(!defect->count || (defect->line >= 1 && defect->column >= 1));
        check_text(ozx_json_defect_text((enum ozx_json_kind)kind, defect, said));
        check_text(ozx_json_defect_place(defect, said));
    }
    FUZZ_CHECK(odd || theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_json(size ? (const char *)data : "", size);
    for (int file = OZX_METADATA_ZARR_JSON; file <= OZX_METADATA_ZARRAY; file++) {
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_metadata *m = NULL;
        /* As the file and, of Zarr v2, as the attributes beside it. */
        const char *text = size ? (const char *)data : "";
        int failure =
            ozx_metadata_parse((enum ozx_metadata_file)file, text, size,
                               file == OZX_METADATA_ZARR_JSON ? NULL : text, size, &m, &error);
        FUZZ_CHECK(!failure || (failure == error.code && error.text[0]));
        if (failure)
            continue;
        FUZZ_CHECK(!(m->is_array && m->is_group) && m->is_array == (m->array != NULL));
        FUZZ_CHECK(m->defect_count <= m->defect_total && m->defect_count <= OZX_DEFECTS_MAX);
        if (m->array)
            check_array(m->array);
        if (m->ome)
            check_ome(m->ome);
        ozx_metadata_free(m);
    }
    return 0;
}
