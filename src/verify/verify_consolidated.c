/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Consolidated metadata against what is there. Readers take a listed node as it is listed and do
 * not ask for its own zarr.json: where it is not there, or is stored in another way, they show fill
 * values or noise. Each listed node's own zarr.json is read once for all blocks that list it, and
 * kept as a few numbers (zarr/node_digest.h); one block's text and one other are in memory at once.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "base/array.h"
#include "verify/verify_parts.h"
#include "zarr/consolidated.h"
#include "zarr/metadata_files.h"
#include "zarr/node_digest.h"

#define UNREADABLE UINT32_MAX

struct consolidated {
    struct ozx_verify *v;
    const uint16_t *states; /* borrowed */

    /* Of each node of the tree: */
    uint32_t *digest_numbers; /* 0: not read yet; UNREADABLE; else 1 + its place in the list */
    uint32_t *stamps;         /* the last group that lists it */
    uint32_t *reach;          /* nodes to which groups lead from here, itself among them; 0: none */

    struct ozx_node_digest *digests;
    uint32_t digest_count, digest_room;

    /* The group at hand: */
    uint32_t zarr_json, directory, stamp;
    uint32_t listed_count; /* nodes that it lists and to which groups lead */
    char path[OZX_PATH_SIZE];
    const char *text;

    int failure; /* of the machine, not of the archive */
    struct ozx_error *error;
};

static bool is_node(const struct consolidated *c, uint32_t node)
{
    return c->states[node] & OZX_VERIFY_NODE;
}

/* --- a node's own metadata -------------------------------------------------------------------- */

static int keep_digest(struct consolidated *c, uint32_t node, const struct ozx_node_digest *digest)
{
    int failure = ozx_array_grow(c->digests, c->digest_count, &c->digest_room);

    if (failure)
        return failure;
    c->digests[c->digest_count++] = *digest;
    c->digest_numbers[node] = c->digest_count;
    return 0;
}

/* Reads it the first time. NULL: it cannot be read, which other rules tell, or c->failure. */
static const struct ozx_node_digest *digest_of(struct consolidated *c, uint32_t directory)
{
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_node_digest digest;
    struct ozx_json_cursor whole;
    uint32_t file;
    size_t size = 0;
    int failure;

    if (c->digest_numbers[directory] == UNREADABLE)
        return NULL;
    if (c->digest_numbers[directory])
        return &c->digests[c->digest_numbers[directory] - 1];
    c->digest_numbers[directory] = UNREADABLE;
    if (ozx_archive_lookup(c->v->archive, directory, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON),
                           &file))
        return NULL;
    failure = ozx_metadata_text(c->v->archive, file, &text, &size, &error);
    if (!failure) {
        whole = ozx_json_text(text, size);
        failure = ozx_node_digest(text, (struct ozx_json_range){whole.at, whole.end}, &digest);
        if (!failure)
            failure = keep_digest(c, directory, &digest);
        if (failure == -ENOMEM)
            ozx_error_memory(&error);
    }
    if (!failure)
        return &c->digests[c->digest_count - 1];
    if (failure != -EBADMSG && !(failure == -EIO && error.rule)) {
        *c->error = error;
        c->failure = failure;
    }
    return NULL;
}

/* --- a listed node ---------------------------------------------------------------------------- */

static void find(struct consolidated *c, const struct ozx_consolidated_node *node,
                 enum ozx_verdict verdict, const char *before, const char *after)
{
    char key[OZX_ESCAPED_SIZE];

    ozx_escape(key, sizeof key, c->text + node->key.from, node->key.to - node->key.from);
    ozx_verify_find_node(c->v, OZX_RULE_CONSOLIDATED, verdict, c->zarr_json, "'%s' %s%s", key,
                         before, after);
}

static void compare(struct consolidated *c, const struct ozx_consolidated_node *node,
                    uint32_t directory)
{
    struct ozx_node_digest listed;
    const struct ozx_node_digest *own;
    int failure = ozx_node_digest(c->text, node->value, &listed);

    if (failure == -ENOMEM) {
        c->failure = ozx_error_memory(c->error);
        return;
    }
    if (failure) {
        find(c, node, OZX_VERDICT_FAIL, "is listed with something that is not metadata", "");
        return;
    }
    own = digest_of(c, directory);
    for (enum ozx_node_field field = 0; own && field < OZX_FIELD_COUNT; field++)
        if (own->fields[field] != listed.fields[field]) {
            find(c, node, field == OZX_FIELD_ATTRIBUTES ? OZX_VERDICT_WARN : OZX_VERDICT_FAIL,
                 "is listed with a different value than in its own zarr.json: ",
                 ozx_node_field_name(field));
            return;
        }
}

/* Do groups lead from the group at hand to this node? */
static bool is_reached(const struct consolidated *c, uint32_t node)
{
    while (node > c->directory && is_node(c, node))
        node = ozx_archive_parent(c->v->archive, node);
    return node == c->directory;
}

