/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The walk over what consolidated metadata list, and which bytes go when a node is taken out:
 *
 *     {"a": 1, "b": 2, "c": 3}     a:  {"b": 2, "c": 3}     from its key to the next one's
 *                                  b:  {"a": 1, "c": 3}     from the end of the value before it
 *                                  all: {}
 *
 * so that the rest looks as if it had been written without it.
 */
#include "zarr/consolidated.h"

#include <stdio.h>
#include <string.h>

struct state {
    const struct ozx_consolidated_walk *walk;
    struct ozx_consolidated_facts *facts;
    int failure;
};

/* Members that are taken out, one behind the other. */
struct run {
    bool open, any_kept;
    size_t kept_end;    /* of the last member that stays; behind the bracket before it */
    size_t first_start; /* of the first member of the object */
    size_t removed_end;
};

static void walk_block(struct state *s, struct ozx_json_range block, const char *directory,
                       unsigned depth);

bool ozx_consolidated_join(const char *directory, const char *relative, char *path, bool *is_plain)
{
    size_t size = strlen(directory);
    bool plain = *relative != '\0';

    if (size >= OZX_CONSOLIDATED_PATH_SIZE)
        return false;
    memcpy(path, directory, size + 1);
    while (*relative) {
        size_t part = strcspn(relative, "/");
        bool skip = part == 0 || (part == 1 && relative[0] == '.');

        plain &= !skip && (relative[part] != '/' || relative[part + 1]);
        if (part == 2 && relative[0] == '.' && relative[1] == '.') {
            char *slash = strrchr(path, '/');
            if (!size)
                return false;
            plain = false;
            size = slash ? (size_t)(slash - path) : 0;
            path[size] = '\0';
        } else if (!skip) {
            if (size + part + 2 > OZX_CONSOLIDATED_PATH_SIZE)
                return false;
            if (size)
                path[size++] = '/';
            memcpy(path + size, relative, part);
            size += part;
            path[size] = '\0';
        }
        relative += part;
        relative += *relative == '/';
    }
    if (is_plain)
        *is_plain = plain;
    return true;
}

/* A group's own block, inside of what is listed of it. */
static void walk_inner(struct state *s, struct ozx_json_range value, const char *directory,
                       unsigned depth)
{
    struct ozx_json_cursor cursor = ozx_json_within(s->walk->text, value);
    struct ozx_json_member member;
    enum ozx_json_step step;

    if (!ozx_json_enter(&cursor, '{'))
        return;
    while ((step = ozx_json_next_member(&cursor, &member)) == OZX_JSON_ITEM && !s->failure)
        if (ozx_json_is(s->walk->text, member.key, "consolidated_metadata"))
            walk_block(s, member.value, directory, depth);
    s->facts->is_wrong |= step == OZX_JSON_WRONG;
}

static void cut(struct state *s, size_t from, size_t to)
{
    if (s->walk->cut && !s->failure)
        s->failure = s->walk->cut(s->walk->context, (struct ozx_json_range){from, to});
}

/* In front of a member that stays: those before it that do not. */
static void end_run(struct state *s, struct run *run, size_t next_start)
{
    if (run->open && run->any_kept)
        cut(s, run->kept_end, run->removed_end);
    else if (run->open)
        cut(s, run->first_start, next_start);
    run->open = false;
}

static void walk_node(struct state *s, const struct ozx_json_member *member, const char *directory,
                      unsigned depth, struct run *run)
{
    char key[OZX_CONSOLIDATED_PATH_SIZE], path[OZX_CONSOLIDATED_PATH_SIZE];
    struct ozx_consolidated_node node = {
        .group = directory, .key = member->key, .value = member->value};
    size_t size;

    if (ozx_json_decode(s->walk->text, member->key, key, sizeof key, &size) &&
        ozx_consolidated_join(directory, key, path, &node.is_plain))
        node.path = path;
    if (s->walk->listed(s->walk->context, &node)) {
        run->open = true;
        run->removed_end = member->value.to;
        return;
    }
    end_run(s, run, member->start);
    run->any_kept = true;
    run->kept_end = member->value.to;
    if (node.path)
        walk_inner(s, member->value, path, depth + 1);
}

