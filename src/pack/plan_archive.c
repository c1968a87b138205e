/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The plan of what an archive shows, for repack: the tree is walked in the order of its paths'
 * bytes, and entries are read through the reader that mount uses.
 */
#include <stdio.h>
#include <string.h>

#include "pack/plan_build.h"

#define PROGRESS_EVERY 4096 /* entries */

struct walk {
    struct ozx_plan *plan;
    struct ozx_archive *archive;
    uint8_t *junk; /* owned; the mark of each node (pack/junk.h), NULL if junk is kept */
    const struct ozx_plan_options *options;
    int first_problem; /* its code, 0 if there was none */
    size_t path_size;
    char path[OZX_PATH_SIZE];
};

/* Names the current path. Never inlined: the walk recurses, and the error would be on the stack
 * once for each level. */
static void __attribute__((noinline))
problem(struct walk *walk, enum ozx_rule rule, const char *hint, const char *what)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, -EBADMSG, rule, OZX_OFFSET_NONE, hint, "entry '%s' %s",
                  ozx_escape(name, sizeof name, walk->path, walk->path_size), what);
    if (!walk->first_problem)
        walk->first_problem = error.code;
    walk->options->problem(walk->options->context, &error);
}

/* The reader says itself why it does not read the entry. */
static void __attribute__((noinline)) unreadable(struct walk *walk, uint32_t node)
{
    struct ozx_error error = OZX_ERROR_INIT;
    size_t got;

    if (!ozx_archive_read(walk->archive, node, NULL, 0, 0, &got, &error))
        return;
    error.code = -EBADMSG;
    if (!walk->first_problem)
        walk->first_problem = error.code;
    walk->options->problem(walk->options->context, &error);
}

static bool is_lost(const struct walk *walk, uint32_t node)
{
    return walk->options->nodes_left_out && walk->options->nodes_left_out[node];
}

static void tell_left_out(struct walk *walk, bool is_directory)
{
    const struct ozx_plan_options *options = walk->options;

    walk->plan->left_out_count++;
    if (!options->left_out)
        return;
    if (is_directory && walk->path_size + 1 < sizeof walk->path)
        memcpy(walk->path + walk->path_size, "/", 2);
    options->left_out(options->context, walk->path);
    walk->path[walk->path_size] = '\0';
}

