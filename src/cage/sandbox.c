/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids, capabilities, Landlock; the order matters: each step needs what the next one takes.
 */
#include "cage/sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/stat.h"
#include "cage/landlock_rules.h"

static int fail(struct ozx_error *error, const char *what)
{
    int code = errno ? -errno : -EPERM;

    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot %s: %s", what,
                         strerror(-code));
}

/* Whether the archive still answers under the ids of now. What else may be wrong with it (the disk)
 * is noticed by who reads it. */
static bool archive_answers(int archive)
{
    struct stat st;
    char byte;

    if (archive < 0)
        return true;
    if (ozx_fstat(archive, &st) == 0 && pread(archive, &byte, 1, 0) >= 0)
        return true;
    return errno != EACCES && errno != EPERM;
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
static int become(struct ozx_sandbox_ids who, int archive, bool *dropped, struct ozx_error *error)
{
    const uid_t keep = geteuid();
    const gid_t keep_group = getegid();

    if (setgroups(0, NULL) < 0 || setresgid(who.gid, who.gid, keep_group) < 0)
        return fail(error, "drop root's groups");
    if (setresuid(who.uid, who.uid, keep) < 0) {
        int failure = fail(error, "drop root's ids");
        return setresgid(keep_group, keep_group, keep_group) < 0 ? fail(error, "go back") : failure;
    }
    if (archive_answers(archive)) {
        if (setresgid(who.gid, who.gid, who.gid) < 0 || setresuid(who.uid, who.uid, who.uid) < 0)
            return fail(error, "drop root's ids for good");
        *dropped = true;
        return 0;
    }
    if (setresuid(keep, keep, keep) < 0 || setresgid(keep_group, keep_group, keep_group) < 0)
        return fail(error, "regain the ids");
    return 0;
}

/* Nobody, or the archive's owner. */
static int become_harmless(int archive, bool *dropped, struct ozx_error *error)
{
    struct stat st;
    int failure = become((struct ozx_sandbox_ids){OZX_NOBODY, OZX_NOBODY}, archive, dropped, error);

    if (failure || *dropped || ozx_fstat(archive, &st) < 0 || st.st_uid == 0)
        return failure;
    return become((struct ozx_sandbox_ids){st.st_uid, st.st_gid ? st.st_gid : OZX_NOBODY}, archive,
                  dropped, error);
}

/* Nobody is what is tried; a user that was asked for is meant. */
static int drop_ids(const struct ozx_sandbox *sandbox, bool is_other_namespace,
                    struct ozx_error *error)
{
    const struct ozx_sandbox_ids *as = sandbox->as;
    bool dropped = false;
    int failure;

    if (geteuid() != 0 || (as && as->uid == 0) || sandbox->work == OZX_SANDBOX_TREE)
        return 0;
    failure = as ? become(*as, sandbox->archive, &dropped, error)
                 : become_harmless(sandbox->archive, &dropped, error);
    /* In a user namespace root is somebody else's ordinary user; its capabilities go all the same.
     */
    if (!as && is_other_namespace && geteuid() == 0)
        return 0;
    if (failure || dropped || sandbox->work != OZX_SANDBOX_SERVE)
        return failure;
    if (as)
        return ozx_error_set(
            error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE, "choose another user with -o serve_as",
            "cannot be read by the user %u, who is to serve it", (unsigned)as->uid);
    return ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "name a user who may read it with -o serve_as",
                         "can be read by root, but not by nobody or its owner, who would serve it");
}