static void walk_nodes(struct state *s, struct ozx_json_range nodes, const char *directory,
                       unsigned depth)
{
    struct ozx_json_cursor cursor = ozx_json_within(s->walk->text, nodes);
    enum ozx_json_step step = OZX_JSON_ITEM;
    struct ozx_json_member member;
    struct run run = {.open = false};

    if (!ozx_json_enter(&cursor, '{')) {
        s->facts->is_wrong |= !ozx_json_is(s->walk->text, nodes, "null");
        return;
    }
    run.kept_end = cursor.at;
    for (bool first = true; !s->failure; first = false) {
        step = ozx_json_next_member(&cursor, &member);
        if (step != OZX_JSON_ITEM)
            break;
        if (first)
            run.first_start = member.start;
        walk_node(s, &member, directory, depth, &run);
    }
    if (run.open)
        cut(s, run.kept_end, run.any_kept ? run.removed_end : cursor.at - 1);
    s->facts->is_wrong |= step == OZX_JSON_WRONG;
}

static void walk_block(struct state *s, struct ozx_json_range block, const char *directory,
                       unsigned depth)
{
    struct ozx_json_cursor cursor = ozx_json_within(s->walk->text, block);
    struct ozx_json_range kind, name;
    struct ozx_json_member member;
    enum ozx_json_step step;

    if (ozx_json_is(s->walk->text, block, "null"))
        return;
    s->facts->is_there = true;
    if (depth == OZX_CONSOLIDATED_DEPTH_MAX || !ozx_json_enter(&cursor, '{')) {
        s->facts->is_wrong = true;
        return;
    }
    if (ozx_json_find(s->walk->text, block, "kind", &kind) &&
        (!ozx_json_string_of(s->walk->text, kind, &name) ||
         !ozx_json_is(s->walk->text, name, "inline"))) {
        s->facts->is_other_kind = true;
        return;
    }
    while ((step = ozx_json_next_member(&cursor, &member)) == OZX_JSON_ITEM && !s->failure)
        if (ozx_json_is(s->walk->text, member.key, "metadata"))
            walk_nodes(s, member.value, directory, depth);
    s->facts->is_wrong |= step == OZX_JSON_WRONG;
}

int ozx_consolidated_each(const struct ozx_consolidated_walk *walk,
                          struct ozx_consolidated_facts *facts)
{
    struct state s = {.walk = walk, .facts = facts};
    struct ozx_json_cursor cursor = ozx_json_text(walk->text, walk->size_bytes);
    struct ozx_json_member member;
    enum ozx_json_step step = OZX_JSON_WRONG;

    *facts = (struct ozx_consolidated_facts){.is_there = false};
    if (ozx_json_enter(&cursor, '{'))
        while ((step = ozx_json_next_member(&cursor, &member)) == OZX_JSON_ITEM && !s.failure)
            if (ozx_json_is(walk->text, member.key, "consolidated_metadata"))
                walk_block(&s, member.value, walk->directory, 0);
    facts->is_wrong |= step == OZX_JSON_WRONG;
    return s.failure;
}

bool ozx_consolidated_is_cut_off(const struct ozx_consolidated_node *node,
                                 bool (*is_left_out)(void *context, const char *path),
                                 void *context)
{
    char above[OZX_CONSOLIDATED_PATH_SIZE];
    size_t least = strlen(node->group);
    char *slash;

    snprintf(above, sizeof above, "%s", node->path);
    while ((slash = strrchr(above, '/')) != NULL && (size_t)(slash - above) > least) {
        *slash = '\0';
        if (is_left_out(context, above))
            return true;
    }
    return false;
}
