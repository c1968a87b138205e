/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scanner and jansson in a row, and words for what they find.
 */
#include "zarr/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zarr/jansson.h"
#include "zarr/json_scan.h"

/* jansson reports a key that comes twice by its place in the text that was kept. */
static void note_duplicate(const char *text, size_t size, size_t kept_at,
                           struct ozx_json_problem *problem)
{
    struct ozx_json_problem again = {.bound = NULL};
    struct ozx_json_scan scan = {.watched = kept_at};
    struct ozx_json_defect *defect = &problem->defects[OZX_JSON_DUPLICATE];

    defect->count = 1;
    if (ozx_json_scan(text, size, SIZE_MAX / 2, &scan, &again) == 0)
        defect->offset = scan.watched_origin;
    free(scan.text);
    ozx_json_locate(text, defect->offset, &defect->line, &defect->column);
}

static int load(const char *text, size_t size, const struct ozx_json_scan *scan, json_t **out,
                struct ozx_json_problem *problem)
{
    int failure =
        ozx_jansson_load(scan->text, scan->size_bytes, JSON_REJECT_DUPLICATES, out, &problem->json);

    if (failure == -EBADMSG && json_error_code(&problem->json) == json_error_duplicate_key) {
        /* behind the key */
        note_duplicate(text, size, (size_t)(problem->json.position - 1), problem);
        failure = ozx_jansson_load(scan->text, scan->size_bytes, 0, out, &problem->json);
    }
    return failure;
}

int ozx_json_parse(const char *text, size_t size_bytes, json_t **out, bool *as_real,
                   struct ozx_json_problem *problem)
{
    struct ozx_json_scan scan = {.watched = 0};
    int failure;

    *problem = (struct ozx_json_problem){
        .bound = size_bytes > OZX_JSON_SIZE_MAX ? "it is larger than 64 MiB" : NULL};
    if (problem->bound)
        return -EBADMSG;
    failure = ozx_json_scan(text, size_bytes, OZX_JSON_MEMORY_MAX + size_bytes / 2, &scan, problem);
    if (!failure)
        failure = load(text, size_bytes, &scan, out, problem);
    if (!failure && as_real && scan.big_integers)
        *as_real = true;
    free(scan.text);
    return failure;
}

const char *ozx_json_defect_text(enum ozx_json_kind kind, const struct ozx_json_defect *defect,
                                 char out[OZX_JSON_TEXT_SIZE])
{
    static const char *const texts[] = {
        [OZX_JSON_NUL] = "a string with U+0000 ends there in C programs",
        [OZX_JSON_SURROGATE] =
            "half of a surrogate pair is not a character: tensorstore and zarrs refuse it",
        [OZX_JSON_BOM] = "a byte order mark is not allowed before JSON: zarrs refuses it",
        [OZX_JSON_NOT_FINITE] = "%s is not JSON: tensorstore, zarrs and zarrita.js refuse it",
        [OZX_JSON_RANGE] = "the number %s is too large: tensorstore and zarrs refuse it",
        [OZX_JSON_NESTING] = "lists and objects are nested %s deep: zarrs refuses more than 127",
        [OZX_JSON_DUPLICATE] =
            "a key appears twice in one object: readers take the last one, or refuse it",
        [OZX_JSON_PADDING] =
            "NUL bytes follow the end: zarr-python, zarrs and zarrita.js refuse it",
    };

    snprintf(out, OZX_JSON_TEXT_SIZE, texts[kind], defect->what);
    return out;
}

const char *ozx_json_defect_place(const struct ozx_json_defect *defect,
                                  char out[OZX_JSON_TEXT_SIZE])
{
    int put = snprintf(out, OZX_JSON_TEXT_SIZE, "line %d, column %d", defect->line, defect->column);

    if (defect->count > 1 && put > 0)
        snprintf(out + put, OZX_JSON_TEXT_SIZE - (size_t)put, ", and %llu more",
                 (unsigned long long)defect->count - 1);
    return out;
}