/* Why root is still root, for the report. */
static const char *kept_why(const struct ozx_sandbox *sandbox)
{
    if (getuid() != 0)
        return "";
    return sandbox->as                         ? " (kept as asked)"
           : sandbox->work == OZX_SANDBOX_TREE ? " (kept to own the output)"
                                               : " (kept: nobody else may read the archive)";
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
        return fail(error, "drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "set no_new_privs");
    return 0;
}

/* Nothing by a path: root loses sight of the file system, too. Without the right to do so, as in
 * some containers, it is left out. */
static bool enter_root(const struct ozx_sandbox *sandbox)
{
    if (geteuid() != 0)
        return false;
    if (sandbox->work == OZX_SANDBOX_TREE)
        return fchdir(sandbox->tree) == 0 && chroot(".") == 0;
    return (sandbox->work == OZX_SANDBOX_SERVE && ozx_sandbox_new_root() == 0) ||
           ozx_sandbox_empty_root() == 0;
}

/* A parent that ended before this took effect is no parent any more. */
static void die_with(pid_t parent)
{
    if (!parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        raise(SIGKILL);
}

/* Files and directories can be made and written below it; no links, devices or sockets, and nothing
 * is read, executed, moved or removed. */
static int allow_tree(int ruleset, int tree, uint64_t forbidden)
{
    const struct landlock_path_beneath_attr rule = {
        .allowed_access =
            forbidden & (LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_DIRECTORY |
                         LANDLOCK_FS_MAKE_DIRECTORY | LANDLOCK_FS_MAKE_FILE | LANDLOCK_FS_TRUNCATE),
        .parent_fd = tree,
    };

    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* The version of Landlock's interface that is in force, 0 without one. */
static int enter_landlock(const struct ozx_sandbox *sandbox, int *version, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int ruleset = -1;
    struct landlock_ruleset rules;
    size_t size;

    *version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*version < 1) {
        *version = 0; /* not built in, or not switched on */
        return 0;
    }
    size = ozx_landlock_forbid_all(&rules, *version);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return fail(error, "create Landlock rules");
    if (sandbox->work == OZX_SANDBOX_TREE && allow_tree(ruleset, sandbox->tree, rules.fs) < 0)
        return fail(error, "create a Landlock rule");
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return fail(error, "enter Landlock");
    return 0;
}

int ozx_sandbox_enter(const struct ozx_sandbox *sandbox, char report[OZX_SANDBOX_REPORT_SIZE],
                      struct ozx_error *error)
{
    const struct rlimit no_core = {0, 0};
    bool is_other_namespace = geteuid() == 0 && is_namespace_root(), has_root;
    char landlock_text[32] = "no Landlock";
    int version, failure;

    setrlimit(RLIMIT_CORE, &no_core);
    ozx_sandbox_forget_environment();
    empty_bounding_set();
    has_root = enter_root(sandbox);
    failure = drop_ids(sandbox, is_other_namespace, error);
    if (!failure)
        failure = drop_capabilities(error);
    if (!failure)
        failure = enter_landlock(sandbox, &version, error);
    if (failure)
        return failure;
    if (version)
        snprintf(landlock_text, sizeof landlock_text, "Landlock %d", version);
    die_with(sandbox->parent); /* a change of ids or capabilities would undo it */
    failure = ozx_sandbox_filter(sandbox, version || has_root);
    if (failure && failure != -ENOSYS)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot enter the seccomp filter: %s", strerror(-failure));
    snprintf(report, OZX_SANDBOX_REPORT_SIZE, "uid %u%s, no capabilities, no_new_privs, %s%s, %s",
             (unsigned)getuid(), kept_why(sandbox), has_root ? "chroot, " : "", landlock_text,
             failure ? "no seccomp" : "seccomp");
    return 0;
}

/* All but the one to read what is others'. */
static int keep_reading_only(struct ozx_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct had[2] = {{0}}, kept[2] = {{0}};

    if (syscall(SYS_capget, &header, had) < 0)
        return fail(error, "ask for capabilities");
    kept[0].effective = kept[0].permitted = had[0].permitted & (1U << CAP_DAC_READ_SEARCH);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, kept) < 0)
        return fail(error, "drop capabilities");
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? fail(error, "set no_new_privs") : 0;
}

int ozx_sandbox_read_below(int directory, struct ozx_error *error)
{
    const struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_FS_READ_FILE |
                                                                      LANDLOCK_FS_READ_DIRECTORY,
                                                    .parent_fd = directory};
    const struct rlimit no_core = {0, 0};
    OZX_AUTO_CLOSE int ruleset = -1;
    struct landlock_ruleset rules;
    int version, failure;

    setrlimit(RLIMIT_CORE, &no_core);
    empty_bounding_set();
    failure = keep_reading_only(error);
    if (failure)
        return failure;
    version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return 0;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules,
                           ozx_landlock_forbid_all(&rules, version), 0);
    if (ruleset < 0 ||
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return fail(error, "create Landlock rules");
    return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? fail(error, "enter Landlock") : 0;
}

#ifndef OZX_SANDBOX_PROBE
bool ozx_sandbox_probe(const struct ozx_sandbox *sandbox, char report[OZX_SANDBOX_REPORT_SIZE])
{
    (void)sandbox, (void)report;
    return false;
}
#endif

void ozx_sandbox_limit_data(uint64_t more_bytes)
{
    struct mallinfo2 heap = mallinfo2();
    const rlim_t bytes = heap.arena + heap.hblkhd + more_bytes;
    const struct rlimit limit = {bytes, bytes};

    setrlimit(RLIMIT_DATA, &limit);
}
