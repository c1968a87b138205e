/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system calls of a worker that serves, as a seccomp filter in classic BPF. The filter is a
 * list of numbers compared one after the other, the calls of the read path first; a few are let
 * pass only with the right argument. Everything else answers EPERM, which libfuse and glibc live
 * with where they ask for more (/dev/null, the number of processors); clone3 answers ENOSYS, so
 * that glibc uses clone, whose flags can be looked at.
 */
#include "cage/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef NATIVE_ARCH

#define INSTRUCTIONS_MAX 256
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
/* The low half of an argument; these machines are little-endian. */
#define ARGUMENT(i) (FIELD(args) + 8 * (i))

static const int allowed[] = {
    SYS_read,
    SYS_writev,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_newfstatat,
    SYS_fstat,
    SYS_futex,
    SYS_write,
    SYS_readv,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendto,
    SYS_recvfrom,
    SYS_ppoll,
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
#ifdef SYS_poll
    SYS_poll,
#endif
};

/* Of libfuse's rings: each has a thread that stays on its processor, and a descriptor to wake it.
 */
static const int allowed_io_uring[] = {
    SYS_io_uring_enter, SYS_io_uring_setup,    SYS_io_uring_register,
    SYS_eventfd2,       SYS_sched_setaffinity,
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

static void emit_allow(struct program *p, int call)
{
    emit_unless_equal_skip(p, (uint32_t)call, 1);
    emit_return(p, SECCOMP_RET_ALLOW);
}

/* `call` only if argument `i`, masked, is `wanted`; else EPERM. */
static void emit_allow_if(struct program *p, int call, unsigned i, uint32_t mask, uint32_t wanted)
{
    emit_unless_equal_skip(p, (uint32_t)call, 5);
    emit_load(p, ARGUMENT(i));
    emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    emit_unless_equal_skip(p, wanted, 1);
    emit_return(p, SECCOMP_RET_ALLOW);
    emit_return(p, SECCOMP_RET_ERRNO | EPERM);
}

static void build(struct program *p, bool io_uring)
{
    const uint32_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

    emit_load(p, FIELD(arch));
    emit_unless_equal_skip(p, NATIVE_ARCH, 1);
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, FIELD(nr));
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        emit_allow(p, allowed[i]);
    for (size_t i = 0; io_uring && i < sizeof allowed_io_uring / sizeof allowed_io_uring[0]; i++)
        emit_allow(p, allowed_io_uring[i]);
    emit_allow_if(p, SYS_mmap, 2, PROT_EXEC, 0);
    emit_allow_if(p, SYS_mprotect, 2, PROT_EXEC, 0);
    emit_allow_if(p, SYS_clone, 0, thread, thread);
    emit_allow_if(p, SYS_fcntl, 1, UINT32_MAX, F_GETFD); /* libfuse; others could send signals */
    emit_allow_if(p, SYS_prctl, 0, UINT32_MAX, PR_SET_NAME);
    emit_allow_if(p, SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid()); /* abort */
    emit_unless_equal_skip(p, SYS_clone3, 1);
    emit_return(p, SECCOMP_RET_ERRNO | ENOSYS);
    emit_return(p, SECCOMP_RET_ERRNO | EPERM);
}

int ozx_sandbox_filter(bool io_uring)
{
    struct program program = {.size = 0};
    struct sock_fprog filter;

    build(&program, io_uring);
    filter = (struct sock_fprog){.len = program.size, .filter = program.code};
    if (program.size >= INSTRUCTIONS_MAX)
        return -E2BIG;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0)
        return 0;
    return errno == EINVAL ? -ENOSYS : -errno; /* EINVAL: built without it */
}

#else

int ozx_sandbox_filter(bool io_uring)
{
    (void)io_uring;
    return -ENOSYS;
}

#endif
