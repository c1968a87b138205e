/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the preloaded library share: the calls that they stand in for, and what is to
 * become of one. Nothing of it is seen outside of the library.
 */
#ifndef OZX_TESTS_INJECT_H
#define OZX_TESTS_INJECT_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

enum {
    PREAD = 1 << 0,
    PREADV = 1 << 1,
    PREADV2 = 1 << 2,
    FSTAT = 1 << 3,
    MEMORY = 1 << 4,
    PWRITE = 1 << 5,
    WRITE = 1 << 6,
    FSYNC = 1 << 7,
    SYNCFS = 1 << 8,
    CLOSE = 1 << 9,
    FCHMOD = 1 << 10,
    FTRUNCATE = 1 << 11,
    TIMES = 1 << 12,
    LINKAT = 1 << 13,
    RENAMEAT = 1 << 14,
    RENAMEAT2 = 1 << 15,
    UNLINKAT = 1 << 16,
    MKDIRAT = 1 << 17,
    MAKE = 1 << 18, /* openat that makes a file */
    MOUNT = 1 << 20, /* what mounts, and leases */
    STEP = 1 << 19, /* a comparison: of memory, or of two things that are sorted */
};

enum verdict { PASS, FAIL, SHORT, END, AFTER, LOST };

/* Counts the call (one of the above), and says what is to become of it; does not come back from
 * `kill`. */
enum verdict inject_judge(unsigned call);

/* Counts a comparison, where these are counted. */
void inject_step(void);

#pragma GCC visibility pop

/* The next one of that name: of the C library, or of a sanitizer. */
#define REAL(name)                                                                                 \
    ({                                                                                             \
        static _Atomic(__typeof__(&(name))) real;                                                  \
        if (!real)                                                                                 \
            real = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name);                                   \
        (__typeof__(&(name)))real;                                                                 \
    })

#endif
