/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A piece of work in a child process that has given up its rights (cage/sandbox.h) before the work
 * begins: parsing what a stranger wrote, for a command that does it once and ends.
 *
 * To whoever looks from outside it is one process: the child dies with its parent; INT, TERM, HUP
 * and QUIT that only the parent got are passed on, and both stop and go on together. A child that
 * does not end within five seconds of such a signal is killed.
 *
 * Built without the sandbox (sanitizers), the work is done by the calling process.
 */
#ifndef OZX_CAGE_CAGE_H
#define OZX_CAGE_CAGE_H

#include "cage/sandbox.h"

#define OZX_CAGE_CHANNELS_MAX 64

struct ozx_cage {
    enum ozx_sandbox_work allowed;
    int archive;     /* open for reading; kept; -1: none */
    const int *channels; /* sockets, kept, by which the archive is read instead */
    size_t channel_count;
    const int *sockets; /* kept: by which it speaks with other processes of ours */
    size_t socket_count; /* at most OZX_CAGE_CHANNELS_MAX */
    int tree;        /* of OZX_SANDBOX_TREE: kept */
    int file;        /* another one to be kept, -1: none */
    int output;      /* becomes descriptor 1; -1: stays as it is */
    /* gives the exit status, 0 to 255; what is in stdio's buffers is lost */
    int (*work)(void *context);
    /* the child's copy: what it changes there is not seen by the parent */
    void *context;
};

struct ozx_cage_end {
    int status;      /* of the work; -1: it did not come to its end */
    int signal;      /* that ended the child then */
    int interrupted; /* the signal that was passed on to it, 0: none */
};

/* Descriptors 0 to 2 (0 becomes /dev/null), the archive, `channels`, `sockets`, `tree` and `file`
 * are all that the child has; it has one thread, and an environment where time zones are UTC. For a
 * process with one thread, with nothing left in stdio's buffers. 0: the child is gone, see `end`;
 * else why it could not be made or be locked in. */
int ozx_cage_run(const struct ozx_cage *cage, struct ozx_cage_end *end,
                 struct ozx_error *error) OZX_CHECKED;

/* The same beside the parent, which goes on: it is the parent's to wait for `*child`, and to end
 * it. The child dies with its parent. Built without the sandbox it is a process all the same, with
 * its rights. */
int ozx_cage_start(const struct ozx_cage *cage, pid_t *child, struct ozx_error *error) OZX_CHECKED;

/* True if the work is done in a child, and not by the calling process. */
bool ozx_cage_is_there(void);

#endif
