/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive, opened: the one view that mount, ls, info, verify and unpack share. Tail and
 * central directory are read when it is opened; after that the tree never changes, so any
 * number of threads may use it without locks. Local headers are read and checked at the first read
 * of an entry.
 *
 * Nodes are numbered 0 ... count-1, breadth-first, the children of a directory contiguous and
 * sorted by the bytes of their names; the root is 0. The same archive gives the same numbers every
 * time.
 */
#ifndef OZX_ARCHIVE_ARCHIVE_H
#define OZX_ARCHIVE_ARCHIVE_H

#include <stdbool.h>

#include "io/source.h"
#include "zip/name_normalize.h"

struct ozx_archive;

#define OZX_NODE_ROOT 0
#define OZX_PATH_SIZE 4096 /* a buffer for any path of an archive, with its NUL */

struct ozx_node_stat {
    bool is_directory;
    uint32_t nlink;      /* a directory: 2 + its subdirectories, as on a disk */
    uint64_t size_bytes; /* uncompressed; 0 for a directory */
    int64_t mtime_s;     /* seconds since 1970 */
};

/* What a file's entry says, for xattrs and listings. */
struct ozx_node_entry {
    uint64_t compressed_size_bytes;
    uint32_t crc32;
    uint16_t method;
    enum ozx_rule eio_rule; /* the rule that makes every read of it -EIO, or OZX_RULE_NONE */
};

/* Something that the policy lets pass with a warning, counted. */
struct ozx_warning {
    enum ozx_rule rule;
    uint64_t count;         /* entries, or 1 for what the archive has once */
    bool eio;               /* these entries are visible, reading them gives EIO */
    bool minor;             /* nothing is wrong with what is served: told only to who asks (-v) */
    struct ozx_error first; /* the first of them: text, offset, hint */
};

struct ozx_archive_options {
    const char *subdir; /* NULL: all; else a path whose directory becomes the root */
    /* how the user says that, the path left out: "mount with -o subdir="; NULL: not at all */
    const char *subdir_hint;
    const int64_t *mtime_s; /* of entries that state none; NULL: the archive file's own */
    bool own_end_records;   /* the caller has joined it on: ozx_zip_end_records_read_own() */
    bool crcs_unknown;      /* it was planned, not written: there are no CRC-32s to check */
    /* all local headers are wanted soon: what is in memory of them is checked meanwhile */
    bool headers_ahead;
    /* Told, on any thread, while there is a processor to spare for who makes room for so many; may
     * be NULL. */
    void (*counted)(void *context, uint64_t entry_count);
    void *context; /* of `counted` */
    /* STRICT for all that serves or judges; to write anew, NORMAL or BACKSLASHES */
    enum ozx_names names;
};

/* What the libraries below would open when it is first needed, now; the time zone is UTC then. For
 * a process that is to give up its rights, or to make threads, before it opens an archive. */
void ozx_archive_prepare(void);

/* Reads and judges the archive. Takes ownership of `source` on success. The error names rule, byte
 * offset and what to do. -EBADMSG: refused by the policy; other codes: no memory, the disk failed.
 */
int ozx_archive_open(struct ozx_source *source, const struct ozx_archive_options *options,
                     struct ozx_archive **out, struct ozx_error *error) OZX_CHECKED;
void ozx_archive_close(struct ozx_archive *archive); /* NULL is fine */
/* Closes all of it but the source (ozx_archive_source), which is the caller's again. */
void ozx_archive_dissolve(struct ozx_archive *archive);

/* Sums up the tree, its names, numbers, sizes and CRCs: an archive that is opened again, the same
 * way, and has another sum is another one. Takes a look at every node. */
uint32_t ozx_archive_fingerprint(const struct ozx_archive *archive);

static inline void ozx_cleanup_archive(struct ozx_archive **archive)
{
    ozx_archive_close(*archive);
}
#define OZX_AUTO_ARCHIVE OZX_CLEANUP(ozx_cleanup_archive)

struct ozx_source *ozx_archive_source(const struct ozx_archive *archive); /* borrowed */
uint32_t ozx_archive_node_count(const struct ozx_archive *archive);

/* All that mount has to warn of; borrowed, `*count` of them. */
const struct ozx_warning *ozx_archive_warnings(const struct ozx_archive *archive, size_t *count);

/* Archive comment, borrowed, not terminated; NULL and 0 without one. */
const char *ozx_archive_comment(const struct ozx_archive *archive, size_t *size_bytes);
/* OME-Zarr version that the comment states (RFC-9), NULL without one. Borrowed. */
const char *ozx_archive_comment_version(const struct ozx_archive *archive);

