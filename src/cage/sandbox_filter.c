/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system calls of a process that parses, as a seccomp filter in classic BPF. The filter is a
 * list of numbers compared one after the other, the calls of the read path first; some are let pass
 * only with the right arguments. Everything else answers EPERM, which libfuse, libzip and glibc
 * live with where they ask for more (/dev/null, the number of processors, the kind of standard
 * output); clone3 answers ENOSYS, so that glibc uses clone, whose flags can be looked at.
 */
#include "cage/sandbox.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cage/native_arch.h"

#ifdef OZX_NATIVE_ARCH

#define INSTRUCTIONS_MAX 512
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
/* Half of an argument; these machines are little-endian. */
#define LOW(i) (FIELD(args) + 8 * (i))
#define HIGH(i) (LOW(i) + 4)

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const int allowed[] = {
    SYS_fstat,
    SYS_futex,
    SYS_close,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sysinfo,
    SYS_lseek,
    SYS_membarrier,
    SYS_sigaltstack,
    SYS_fadvise64,
    SYS_readahead,
};

static const int allowed_to_serve[] = {
    SYS_write,
    SYS_writev,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendto,
    SYS_recvfrom,
    SYS_shutdown,
    SYS_ppoll,
#ifdef SYS_poll
    SYS_poll,
#endif
};

/* Connections that are made to it; none can be made to others. */
static const int allowed_to_answer[] = {
    SYS_accept4, SYS_setsockopt, SYS_getsockopt, SYS_getsockname, SYS_eventfd2,
};

static const int allowed_to_write_files[] = {
    SYS_write, SYS_writev, SYS_pwrite64, SYS_ftruncate, SYS_fsync, SYS_fdatasync,
};

/* Of libfuse's rings: each has a thread that stays on its processor, and a descriptor to wake it.
 */
static const int allowed_io_uring[] = {
    SYS_io_uring_enter,
    SYS_io_uring_setup,
    SYS_io_uring_register,
    SYS_eventfd2,
};

/* What an argument must be. */
struct condition {
    uint32_t field, mask;
    enum { IS, AT_LEAST, AT_MOST } test;
    uint32_t value;
};

struct rule {
    int call;
    struct condition conditions[3]; /* all of them; those with mask 0 are none */
};

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define WHOLE UINT32_MAX
#define SPECIAL_MODES 07000 /* set-uid, set-gid, sticky */

static const struct rule rules[] = {
    {SYS_mmap, {{LOW(2), PROT_EXEC, IS, 0}}},
    {SYS_mprotect, {{LOW(2), PROT_EXEC, IS, 0}}},
    {SYS_clone, {{LOW(0), THREAD, IS, THREAD}}},
    {SYS_fcntl, {{LOW(1), WHOLE, IS, F_GETFD}}}, /* libfuse; others could send signals */
    {SYS_prctl, {{LOW(0), WHOLE, IS, PR_SET_NAME}}},
    {SYS_prlimit64, {{LOW(0), WHOLE, IS, 0}}}, /* its own limits, which it can only lower */
};

static const struct rule rules_of_io_uring[] = {
    {SYS_sched_setaffinity, {{LOW(0), WHOLE, IS, 0}}}, /* of the thread that asks */
};

/* Descriptors 0 to 2 may be a terminal, and what is typed there is not for this process. */
static const struct rule rules_of_reading[] = {
    {SYS_preadv, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}}},
    {SYS_preadv2, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}}},
    {SYS_pread64, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}}},
    {SYS_read, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}}},
    {SYS_readv, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}}},
};

static const struct rule rules_of_printing[] = {
    {SYS_write, {{LOW(0), WHOLE, AT_MOST, STDERR_FILENO}}},
    {SYS_writev, {{LOW(0), WHOLE, AT_MOST, STDERR_FILENO}}},
};

/* Sockets that are open, to nobody but the other end. */
static const struct rule rules_of_channels[] = {
    {SYS_sendto,
     {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1},
      {LOW(4), WHOLE, IS, 0},
      {HIGH(4), WHOLE, IS, 0}}},
    {SYS_recvfrom,
     {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1},
      {LOW(4), WHOLE, IS, 0},
      {HIGH(4), WHOLE, IS, 0}}},
#ifdef SYS_poll
    {SYS_poll, {{LOW(1), WHOLE, IS, 1}}},
#endif
    {SYS_ppoll, {{LOW(1), WHOLE, IS, 1}}},
};

static const struct rule rules_of_files[] = {
    {SYS_fcntl,
     {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}, {LOW(1), WHOLE, IS, F_DUPFD_CLOEXEC}}},
};

static const struct rule rules_of_answering[] = {
    {SYS_fcntl, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}, {LOW(1), WHOLE, IS, F_GETFL}}},
    {SYS_fcntl, {{LOW(0), WHOLE, AT_LEAST, STDERR_FILENO + 1}, {LOW(1), WHOLE, IS, F_SETFL}}},
};

/* Is it one, and how wide? */
static const struct rule rules_of_terminals[] = {
    {SYS_ioctl, {{LOW(1), WHOLE, IS, TCGETS}}},
    {SYS_ioctl, {{LOW(1), WHOLE, IS, (uint32_t)TCGETS2}}},
    {SYS_ioctl, {{LOW(1), WHOLE, IS, TIOCGWINSZ}}},
};

/* O_PATH is not seen by Landlock; nothing made gives rights to who executes it; times are set by
 * descriptor. openat2 and the rest of what takes a path are not there. */
