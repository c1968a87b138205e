/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rights of the process that speaks with servers: it needs sockets, name servers and CA
 * certificates, and so more of the machine than a parser. What is taken away: root's ids and all
 * capabilities, new programs, other processes, and with Landlock every write to a file and all
 * files but those of the system's configuration.
 */
#include "cage/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/stat.h"
#include "cage/native_arch.h"
#include "config.h"

#ifdef OZX_SANDBOX

#define FS_ALL ((UINT64_C(1) << 13) - 1) /* of Landlock's first version */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int drop_ids(void)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) < 0 || setresgid(OZX_NOBODY, OZX_NOBODY, OZX_NOBODY) < 0 ||
        setresuid(OZX_NOBODY, OZX_NOBODY, OZX_NOBODY) < 0)
        return -errno;
    return 0;
}

static void allow(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = FS_READ};
    OZX_AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;

    rule.parent_fd = fd;
    if (fd >= 0 && ozx_fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access =
            LANDLOCK_ACCESS_FS_READ_FILE; /* more than that is an error for a file */
    if (fd >= 0)
        (void)!syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* A kernel without it has none of it. */
static int shut_files(const char *const *more)
{
    static const char *const open_to_it[] = {"/etc",
                                             "/usr/share/ca-certificates",
                                             "/usr/local/share/ca-certificates",
                                             "/usr/lib",
                                             "/lib",
                                             "/lib64",
                                             "/usr/lib64",
                                             "/run/systemd/resolve",
                                             "/run/resolvconf",
                                             "/run/NetworkManager",
                                             "/run/nscd",
                                             "/usr/share/zoneinfo",
                                             "/dev/urandom"};
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = FS_ALL};
    OZX_AUTO_CLOSE int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);

    if (ruleset < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    for (size_t i = 0; i < sizeof open_to_it / sizeof open_to_it[0]; i++)
        allow(ruleset, open_to_it[i]);
    for (; more && *more; more++)
        allow(ruleset, *more);
    return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define REFUSE(call)                                                                               \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1),                                             \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static int refuse_calls(void)
{
#ifdef OZX_NATIVE_ARCH
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OZX_NATIVE_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)),
        /* x86-64's calls of 32 bits have numbers of their own. */
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        REFUSE(SYS_execve),
        REFUSE(SYS_execveat),
        REFUSE(SYS_ptrace),
        REFUSE(SYS_process_vm_readv),
        REFUSE(SYS_process_vm_writev),
        REFUSE(SYS_kill),
        REFUSE(SYS_tkill),
        REFUSE(SYS_pidfd_send_signal),
        REFUSE(SYS_pidfd_getfd),
        REFUSE(SYS_pidfd_open),
        REFUSE(SYS_mount),
        REFUSE(SYS_umount2),
        REFUSE(SYS_unshare),
        REFUSE(SYS_setns),
        REFUSE(SYS_io_uring_setup),
        REFUSE(SYS_bpf),
        REFUSE(SYS_perf_event_open),
        REFUSE(SYS_userfaultfd),
        REFUSE(SYS_keyctl),
        REFUSE(SYS_add_key),
        REFUSE(SYS_request_key),
        REFUSE(SYS_listen),
        REFUSE(SYS_accept),
        REFUSE(SYS_accept4),
        REFUSE(SYS_setxattr),
        REFUSE(SYS_fchmodat),
        /* Sockets of these families only: getaddrinfo wants the last two. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 && errno != EINVAL)
        return -errno;
#endif
    return 0;
}

int ozx_sandbox_fetch(const char *const *more_paths)
{
    int failure = drop_ids();

    if (!failure && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        failure = -errno;
    if (!failure)
        failure = shut_files(more_paths);
    prctl(PR_SET_DUMPABLE, 0);
    return failure ? failure : refuse_calls();
}

#else

int ozx_sandbox_fetch(const char *const *more_paths)
{
    (void)more_paths;
    return 0;
}

#endif