/* What the archive as a whole is like. */
struct ozx_archive_facts {
    uint64_t entry_count;          /* of the central directory */
    uint64_t directory_size_bytes; /* the central directory's */
    /* entries that a later one of the same name replaced (rule duplicate) */
    uint64_t replaced_count;
    uint64_t replaced_bytes; /* their data */
    uint64_t empty_count;    /* entries of files of 0 bytes, replaced ones and others */
    /* about: in front of and between entries; only gaps of more than 128 KiB, for smaller ones may
     * be names and extra fields of local headers */
    uint64_t gap_bytes;
    bool zip64;                 /* there is a ZIP64 end record */
    bool json_first_claimed;    /* the comment says jsonFirst */
    bool json_first_true;       /* no zarr.json comes after an entry that is none */
    const char *comment_defect; /* why the comment does not follow RFC-9, "" if it does */
};
void ozx_archive_facts(const struct ozx_archive *archive, struct ozx_archive_facts *out);

/* -ENOENT: no such child; -ENOTDIR: `directory` is a file. */
int ozx_archive_lookup(const struct ozx_archive *archive, uint32_t directory, const char *name,
                       size_t name_size_bytes, uint32_t *node) OZX_CHECKED;
/* By path from the root ("" and "/" are the root; a final '/' asks for a directory; a component '.'
 * stays where it is). */
int ozx_archive_find(const struct ozx_archive *archive, const char *path,
                     uint32_t *node) OZX_CHECKED;

void ozx_archive_stat(const struct ozx_archive *archive, uint32_t node, struct ozx_node_stat *out);
/* Children are first ... first+count-1; both 0 for a file or an empty directory. */
void ozx_archive_children(const struct ozx_archive *archive, uint32_t directory, uint32_t *first,
                          uint32_t *count);
uint32_t ozx_archive_parent(const struct ozx_archive *archive, uint32_t node); /* root: itself */
/* Borrowed, not terminated, 1 ... 255 bytes; the root's is empty. */
const char *ozx_archive_name(const struct ozx_archive *archive, uint32_t node, size_t *size_bytes);
/* The path from the archive's root (with options.subdir still in front), "" for the root itself;
 * NUL-terminated. Returns its length in bytes. */
size_t ozx_archive_path(const struct ozx_archive *archive, uint32_t node, char path[OZX_PATH_SIZE]);

void ozx_archive_entry(const struct ozx_archive *archive, uint32_t node,
                       struct ozx_node_entry *out); /* a file */
/* True if reads of the file may have to decompress it from its start. */
bool ozx_archive_is_compressed(const struct ozx_archive *archive, uint32_t node);
/* True of a file of 0 bytes: who reads none of it does not find out whether it can be read. */
bool ozx_archive_is_empty_file(const struct ozx_archive *archive, uint32_t node);
/* Where a file's local header is; only as long as nothing of the file was read. OZX_OFFSET_NONE for
 * a directory. */
uint64_t ozx_archive_local_offset(const struct ozx_archive *archive, uint32_t node);
/* Where a file's data starts in the archive; reads the local header if it was not read yet. */
int ozx_archive_data_offset(struct ozx_archive *archive, uint32_t node, uint64_t *offset_bytes,
                            struct ozx_error *error) OZX_CHECKED;

/* The error of a file whose data do not have the CRC-32 that the directory states: -EBADMSG. */
int ozx_archive_crc_error(struct ozx_archive *archive, uint32_t node, const char *hint,
                          struct ozx_error *error);

/* Reads up to `size_bytes` of a file at `offset_bytes`; `*got_bytes` is short only at the file's
 * end. -EIO by policy or damage (the error's rule says which; the text names entry and offset),
 * -ESTALE if the archive changed, -EISDIR for a directory. */
int ozx_archive_read(struct ozx_archive *archive, uint32_t node, void *buffer, size_t size_bytes,
                     uint64_t offset_bytes, size_t *got_bytes, struct ozx_error *error) OZX_CHECKED;

/* Reads all of a file into `buffer`, which has room for it, and checks its CRC-32, unless those are
 * unknown. The errors of ozx_archive_read and of ozx_archive_crc_error. */
int ozx_archive_read_all(struct ozx_archive *archive, uint32_t node, void *buffer,
                         struct ozx_error *error) OZX_CHECKED;

#endif
