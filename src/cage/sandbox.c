/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids, capabilities, Landlock; the order matters: each step needs what the next one takes.
 */
#include "cage/sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* Landlock's rights by version of its interface; a header older than the kernel lacks the newer
 * ones. */
#define LANDLOCK_FS_1 ((UINT64_C(1) << 13) - 1)
#define LANDLOCK_FS_REFER (UINT64_C(1) << 13)     /* version 2 */
#define LANDLOCK_FS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define LANDLOCK_FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define LANDLOCK_NET_ALL UINT64_C(3)              /* version 4: bind and connect TCP */
#define LANDLOCK_SCOPE_ALL UINT64_C(3)            /* version 6: abstract sockets, signals */

struct landlock_ruleset {
    uint64_t fs, net, scoped;
};

static int fail(struct ozx_error *error, const char *what)
{
    int code = errno ? -errno : -EPERM;

    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot %s: %s", what,
                         strerror(-code));
}

/* Whether the archive still answers under the ids of now. */
static bool archive_answers(int archive)
{
    struct stat st;
    char byte;

    return fstat(archive, &st) == 0 && (st.st_size == 0 || pread(archive, &byte, 1, 0) == 1);
}

/* True for root of a user namespace that has other users to become: there nobody may not exist. */
static bool is_namespace_root(void)
{
    FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned inside, outside, count;
    bool whole = map && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
                 outside == 0 && count == UINT32_MAX;

    if (map)
        fclose(map);
    return map && !whole;
}

/* Root becomes somebody else, with a way back until it is known that the archive still answers. */
static int become(const struct ozx_sandbox_ids *who, int archive, uid_t keep, gid_t keep_group,
                  bool *dropped, struct ozx_error *error)
{
    uid_t uid = who->uid;
    gid_t gid = who->gid;

    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, keep_group) < 0)
        return fail(error, "give up root's groups");
    if (setresuid(uid, uid, keep) < 0) {
        int failure = fail(error, "give up root's ids");
        return setresgid(keep_group, keep_group, keep_group) < 0 ? fail(error, "go back") : failure;
    }
    if (archive_answers(archive)) {
        if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
            return fail(error, "give up root's ids for good");
        *dropped = true;
        return 0;
    }
    if (setresuid(keep, keep, keep) < 0 || setresgid(keep_group, keep_group, keep_group) < 0)
        return fail(error, "take back the ids");
    return 0;
}

/* Nobody is what is tried; a user that was asked for is meant. */
static int drop_ids(const struct ozx_sandbox_ids *as, int archive, struct ozx_error *error)
{
    static const struct ozx_sandbox_ids nobody = {NOBODY, NOBODY};
    bool dropped = false;
    int failure;

    if (geteuid() != 0 || (as && as->uid == 0))
        return 0;
    failure = become(as ? as : &nobody, archive, geteuid(), getegid(), &dropped, error);
    if (as && !failure && !dropped)
        return ozx_error_set(
            error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE, "give -o serve_as another user",
            "cannot be read by the user %u, who is to serve it", (unsigned)as->uid);
    /* In a user namespace root is somebody else's ordinary user; its capabilities go all the same. */
    return failure && !as && is_namespace_root() && geteuid() == 0 ? 0 : failure;
}

/* Why root is still root, for the report. */
static const char *kept_why(const struct ozx_sandbox_ids *as)
{
    if (getuid() != 0)
        return "";
    return as ? " (kept as asked)"
              : " (kept: nobody is not to be had, or may not read the archive)";
}

/* No program could bring a capability back. Needs a capability itself, so it comes first; who has
 * none is not asked. */
static void empty_bounding_set(void)
{
    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            break; /* beyond the last one, or no right to */
}

static int drop_capabilities(struct ozx_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        return fail(error, "give up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "set no_new_privs");
    return 0;
}

/* The version of Landlock's interface that is in force, 0 without one. */
static int enter_landlock(struct ozx_error *error, int *version)
{
    struct landlock_ruleset rules = {.fs = LANDLOCK_FS_1};
    size_t size = sizeof rules.fs;
    long ruleset;

    *version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*version < 1) {
        *version = 0; /* not built in, or not switched on */
        return 0;
    }
    if (*version >= 2)
        rules.fs |= LANDLOCK_FS_REFER;
    if (*version >= 3)
        rules.fs |= LANDLOCK_FS_TRUNCATE;
    if (*version >= 4) {
        rules.net = LANDLOCK_NET_ALL;
        size += sizeof rules.net;
    }
    if (*version >= 5)
        rules.fs |= LANDLOCK_FS_IOCTL_DEV;
    if (*version >= 6) {
        rules.scoped = LANDLOCK_SCOPE_ALL;
        size += sizeof rules.scoped;
    }
    ruleset = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return fail(error, "make Landlock rules");
    if (syscall(SYS_landlock_restrict_self, (int)ruleset, 0) < 0) {
        int failure = fail(error, "enter Landlock");
        close((int)ruleset);
        return failure;
    }
    close((int)ruleset);
    return 0;
}

int ozx_sandbox_enter(int archive, const struct ozx_sandbox_ids *as, bool io_uring,
                      char report[OZX_SANDBOX_REPORT_SIZE], struct ozx_error *error)
{
    const struct rlimit no_core = {0, 0};
    char landlock_text[32] = "no Landlock";
    int version, failure;

    setrlimit(RLIMIT_CORE, &no_core);
    empty_bounding_set();
    failure = drop_ids(as, archive, error);
    if (!failure)
        failure = drop_capabilities(error);
    if (!failure)
        failure = enter_landlock(error, &version);
    if (failure)
        return failure;
    if (version)
        snprintf(landlock_text, sizeof landlock_text, "Landlock %d", version);
    failure = ozx_sandbox_filter(io_uring);
    if (failure && failure != -ENOSYS)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot enter the seccomp filter: %s", strerror(-failure));
    snprintf(report, OZX_SANDBOX_REPORT_SIZE, "uid %u%s, no capabilities, no_new_privs, %s, %s",
             (unsigned)getuid(), kept_why(as), landlock_text, failure ? "no seccomp" : "seccomp");
    return 0;
}

#ifndef OZX_SANDBOX_PROBE
bool ozx_sandbox_probe(char report[OZX_SANDBOX_REPORT_SIZE])
{
    (void)report;
    return false;
}
#endif