static const struct rule rules_of_trees[] = {
    {SYS_openat, {{LOW(2), O_PATH, IS, 0}, {LOW(3), SPECIAL_MODES, IS, 0}}},
    {SYS_mkdirat, {{LOW(2), SPECIAL_MODES, IS, 0}}},
    {SYS_utimensat, {{LOW(1), WHOLE, IS, 0}, {HIGH(1), WHOLE, IS, 0}}},
    {SYS_ioctl, {{LOW(1), WHOLE, IS, (uint32_t)FICLONERANGE}}},
};

struct program {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short size;
};

static void emit(struct program *p, struct sock_filter instruction)
{
    if (p->size < INSTRUCTIONS_MAX)
        p->code[p->size++] = instruction;
}

static void emit_load(struct program *p, uint32_t offset)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void emit_return(struct program *p, uint32_t action)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Goes on behind the next `count` instructions unless the loaded value is `value`. */
static void emit_unless_equal_skip(struct program *p, uint32_t value, uint8_t count)
{
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

static void emit_calls(struct program *p, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        emit_unless_equal_skip(p, (uint32_t)calls[i], 1);
        emit_return(p, SECCOMP_RET_ALLOW);
    }
}

/* Goes on behind the next `count` instructions unless the loaded value is as `condition` wants it.
 */
static void emit_unless_met_skip(struct program *p, const struct condition *condition,
                                 uint8_t count)
{
    const uint16_t compare = condition->test == IS         ? BPF_JEQ
                             : condition->test == AT_LEAST ? BPF_JGE
                                                           : BPF_JGT;
    const bool inverse = condition->test == AT_MOST;

    emit(p, (struct sock_filter){.code = (uint16_t)(BPF_JMP | compare | BPF_K),
                                 .jt = inverse ? count : 0,
                                 .jf = inverse ? 0 : count,
                                 .k = condition->value});
}

/* The call is let pass if all conditions are met; else the next rules are asked. */
static void emit_rule(struct program *p, const struct rule *rule)
{
    uint8_t conditions = 0;

    while (conditions < COUNT(rule->conditions) && rule->conditions[conditions].mask)
        conditions++;
    emit_unless_equal_skip(p, (uint32_t)rule->call, (uint8_t)(3 * conditions + 2));
    for (uint8_t i = 0; i < conditions; i++) {
        const struct condition *condition = &rule->conditions[i];

        emit_load(p, condition->field);
        emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition->mask));
        emit_unless_met_skip(p, condition, (uint8_t)(3 * (conditions - i - 1) + 1));
    }
    emit_return(p, SECCOMP_RET_ALLOW);
    emit_load(p, FIELD(nr));
}

static void emit_rules(struct program *p, const struct rule *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        emit_rule(p, &list[i]);
}

#define EMIT_CALLS(p, list) emit_calls(p, list, COUNT(list))
#define EMIT_RULES(p, list) emit_rules(p, list, COUNT(list))

static void build(struct program *p, const struct ozx_sandbox *sandbox, bool is_confined)
{
    const struct rule aborting = {SYS_tgkill, {{LOW(0), WHOLE, IS, (uint32_t)getpid()}}};
    enum ozx_sandbox_work work = sandbox->work;

    emit_load(p, FIELD(arch));
    emit_unless_equal_skip(p, OZX_NATIVE_ARCH, 1);
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, FIELD(nr));
    EMIT_RULES(p, rules_of_reading);
    if (work == OZX_SANDBOX_SERVE || work == OZX_SANDBOX_HTTP)
        EMIT_CALLS(p, allowed_to_serve);
    else if (work == OZX_SANDBOX_READ)
        EMIT_RULES(p, rules_of_printing);
    else
        EMIT_CALLS(p, allowed_to_write_files);
    if (work == OZX_SANDBOX_FILE || work == OZX_SANDBOX_TREE)
        EMIT_RULES(p, rules_of_files);
    if (work == OZX_SANDBOX_HTTP)
        EMIT_CALLS(p, allowed_to_answer);
    if (work == OZX_SANDBOX_HTTP)
        EMIT_RULES(p, rules_of_answering);
    if (sandbox->channels && work != OZX_SANDBOX_SERVE && work != OZX_SANDBOX_HTTP)
        EMIT_RULES(p, rules_of_channels);
    EMIT_CALLS(p, allowed);
    if (sandbox->io_uring)
        EMIT_CALLS(p, allowed_io_uring);
    if (sandbox->io_uring)
        EMIT_RULES(p, rules_of_io_uring);
    EMIT_RULES(p, rules);
    emit_rule(p, &aborting);
    if (work != OZX_SANDBOX_SERVE && work != OZX_SANDBOX_HTTP)
        EMIT_RULES(p, rules_of_terminals);
    if (work == OZX_SANDBOX_TREE)
        EMIT_RULES(p, rules_of_trees);
    if (work == OZX_SANDBOX_TREE && !is_confined)
        emit_calls(p, &(const int){SYS_openat2}, 1);
    emit_unless_equal_skip(p, SYS_clone3, 1);
    emit_return(p, SECCOMP_RET_ERRNO | ENOSYS);
    emit_return(p, SECCOMP_RET_ERRNO | EPERM);
}

int ozx_sandbox_filter(const struct ozx_sandbox *sandbox, bool is_confined)
{
    struct program program = {.size = 0};
    struct sock_fprog filter;

    build(&program, sandbox, is_confined);
    filter = (struct sock_fprog){.len = program.size, .filter = program.code};
    if (program.size >= INSTRUCTIONS_MAX)
        return -E2BIG;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0)
        return 0;
    return errno == EINVAL ? -ENOSYS : -errno; /* EINVAL: built without it */
}

#else

int ozx_sandbox_filter(const struct ozx_sandbox *sandbox, bool is_confined)
{
    (void)sandbox, (void)is_confined;
    return -ENOSYS;
}

#endif
