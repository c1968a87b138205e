/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The part of verify that sees the archive as a mount does: opening it, and what its tree and its
 * metadata show. Runs on one thread beside those that read the data.
 */
#include <stdlib.h>

#include "verify/verify_parts.h"

static int make_digests(struct ozx_verify *v, struct ozx_error *error)
{
    size_t count = ozx_archive_node_count(v->archive);

    v->digests = malloc(count * sizeof *v->digests);
    v->digested = calloc(count, sizeof *v->digested);
    return v->digests && v->digested ? 0 : ozx_error_memory(error);
}

int ozx_verify_open(struct ozx_verify *v, void (*opened)(void *context), void *context,
                    struct ozx_error *error)
{
    size_t size;
    const char *text;
    int failure = ozx_archive_open(v->source, NULL, &v->archive, error);

    if (failure)
        return failure;
    if (v->options->manifest) {
        /* Who makes a digest asks which entry a file is. */
        failure = ozx_verify_names_index(v, error);
        if (!failure)
            failure = make_digests(v, error);
        if (failure)
            return failure;
    }
    opened(context);
    text = ozx_archive_comment(v->archive, &size);
    if (ozx_comment_parse(text ? text : "", size, &v->comment))
        return ozx_error_memory(error);
    if (!v->local_offsets)
        failure = ozx_verify_names_index(v, error);
    if (!failure)
        failure = ozx_verify_names_tree(v, error);
    return failure ? failure : ozx_verify_metadata(v, error);
}
