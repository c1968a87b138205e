/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory of the file system as input. It may change at any time: what the walk saw of each
 * file and directory is compared with what is there after the reading.
 *
 * One directory is open at a time, whatever the depth: it is listed, its files are looked at, and
 * it is closed before the walk goes down.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "io/beneath.h"
#include "pack/input.h"
#include "pack/junk.h"
#include "zip/format.h"

#define LIST_BUFFER_SIZE (64 * 1024)

struct directory_input {
    struct ozx_input input;
    int root_fd; /* owned */
    struct stat root;
    uid_t user; /* effective */
    char buffer[LIST_BUFFER_SIZE]
        __attribute__((aligned(8))); /* the kernel's answers, of the walk */
};

static struct directory_input *of(const struct ozx_input *input)
{
    return (struct directory_input *)(uintptr_t)input;
}

static bool same_file(const struct stat *st, const struct stat *other)
{
    return other->st_nlink && st->st_dev == other->st_dev && st->st_ino == other->st_ino;
}

/* Steps of a 64-bit mixer (multiply and fold): every bit of what goes in moves every bit that
 * comes out. */
static uint64_t mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return state ^ state >> 29;
}

/* Inode, mtime and ctime in one number: two that differ mean a change. */
static uint64_t fingerprint_of(const struct stat *st)
{
    uint64_t state = mix(0, (uint64_t)st->st_ino);

    state = mix(state, (uint64_t)st->st_mtim.tv_sec);
    state = mix(state, (uint64_t)st->st_mtim.tv_nsec);
    state = mix(state, (uint64_t)st->st_ctim.tv_sec);
    return mix(state, (uint64_t)st->st_ctim.tv_nsec);
}

/* --- saying what is wrong --------------------------------------------------------------------- */

/* About the path; the root has none. */
static int say(struct ozx_error *error, int code, enum ozx_rule rule, const char *path, size_t size,
               const char *hint, const char *text)
{
    char name[OZX_ESCAPED_SIZE];

    if (!size)
        return ozx_error_set(error, code, rule, OZX_OFFSET_NONE, hint, "%s", text);
    return ozx_error_set(error, code, rule, OZX_OFFSET_NONE, hint, "'%s' %s",
                         ozx_escape(name, sizeof name, path, size), text);
}

