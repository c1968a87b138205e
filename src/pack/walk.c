/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The walk: goes through an input in the order of its paths' bytes and judges what it meets, before
 * anything is written. What the names mean to Zarr is not known here, except for `zarr.json`; where
 * files come from is the input's to know.
 */
#include <fnmatch.h>
#include <string.h>

#include "pack/plan_build.h"
#include "zarr/metadata_files.h"
#include "zip/name.h"

#define PROGRESS_EVERY 4096 /* entries */

/* The path that is being looked at: one component may be appended even to the longest. */
struct walk {
    struct ozx_plan *plan;
    struct ozx_input *input;
    const struct ozx_plan_options *options;
    int first_problem; /* its code, 0 if there was none */
    size_t path_size;
    char path[OZX_NAME_PATH_MAX + 1 + OZX_NAME_COMPONENT_MAX + 2];
};

static int tell(struct walk *walk, const struct ozx_error *error)
{
    if (!walk->first_problem)
        walk->first_problem = error->code;
    walk->options->problem(walk->options->context, error);
    return 0; /* the walk goes on */
}

/* Says what forbids packing what is at the current path. Never inlined: the walk recurses, and
 * these buffers would be on the stack once for each level. */
static int __attribute__((noinline)) problem(struct walk *walk, enum ozx_rule rule,
                                             const char *hint, const char *what, const char *defect)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, -EBADMSG, rule, OZX_OFFSET_NONE, hint, "%s'%s' %s%s",
                  walk->input->kind->subject,
                  ozx_escape(name, sizeof name, walk->path, walk->path_size), what, defect);
    return tell(walk, &error);
}

/* --- what is left out ------------------------------------------------------------------------- */

/* A glob with '/' is matched against the whole path, one without against the last component; one
 * that ends in '/' matches only directories. */
bool __attribute__((noinline)) /* 4 KiB of stack, not once for each level of the walk */
ozx_plan_excludes(const struct ozx_plan_options *options, const char *path, const char *name,
                  bool is_directory)
{
    char glob[OZX_NAME_PATH_MAX + 1];
    bool matched = false;

    for (size_t i = 0; i < options->exclude_count; i++) {
        size_t size = strlen(options->excludes[i]);
        bool only_directories = size && options->excludes[i][size - 1] == '/';

        if (size >= sizeof glob || (only_directories && !is_directory) ||
            (matched && (!options->excludes_matched || options->excludes_matched[i])))
            continue;
        memcpy(glob, options->excludes[i], size + 1);
        if (only_directories)
            glob[size - 1] = '\0';
        if (strchr(glob, '/') ? fnmatch(glob[0] == '/' ? glob + 1 : glob, path, FNM_PATHNAME) == 0
                              : fnmatch(glob, name, 0) == 0)
            matched = true;
        else
            continue;
        if (options->excludes_matched)
            options->excludes_matched[i] = 1;
    }
    return matched && !options->only_match;
}

static void tell_left_out(struct walk *walk, bool is_directory)
{
    const struct ozx_plan_options *options = walk->options;

    walk->plan->left_out_count++;
    if (!options->left_out)
        return;
    if (is_directory)
        memcpy(walk->path + walk->path_size, "/", 2);
    options->left_out(options->context, walk->path);
    walk->path[walk->path_size] = '\0';
}

