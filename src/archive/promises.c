/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A few files of metadata, and the tree.
 */
#include "archive/promises.h"

#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "zarr/consolidated.h"
#include "zarr/references.h"

enum kind { DATASETS, OTHERS, CONSOLIDATED, KINDS };

struct missing {
    uint64_t count;
    const char *what;             /* of the first one: static */
    char first[OZX_ESCAPED_SIZE]; /* its path as it stands */
};

struct check {
    struct ozx_archive *archive;
    uint32_t directory; /* of the metadata at hand */
    const char *text;   /* NULL: not asked for its consolidated metadata */
    struct missing missing[KINDS];
};

static void count(struct check *c, enum kind kind, const char *what, const char *path, size_t size)
{
    struct missing *missing = &c->missing[kind];

    if (missing->count++)
        return;
    missing->what = what;
    ozx_escape(missing->first, sizeof missing->first, path, size);
}

static int judge_reference(void *context, const struct ozx_reference *reference)
{
    struct check *c = context;
    uint32_t from = c->directory, target, file;

    if (reference->from_above)
        from = ozx_archive_parent(c->archive, from);
    if (ozx_metadata_resolve(c->archive, from, reference->path, &target) ||
        ozx_metadata_find(c->archive, target, &file))
        count(c, reference->kind == OZX_REFERENCE_DATASET ? DATASETS : OTHERS,
              ozx_reference_name(reference->kind), reference->path, strlen(reference->path));
    return 0;
}

static bool judge_listed(void *context, const struct ozx_consolidated_node *node)
{
    struct check *c = context;
    uint32_t directory, file;

    if (!node->path || ozx_archive_find(c->archive, node->path, &directory) ||
        ozx_metadata_find(c->archive, directory, &file))
        count(c, CONSOLIDATED, "", c->text + node->key.from, node->key.to - node->key.from);
    return false;
}

static void judge_consolidated(struct check *c, uint32_t file)
{
    struct ozx_consolidated_walk walk = {.directory = "", .context = c, .listed = judge_listed};
    struct ozx_consolidated_facts facts;
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_FREE char *text = NULL;

    if (ozx_metadata_text(c->archive, file, &text, &walk.size_bytes, &error))
        return;
    walk.text = c->text = text;
    (void)!ozx_consolidated_each(&walk, &facts); /* fails if `cut` does, and there is none */
}

/* The metadata of `directory`, if there are any and they are small enough; the caller frees them. */
static struct ozx_metadata *judge(struct check *c, uint32_t directory, uint32_t *file)
{
    struct ozx_metadata *metadata = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_stat stat;

    if (ozx_metadata_find(c->archive, directory, file))
        return NULL;
    ozx_archive_stat(c->archive, *file, &stat);
    if (stat.size_bytes > OZX_PROMISES_SIZE_MAX ||
        ozx_metadata_load(c->archive, *file, &metadata, &error))
        return NULL;
    c->directory = directory;
    if (metadata->ome)
        (void)!ozx_references_each(metadata->ome, judge_reference, c); /* to the last */
    return metadata;
}

static void judge_below(struct check *c, const char *name)
{
    uint32_t directory, file;

    if (ozx_archive_lookup(c->archive, OZX_NODE_ROOT, name, strlen(name), &directory) == 0)
        ozx_metadata_free(judge(c, directory, &file));
}

static void tell_missing(const struct check *c, enum kind kind,
                         void (*tell)(void *context, const struct ozx_error *warning),
                         void *context)
{
    const struct missing *missing = &c->missing[kind];
    struct ozx_error warning = OZX_ERROR_INIT;
    char more[48] = "";

    if (!missing->count)
        return;
    if (missing->count > 1)
        snprintf(more, sizeof more, " (and %llu more)", (unsigned long long)missing->count - 1);
    if (kind == CONSOLIDATED)
        ozx_error_set(&warning, 0, OZX_RULE_CONSOLIDATED, OZX_OFFSET_NONE,
                      "readers that believe them show fill values",
                      "consolidated metadata list '%s', which is not there%s", missing->first,
                      more);
    else
        ozx_error_set(&warning, 0, OZX_RULE_OME_PATH, OZX_OFFSET_NONE,
                      kind == DATASETS ? "the image is not complete" : NULL,
                      "OME metadata name the %s '%s', which is not there%s", missing->what,
                      missing->first, more);
    tell(context, &warning);
}

void ozx_promises_check(struct ozx_archive *archive,
                        void (*tell)(void *context, const struct ozx_error *warning), void *context)
{
    struct check c = {.archive = archive};
    uint32_t file;
    OZX_AUTO_METADATA struct ozx_metadata *root = judge(&c, OZX_NODE_ROOT, &file);

    if (!root)
        return;
    if (root->has_consolidated)
        judge_consolidated(&c, file);
    if (root->ome && root->ome->multiscale_count)
        judge_below(&c, "labels");
    if (root->ome && root->ome->has_bioformats2raw)
        judge_below(&c, "OME");
    for (enum kind kind = 0; kind < KINDS; kind++)
        tell_missing(&c, kind, tell, context);
}
