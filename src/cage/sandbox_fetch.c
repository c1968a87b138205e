/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rights of the process that speaks with servers: it needs sockets, name servers and CA
 * certificates, and so more of the machine than a parser. What is taken away: root's ids and all
 * capabilities, new programs, other processes, sockets of this machine's services, and with
 * Landlock every write to a file and all files but those of the system's configuration.
 */
#include "cage/sandbox.h"

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/stat.h"
#include "cage/landlock_rules.h"
#include "cage/native_arch.h"
#include "config.h"

#ifdef OZX_SANDBOX

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
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_FS_READ_FILE |
                                                                LANDLOCK_FS_READ_DIRECTORY};
    OZX_AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;

    rule.parent_fd = fd;
    if (fd >= 0 && ozx_fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access = LANDLOCK_FS_READ_FILE; /* more than that is an error for a file */
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
                                             "/usr/share/zoneinfo",
                                             "/dev/urandom"};
    const int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    OZX_AUTO_CLOSE int ruleset = -1;
    struct landlock_ruleset rules;
    size_t size;

    if (version < 1)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    size = ozx_landlock_forbid_all(&rules, version);
    rules.net = 0; /* that is its work */
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return -errno;
    for (size_t i = 0; i < sizeof open_to_it / sizeof open_to_it[0]; i++)
        allow(ruleset, open_to_it[i]);
    for (; more && *more; more++)
        allow(ruleset, *more);
    return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

#ifdef OZX_NATIVE_ARCH

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define INSTRUCTIONS_MAX 512
/* The first call that this list does not know; glibc does without what the kernel has not. */
#define NEWER 451
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static const int refused[] = {
    /* programs, and other processes: to trace, to signal, to move, to compare */
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_process_mrelease,
    SYS_kcmp,
    SYS_kill,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_pidfd_send_signal,
    SYS_pidfd_getfd,
    SYS_pidfd_open,
    SYS_sched_setaffinity,
    SYS_sched_setscheduler,
    SYS_sched_setparam,
    SYS_sched_setattr,
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_migrate_pages,
    SYS_move_pages,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    /* namespaces and mounts */
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_mount_setattr,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    /* what a filter does not see, and doors into the kernel that nobody needs here */
    SYS_io_uring_setup,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_syslog,
    /* who would connect to it, or shares memory and messages by a name that is no file's */
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_shmget,
    SYS_shmat,
    SYS_shmctl,
    SYS_semget,
    SYS_semctl,
    SYS_msgget,
    SYS_msgsnd,
    SYS_msgrcv,
    SYS_msgctl,
    SYS_mq_open,
    SYS_mq_unlink,
    /* of files what Landlock does not see, or sees in newer kernels only */
    SYS_truncate,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_inotify_add_watch,
    SYS_fanotify_init,
#ifdef SYS_chmod
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
#endif
};

/* One argument of a call, of which the lower half counts; it must be `value`, or must not. */
struct rule {
    int call;
    unsigned argument;
    enum { MUST, MUST_NOT } be;
    uint32_t mask, value;
};

#define WHOLE UINT32_MAX

static const struct rule rules[] = {
    {SYS_clone, 0, MUST, THREAD | NAMESPACES, THREAD},
    {SYS_prlimit64, 0, MUST, WHOLE, 0}, /* its own limits */
    /* The kernel sends signals to the owner of a descriptor. */
    {SYS_fcntl, 1, MUST_NOT, WHOLE, F_SETOWN},
    {SYS_fcntl, 1, MUST_NOT, WHOLE, F_SETOWN_EX},
    {SYS_fcntl, 1, MUST_NOT, WHOLE, F_SETSIG},
    {SYS_ioctl, 1, MUST_NOT, WHOLE, FIOSETOWN},
    {SYS_ioctl, 1, MUST_NOT, WHOLE, SIOCSPGRP},
    /* libcurl's threads wake it by one; a pair of datagrams could send to other sockets, too. */
    {SYS_socketpair, 1, MUST, 0xf, SOCK_STREAM},
};

struct program {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short size;
};

static void emit(struct program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    if (p->size < INSTRUCTIONS_MAX)
        p->code[p->size++] = (struct sock_filter){code, yes, no, k};
}

static void emit_load(struct program *p, uint32_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

/* Goes on behind the next `count` instructions unless the loaded value is `value`. */
static void emit_unless_equal_skip(struct program *p, uint32_t value, uint8_t count)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, count, value);
}

static void emit_refuse(struct program *p, int code)
{
    emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | (uint32_t)code);
}

static void emit_rule(struct program *p, const struct rule *rule)
{
    emit_unless_equal_skip(p, (uint32_t)rule->call, 5);
    emit_load(p, FIELD(args) + 8 * rule->argument); /* these machines are little-endian */
    emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, rule->mask);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, rule->be == MUST, rule->be == MUST_NOT, rule->value);
    emit_refuse(p, EPERM);
    emit_load(p, FIELD(nr));
}

/* Of IP, and the one by which getaddrinfo asks for this machine's addresses. None of UNIX: Landlock
 * does not see who connects to one by its path, and behind such paths are the user's session and
 * its system's services. glibc asks name servers itself where it cannot ask nscd or
 * systemd-resolved by theirs. */
static void emit_sockets(struct program *p)
{
    emit_unless_equal_skip(p, SYS_socket, 8);
    emit_load(p, FIELD(args));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 5, 0, AF_INET);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 4, 0, AF_INET6);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, AF_NETLINK);
    emit_load(p, FIELD(args) + 8 * 2);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NETLINK_ROUTE);
    emit_refuse(p, EAFNOSUPPORT);
    emit_load(p, FIELD(nr));
}

static void build(struct program *p)
{
    const struct rule aborting = {SYS_tgkill, 0, MUST, WHOLE, (uint32_t)getpid()};

    emit_load(p, FIELD(arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OZX_NATIVE_ARCH);
    emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, FIELD(nr));
    /* x86-64's calls of 32 bits are among those. */
    emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, NEWER);
    emit_refuse(p, ENOSYS);
    emit_unless_equal_skip(p, SYS_clone3, 1);
    emit_refuse(p, ENOSYS); /* clone's flags can be looked at */
    for (size_t i = 0; i < COUNT(refused); i++) {
        emit_unless_equal_skip(p, (uint32_t)refused[i], 1);
        emit_refuse(p, EPERM);
    }
    for (size_t i = 0; i < COUNT(rules); i++)
        emit_rule(p, &rules[i]);
    emit_rule(p, &aborting);
    emit_sockets(p);
    emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

static int refuse_calls(void)
{
    struct program program = {.size = 0};
    struct sock_fprog filter;

    build(&program);
    filter = (struct sock_fprog){.len = program.size, .filter = program.code};
    if (program.size >= INSTRUCTIONS_MAX)
        return -E2BIG;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 && errno != EINVAL ? -errno : 0;
}

#else

static int refuse_calls(void)
{
    return 0;
}

#endif

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
