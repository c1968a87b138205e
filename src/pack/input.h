/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What pack takes: a directory of the file system, or what an archive shows. No step of pack asks
 * which; a new kind of input is a file beside input_directory.c and input_archive.c.
 *
 * An input is walked first, from one thread, then read by several, each with a reader of its own.
 * Errors are complete: they name what they are about, below the input's root.
 */
#ifndef OZX_PACK_INPUT_H
#define OZX_PACK_INPUT_H

#include <sys/stat.h>

#include "archive/archive.h"
#include "io/output_file.h"
#include "pack/input_listing.h"

/* What the walk learns of a file. */
struct ozx_input_file {
    uint64_t size_bytes;
    uint64_t key; /* the input's own; of a file that may change: another one means that it did */
    int64_t mtime_s;
    bool in_order; /* it is to be read by one reader, from front to back */
};

/* A file that is to be read, as the plan knows it. */
struct ozx_input_place {
    const char *path; /* from the root; terminated, as the next two are */
    const char *directory_path;
    const char *name;
    uint32_t directory;       /* a number for each directory */
    bool more_here;           /* the next file that is read will be of the same directory */
    uint64_t size_bytes, key; /* as the walk saw them */
};

/* One for each thread. */
struct ozx_input_reader {
    int directory_fd; /* owned; -1: none yet */
    uint32_t directory;
    /* Of an input that is made of another one: what it keeps from one call to the next (with a
     * reader for that other input in it), and what frees it. NULL, both. */
    void *own;
    void (*end)(void *own);
};

#define OZX_INPUT_READER_INIT                                                                      \
    {                                                                                              \
        .directory_fd = -1                                                                         \
    }

struct ozx_input;

/* Whom an input tells: a note is of what is as it should be. */
struct ozx_input_teller {
    void *context;
    void (*note)(void *context, const struct ozx_error *note);
    void (*warning)(void *context, const struct ozx_error *warning);
};

struct ozx_input_kind {
    const char *subject;      /* in front of a quoted path: "", "entry " */
    const char *hint_above;   /* what to do where the root is one directory further down */
    const char *hint_v2;      /* what to do where it is Zarr v2 */
    const char *hint_no_zarr; /* what to do where there is no hierarchy; may be NULL */

    bool states_crc; /* check_crc has something to compare with */
    /* Where the keys of files are numbers below key_count, and tell the size; NULL, both. */
    uint64_t (*key_count)(const struct ozx_input *input);
    uint64_t (*size_of)(const struct ozx_input *input, uint64_t key);
    /* Where the items of a directory have keys one behind the other, in the order of their names'
     * bytes: the first of the directory with `key`, and how many; and the item with such a key. Its
     * name is borrowed, and not terminated; it has no name_offset. NULL, both. */
    void (*keys_of)(const struct ozx_input *input, uint32_t key, uint32_t *first, uint32_t *count);
    const char *(*item_of)(const struct ozx_input *input, uint32_t key,
                           struct ozx_input_item *item);

    /* The directory at `path`, whose item had `key` (0 for the root). -ENOMEM without an error. */
    int (*list)(struct ozx_input *input, const char *path, size_t path_size_bytes, uint32_t key,
                struct ozx_input_listing *listing, struct ozx_error *error);
    /* The file `item` of the listed directory; the file's whole path, which begins with the
     * directory's. Not 0 if it cannot be packed. */
    int (*look)(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error);
    /* True if the directory at `path`, or one below it, is a node of Zarr. `path` has room for any
     * path, and is as before when it returns. */
    bool (*holds_node)(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key);
    bool (*exists)(const struct ozx_input *input, const char *path);
    /* The file at `path` (terminated), outside of the walk. -ENOENT without an error: there is
     * none. */
    int (*find)(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error);

    /* `*fd` (-1 before) is to be closed, if it is set. */
    int (*open)(const struct ozx_input *input, struct ozx_input_reader *reader,
                const struct ozx_input_place *place, int *fd, struct ozx_error *error);
    /* Exactly these bytes. */
    int (*read)(const struct ozx_input *input, struct ozx_input_reader *reader,
                const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                uint64_t offset_bytes, struct ozx_error *error);
    /* After the reading. -ESTALE: it is not what the walk saw. */
    int (*check)(const struct ozx_input *input, struct ozx_input_reader *reader,
                 const struct ozx_input_place *place, int fd, struct ozx_error *error);
    /* -EBADMSG: the input states another CRC-32. */
    int (*check_crc)(const struct ozx_input *input, const struct ozx_input_place *place,
                     uint32_t crc32, struct ozx_error *error);

    /* The directory is still what it was when it was listed: nothing was added, removed, renamed.
     */
    bool (*is_unchanged)(const struct ozx_input *input, const char *path, uint64_t fingerprint);
    /* -EEXIST: the output is the input, or in it. */
    int (*check_output)(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error);
    /* The OME-Zarr version that the input states beside its metadata; NULL. */
    const char *(*version)(const struct ozx_input *input);
    /* After the walk: what the input did with what it was given; may be NULL. */
    void (*tell)(struct ozx_input *input, const struct ozx_input_teller *teller);
    void (*close)(struct ozx_input *input);
};

struct ozx_input {
    const struct ozx_input_kind *kind;
    struct stat output_file, output_directory; /* must not turn up in it; st_nlink 0: none */
};

/* The directory at `path`. */
int ozx_input_of_directory(const char *path, struct ozx_input **out,
                           struct ozx_error *error) OZX_CHECKED;

/* The archive that is read is not written, nor replaced: -EEXIST if it is what stands under the
 * output's name. */
int ozx_input_refuse_own(const struct ozx_source *archive, const struct stat *old,
                         struct ozx_error *error) OZX_CHECKED;

/* What the archive (closed with it) shows. `lost` (borrowed, may be NULL): not 0 for each node that
 * cannot be had. -ENOMEM. */
int ozx_input_of_archive(struct ozx_archive *archive, const uint8_t *lost, struct ozx_input **out,
                         struct ozx_error *error) OZX_CHECKED;

/* The Zarr v2 of `base` as Zarr v3 (pack/convert.h). `base` is closed with it. */
int ozx_input_of_v2(struct ozx_input *base, struct ozx_input **out,
                    struct ozx_error *error) OZX_CHECKED;

/* The whole of a file that `find` found at `path`, at most `most_bytes`, terminated; the caller
 * frees it. */
int ozx_input_read_file(const struct ozx_input *input, const char *path,
                        const struct ozx_input_file *file, uint64_t most_bytes, char **text,
                        struct ozx_error *error) OZX_CHECKED;

/* The place of a file that stands alone, which `find` or `look` told of. Borrows the path, and
 * `directory`, which gets that of its directory. */
struct ozx_input_place ozx_input_place_of(const char *path, const struct ozx_input_file *file,
                                          char directory[OZX_PATH_SIZE]);

void ozx_input_close(struct ozx_input *input); /* NULL is fine */

static inline void ozx_input_reader_release(struct ozx_input_reader *reader)
{
    ozx_cleanup_close(&reader->directory_fd);
    reader->directory_fd = -1;
    if (reader->end)
        reader->end(reader->own);
    reader->own = NULL;
    reader->end = NULL;
}

/* The error of something that changed while it was packed: -ESTALE. */
int ozx_input_changed(const struct ozx_input *input, const char *path, struct ozx_error *error);

#endif
