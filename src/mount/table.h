/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The flat table: all of an archive's tree that a backend in the supervisor (mount/direct.h) has to
 * know, as numbers and names. The worker, which parses, makes it and writes it to a pipe; the
 * supervisor, which has rights to lose, reads it from there into memory of its own, and believes
 * nothing of it: ozx_table_check() says what it may rely on.
 *
 *     row 0 is the root; every other row comes behind its parent's
 *     children of one directory stand together, in the order of the directories, sorted by name
 *
 * What a compressed entry holds is sent along, for who cannot decompress it: `data`.
 */
#ifndef OZX_MOUNT_TABLE_H
#define OZX_MOUNT_TABLE_H

#include "archive/archive.h"

enum ozx_row_kind {
    OZX_ROW_DIRECTORY = 1,
    OZX_ROW_FILE, /* its bytes stand in the archive */
    OZX_ROW_DATA, /* its bytes stand in the table's data */
};

struct ozx_row {
    uint64_t size_bytes;   /* of a file */
    uint64_t offset_bytes; /* of a file's bytes, in the archive or in the data */
    int64_t mtime_s;
    uint32_t parent;
    uint32_t name_offset; /* in the names; counted by who receives */
    uint8_t name_size;
    uint8_t kind; /* enum ozx_row_kind */
    uint8_t reserved[6];
};

/* What was seen of the rows by who looked at them. */
struct ozx_table_facts {
    int64_t oldest_s;         /* the smallest mtime */
    uint64_t files_bytes;     /* the sum of all sizes, or all bits set if that is more */
    uint64_t files_end_bytes; /* the archive has at least so many bytes, */
    uint32_t furthest;        /* or this row is wrong */
    uint32_t largest;         /* 0: there is no file, */
    uint32_t wrong;           /* the first row that is, */
    const char *why;          /* NULL: none is */
};

struct ozx_table {
    struct ozx_row *rows;
    char *names;
    uint8_t *data;
    uint32_t count;
    uint32_t looked_at;           /* rows, so many */
    struct ozx_table_facts facts; /* of them */
    uint32_t names_size;
    uint64_t data_size;
    void *memory; /* owned: all of the above */
    size_t memory_size;
};

#define OZX_TABLE_DATA_MAX (UINT64_C(16) << 20) /* of compressed entries, decompressed */

/* Writes the table of `archive` to `pipe`; reads all local headers and all compressed entries.
 * `limit_ms` as of ozx_archive_resolve_all(). -EIO: there are files that cannot be read; -EFBIG:
 * more is compressed than a table takes; -ETIME: too slow; -EPIPE: nobody reads it any more. */
int ozx_table_send(struct ozx_archive *archive, int64_t limit_ms, int pipe,
                   struct ozx_error *error) OZX_CHECKED;

/* Before it, and before the archive is read: the table will have about so many rows. */
void ozx_table_send_guess(uint64_t count, int pipe);

/* A table half read. */
struct ozx_table_reader {
    struct ozx_table table;
    uint32_t guessed_count, guessed_names_size; /* 0: nothing was said before the head */
    size_t got_bytes;                           /* of the head, then of the table */
    size_t whole_bytes;
    uint32_t names_end; /* of the rows that were looked at */
    bool has_head;      /* the table's count and sizes are set, and nothing else of it is */
    bool is_whole;
    uint8_t head[32];
};

/* Reads what there is in `pipe`, which does not block. 1: there is more to come; 0: the table is
 * whole; -EPROTO: it is none; -ENOMEM; -EPIPE: it ended too early. */
int ozx_table_receive(struct ozx_table_reader *reader, int pipe) OZX_CHECKED;

/* Looks at the rows that were not looked at as they came: parents, names, their order, sizes and
 * offsets; and says of all of them whether they are as above, in an archive of this size: else
 * -EBADMSG. */
int ozx_table_check(struct ozx_table *table, uint64_t archive_size_bytes,
                    struct ozx_error *error) OZX_CHECKED;

void ozx_table_free(struct ozx_table *table);

#endif
