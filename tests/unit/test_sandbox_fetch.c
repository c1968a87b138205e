/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the process that speaks with servers can and cannot do in its cage: tried by a child that
 * enters it, against another process and a file of the same user.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cage/native_arch.h"
#include "cage/sandbox.h"
#include "check.h"
#include "config.h"

#if defined(OZX_SANDBOX) && defined(OZX_NATIVE_ARCH)

#define ATTEMPTS_MAX 80
#define FCHMODAT2 452 /* newer than some headers */

/* Shared with the child. */
struct notes {
    unsigned count;
    struct {
        const char *what;
        int got, want; /* errno; 0: it went well */
    } of[ATTEMPTS_MAX];
};

static struct notes *notes;
static char path[] = "/tmp/ozxfs-cage-XXXXXX";
static pid_t victim;

static void note(const char *what, long result, int want)
{
    const int got = result < 0 ? errno : 0;

    if (notes->count == ATTEMPTS_MAX)
        abort();
    notes->of[notes->count].what = what;
    notes->of[notes->count].got = got;
    notes->of[notes->count++].want = want;
}

static void try_signals(int end)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    const struct f_owner_ex owner = {F_OWNER_PID, victim};

    note("kill", kill(victim, 0), EPERM);
    note("tkill", syscall(SYS_tkill, victim, 0), EPERM);
    note("tgkill", syscall(SYS_tgkill, victim, victim, 0), EPERM);
    note("tgkill itself", syscall(SYS_tgkill, getpid(), gettid(), 0), 0);
    note("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, victim, 0, &info), EPERM);
    note("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, victim, victim, 0, &info), EPERM);
    note("pidfd_open", syscall(SYS_pidfd_open, victim, 0), EPERM);
    note("F_SETOWN", fcntl(end, F_SETOWN, victim), EPERM);
    note("F_SETOWN_EX", fcntl(end, F_SETOWN_EX, &owner), EPERM);
    note("F_SETSIG", fcntl(end, F_SETSIG, SIGKILL), EPERM);
    note("FIOSETOWN", ioctl(end, FIOSETOWN, &victim), EPERM);
    note("SIOCSPGRP", ioctl(end, SIOCSPGRP, &victim), EPERM);
}

static void try_settings_of_others(void)
{
    const struct sched_param idle = {0};
    struct rlimit limit;
    cpu_set_t processors;

    sched_getaffinity(0, sizeof processors, &processors);
    note("prlimit of another", prlimit(victim, RLIMIT_NOFILE, NULL, &limit), EPERM);
    note("prlimit of itself", prlimit(0, RLIMIT_NOFILE, NULL, &limit), 0);
    note("affinity", sched_setaffinity(victim, sizeof processors, &processors), EPERM);
    note("scheduler", sched_setscheduler(victim, SCHED_BATCH, &idle), EPERM);
    note("priority", setpriority(PRIO_PROCESS, (id_t)victim, 1), EPERM);
    note("ioprio", syscall(SYS_ioprio_set, 1, victim, 3 << 13), EPERM);
    note("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0), EPERM);
}

static void *no_work(void *nothing)
{
    return nothing;
}

/* A process that is made nevertheless ends at once. */
static long make(unsigned long flags)
{
    const long child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

    if (child == 0)
        _exit(0);
    return child;
}

static void try_processes(void)
{
    char program[] = "/bin/true", *const argv[] = {program, NULL};
    pthread_t thread;

    note("exec", execv(program, argv), EPERM);
    note("clone3", syscall(SYS_clone3, NULL, 0), ENOSYS);
    note("process", make(0), EPERM);
    note("user namespace", make(CLONE_NEWUSER), EPERM);
    note("unshare", unshare(CLONE_NEWUSER), EPERM);
    errno = pthread_create(&thread, NULL, no_work, NULL);
    note("thread", errno ? -1 : pthread_join(thread, NULL), 0);
    note("io_uring", syscall(SYS_io_uring_setup, 1, NULL), EPERM);
    note("keyctl", syscall(SYS_keyctl, 0, -3, 0), EPERM);
    note("newer", syscall(FCHMODAT2, AT_FDCWD, path, 0777, 0), ENOSYS);
}

static void try_sockets(void)
{
    struct addrinfo *found = NULL;
    int ends[2];

    note("IP", socket(AF_INET, SOCK_STREAM, 0), 0);
    note("IPv6", socket(AF_INET6, SOCK_DGRAM, 0) < 0 && errno != EAFNOSUPPORT ? -1 : 0, 0);
    note("route", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
    note("uevent", socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT), EAFNOSUPPORT);
    note("UNIX", socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    note("UNIX datagrams", socket(AF_UNIX, SOCK_DGRAM, 0), EAFNOSUPPORT);
    note("packets", socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
    note("pair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    note("pair of datagrams", socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), EPERM);
    note("listen", listen(socket(AF_INET, SOCK_STREAM, 0), 1), EPERM);
    errno = ENOENT;
    note("localhost", getaddrinfo("localhost", NULL, NULL, &found) ? -1 : 0, 0);
}

static void try_paths(void)
{
    note("/etc", open("/etc/passwd", O_RDONLY | O_CLOEXEC), 0);
    note("open", open(path, O_RDONLY | O_CLOEXEC), EACCES);
    note("create", open("/tmp/ozxfs-cage", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), EACCES);
    note("unlink", unlink(path), EACCES);
}

static void try_files(void)
{
    const struct timespec times[2] = {{0, 0}, {0, 0}};

    note("truncate", truncate(path, 0), EPERM);
    note("chmod", chmod(path, 0777), EPERM);
    note("fchmodat", fchmodat(AT_FDCWD, path, 0777, 0), EPERM);
    note("chown", chown(path, (uid_t)-1, (gid_t)-1), EPERM);
    note("utimensat", utimensat(AT_FDCWD, path, times, 0), EPERM);
    note("setxattr", syscall(SYS_setxattr, path, "user.a", "b", 1, 0), EPERM);
    note("removexattr", syscall(SYS_removexattr, path, "user.a"), EPERM);
    note("watch", syscall(SYS_inotify_add_watch, syscall(SYS_inotify_init1, 0), "/tmp", 1), EPERM);
    note("shared memory", syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600), EPERM);
    note("message queue", syscall(SYS_mq_open, "ozxfs", O_RDONLY, 0, NULL), EPERM);
}

static void be_nobody(void)
{
    if (geteuid() == 0 && (setresgid(OZX_NOBODY, OZX_NOBODY, OZX_NOBODY) < 0 ||
                           setresuid(OZX_NOBODY, OZX_NOBODY, OZX_NOBODY) < 0))
        _exit(1);
}

static pid_t start_victim(void)
{
    const pid_t parent = getpid(), child = fork();

    if (child == 0) {
        be_nobody();
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    return child;
}

static void in_the_cage(void)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        _exit(1);
    note("enter", ozx_sandbox_fetch(NULL) ? -1 : 0, 0);
    try_signals(ends[0]);
    try_settings_of_others();
    try_processes();
    try_sockets();
    try_files();
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0)
        try_paths();
    _exit(0);
}

static void test_attempts(void)
{
    const int fd = mkstemp(path);
    int status = -1;
    pid_t child;

    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(fd >= 0 && notes != MAP_FAILED);
    if (geteuid() == 0)
        CHECK(fchown(fd, OZX_NOBODY, OZX_NOBODY) == 0);
    close(fd);
    victim = start_victim();
    child = fork();
    if (child == 0)
        in_the_cage();
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    unlink(path);
    CHECK(notes->count > 50);
    for (unsigned i = 0; i < notes->count; i++)
        if (!check_int(notes->of[i].got, notes->of[i].want, notes->of[i].what, __FILE__, __LINE__))
            fprintf(stderr, "    (the numbers are errno)\n");
}

CHECK_MAIN({"attempts", test_attempts})

#else

int main(void)
{
    return 77; /* skipped */
}

#endif