static void count(struct consolidated *c, const struct ozx_consolidated_node *node,
                  uint32_t directory)
{
    if (c->stamps[directory] == c->stamp) {
        find(c, node, OZX_VERDICT_WARN, "is listed more than once", "");
        return;
    }
    c->stamps[directory] = c->stamp;
    c->listed_count += directory != c->directory && is_reached(c, directory);
}

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct consolidated *c = context;
    uint32_t directory;

    if (c->failure)
        return true; /* nothing more is asked */
    if (!node->path || ozx_archive_find(c->v->archive, node->path, &directory) ||
        !is_node(c, directory)) {
        find(c, node, OZX_VERDICT_FAIL, "is listed but does not exist: readers show fill values",
             "");
        return false;
    }
    if (!node->is_plain)
        find(c, node, OZX_VERDICT_WARN, "is listed under a key that readers do not look for", "");
    if (strcmp(node->group, c->path) == 0) /* else it is listed inside of what is listed */
        count(c, node, directory);
    compare(c, node, directory);
    return false;
}

/* --- what is not listed ----------------------------------------------------------------------- */

/* The first one below `directory`; the root, which is never asked for, if there is none. */
static uint32_t find_unlisted(const struct consolidated *c, uint32_t directory)
{
    uint32_t first, child_count, found = OZX_NODE_ROOT;

    ozx_archive_children(c->v->archive, directory, &first, &child_count);
    for (uint32_t i = first; i < first + child_count && found == OZX_NODE_ROOT; i++) {
        if (is_node(c, i) && c->stamps[i] != c->stamp)
            return i;
        if (c->reach[i] > 1)
            found = find_unlisted(c, i);
    }
    return found;
}

static void judge_unlisted(struct consolidated *c)
{
    uint32_t missing = c->reach[c->directory] - 1 - c->listed_count, first;
    char path[OZX_PATH_SIZE], escaped[OZX_ESCAPED_SIZE];
    size_t size;

    if (!missing || (first = find_unlisted(c, c->directory)) == OZX_NODE_ROOT)
        return;
    size = ozx_archive_path(c->v->archive, first, path);
    ozx_verify_find_node(c->v, OZX_RULE_CONSOLIDATED, OZX_VERDICT_WARN, c->zarr_json,
                         "%u %s not listed, the first is '%s': readers do not see %s", missing,
                         missing == 1 ? "node is" : "nodes are",
                         ozx_escape(escaped, sizeof escaped, path, size),
                         missing == 1 ? "it" : "them");
}

/* --- a group ---------------------------------------------------------------------------------- */

static void judge_group(struct consolidated *c, uint32_t directory)
{
    struct ozx_consolidated_walk walk = {.context = c, .listed = listed};
    struct ozx_consolidated_facts facts;
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_FREE char *text = NULL;

    if (ozx_archive_lookup(c->v->archive, directory, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON),
                           &c->zarr_json) ||
        ozx_metadata_text(c->v->archive, c->zarr_json, &text, &walk.size_bytes, &error)) {
        if (error.code == -ENOMEM)
            c->failure = ozx_error_memory(c->error);
        return; /* that it cannot be read was told */
    }
    ozx_archive_path(c->v->archive, directory, c->path);
    walk.text = c->text = text;
    walk.directory = c->path;
    c->directory = directory;
    c->stamp++;
    c->listed_count = 0;
    if (ozx_consolidated_each(&walk, &facts) || c->failure || !facts.is_there)
        return;
    if (facts.is_other_kind)
        ozx_verify_find_node(c->v, OZX_RULE_CONSOLIDATED, OZX_VERDICT_WARN, c->zarr_json,
                             "consolidated metadata of a kind other than 'inline': not checked");
    else if (facts.is_wrong)
        ozx_verify_find_node(c->v, OZX_RULE_CONSOLIDATED, OZX_VERDICT_WARN, c->zarr_json,
                             "consolidated metadata are malformed: only partly checked");
    else
        judge_unlisted(c);
}

/* Parents have smaller numbers than their children. */
static void count_reach(struct consolidated *c, uint32_t node_count)
{
    for (uint32_t node = node_count; node-- > 0;) {
        c->reach[node] = is_node(c, node) ? c->reach[node] + 1 : 0;
        if (node != OZX_NODE_ROOT)
            c->reach[ozx_archive_parent(c->v->archive, node)] += c->reach[node];
    }
}

static bool any_group(const uint16_t *states, uint32_t node_count)
{
    for (uint32_t node = 0; node < node_count; node++)
        if (states[node] & OZX_VERIFY_CONSOLIDATED)
            return true;
    return false;
}

int ozx_verify_consolidated(struct ozx_verify *v, const uint16_t *states, struct ozx_error *error)
{
    uint32_t node_count = ozx_archive_node_count(v->archive);
    struct consolidated c = {.v = v, .states = states, .error = error};

    if (!any_group(states, node_count))
        return 0;
    c.digest_numbers = calloc(node_count, sizeof *c.digest_numbers);
    c.stamps = calloc(node_count, sizeof *c.stamps);
    c.reach = calloc(node_count, sizeof *c.reach);
    if (!c.digest_numbers || !c.stamps || !c.reach)
        c.failure = ozx_error_memory(error);
    else
        count_reach(&c, node_count);
    for (uint32_t node = 0; node < node_count && !c.failure; node++) {
        if (states[node] & OZX_VERIFY_CONSOLIDATED)
            judge_group(&c, node);
        if (!c.failure && v->options->cancel && *v->options->cancel)
            c.failure = ozx_error_interrupted(error);
    }
    free(c.digest_numbers);
    free(c.stamps);
    free(c.reach);
    free(c.digests);
    return c.failure;
}
