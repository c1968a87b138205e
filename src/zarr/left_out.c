/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words for what is left out but listed.
 */
#include "zarr/left_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void ozx_left_out_add(struct ozx_left_out_tally *tally, enum ozx_left_out_kind kind, const char *in,
                      const char *name, size_t name_size_bytes)
{
    struct ozx_left_out_count *count = &tally->kinds[kind];

    if (!count->count++) {
        ozx_escape(count->in, sizeof count->in, in, strlen(in));
        ozx_escape(count->first, sizeof count->first, name, name_size_bytes);
    }
    if (!count->files || count->file != tally->file)
        count->files++;
    count->file = tally->file;
}

/* "'zarr.json'", "3 zarr.json files" */
static void name_files(const struct ozx_left_out_count *count, char *out, size_t size)
{
    if (count->files == 1)
        snprintf(out, size, "'%s'", count->in);
    else
        snprintf(out, size, "%" PRIu64 " zarr.json files", count->files);
}

static void name_first(const struct ozx_left_out_count *count, char *out, size_t size)
{
    if (count->files == 1)
        snprintf(out, size, "(first: '%s')", count->first);
    else
        snprintf(out, size, "(first: '%s' in '%s')", count->first, count->in);
}

static void say_nodes(const struct ozx_left_out_count *count, const char *verb, const char *are,
                      const char *hint, struct ozx_error *error)
{
    char files[OZX_ESCAPED_SIZE + 8], first[2 * OZX_ESCAPED_SIZE + 24];

    name_files(count, files, sizeof files);
    name_first(count, first, sizeof first);
    ozx_error_set(error, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                  "consolidated metadata of %.262s: %s %" PRIu64 " node%s that %s %s %.300s", files,
                  verb, count->count, OZX_S(count->count), count->count == 1 ? "is" : "are", are,
                  first);
}

/* Things told by the first of them. */
static void say_first(const struct ozx_left_out_count *count, const char *before, const char *what,
                      const char *after, const char *hint, struct ozx_error *error)
{
    char more[48] = "";

    if (count->count > 1)
        snprintf(more, sizeof more, " (and %" PRIu64 " more)", count->count - 1);
    ozx_error_set(error, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s'%s'%s%s", before, what, after,
                  more);
}

static void say_reference(const struct ozx_left_out_count *count, enum ozx_reference_kind kind,
                          struct ozx_error *error)
{
    char before[OZX_ESCAPED_SIZE + 64];

    snprintf(before, sizeof before, "OME metadata of '%s' name the %s ", count->in,
             ozx_reference_name(kind));
    say_first(count, before, count->first, ", which is left out",
              kind == OZX_REFERENCE_DATASET ? "readers cannot open the image at this resolution"
                                            : "readers that follow the metadata do not find it",
              error);
}

bool ozx_left_out_say(const struct ozx_left_out_tally *tally, enum ozx_left_out_kind kind,
                      struct ozx_error *error, bool *is_note)
{
    const struct ozx_left_out_count *count = &tally->kinds[kind];

    *is_note = kind == OZX_LEFT_OUT_REMOVED;
    if (!count->count)
        return false;
    switch ((int)kind) {
    case OZX_LEFT_OUT_REMOVED:
        say_nodes(count, "removed", "left out", NULL, error);
        break;
    case OZX_LEFT_OUT_KEPT:
        say_nodes(count, "still list", "left out", "readers show fill values in place of them",
                  error);
        break;
    case OZX_LEFT_OUT_STALE:
        say_nodes(count, "list", "not there",
                  "consolidate again, for example with zarr.consolidate_metadata", error);
        break;
    case OZX_LEFT_OUT_WRONG:
        say_first(count, "consolidated metadata of ", count->in,
                  " are damaged and were kept unchanged", "they may list what is left out", error);
        break;
    case OZX_LEFT_OUT_OTHER_KIND:
        say_first(count, "consolidated metadata of ", count->in,
                  " are of an unknown kind and were kept unchanged",
                  "they may list what is left out", error);
        break;
    case OZX_LEFT_OUT_LARGE:
        say_first(count, "", count->in, " is larger than 64 MiB and was kept unchanged",
                  "it may name what is left out", error);
        break;
    case OZX_LEFT_OUT_V2:
        say_first(count, "consolidated metadata of Zarr v2, ", count->in, ", are kept unchanged",
                  "they may list what is left out", error);
        break;
    case OZX_LEFT_OUT_CHUNKS:
        say_first(count,
                  "chunks are left out, but not the zarr.json of their array: ", count->first, "",
                  "readers show the fill value in place of them", error);
        break;
    case OZX_LEFT_OUT_PARENT:
        say_first(count, "", count->first, " is left out, but not what is below its directory",
                  "readers do not find what is below", error);
        break;
    default:
        say_reference(count, (enum ozx_reference_kind)(kind - OZX_LEFT_OUT_REFERENCE), error);
    }
    return true;
}