/* True if the item at walk->path is junk: then it is counted as such. */
static bool is_junk(struct walk *walk, const char *name, const struct ozx_input_item *item)
{
    enum ozx_junk kind =
        walk->options->keep_junk ? OZX_JUNK_NONE : ozx_junk_of_name(name, item->is_directory);

    if (kind == OZX_JUNK_NONE ||
        (item->is_directory &&
         walk->input->kind->holds_node(walk->input, walk->path, walk->path_size, item->key)))
        return false;
    walk->plan->junk.of[kind]++;
    return true;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* True for `*.ozx` in any case (terminated): an archive in the hierarchy, or named like one. */
static bool is_nested(const char *name, size_t size)
{
    return size >= 4 && strcasecmp(name + size - 4, ".ozx") == 0;
}

/* The reader would decode what is not UTF-8 from CP437, but our headers say that it is UTF-8. */
static const char *name_defect(const char *path, size_t size)
{
    return ozx_utf8_valid(path, size) ? ozx_zip_name_defect(path, size) : "it is not UTF-8";
}

static int problem_name(struct walk *walk, const char *defect)
{
    return problem(walk, OZX_RULE_NAME, "rename it", "is not a valid archive name: ", defect);
}

static int64_t clamped_mtime(const struct walk *walk, int64_t mtime_s)
{
    int64_t limit = walk->options->mtime_limit_s;

    return mtime_s > limit ? limit : mtime_s;
}

/* Never inlined, for the error. 1 if the file cannot be packed, which was told. */
static int __attribute__((noinline))
look(struct walk *walk, struct ozx_input_listing *listing, const struct ozx_input_item *item,
     struct ozx_input_file *file)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = walk->input->kind->look(walk->input, listing, walk->path, walk->path_size, item,
                                          file, &error);

    if (!failure || failure == -ENOMEM)
        return failure;
    (void)tell(walk, &error);
    return 1;
}

static int add_file(struct walk *walk, struct ozx_input_listing *listing, uint32_t directory,
                    const char *name, const struct ozx_input_item *item)
{
    const char *defect = name_defect(walk->path, walk->path_size);
    bool is_metadata = strcmp(name, OZX_NAME_ZARR_JSON) == 0;
    struct ozx_plan_directory *owner;
    struct ozx_plan_entry entry;
    struct ozx_input_file file;
    int failure;

    if (is_nested(name, item->name_size_bytes))
        return problem(walk, OZX_RULE_NESTED, "leave it out with --exclude, or pack it elsewhere",
                       "is an archive inside the hierarchy", "");
    failure = look(walk, listing, item, &file);
    if (failure)
        return failure == 1 ? 0 : failure;
    if (defect)
        return problem_name(walk, defect);
    entry = (struct ozx_plan_entry){.size_bytes = file.size_bytes,
                                    .key = file.key,
                                    .mtime_s = clamped_mtime(walk, file.mtime_s),
                                    .name = name,
                                    .name_size_bytes = item->name_size_bytes,
                                    .directory = directory,
                                    .in_order = file.in_order};
    if (!is_metadata && walk->plan->directories[directory].owner != OZX_PLAN_NO_OWNER) {
        owner = &walk->plan->directories[walk->plan->directories[directory].owner];
        owner->chunk_count += owner->chunk_count != UINT32_MAX;
    }
    return ozx_plan_add_entry(walk->plan, is_metadata, &entry);
}

/* A directory without children, or of which nothing is kept. */
static int add_empty_directory(struct walk *walk, uint32_t directory, int64_t mtime_s)
{
    const char *defect;
    struct ozx_plan_entry entry = {.mtime_s = clamped_mtime(walk, mtime_s),
                                   .name = "",
                                   .directory = directory,
                                   .is_directory = true};

    memcpy(walk->path + walk->path_size, "/", 2);
    defect = name_defect(walk->path, walk->path_size + 1);
    walk->path[walk->path_size] = '\0';
    if (defect)
        return problem_name(walk, defect);
    return ozx_plan_add_entry(walk->plan, false, &entry);
}

/* --- one directory ---------------------------------------------------------------------------- */

static int walk_directory(struct walk *walk, uint32_t key, uint32_t parent);

/* Between entries: 0, or -EINTR once the user wants no more. */
static int check_cancelled(struct walk *walk)
{
    const struct ozx_plan_options *options = walk->options;
    uint64_t count = ozx_plan_entry_count(walk->plan);

    if (options->cancel && *options->cancel) {
        struct ozx_error error = OZX_ERROR_INIT;
        (void)ozx_error_interrupted(&error);
        options->problem(options->context, &error);
        return -EINTR;
    }
    if (options->progress && count % PROGRESS_EVERY == 0)
        options->progress(options->context, count);
    return 0;
}

