/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to an archive, for threads that answer requests. What is not asked for is given back to
 * the system: the tree, where a time is set and nobody came through for that long; and of a gate
 * that can be opened again the file, too, earlier if there are more archives than may be open. Who
 * comes next has it read again: in the same locked-in process, with the same numbers of nodes, or
 * is told that it is another archive. Mount and threads stay, so no request ever sees less than all
 * of the archive: it waits for the tree, or is told of an error.
 *
 * Threads: any number may be inside, each inside one archive at a time. Going in and out takes no
 * lock and, but for what tells when, writes to no memory that another thread writes to.
 */
#ifndef OZX_MOUNT_GATE_H
#define OZX_MOUNT_GATE_H

#include <stdbool.h>

#include "archive/archive.h"

struct ozx_gates; /* what gates have in common: limits, who is inside, who watches the time */
struct ozx_gate;

/* Who opens what is behind a closed gate. Called by a thread that waits for it, and that no request
 * waits for but those for this archive. */
struct ozx_gate_opener {
    void *context;
    /* The archive's file: the same as ever, for this number. -ESTALE: it is not there any more. */
    int (*open)(void *context, uint32_t number, struct ozx_source **out, struct ozx_error *error);
    /* It was read for the first time; may be NULL. */
    void (*opened)(void *context, uint32_t number, struct ozx_archive *archive);
};

struct ozx_gates_options {
    struct ozx_archive_options how; /* as archives are opened (subdir is borrowed) */
    uint64_t idle_ms;               /* 0: never */
    /* Of gates that can be opened again, those that nobody is inside of go first: */
    uint32_t open_max;  /* so many may be open at a time */
    uint64_t nodes_max; /* and have so many nodes, but for a single one */
    struct ozx_gate_opener opener;
};

int ozx_gates_open(const struct ozx_gates_options *options, struct ozx_gates **out) OZX_CHECKED;
/* All gates are closed. NULL is fine. */
void ozx_gates_close(struct ozx_gates *gates);

/* Starts to watch the time, in a thread of its own. Once, and after the last fork. From now on
 * sources are given these two (io/source.h). */
int ozx_gates_watch(struct ozx_gates *gates, void (*on_wait)(void),
                    int (*stopped)(void)) OZX_CHECKED;

/* Takes over `archive`, from success on; its file stays open. */
int ozx_gate_open(struct ozx_gates *gates, struct ozx_archive *archive,
                  struct ozx_gate **out) OZX_CHECKED;
/* Nothing is behind it until somebody enters. */
int ozx_gate_open_closed(struct ozx_gates *gates, uint32_t number,
                         struct ozx_gate **out) OZX_CHECKED;
/* Nobody is inside any more. NULL is fine. */
void ozx_gate_close(struct ozx_gate *gate);

/* The archive, until the thread leaves; it must not be inside one already. NULL: `error` says why.
 * -ESTALE: the archive changed (for good); -EBADMSG: refused (for good); -ENOMEM and the disk's
 * errors: the next one tries again. */
struct ozx_archive *ozx_gate_enter(struct ozx_gate *gate, struct ozx_error *error) OZX_CHECKED;
/* The same, but NULL where it would have to wait for the archive. */
struct ozx_archive *ozx_gate_enter_if_open(struct ozx_gate *gate) OZX_CHECKED;
void ozx_gate_leave(struct ozx_gate *gate);

/* How often somebody outside holds something of it, counted for whoever wants to know: the count
 * after it. */
uint64_t ozx_gate_hold(struct ozx_gate *gate, uint64_t times);
uint64_t ozx_gate_release(struct ozx_gate *gate, uint64_t times);

/* From now on it is not closed for being idle: it could not be opened again. */
void ozx_gate_keep(struct ozx_gate *gate);

/* The file of a gate that cannot be opened again, which is always there; borrowed. */
struct ozx_source *ozx_gate_source(const struct ozx_gate *gate);

#endif
