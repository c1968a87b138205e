/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The walk: reads a directory tree in the order of its paths' bytes and judges what it meets,
 * before anything is written. What the names mean to Zarr is not known here, except for
 * `zarr.json`.
 *
 * One directory is open at a time, whatever the depth: it is listed, its files are looked at, and
 * it is closed before the walk goes down.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/beneath.h"
#include "pack/plan_build.h"
#include "pack/walk_listing.h"
#include "zip/name.h"

#define PROGRESS_EVERY 4096 /* entries */

/* The path that is being looked at: one component may be appended even to the longest. */
struct walk {
    struct ozx_plan *plan;
    const struct ozx_plan_options *options;
    uid_t user;        /* effective */
    int first_problem; /* its code, 0 if there was none */
    size_t path_size;
    char path[OZX_NAME_PATH_MAX + 1 + OZX_NAME_COMPONENT_MAX + 2];
    char buffer[OZX_WALK_BUFFER_SIZE] __attribute__((aligned(8)));
};

/* Says what forbids packing. Names the current path. Never inlined: the walk recurses, and these
 * buffers would be on the stack once for each level. */
static void __attribute__((noinline, format(printf, 5, 6)))
problem(struct walk *walk, int code, enum ozx_rule rule, const char *hint, const char *format, ...)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE], text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (walk->path_size)
        ozx_error_set(&error, code, rule, OZX_OFFSET_NONE, hint, "'%s' %s",
                      ozx_escape(name, sizeof name, walk->path, walk->path_size), text);
    else
        ozx_error_set(&error, code, rule, OZX_OFFSET_NONE, hint, "%s", text);
    if (!walk->first_problem)
        walk->first_problem = code;
    walk->options->problem(walk->options->context, &error);
}

static void problem_changed(struct walk *walk)
{
    problem(walk, -ESTALE, OZX_RULE_NONE, "pack again when nothing writes there",
            "changed while it was being listed");
}

