/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pattern walks down the tree, component by component, and marks what it ends at. Each `**` has a
 * bit of its own in a node's mark: no node is entered by it twice, so the work is bounded by nodes
 * times `**`.
 */
#include "archive/glob.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "zip/format.h"

#define MATCHED 1u /* in a mark; the bits above are those of `**` */

struct component {
    const char *text; /* in glob.pattern, terminated */
    uint8_t star;     /* of a `**`: its bit; else 0 */
};

struct glob {
    const struct ozx_archive *archive;
    char *pattern;                /* owned, taken apart */
    struct component *components; /* owned */
    size_t component_count;
    bool directories_only;
    uint8_t *marks; /* owned; one for each node */
    uint32_t matched;
};

/* --- the pattern ------------------------------------------------------------------------------ */

bool ozx_archive_is_pattern(const struct ozx_archive *archive, const char *path)
{
    uint32_t node;

    return strpbrk(path, "*?[") && ozx_archive_find(archive, path, &node);
}

static int take_apart(struct glob *glob, const char *pattern)
{
    size_t size = strlen(pattern);
    unsigned stars = 0;
    char *next;

    glob->pattern = strdup(pattern);
    glob->components = calloc(size / 2 + 1, sizeof *glob->components);
    if (!glob->pattern || !glob->components)
        return -ENOMEM;
    glob->directories_only = size && pattern[size - 1] == '/';
    for (next = glob->pattern; *(next += strspn(next, "/"));) {
        struct component *last = &glob->components[glob->component_count];
        size_t length = strcspn(next, "/");
        bool end = !next[length];

        next[length] = '\0';
        last->text = next;
        next += length + !end;
        if (strcmp(last->text, ".") == 0)
            continue;
        if (strcmp(last->text, "**") == 0) {
            if (last > glob->components && last[-1].star) /* two say no more than one */
                continue;
            if (++stars > OZX_GLOB_STARS_MAX)
                return -EINVAL;
            last->star = (uint8_t)(MATCHED << stars);
        }
        glob->component_count++;
    }
    return 0;
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_directory(const struct glob *glob, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(glob->archive, node, &stat);
    return stat.is_directory;
}

static bool name_matches(const struct glob *glob, const char *pattern, uint32_t node)
{
    char name[OZX_NAME_COMPONENT_MAX + 1];
    size_t size;
    const char *raw = ozx_archive_name(glob->archive, node, &size);

    memcpy(name, raw, size);
    name[size] = '\0';
    return fnmatch(pattern, name, 0) == 0;
}

static void match(struct glob *glob, uint32_t node)
{
    if ((glob->marks[node] & MATCHED) || (glob->directories_only && !is_directory(glob, node)))
        return;
    glob->marks[node] |= MATCHED;
    glob->matched++;
}

static void walk(struct glob *glob, uint32_t node, size_t at);

/* A `**`: nothing, or a component and `**` again. As the last component it is at least one. */
static void walk_star(struct glob *glob, uint32_t node, size_t at)
{
    uint8_t star = glob->components[at].star;
    bool last = at + 1 == glob->component_count;
    uint32_t first, count;

    if (glob->marks[node] & star)
        return;
    glob->marks[node] |= star;
    if (!last)
        walk(glob, node, at + 1);
    ozx_archive_children(glob->archive, node, &first, &count);
    for (uint32_t child = first; child < first + count; child++) {
        if (last)
            match(glob, child);
        walk_star(glob, child, at);
    }
}

/* The components from `at` on, below `node`. Paths are bounded, so the depth is. */
static void walk(struct glob *glob, uint32_t node, size_t at)
{
    uint32_t first, count;

    if (at == glob->component_count) {
        match(glob, node);
        return;
    }
    if (glob->components[at].star) {
        walk_star(glob, node, at);
        return;
    }
    ozx_archive_children(glob->archive, node, &first, &count);
    for (uint32_t child = first; child < first + count; child++)
        if (name_matches(glob, glob->components[at].text, child))
            walk(glob, child, at + 1);
}

/* --- what it found ---------------------------------------------------------------------------- */

static uint32_t *collect(const struct glob *glob, uint32_t node, uint32_t *to)
{
    uint32_t first, count;

    if (glob->marks[node] & MATCHED)
        *to++ = node;
    ozx_archive_children(glob->archive, node, &first, &count);
    for (uint32_t child = first; child < first + count; child++)
        to = collect(glob, child, to);
    return to;
}

static int run(struct glob *glob, const char *pattern, uint32_t **nodes)
{
    int failure = take_apart(glob, pattern);

    if (failure)
        return failure;
    glob->marks = calloc(ozx_archive_node_count(glob->archive), 1);
    if (!glob->marks)
        return -ENOMEM;
    walk(glob, OZX_NODE_ROOT, 0);
    if (!glob->matched)
        return -ENOENT;
    *nodes = malloc(sizeof **nodes * glob->matched);
    if (!*nodes)
        return -ENOMEM;
    (void)collect(glob, OZX_NODE_ROOT, *nodes);
    return 0;
}

int ozx_archive_glob(const struct ozx_archive *archive, const char *pattern, uint32_t **nodes,
                     uint32_t *count)
{
    struct glob glob = {.archive = archive};
    int failure = run(&glob, pattern, nodes);

    if (!failure)
        *count = glob.matched;
    free(glob.pattern);
    free(glob.components);
    free(glob.marks);
    return failure;
}
