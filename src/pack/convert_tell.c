/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a conversion did that its input does not say by itself: a line for each kind, with a count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pack/convert.h"

struct telling {
    const struct ozx_convert *c;
    const struct ozx_input_teller *teller;
};

/* "'0/1'", or "'/'". */
static const char *name_of(const struct telling *t, uint32_t node, char out[OZX_ESCAPED_SIZE])
{
    const struct ozx_convert_node *n = &t->c->nodes[node];

    return n->path_size_bytes ? ozx_escape(out, OZX_ESCAPED_SIZE, n->path, n->path_size_bytes)
                              : "/";
}

static void tell(const struct telling *t, bool is_warning, const struct ozx_convert_count *count,
                 const char *what)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE], others[64] = "";

    if (!count->count)
        return;
    if (count->count > 1)
        snprintf(others, sizeof others, ", and %" PRIu64 " more node%s", count->count - 1,
                 OZX_S(count->count - 1));
    ozx_error_set(&error, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "'%s'%s: %s",
                  name_of(t, count->first, name), others, what);
    (is_warning ? t->teller->warning : t->teller->note)(t->teller->context, &error);
}

/* Codecs that not every reader has. */
static void tell_codecs(const struct telling *t)
{
    char text[256];

    for (unsigned i = 0; i < OZX_V2_CODECS_MAX && ozx_v2_codec_name(i); i++) {
        snprintf(text, sizeof text, "the codec %s is known to %s only", ozx_v2_codec_name(i),
                 ozx_v2_codec_readers(i) ? ozx_v2_codec_readers(i) : "some readers");
        tell(t, true, &t->c->codecs[i], text);
    }
}

static void tell_files(const struct telling *t, uint64_t count, const char *what)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!count)
        return;
    ozx_error_set(&error, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "left out %" PRIu64 " file%s %s",
                  count, OZX_S(count), what);
    t->teller->note(t->teller->context, &error);
}

void ozx_convert_tell(struct ozx_input *input, const struct ozx_input_teller *teller)
{
    static const char *const said[OZX_V2_SAID_BITS] = {
        "no fill value is stated: it is 0, false, \"\" or NaT now",
        "gzip level -1 is stated as 6",
        "no axes are stated: they are the last of t, c, z, y, x now",
        "axes have types now",
        "scales are the ratios of the levels' shapes now",
        "dimension_names are the axes' names, not those of _ARRAY_DIMENSIONS",
        "'multiscales' is not that of OME-Zarr, and stays an attribute",
        NULL,
    };
    struct ozx_convert *c = ozx_convert_of(input);
    const struct telling t = {c, teller};

    ozx_input_listing_free(&c->flat.listing); /* the walk is over */
    c->flat.count = 0;
    for (unsigned i = 0; i < OZX_V2_SAID_BITS; i++)
        if (said[i])
            tell(&t, false, &c->said[i], said[i]);
    tell(&t, false, &c->separators,
         "dimension_separator is not what the names of the chunks have, which are followed");
    tell(&t, false, &c->implicit, "a directory above nodes is a group now");
    tell_codecs(&t);
    tell_files(&t, c->zmetadata, "of consolidated metadata (.zmetadata)");
    tell_files(&t, c->beside_v3, "of Zarr v2 metadata beside those of v3");
    if (c->base->kind->tell)
        c->base->kind->tell(c->base, teller);
}