static void problem_errno(struct walk *walk, int code, const char *what)
{
    if (code == -EACCES || code == -EPERM)
        problem(walk, code, OZX_RULE_NONE,
                "ask its owner for read permission, or leave it out with --exclude",
                "cannot be read: %s", strerror(-code));
    else if (code == -ENOENT || code == -ELOOP || code == -ENOTDIR)
        problem_changed(walk);
    else
        problem(walk, code, OZX_RULE_NONE, NULL, "%s: %s", what, strerror(-code));
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

/* --- one file --------------------------------------------------------------------------------- */

static bool same_file(const struct stat *st, const struct stat *other)
{
    return other && st->st_dev == other->st_dev && st->st_ino == other->st_ino;
}

bool ozx_plan_is_nested(const char *name, size_t size)
{
    return size >= 4 && strcasecmp(name + size - 4, ".ozx") == 0;
}

/* Asks only where the mode does not answer: root may read what it owns not, an ACL never takes from
 * the owner what the mode gives. */
static int check_readable(uid_t user, int fd, const char *name, const struct stat *st)
{
    if (user == 0 || (st->st_uid == user && st->st_mode & S_IRUSR))
        return 0;
    return faccessat(fd, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static const char *special_kind(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* The reader would decode what is not UTF-8 from CP437, but our headers say that it is UTF-8. */
static const char *name_defect(const char *path, size_t size)
{
    return ozx_utf8_valid(path, size) ? ozx_zip_name_defect(path, size) : "it is not UTF-8";
}

/* True if the file at walk->path may be packed; else the problem was told. */
static bool judge_file(struct walk *walk, int fd, const char *name, size_t name_size,
                       const struct stat *st)
{
    const char *defect;
    int failure;

    if (!S_ISREG(st->st_mode)) {
        problem(walk, -EBADMSG, OZX_RULE_SPECIAL,
                S_ISLNK(st->st_mode)
                    ? "put what it points to in its place, or leave it out with --exclude"
                    : "leave it out with --exclude",
                "is %s, which an archive cannot hold", special_kind(st->st_mode));
        return false;
    }
    if (same_file(st, walk->options->output_file)) {
        problem(walk, -EEXIST, OZX_RULE_NONE, "write the archive to another directory",
                "is the output, inside the input");
        return false;
    }
    if (ozx_plan_is_nested(name, name_size)) {
        problem(walk, -EBADMSG, OZX_RULE_NESTED,
                "leave it out with --exclude, or pack it elsewhere",
                "is an archive inside the hierarchy");
        return false;
    }
    defect = name_defect(walk->path, walk->path_size);
    if (defect) {
        problem(walk, -EBADMSG, OZX_RULE_NAME, "rename it", "is no name for an archive: %s",
                defect);
        return false;
    }
    failure = check_readable(walk->user, fd, name, st);
    if (failure) {
        problem_errno(walk, failure, "cannot be read");
        return false;
    }
    return true;
}

static int64_t clamped_mtime(const struct walk *walk, const struct stat *st)
{
    int64_t limit = walk->options->mtime_limit_s;
    return st->st_mtim.tv_sec > limit ? limit : st->st_mtim.tv_sec;
}

static int add_file(struct walk *walk, int fd, uint32_t directory, const char *name,
                    size_t name_size)
{
    struct ozx_plan_directory *owner;
    bool is_metadata = strcmp(name, "zarr.json") == 0;
    struct ozx_plan_entry entry;
    struct stat st;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        problem_errno(walk, -errno, "cannot be looked at");
        return 0;
    }
    if (S_ISDIR(st.st_mode)) { /* it was no directory when it was listed */
        problem_changed(walk);
        return 0;
    }
    if (!judge_file(walk, fd, name, name_size, &st))
        return 0;
    entry = (struct ozx_plan_entry){
        .size_bytes = (uint64_t)st.st_size,
        .fingerprint = ozx_plan_fingerprint(&st),
        .mtime_s = clamped_mtime(walk, &st),
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

/* --- one directory ---------------------------------------------------------------------------- */

static int walk_directory(struct walk *walk, uint32_t parent);

/* Opens the directory at walk->path. */
static int open_here(const struct walk *walk)
{
    return ozx_beneath_open(walk->plan->root_fd, walk->path, O_RDONLY | O_DIRECTORY);
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

/* True if the item at walk->path, which is so long, is junk: then it is counted as such. */
static bool is_junk(struct walk *walk, const char *name, bool is_directory)
{
    enum ozx_junk kind =
        walk->options->keep_junk ? OZX_JUNK_NONE : ozx_junk_of_name(name, is_directory);

    if (kind == OZX_JUNK_NONE ||
        (is_directory &&
         ozx_junk_holds_node(walk->plan->root_fd, walk->path, walk->path_size, walk->buffer)))
        return false;
    walk->plan->junk.of[kind]++;
    return true;
}

/* Between entries: 0, or -EINTR once the user wants no more. */
static int pause_for_breath(struct walk *walk)
{
    const struct ozx_plan_options *options = walk->options;
    uint64_t count = ozx_plan_entry_count(walk->plan);

    if (options->cancel && *options->cancel) {
        problem(walk, -EINTR, OZX_RULE_NONE, NULL, "interrupted");
        return -EINTR;
    }
    if (options->progress && count % PROGRESS_EVERY == 0)
        options->progress(options->context, count);
    return 0;
}

/* Takes up one item of the directory whose path is walk->path; `*kept` becomes true unless it is
 * left out. `*fd` is the directory's descriptor, -1 while it is closed. */
static int walk_item(struct walk *walk, int *fd, uint32_t directory, const char *name,
                     const struct ozx_walk_item *item, bool *kept)
{
    size_t base = walk->path_size, start = base + (base != 0);
    int failure = 0;
    bool excluded;

    if (*fd < 0 && !item->is_directory) /* closed to go down, or never */
        *fd = open_here(walk);
    if (base)
        walk->path[base] = '/';
    memcpy(walk->path + start, name, item->name_size);
    walk->path_size = start + item->name_size;
    walk->path[walk->path_size] = '\0';

    excluded =
        ozx_plan_excludes(walk->options, walk->path, walk->path + start, item->is_directory);
    if (excluded || is_junk(walk, walk->path + start, item->is_directory)) {
        if (excluded)
            failure = ozx_plan_add_omission(walk->plan, directory, walk->path + start,
                                            item->is_directory);
        tell_left_out(walk, item->is_directory);
    } else if (item->is_directory && ozx_plan_is_nested(walk->path + start, item->name_size)) {
        problem(walk, -EBADMSG, OZX_RULE_NESTED, "leave it out with --exclude, or rename it",
                "is a directory that is named like an archive inside the hierarchy");
    } else if (item->is_directory) {
        *kept = true;
        ozx_cleanup_close(fd);
        *fd = -1;
        failure = walk_directory(walk, directory);
    } else {
        *kept = true;
        if (*fd < 0)
            problem_errno(walk, *fd, "cannot be reached");
        else
            failure = add_file(walk, *fd, directory, walk->path + start, item->name_size);
    }
    walk->path_size = base;
    walk->path[base] = '\0';
    return failure ? failure : pause_for_breath(walk);
}

static int walk_items(struct walk *walk, int *fd, uint32_t directory,
                      const struct ozx_walk_listing *listing, bool *kept)
{
    const char *previous = NULL;

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_walk_item *item = &listing->items[i];
        const char *name = listing->names + item->name_offset;
        int failure;

        if (previous && strcmp(previous, name) == 0) /* some network file systems do this */
            problem_changed(walk);
        previous = name;
        failure = walk_item(walk, fd, directory, name, item, kept);
        if (failure)
            return failure;
    }
    return 0;
}

static int add_empty_directory(struct walk *walk, uint32_t directory, const struct stat *st)
{
    const char *defect;
    struct ozx_plan_entry entry = {
        .mtime_s = clamped_mtime(walk, st), .directory = directory, .is_directory = true};

    memcpy(walk->path + walk->path_size, "/", 2);
    defect = name_defect(walk->path, walk->path_size + 1);
    walk->path[walk->path_size] = '\0';
    if (defect)
        problem(walk, -EBADMSG, OZX_RULE_NAME, "rename it", "is no name for an archive: %s",
                defect);
    return defect ? 0 : ozx_plan_add_entry(walk->plan, false, &entry);
}

/* The directory at walk->path and all below it. */
static int walk_directory(struct walk *walk, uint32_t parent)
{
    OZX_CLEANUP(ozx_walk_listing_free) struct ozx_walk_listing listing = {0};
    OZX_AUTO_CLOSE int fd = open_here(walk);
    struct ozx_plan_directory *directory;
    bool is_root = walk->path_size == 0, any = false;
    struct stat st;
    uint32_t index;
    int failure;

    if (walk->path_size >= OZX_NAME_PATH_MAX) { /* nothing below it has a valid path */
        problem(walk, -EBADMSG, OZX_RULE_NAME, "rename it",
                "is no name for an archive: path too long");
        return 0;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        problem_errno(walk, fd < 0 ? fd : -errno, "cannot be opened");
        return 0;
    }
    if (same_file(&st, walk->options->output_directory)) {
        problem(walk, -EEXIST, OZX_RULE_NONE, "write the archive to another directory",
                "holds the output: it would be packed into itself");
        return 0;
    }
    failure = ozx_plan_add_directory(walk->plan, walk->path, walk->path_size,
                                     ozx_plan_fingerprint(&st), &index);
    if (!failure)
        failure = ozx_walk_list(fd, walk->buffer, &listing);
    if (failure == -ENOMEM)
        return failure;
    if (failure) {
        problem_errno(walk, failure, "cannot be listed");
        return 0;
    }
    directory = &walk->plan->directories[index];
    directory->owner = ozx_walk_has_metadata(&listing) ? index
                       : is_root                       ? OZX_PLAN_NO_OWNER
                                                       : walk->plan->directories[parent].owner;
    failure = walk_items(walk, &fd, index, &listing, &any);
    if (!failure && !any && !is_root)
        failure = add_empty_directory(walk, index, &st);
    return failure;
}

int ozx_plan_walk(struct ozx_plan *plan, const struct ozx_plan_options *options)
{
    struct walk *walk = calloc(1, sizeof *walk);
    int failure = -ENOMEM;

    if (walk) {
        walk->plan = plan;
        walk->options = options;
        walk->user = geteuid();
        failure = walk_directory(walk, 0);
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
