/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Landlock's rights by version of its interface; a header older than the kernel lacks the newer
 * ones.
 */
#ifndef OZX_CAGE_LANDLOCK_RULES_H
#define OZX_CAGE_LANDLOCK_RULES_H

#include <stddef.h>
#include <stdint.h>

#define LANDLOCK_FS_1 ((UINT64_C(1) << 13) - 1)
#define LANDLOCK_FS_WRITE_FILE (UINT64_C(1) << 1)
#define LANDLOCK_FS_READ_FILE (UINT64_C(1) << 2)
#define LANDLOCK_FS_READ_DIRECTORY (UINT64_C(1) << 3)
#define LANDLOCK_FS_MAKE_DIRECTORY (UINT64_C(1) << 7)
#define LANDLOCK_FS_MAKE_FILE (UINT64_C(1) << 8)
#define LANDLOCK_FS_REFER (UINT64_C(1) << 13)     /* version 2 */
#define LANDLOCK_FS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define LANDLOCK_FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define LANDLOCK_NET_ALL UINT64_C(3)              /* version 4: bind and connect TCP */
#define LANDLOCK_SCOPE_ALL UINT64_C(3)            /* version 6: abstract sockets, signals */

struct landlock_ruleset {
    uint64_t fs, net, scoped;
};

/* What the version of Landlock's interface has to forbid; the size of the rules. */
static inline size_t ozx_landlock_forbid_all(struct landlock_ruleset *rules, int version)
{
    *rules = (struct landlock_ruleset){.fs = LANDLOCK_FS_1};
    if (version >= 2)
        rules->fs |= LANDLOCK_FS_REFER;
    if (version >= 3)
        rules->fs |= LANDLOCK_FS_TRUNCATE;
    if (version >= 4)
        rules->net = LANDLOCK_NET_ALL;
    if (version >= 5)
        rules->fs |= LANDLOCK_FS_IOCTL_DEV;
    if (version >= 6)
        rules->scoped = LANDLOCK_SCOPE_ALL;
    return version >= 6   ? sizeof *rules
           : version >= 4 ? offsetof(struct landlock_ruleset, scoped)
                          : sizeof rules->fs;
}

#endif
