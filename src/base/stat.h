/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fstat(2) by its own system call. The C library's asks newfstatat, which takes paths, too: what
 * parses may not make that one, or it could learn what there is on the machine
 * (cage/sandbox_filter.c).
 */
#ifndef OZX_BASE_STAT_H
#define OZX_BASE_STAT_H

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0, or -1 and errno. */
static inline int ozx_fstat(int fd, struct stat *st)
{
    /* There the kernel's struct is the C library's. */
#if defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
    return (int)syscall(SYS_fstat, fd, st);
#else
    return fstat(fd, st);
#endif
}

#endif