/* True if the node is junk: then it is counted as such. */
static bool is_junk(struct walk *walk, uint32_t node)
{
    uint8_t mark = walk->junk ? walk->junk[node] : 0;

    if (mark)
        walk->plan->junk.of[mark - 1]++; /* the walk does not go below what is junk */
    return mark != 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* True if the file at walk->path may stand in the new archive; else the problem was told. */
static bool judge_file(struct walk *walk, uint32_t node, const char *name, size_t name_size)
{
    struct ozx_node_entry entry;

    ozx_archive_entry(walk->archive, node, &entry);
    if (entry.eio_rule) {
        unreadable(walk, node);
        return false;
    }
    if (ozx_plan_is_nested(name, name_size)) {
        problem(walk, OZX_RULE_NESTED, "leave it out with --exclude",
                "is an archive inside the hierarchy");
        return false;
    }
    return true;
}

static int64_t clamped_mtime(const struct walk *walk, const struct ozx_node_stat *stat)
{
    return stat->mtime_s > walk->options->mtime_limit_s ? walk->options->mtime_limit_s
                                                        : stat->mtime_s;
}

static int add_file(struct walk *walk, uint32_t node, uint32_t directory, const char *name,
                    size_t name_size)
{
    bool is_metadata = name_size == 9 && memcmp(name, "zarr.json", 9) == 0;
    struct ozx_plan_directory *owner;
    struct ozx_node_stat stat;
    struct ozx_plan_entry entry;

    if (!judge_file(walk, node, name, name_size))
        return 0;
    ozx_archive_stat(walk->archive, node, &stat);
    entry = (struct ozx_plan_entry){
        .size_bytes = stat.size_bytes,
        .fingerprint = node,
        .mtime_s = clamped_mtime(walk, &stat),
        .name = name,
        .name_size_bytes = (uint16_t)name_size,
        .directory = directory,
    };
    if (!is_metadata && walk->plan->directories[directory].owner != OZX_PLAN_NO_OWNER) {
        owner = &walk->plan->directories[walk->plan->directories[directory].owner];
        owner->chunk_count += owner->chunk_count != UINT32_MAX;
    }
    return ozx_plan_add_entry(walk->plan, is_metadata, &entry);
}

/* --- directories ------------------------------------------------------------------------------ */

/* The children of a directory sort by their names, with a '/' behind those of directories. */
static int by_path_bytes(const void *a, const void *b, void *context)
{
    const struct ozx_archive *archive = context;
    struct ozx_node_stat stat;
    const char *names[2];
    size_t sizes[2], shorter;
    char tails[2];
    int order;

    for (int i = 0; i < 2; i++) {
        uint32_t node = *(const uint32_t *)(i ? b : a);
        names[i] = ozx_archive_name(archive, node, &sizes[i]);
        ozx_archive_stat(archive, node, &stat);
        tails[i] = stat.is_directory ? '/' : '\0';
    }
    shorter = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
    order = memcmp(names[0], names[1], shorter);
    if (order || sizes[0] == sizes[1])
        return order;
    /* What stands behind the shorter name against the longer one's next byte. */
    if (sizes[0] == shorter)
        return (unsigned char)tails[0] - (unsigned char)names[1][shorter];
    return (unsigned char)names[0][shorter] - (unsigned char)tails[1];
}

static int walk_directory(struct walk *walk, uint32_t node, uint32_t parent);

/* Between entries: 0, or -EINTR once the user wants no more. */
static int pause_for_breath(struct walk *walk)
{
    const struct ozx_plan_options *options = walk->options;
    uint64_t count = ozx_plan_entry_count(walk->plan);

    if (options->cancel && *options->cancel) {
        struct ozx_error error = OZX_ERROR_INIT;
        ozx_error_interrupted(&error);
        options->problem(options->context, &error);
        return -EINTR;
    }
    if (options->progress && count % PROGRESS_EVERY == 0)
        options->progress(options->context, count);
    return 0;
}

/* `*kept` becomes true unless the child is left out. */
static int walk_child(struct walk *walk, uint32_t node, uint32_t directory, bool *kept)
{
    size_t base = walk->path_size, start = base + (base != 0), name_size;
    const char *name = ozx_archive_name(walk->archive, node, &name_size);
    struct ozx_node_stat stat;
    bool excluded, left_out;
    int failure = 0;

    ozx_archive_stat(walk->archive, node, &stat);
    if (base)
        walk->path[base] = '/';
    memcpy(walk->path + start, name, name_size); /* fits: no path of an archive is longer */
    walk->path_size = start + name_size;
    walk->path[walk->path_size] = '\0';
    excluded =
        ozx_plan_excludes(walk->options, walk->path, walk->path + start, stat.is_directory);
    left_out = excluded || (!is_lost(walk, node) && is_junk(walk, node));
    *kept |= !left_out;
    if (is_lost(walk, node)) /* that was told: its directory need not stand for it */
        failure = 0;
    else if (left_out)
        tell_left_out(walk, stat.is_directory);
    else if (stat.is_directory && ozx_plan_is_nested(walk->path + start, name_size))
        problem(walk, OZX_RULE_NESTED, "leave it out with --exclude",
                "is a directory that is named like an archive inside the hierarchy");
    else if (stat.is_directory)
        failure = walk_directory(walk, node, directory);
    else
        failure = add_file(walk, node, directory, walk->path + start, name_size);
    if (excluded && !failure && !is_lost(walk, node))
        failure = ozx_plan_add_omission(walk->plan, directory, walk->path + start,
                                        stat.is_directory);
    walk->path_size = base;
    walk->path[base] = '\0';
    return failure ? failure : pause_for_breath(walk);
}

static int add_directory(struct walk *walk, uint32_t node, uint32_t parent, uint32_t *index)
{
    struct ozx_plan_directory *directory;
    uint32_t metadata;
    int failure = ozx_plan_add_directory(walk->plan, walk->path, walk->path_size, 0, index);

    if (failure)
        return failure;
    directory = &walk->plan->directories[*index];
    if (ozx_archive_lookup(walk->archive, node, "zarr.json", 9, &metadata) == 0)
        directory->owner = *index;
    else if (node != OZX_NODE_ROOT)
        directory->owner = walk->plan->directories[parent].owner;
    return 0;
}

/* A directory without children, or of which nothing is kept: as pack has it. */
static int add_empty_directory(struct walk *walk, uint32_t node, uint32_t index)
{
    struct ozx_plan_entry entry = {.directory = index, .is_directory = true};
    struct ozx_node_stat stat;

    ozx_archive_stat(walk->archive, node, &stat);
    entry.mtime_s = clamped_mtime(walk, &stat);
    return ozx_plan_add_entry(walk->plan, false, &entry);
}

static int walk_directory(struct walk *walk, uint32_t node, uint32_t parent)
{
    OZX_AUTO_FREE uint32_t *children = NULL;
    uint32_t first, count, index;
    bool kept = false;
    int failure = add_directory(walk, node, parent, &index);

    if (failure)
        return failure;
    ozx_archive_children(walk->archive, node, &first, &count);
    if (!count)
        return node == OZX_NODE_ROOT ? 0 : add_empty_directory(walk, node, index);
    children = malloc(count * sizeof *children);
    if (!children)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        children[i] = first + i;
    qsort_r(children, count, sizeof *children, by_path_bytes, walk->archive);
    for (uint32_t i = 0; i < count && !failure; i++)
        failure = walk_child(walk, children[i], index, &kept);
    if (!failure && !kept && node != OZX_NODE_ROOT)
        failure = add_empty_directory(walk, node, index);
    return failure;
}

int ozx_plan_walk_archive(struct ozx_plan *plan, const struct ozx_plan_options *options)
{
    struct walk *walk = calloc(1, sizeof *walk);
    int failure = -ENOMEM;

    if (walk) {
        walk->plan = plan;
        walk->archive = plan->archive;
        walk->options = options;
        walk->junk = options->keep_junk ? NULL : ozx_junk_mark(plan->archive);
        if (options->keep_junk || walk->junk)
            failure = walk_directory(walk, OZX_NODE_ROOT, 0);
        if (!failure)
            failure = walk->first_problem;
        free(walk->junk);
        free(walk);
    }
    if (failure == -ENOMEM) {
        struct ozx_error error = OZX_ERROR_INIT;
        ozx_error_memory(&error);
        options->problem(options->context, &error);
    }
    return failure;
}

/* --- reading ---------------------------------------------------------------------------------- */

int ozx_plan_archive_read(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                          void *buffer, size_t size_bytes, uint64_t offset_bytes,
                          struct ozx_error *error)
{
    uint64_t data_offset;
    size_t got = 0;
    int failure;

    /* Nobody would look at the local header of an empty file. */
    if (!entry->size_bytes)
        failure = ozx_archive_data_offset(plan->archive, (uint32_t)entry->fingerprint, &data_offset,
                                          error);
    else
        failure = ozx_archive_read(plan->archive, (uint32_t)entry->fingerprint, buffer, size_bytes,
                                   offset_bytes, &got, error);
    if (failure == -EIO && error->rule) /* the archive's fault, not the disk's */
        failure = error->code = -EBADMSG;
    if (!failure && got != size_bytes)
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "an entry ends early");
    return failure;
}

int ozx_plan_archive_check_crc(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                               struct ozx_error *error)
{
    struct ozx_node_entry stated;

    if (entry->is_directory || entry->is_cut) /* of what is cut all bytes were summed before */
        return 0;
    ozx_archive_entry(plan->archive, (uint32_t)entry->fingerprint, &stated);
    if (stated.crc32 == entry->crc32)
        return 0;
    return ozx_archive_crc_error(plan->archive, (uint32_t)entry->fingerprint,
                                 "get the file again; --recover leaves such entries out", error);
}

bool ozx_plan_archive_is_packed(const struct ozx_plan *plan, const struct ozx_plan_entry *entry)
{
    struct ozx_node_entry stated;

    if (!plan->archive || entry->is_directory)
        return false;
    ozx_archive_entry(plan->archive, (uint32_t)entry->fingerprint, &stated);
    return stated.method != OZX_METHOD_STORED;
}
