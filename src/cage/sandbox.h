/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a process's rights away for good, before it reads a byte that a stranger wrote. In force
 * afterwards, as far as the kernel has it:
 *
 *   ids         started by root: nobody (65534) or who is asked for, no groups; else who started it
 *   rights      no capabilities, none to be had (no_new_privs), no core dumps
 *   Landlock    no file can be opened, no port bound or connected to, no signal sent out
 *   seccomp     only the system calls that serving needs; all others answer EPERM
 *
 * Open descriptors keep working: that is all that the worker is left with. With `io_uring` the
 * filter lets rings be made, and what is asked for by a ring is not seen by a filter: then it is the
 * ids and Landlock that keep files shut, and sockets can be made.
 */
#ifndef OZX_CAGE_SANDBOX_H
#define OZX_CAGE_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define OZX_SANDBOX_REPORT_SIZE 256

struct ozx_sandbox_ids {
    uid_t uid; /* 0: the ids stay, and the rest goes */
    gid_t gid;
};

/* For a process with one thread; threads made later inherit it. `as`: whom root becomes; NULL:
 * nobody. `archive` is tried after the ids are dropped: where the descriptor is no good to nobody
 * (some FUSE file systems ask who reads), the ids stay and only the capabilities go; where it is no
 * good to `as`, that is -EACCES. `report` says in one line what is in force. A step
 * that this kernel does not have is left out and not reported; one that it has but refuses is an
 * error. */
int ozx_sandbox_enter(int archive, const struct ozx_sandbox_ids *as, bool io_uring,
                      char report[OZX_SANDBOX_REPORT_SIZE], struct ozx_error *error) OZX_CHECKED;

/* The seccomp filter alone (sandbox_filter.c). -errno; -ENOSYS where the kernel has none. */
int ozx_sandbox_filter(bool io_uring) OZX_CHECKED;

/* In the program ozxfs_probe (src/meson.build), for tests: tries what must fail and says how each
 * attempt ended, as "open EPERM, socket EPERM, exec EPERM, ptrace EPERM, fork EPERM". Elsewhere false, and
 * nothing. */
bool ozx_sandbox_probe(char report[OZX_SANDBOX_REPORT_SIZE]);

#endif