static int say_errno(struct ozx_error *error, int code, const char *path, size_t size,
                     const char *what)
{
    char text[128];

    if (code == -ENOENT || code == -ELOOP || code == -ENOTDIR)
        return say(error, -ESTALE, OZX_RULE_NONE, path, size,
                   "pack again once nothing is writing there", "changed while it was being listed");
    if (code == -EACCES || code == -EPERM)
        what = "cannot be read";
    snprintf(text, sizeof text, "%s: %s", what, strerror(-code));
    return say(error, code, OZX_RULE_NONE, path, size,
               code == -EACCES || code == -EPERM
                   ? "ask its owner for read permission, or leave it out with --exclude"
                   : NULL,
               text);
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Not every file system says what a name is. */
static bool names_directory(int fd, const struct dirent64 *dirent)
{
    struct stat st;

    if (dirent->d_type != DT_UNKNOWN)
        return dirent->d_type == DT_DIR;
    return fstatat(fd, dirent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* -ENOMEM, or what getdents64(2) says. */
static int list_fd(struct directory_input *self, int fd, struct ozx_input_listing *listing)
{
    ssize_t got;

    while ((got = getdents64(fd, self->buffer, sizeof self->buffer)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *dirent = (const void *)(self->buffer + at);
            const char *name = dirent->d_name;
            struct ozx_input_item *item;

            at += dirent->d_reclen;
            if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                continue;
            if (ozx_input_listing_add(listing, name, strlen(name), names_directory(fd, dirent),
                                      &item))
                return -ENOMEM;
        }
    }
    if (got < 0)
        return -errno;
    ozx_input_listing_sort(listing);
    return 0;
}

/* Some network file systems do this. */
static bool has_twice(const struct ozx_input_listing *listing)
{
    for (uint32_t i = 1; i < listing->count; i++)
        if (strcmp(ozx_input_name(listing, &listing->items[i - 1]),
                   ozx_input_name(listing, &listing->items[i])) == 0)
            return true;
    return false;
}

static int list(struct ozx_input *input, const char *path, size_t path_size_bytes, uint32_t key,
                struct ozx_input_listing *listing, struct ozx_error *error)
{
    struct directory_input *self = of(input);
    struct stat st;
    int failure;

    (void)key;
    listing->fd = ozx_beneath_open(self->root_fd, path, O_RDONLY | O_DIRECTORY);
    if (listing->fd < 0 || fstat(listing->fd, &st) < 0)
        return say_errno(error, listing->fd < 0 ? listing->fd : -errno, path, path_size_bytes,
                         "cannot be opened");
    if (same_file(&st, &input->output_directory))
        return say(error, -EEXIST, OZX_RULE_NONE, path, path_size_bytes,
                   "write the archive to another directory",
                   "holds the output: it would be packed into itself");
    listing->fingerprint = fingerprint_of(&st);
    listing->mtime_s = st.st_mtim.tv_sec;
    failure = list_fd(self, listing->fd, listing);
    if (failure && failure != -ENOMEM)
        return say_errno(error, failure, path, path_size_bytes, "cannot be listed");
    if (!failure && has_twice(listing))
        return say_errno(error, -ENOENT, path, path_size_bytes, "");
    return failure;
}

/* What cannot be listed holds none: no reader gets into it, either. Without memory it is kept:
 * whoever packs it has none, either. */
static bool holds_node(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key)
{
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    struct directory_input *self = of(input);
    bool found = false;
    int failure;

    listing.fd = ozx_beneath_open(self->root_fd, path, O_RDONLY | O_DIRECTORY);
    failure = listing.fd < 0 ? listing.fd : list_fd(self, listing.fd, &listing);
    if (failure)
        return failure == -ENOMEM;
    ozx_cleanup_close(&listing.fd);
    listing.fd = -1;
    for (uint32_t i = 0; i < listing.count && !found; i++)
        found = !listing.items[i].is_directory &&
                ozx_junk_is_node_file(ozx_input_name(&listing, &listing.items[i]),
                                      listing.items[i].name_size_bytes);
    for (uint32_t i = 0; i < listing.count && !found; i++) {
        const struct ozx_input_item *item = &listing.items[i];
        size_t size = path_size_bytes + 1 + item->name_size_bytes;

        if (!item->is_directory || size > OZX_NAME_PATH_MAX) /* no path of an archive */
            continue;
        path[path_size_bytes] = '/';
        memcpy(path + path_size_bytes + 1, ozx_input_name(&listing, item), item->name_size_bytes);
        path[size] = '\0';
        found = holds_node(input, path, size, key);
        path[path_size_bytes] = '\0';
    }
    return found;
}

static bool exists(const struct ozx_input *input, const char *path)
{
    OZX_AUTO_CLOSE int fd = ozx_beneath_open(of(input)->root_fd, path, O_PATH);

    return fd >= 0;
}

static int find(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = ozx_beneath_open(of(input)->root_fd, path, O_PATH);
    struct stat st;

    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        return -ENOENT;
    if (fd < 0 || fstat(fd, &st) < 0)
        return say_errno(error, fd < 0 ? fd : -errno, path, strlen(path), "cannot be reached");
    if (!S_ISREG(st.st_mode))
        return -ENOENT;
    *file = (struct ozx_input_file){.size_bytes = (uint64_t)st.st_size,
                                    .key = fingerprint_of(&st),
                                    .mtime_s = st.st_mtim.tv_sec};
    return 0;
}

/* --- looking at a file ------------------------------------------------------------------------ */

/* Asks only where the mode does not answer: root may read what it owns not, an ACL never takes from
 * the owner what the mode gives. */
static int check_readable(uid_t user, int fd, const char *name, const struct stat *st)
{
    if (user == 0 || (st->st_uid == user && st->st_mode & S_IRUSR))
        return 0;
    return faccessat(fd, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int say_special(struct ozx_error *error, mode_t mode, const char *path, size_t size)
{
    char text[64];

    snprintf(text, sizeof text, "is %s, which an archive cannot hold",
             S_ISLNK(mode)    ? "a symbolic link"
             : S_ISFIFO(mode) ? "a FIFO"
             : S_ISSOCK(mode) ? "a socket"
                              : "a device");
    return say(error, -EBADMSG, OZX_RULE_SPECIAL, path, size,
               S_ISLNK(mode) ? "replace it with its target, or leave it out with --exclude"
                             : "leave it out with --exclude",
               text);
}

static int judge(struct directory_input *self, int fd, const char *name, const struct stat *st,
                 const char *path, size_t size, struct ozx_error *error)
{
    int failure;

    if (S_ISDIR(st->st_mode)) /* it was no directory when it was listed */
        return say_errno(error, -ENOTDIR, path, size, "");
    if (!S_ISREG(st->st_mode))
        return say_special(error, st->st_mode, path, size);
    if (same_file(st, &self->input.output_file))
        return say(error, -EEXIST, OZX_RULE_NONE, path, size,
                   "write the archive to another directory", "is the output, inside the input");
    failure = check_readable(self->user, fd, name, st);
    return failure ? say_errno(error, failure, path, size, "cannot be read") : 0;
}

/* The directory is opened again where the walk has been further down meanwhile. */
static int open_again(struct directory_input *self, const char *path, size_t path_size,
                      size_t name_size)
{
    char directory[OZX_NAME_PATH_MAX + 1];
    size_t size = path_size - name_size;

    size -= size != 0; /* the '/' */
    memcpy(directory, path, size);
    directory[size] = '\0';
    return ozx_beneath_open(self->root_fd, directory, O_RDONLY | O_DIRECTORY);
}

static int look(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error)
{
    struct directory_input *self = of(input);
    const char *name = ozx_input_name(listing, item);
    struct stat st;
    int failure;

    if (listing->fd < 0)
        listing->fd = open_again(self, path, path_size_bytes, item->name_size_bytes);
    if (listing->fd < 0)
        return say_errno(error, listing->fd, path, path_size_bytes, "cannot be reached");
    if (fstatat(listing->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return say_errno(error, -errno, path, path_size_bytes, "cannot be examined");
    failure = judge(self, listing->fd, name, &st, path, path_size_bytes, error);
    if (!failure)
        *file = (struct ozx_input_file){.size_bytes = (uint64_t)st.st_size,
                                        .key = fingerprint_of(&st),
                                        .mtime_s = st.st_mtim.tv_sec};
    return failure;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int fail(const struct ozx_input *input, const struct ozx_input_place *place, int code,
                struct ozx_error *error)
{
    char text[128];

    if (code == -ESTALE || code == -ENOENT || code == -ELOOP || code == -ENOTDIR)
        return ozx_input_changed(input, place->path, error);
    snprintf(text, sizeof text, "cannot be read: %s", strerror(-code));
    return say(error, code, OZX_RULE_NONE, place->path, strlen(place->path), NULL, text);
}

/* Files of one directory mostly come together: the directory is opened once for all of them. */
static int open_file(const struct directory_input *self, struct ozx_input_reader *reader,
                     const struct ozx_input_place *place)
{
    int fd;

    if (reader->directory_fd < 0 || reader->directory != place->directory) {
        if (!place->more_here)
            return ozx_beneath_open(self->root_fd, place->path, O_RDONLY);
        fd = ozx_beneath_open(self->root_fd, place->directory_path, O_PATH | O_DIRECTORY);
        if (fd < 0)
            return fd;
        ozx_cleanup_close(&reader->directory_fd);
        reader->directory_fd = fd;
        reader->directory = place->directory;
    }
    fd = openat(reader->directory_fd, place->name,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int *fd, struct ozx_error *error)
{
    int opened = open_file(of(input), reader, place);

    if (opened < 0)
        return fail(input, place, opened, error);
    *fd = opened;
    return 0;
}

static int read_exactly(int fd, uint8_t *buffer, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t got = pread(fd, buffer, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != ESPIPE && errno != EISDIR)
            return -errno;
        if (got <= 0) /* it ends early, so it shrank; or it is no regular file any more */
            return -ESTALE;
        buffer += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

static int read_place(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                      uint64_t offset_bytes, struct ozx_error *error)
{
    int failure = read_exactly(fd, buffer, size_bytes, offset_bytes);

    (void)reader;
    return failure ? fail(input, place, failure, error) : 0;
}

/* Asked after the reading, and compared with what the walk saw: a change at any time shows here. */
static int check(const struct ozx_input *input, struct ozx_input_reader *reader,
                 const struct ozx_input_place *place, int fd, struct ozx_error *error)
{
    struct stat st;

    (void)reader;
    if (fstat(fd, &st) < 0)
        return fail(input, place, -errno, error);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != place->size_bytes ||
        fingerprint_of(&st) != place->key)
        return fail(input, place, -ESTALE, error);
    return 0;
}

static int check_no_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                        uint32_t crc32, struct ozx_error *error)
{
    (void)input, (void)place, (void)crc32, (void)error;
    return 0;
}

/* A symbolic link put in its place has another inode: no need to open it. */
static bool is_unchanged(const struct ozx_input *input, const char *path, uint64_t fingerprint)
{
    struct stat st;

    return fstatat(of(input)->root_fd, path, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
           fingerprint_of(&st) == fingerprint;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Up from the output's directory to the root of the file system: is the input on the way? */
static int check_output(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error)
{
    const struct stat *root = &of(input)->root;
    OZX_AUTO_CLOSE int at =
        output->directory_fd < 0 ? -1 : fcntl(output->directory_fd, F_DUPFD_CLOEXEC, 0);
    struct stat here = output->directory;

    while (at >= 0) {
        struct stat up;
        int parent;

        if (here.st_dev == root->st_dev && here.st_ino == root->st_ino)
            return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 "write the archive to another directory",
                                 "is inside the input: it would be packed into itself");
        parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = parent;
        if (at < 0 || fstat(at, &up) < 0 || (up.st_dev == here.st_dev && up.st_ino == here.st_ino))
            return 0; /* the top, or as far as we may look: the walk looks out for it, too */
        here = up;
    }
    return 0;
}

static const char *no_version(const struct ozx_input *input)
{
    (void)input;
    return NULL;
}

static void close_input(struct ozx_input *input)
{
    ozx_cleanup_close(&of(input)->root_fd);
    free(input);
}

int ozx_input_of_directory(const char *path, struct ozx_input **out, struct ozx_error *error)
{
    static const struct ozx_input_kind kind = {
        .subject = "",
        .hint_above = "pack the directory that is the OME-Zarr root",
        .hint_v2 = "convert it: ozxfs pack --convert DIR FILE.ozx",
        .hint_no_zarr = "give the directory of an OME-Zarr image (0.5 or later)",
        .list = list,
        .look = look,
        .holds_node = holds_node,
        .exists = exists,
        .find = find,
        .open = open_place,
        .read = read_place,
        .check = check,
        .check_crc = check_no_crc,
        .is_unchanged = is_unchanged,
        .check_output = check_output,
        .version = no_version,
        .close = close_input};
    struct directory_input *self = calloc(1, sizeof *self);
    int code;

    if (!self)
        return ozx_error_memory(error);
    self->input.kind = &kind;
    self->user = geteuid();
    self->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->root_fd >= 0 && fstat(self->root_fd, &self->root) == 0) {
        *out = &self->input;
        return 0;
    }
    code = errno;
    close_input(&self->input);
    return ozx_error_set(error, -code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         code == ENOTDIR  ? "give the directory of an OME-Zarr image"
                         : code == EACCES ? "ask its owner for read permission"
                                          : "check the path",
                         "cannot open: %s", strerror(code));
}
