/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a process's rights away for good, before it reads a byte that a stranger wrote. In force
 * afterwards, as far as the kernel has it:
 *
 *   ids         started by root: nobody (65534), the archive's owner, or who is named; no groups
 *   rights      no capabilities, none to be had (no_new_privs), no core dumps
 *   environment overwritten: it may have passwords in it
 *   chroot      started by root: into an empty directory, or the one that is written to
 *   Landlock    no file can be opened, no port bound or connected to, no signal sent out
 *   seccomp     only the system calls that the work needs; all others answer EPERM
 *
 * Open descriptors keep working: that is all that the process is left with; but nothing can be read
 * from descriptors 0 to 2, which may be the terminal. No file can be asked for by a path, not even
 * whether it is there. With `io_uring` the filter lets rings be made, and what is asked for by a
 * ring is not seen by a filter: then it is the ids and Landlock that keep files shut, and sockets
 * can be made.
 */
#ifndef OZX_CAGE_SANDBOX_H
#define OZX_CAGE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define OZX_SANDBOX_REPORT_SIZE 512
#define OZX_NOBODY 65534 /* its user and group id */

struct ozx_sandbox_ids {
    uid_t uid; /* 0: the ids stay, and the rest goes */
    gid_t gid;
};

/* What is left to do. */
enum ozx_sandbox_work {
    OZX_SANDBOX_SERVE, /* a mount: messages by sockets, and the /dev/fuse descriptor */
    OZX_SANDBOX_READ,  /* reads the archive, writes descriptors 1 and 2 */
    OZX_SANDBOX_FILE,  /* and writes files that are open */
    OZX_SANDBOX_HTTP,  /* answers who connects to a socket that listens; has no archive */
    /* and makes files and directories below one directory; root's ids stay, to own them */
    OZX_SANDBOX_TREE,
};

struct ozx_sandbox {
    enum ozx_sandbox_work work;
    int archive;                      /* tried after the ids are dropped; -1: none */
    int tree;                         /* OZX_SANDBOX_TREE: the directory, open */
    bool io_uring;                    /* OZX_SANDBOX_SERVE */
    bool channels;                    /* the archive is read by messages on sockets that are open */
    pid_t parent;                     /* with whom it dies; 0: with nobody */
    const struct ozx_sandbox_ids *as; /* whom root becomes; NULL: nobody */
};

/* For a process with one thread; threads made later inherit it. Where the archive's descriptor is
 * no good to nobody (some network and FUSE file systems ask who reads), root becomes its owner;
 * where it is no good to that one, or to `as`, that is -EACCES for OZX_SANDBOX_SERVE. The others
 * keep the ids then, and lose all the rest. `report` says in one line what is in force. A step that
 * this kernel does not have is left out and not reported; one that it has but refuses is an error.
 */
int ozx_sandbox_enter(const struct ozx_sandbox *sandbox, char report[OZX_SANDBOX_REPORT_SIZE],
                      struct ozx_error *error) OZX_CHECKED;

/* The environment of who started it is overwritten, but for what says how to print: it may have
 * passwords in it. Part of ozx_sandbox_enter (environment.c); for what lives on behind it. */
void ozx_sandbox_forget_environment(void);

/* For a process that hands over files, and parses nothing: it can open files and directories below
 * `directory` to be read, those that nobody else may read too if it is root, and has no other
 * capability and no way to one. Where the kernel has no Landlock, files elsewhere are not
 * forbidden. */
int ozx_sandbox_read_below(int directory, struct ozx_error *error) OZX_CHECKED;

/* From now on the process's data (heap, stacks of threads) may grow by so much and no more. */
void ozx_sandbox_limit_data(uint64_t more_bytes);

/* The seccomp filter alone (sandbox_filter.c). `is_confined`: what is opened below the tree cannot
 * lead out of it; else openat2 is let pass, which can be told so. -errno; -ENOSYS where the kernel
 * has none. */
int ozx_sandbox_filter(const struct ozx_sandbox *sandbox, bool is_confined) OZX_CHECKED;

/* An empty directory becomes the root, and the working directory (sandbox_root.c): one that is
 * found, or for a process that stays a file system of its own, which takes half a millisecond.
 * -errno. */
int ozx_sandbox_empty_root(void) OZX_CHECKED;
int ozx_sandbox_new_root(void) OZX_CHECKED;

/* For the process that fetches from servers, with one thread: no ids of root, no capabilities, no
 * new program, no other process, and no signal or setting for one. Sockets of IP and netlink, none
 * of UNIX: names are those of the hosts file and of name servers. Of files (Landlock) the system's
 * configuration and libraries, to read, and what is at `more_paths` (ends in NULL; may be NULL);
 * modes, owners, times and lengths of all others stay as they are. Its filter lists what is
 * refused, and not what is let pass, since the libraries that it uses are the system's: what a
 * later kernel has more is refused, too. Not hidden: whether a path is there. -errno
 * (sandbox_fetch.c). */
int ozx_sandbox_fetch(const char *const *more_paths) OZX_CHECKED;

/* In the program ozxfs_probe (src/meson.build), for tests: tries what must fail and says how each
 * attempt ended, as "open EPERM, socket EPERM, exec EPERM". Elsewhere false, and nothing. */
bool ozx_sandbox_probe(const struct ozx_sandbox *sandbox, char report[OZX_SANDBOX_REPORT_SIZE]);

#endif