/* What is at walk->path, and to be kept. */
static int keep_item(struct walk *walk, struct ozx_input_listing *listing, uint32_t directory,
                     const char *name, const struct ozx_input_item *item)
{
    if (!item->is_directory)
        return add_file(walk, listing, directory, name, item);
    if (is_nested(name, item->name_size_bytes))
        return problem(walk, OZX_RULE_NESTED, "leave it out with --exclude, or rename it",
                       "is a directory that is named like an archive inside the hierarchy", "");
    ozx_cleanup_close(&listing->fd); /* one directory is open at a time, whatever the depth */
    listing->fd = -1;
    return walk_directory(walk, item->key, directory);
}

/* Takes up one item of the directory whose path is walk->path; `*kept` becomes true unless it is
 * left out. */
static int walk_item(struct walk *walk, struct ozx_input_listing *listing, uint32_t directory,
                     const struct ozx_input_item *item, bool *kept)
{
    size_t base = walk->path_size, start = base + (base != 0);
    char *name = walk->path + start;
    int failure = 0;
    bool excluded;

    if (base)
        walk->path[base] = '/';
    memcpy(name, ozx_input_name(listing, item), item->name_size_bytes);
    walk->path_size = start + item->name_size_bytes;
    walk->path[walk->path_size] = '\0';

    excluded = ozx_plan_excludes(walk->options, walk->path, name, item->is_directory);
    if (item->is_lost) { /* that was told: its directory need not stand for it */
        *kept = true;
    } else if (excluded || is_junk(walk, name, item)) {
        if (excluded)
            failure = ozx_plan_add_omission(walk->plan, directory, name, item->is_directory);
        tell_left_out(walk, item->is_directory);
    } else {
        *kept = true;
        failure = keep_item(walk, listing, directory, name, item);
    }
    walk->path_size = base;
    walk->path[base] = '\0';
    return failure ? failure : check_cancelled(walk);
}

/* As `look`. */
static int __attribute__((noinline))
list(struct walk *walk, uint32_t key, struct ozx_input_listing *listing)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure =
        walk->input->kind->list(walk->input, walk->path, walk->path_size, key, listing, &error);

    if (!failure || failure == -ENOMEM)
        return failure;
    (void)tell(walk, &error);
    return 1;
}

/* The directory at walk->path and all below it. */
static int walk_directory(struct walk *walk, uint32_t key, uint32_t parent)
{
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    bool is_root = walk->path_size == 0, any = false;
    struct ozx_plan_directory *directory;
    uint32_t index;
    int failure;

    if (walk->path_size >= OZX_NAME_PATH_MAX) /* nothing below it has a valid path */
        return problem_name(walk, "path too long");
    failure = list(walk, key, &listing);
    if (failure)
        return failure == 1 ? 0 : failure;
    failure = ozx_plan_add_directory(walk->plan, walk->path, walk->path_size, listing.fingerprint,
                                     &index);
    if (failure)
        return failure;
    directory = &walk->plan->directories[index];
    directory->owner = ozx_input_listing_has(&listing, OZX_NAME_ZARR_JSON) ? index
                       : is_root                                      ? OZX_PLAN_NO_OWNER
                                 : walk->plan->directories[parent].owner;
    for (uint32_t i = 0; i < listing.count && !failure; i++)
        failure = walk_item(walk, &listing, index, &listing.items[i], &any);
    if (!failure && !any && !is_root)
        failure = add_empty_directory(walk, index, listing.mtime_s);
    return failure;
}

int ozx_plan_walk(struct ozx_plan *plan, const struct ozx_plan_options *options)
{
    struct walk *walk = calloc(1, sizeof *walk);
    int failure = -ENOMEM;

    if (walk) {
        walk->plan = plan;
        walk->input = plan->input;
        walk->options = options;
        failure = walk_directory(walk, 0, 0);
        if (!failure)
            failure = walk->first_problem;
        free(walk);
    }
    if (failure == -ENOMEM) {
        struct ozx_error error = OZX_ERROR_INIT;
        ozx_error_memory(&error);
        options->problem(options->context, &error);
    }
    return failure;
}
