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
    char in[OZX_ESCAPED_SIZE];    /* the group whose metadata name it; "" is the root */
};

struct check {
    struct ozx_archive *archive;
    uint32_t directory; /* of the metadata at hand */
    const char *text;   /* NULL: not asked for its consolidated metadata */
    struct missing missing[KINDS];
    struct ozx_error damaged; /* the first file that does not have its CRC-32; code 0: none */

    /* Directories that are still to be looked at, from the root on. */
    uint32_t queue[OZX_PROMISES_FILES_MAX];
    unsigned queued;
    uint64_t bytes_left;
};

/* What finds no room is not looked at. */
static void enqueue(struct check *c, uint32_t directory)
{
    if (c->queued < OZX_PROMISES_FILES_MAX)
        c->queue[c->queued++] = directory;
}

static void enqueue_child(struct check *c, uint32_t directory, const char *name)
{
    uint32_t child;

    if (ozx_archive_lookup(c->archive, directory, name, strlen(name), &child) == 0)
        enqueue(c, child);
}

static void count(struct check *c, enum kind kind, const char *what, const char *path, size_t size)
{
    struct missing *missing = &c->missing[kind];
    char in[OZX_PATH_SIZE];
    size_t in_size;

    if (missing->count++)
        return;
    missing->what = what;
    if (c->directory != OZX_NODE_ROOT) {
        in_size = ozx_archive_path(c->archive, c->directory, in);
        ozx_escape(missing->in, sizeof missing->in, in, in_size);
    }
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
    else if (reference->kind != OZX_REFERENCE_DATASET)
        enqueue(c, target);
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

static void judge(struct check *c, uint32_t directory)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_stat stat;
    uint32_t file;

    if (ozx_metadata_find(c->archive, directory, &file))
        return;
    ozx_archive_stat(c->archive, file, &stat);
    if (stat.size_bytes > c->bytes_left)
        return;
    if (ozx_metadata_load(c->archive, file, &metadata, &error)) {
        if (error.rule == OZX_RULE_CRC && !c->damaged.code)
            c->damaged = error;
        return;
    }
    c->bytes_left -= stat.size_bytes;
    c->directory = directory;
    if (directory == OZX_NODE_ROOT && metadata->has_consolidated)
        judge_consolidated(c, file);
    if (!metadata->ome)
        return;
    (void)!ozx_references_each(metadata->ome, judge_reference, c); /* to the last */
    if (metadata->ome->multiscale_count)
        enqueue_child(c, directory, "labels");
    if (metadata->ome->has_bioformats2raw)
        enqueue_child(c, directory, "OME");
}

static void tell_missing(const struct check *c, enum kind kind,
                         void (*tell)(void *context, const struct ozx_error *warning),
                         void *context)
{
    const struct missing *missing = &c->missing[kind];
    struct ozx_error warning = OZX_ERROR_INIT;
    char more[48] = "", of[OZX_ESCAPED_SIZE + 8] = "";

    if (!missing->count)
        return;
    if (missing->in[0])
        snprintf(of, sizeof of, " of '%s'", missing->in);
    if (missing->count > 1)
        snprintf(more, sizeof more, " (and %llu more)", (unsigned long long)missing->count - 1);
    if (kind == CONSOLIDATED)
        ozx_error_set(&warning, 0, OZX_RULE_CONSOLIDATED, OZX_OFFSET_NONE,
                      "readers that believe them show fill values",
                      "consolidated metadata list '%s', which does not exist%s", missing->first,
                      more);
    else
        ozx_error_set(&warning, 0, OZX_RULE_OME_PATH, OZX_OFFSET_NONE,
                      kind == DATASETS ? "the image is not complete" : NULL,
                      "OME metadata%.200s name the %s '%.200s', which does not exist%s", of,
                      missing->what, missing->first, more);
    tell(context, &warning);
}

void ozx_promises_check(struct ozx_archive *archive,
                        void (*tell)(void *context, const struct ozx_error *warning), void *context)
{
    struct check c = {
        .archive = archive, .damaged = OZX_ERROR_INIT, .bytes_left = OZX_PROMISES_SIZE_MAX};

    enqueue(&c, OZX_NODE_ROOT);
    for (unsigned i = 0; i < c.queued; i++)
        judge(&c, c.queue[i]);
    if (c.damaged.code)
        tell(context, &c.damaged);
    for (enum kind kind = 0; kind < KINDS; kind++)
        tell_missing(&c, kind, tell, context);
}
