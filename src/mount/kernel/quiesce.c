/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A read that looked up where its bytes are, and was then kept from reading them (another process
 * had the processor, the disk was slow), would read what somebody has written there meanwhile. No
 * time is long enough for that not to happen, and the kernel has no call that waits for such reads.
 * But it tells of every thread what it does, and a thread that reads a file either runs or waits
 * for a disk. So each that does one of these is watched until it
 *
 *     sleeps, stops or ends    it waits for something else: its read is over
 *     had RUN_NS of processor  more than any one read takes from its look-up to its last byte
 *
 * Threads that begin later see nothing of what was.
 */
#include "mount/kernel/quiesce.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/wait.h"

#define RUN_NS UINT64_C(10000000)
#define BLIND_MS 500 /* where nothing can be seen */
#define STEP_MAX_MS 8

struct thread {
    int process, thread;
    uint64_t started; /* tells it from a later one of the same number */
    uint64_t run_ns;
};

struct list {
    struct thread *threads; /* owned */
    size_t count, room;
};

static bool read_file(const struct thread *thread, const char *name, char *text, size_t size)
{
    char path[80];
    OZX_AUTO_CLOSE int fd = -1;
    ssize_t got;

    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", thread->process, thread->thread, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* True if the thread may be reading, with what tells it later. */
static bool look(struct thread *thread)
{
    char text[1024], state;
    const char *rest;

    if (!read_file(thread, "stat", text, sizeof text))
        return false;
    rest = strrchr(text, ')');
    /* state, ..., and 19 fields behind it when it was started: see proc(5) */
    if (!rest ||
        sscanf(rest + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
               "%" SCNu64,
               &state, &thread->started) != 2 ||
        (state != 'R' && state != 'D'))
        return false;
    thread->run_ns = 0;
    if (read_file(thread, "schedstat", text, sizeof text))
        (void)!sscanf(text, "%" SCNu64, &thread->run_ns);
    return true;
}

static bool add(struct list *list, const struct thread *thread)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        struct thread *more = realloc(list->threads, room * sizeof *more);
        if (!more)
            return false;
        list->threads = more;
        list->room = room;
    }
    list->threads[list->count++] = *thread;
    return true;
}

static bool add_process(struct list *list, const char *process)
{
    const int self = (int)syscall(SYS_gettid);
    char path[64];
    const struct dirent *entry;
    bool whole = true;
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%.20s/task", process);
    tasks = opendir(path);
    if (!tasks)
        return errno == ENOENT || errno == ESRCH; /* it has ended */
    while (whole && (entry = readdir(tasks))) {
        struct thread thread = {.process = atoi(process), .thread = atoi(entry->d_name)};
        if (thread.thread > 0 && thread.thread != self && look(&thread))
            whole = add(list, &thread);
    }
    closedir(tasks);
    return whole;
}

/* False if not all could be seen. */
static bool find_all(struct list *list)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    bool whole = proc;

    while (whole && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            whole = add_process(list, entry->d_name);
    if (proc)
        closedir(proc);
    return whole;
}

static bool is_over(const struct thread *before)
{
    struct thread now = *before;

    return !look(&now) || now.started != before->started || now.run_ns - before->run_ns > RUN_NS;
}

void ozx_quiesce(int64_t limit_ms)
{
    const int64_t end_ms = ozx_clock_ms() + limit_ms;
    struct list list = {.threads = NULL};
    long step_ms = 1;

    if (!find_all(&list))
        ozx_wait_ms(limit_ms < BLIND_MS ? (long)limit_ms : BLIND_MS);
    while (list.count && ozx_clock_ms() < end_ms) {
        for (size_t i = list.count; i-- > 0;)
            if (is_over(&list.threads[i]))
                list.threads[i] = list.threads[--list.count];
        if (list.count)
            ozx_wait_ms(step_ms);
        step_ms = step_ms < STEP_MAX_MS ? 2 * step_ms : step_ms;
    }
    free(list.threads);
}
