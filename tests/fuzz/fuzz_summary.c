/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as the metadata files of an archive: its summary as JSON (`ozxfs info --json`), which
 * must be JSON and take no more memory than the contract says. The input is the files' texts with a
 * NUL between them, for the paths below one after the other; a first byte below the space picks
 * another path. So any metadata alone is the root's.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "../kit/source_memory.h"
#include "../unit/forge.h"
#include "fuzz.h"
#include "info/summary.h"
#include "zarr/jansson.h"

#define OUTPUT_MAX (64u << 20)
#define PEAK_MAX (256 << 20)

static const char *const paths[] = {
    "zarr.json",
    "0/zarr.json",
    "1/zarr.json",
    "labels/zarr.json",
    "labels/a/zarr.json",
    "labels/a/0/zarr.json",
    "A/1/zarr.json",
    "A/1/0/zarr.json",
    "OME/zarr.json",
    "t0/zarr.json",
    "x/y/z/zarr.json",
    ".zgroup",
    ".zattrs",
    ".zarray",
    "0/.zarray",
    "0/.zattrs",
    "0/.zgroup",
    "labels/.zgroup",
    "labels/.zattrs",
    ".zmetadata",
    "0/c/0/0",
    "labels/a/0/c/0/0/0",
    "A/1/0/0/zarr.json",
    "A/zarr.json",
};
enum { PATHS = sizeof paths / sizeof paths[0] };

/* --- memory ----------------------------------------------------------------------------------- */

/* The sanitizer's, where there is one: it sees each allocation. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void *pointer) __attribute__((weak));
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *))
    __attribute__((weak));

/* Since the hooks: what was allocated before and is freed makes them negative. */
static _Atomic ptrdiff_t live_bytes, peak_bytes;

static void note_allocated(const volatile void *pointer, size_t size)
{
    ptrdiff_t live = atomic_fetch_add(&live_bytes, (ptrdiff_t)size) + (ptrdiff_t)size;

    (void)pointer;
    if (live > peak_bytes)
        peak_bytes = live;
}

static void note_freed(const volatile void *pointer)
{
    if (pointer)
        atomic_fetch_sub(&live_bytes, (ptrdiff_t)__sanitizer_get_allocated_size(pointer));
}

static size_t allocated_bytes(void)
{
    static bool asked;

    if (!asked && __sanitizer_install_malloc_and_free_hooks)
        __sanitizer_install_malloc_and_free_hooks(note_allocated, note_freed);
    asked = true;
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* --- the archive ------------------------------------------------------------------------------ */

static struct forge forge_archive(const uint8_t *data, size_t size)
{
    struct forge f = {0};
    bool taken[PATHS] = {false};

    for (size_t at = 0, next = 0; at < size && next < PATHS; next++) {
        const uint8_t *text = data + at, *end = memchr(text, 0, size - at);
        size_t text_size = end ? (size_t)(end - text) : size - at, path = next;
        at += text_size + 1;
        if (text_size && text[0] < ' ' && !strchr("\t\n\r", text[0])) {
            path = text[0] % PATHS;
            text++, text_size--;
        }
        if (taken[path])
            continue;
        taken[path] = true;
        forge_entry(&f, paths[path], strlen(paths[path]), text, text_size);
    }
    forge_end(
        &f, true,
        "{\"ome\":{\"version\":\"0.5\",\"zipFile\":{\"centralDirectory\":{\"jsonFirst\":true}}}}");
    return f;
}

/* --- the summary ------------------------------------------------------------------------------ */

static void check_node(const json_t *node)
{
    static const char *const always[] = {"path", "kind", "bytes", "files", "missing", "defects"};
    const json_t *child;
    size_t i;

    for (i = 0; i < sizeof always / sizeof always[0]; i++)
        FUZZ_CHECK(json_object_get(node, always[i]));
    json_array_foreach(json_object_get(node, "children"), i, child) check_node(child);
}

static void check_json(const char *text)
{
    json_error_t why;
    json_t *json;

    FUZZ_CHECK(ozx_utf8_valid(text, strlen(text)) && strlen(text) <= OUTPUT_MAX);
    FUZZ_CHECK(ozx_jansson_load(text, strlen(text), JSON_REJECT_DUPLICATES, &json, &why) == 0);
    FUZZ_CHECK(json_integer_value(json_object_get(json, "schema")) >= 1);
    FUZZ_CHECK(json_object_get(json, "omitted") && json_object_get(json, "root"));
    check_node(json_object_get(json, "root"));
    json_decref(json);
}

static void summarize(struct ozx_archive *archive, size_t input_size, const char *file)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_summary *summary;
    size_t before = allocated_bytes(), kept;
    char *text;
    size_t text_size;
    FILE *out;

    peak_bytes = live_bytes;
    /* Metadata that cannot be parsed is no failure, nor can the memory below an archive fail. */
    FUZZ_CHECK(ozx_summary_make(archive, &summary, &error) == 0);
    kept = allocated_bytes();
    FUZZ_CHECK(kept <= before + OZX_SUMMARY_MEMORY_MAX + 2 * input_size + (1u << 20));
    out = open_memstream(&text, &text_size);
    FUZZ_CHECK(out && ozx_summary_json(archive, summary, file, out) == 0);
    FUZZ_CHECK(fclose(out) == 0);
    FUZZ_CHECK(peak_bytes <= live_bytes + PEAK_MAX);
    check_json(text);
    free(text);
    ozx_summary_free(summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct forge f = forge_archive(data, size);
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    struct ozx_source *source;
    char file[32] = "";

    memcpy(file, data, size < sizeof file - 1 ? size : sizeof file - 1);
    if (f.count) {
        FUZZ_CHECK(source_open_memory(f.data, f.size_bytes, &source) == 0);
        if (ozx_archive_open(source, NULL, &archive, &error) == 0) {
            summarize(archive, size, file);
            ozx_archive_close(archive);
        } else { /* a metadata file that would be an archive itself */
            FUZZ_CHECK(error.rule != OZX_RULE_NONE);
            ozx_source_close(source);
        }
    }
    forge_free(&f);
    return 0;
}
