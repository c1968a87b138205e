/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes seen from outside.
 */
#include "mount/daemons.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cage/sandbox.h"
#include "mount/process.h"

#define USERS_MAX 5 /* named in a message */

static void read_name(const char *pid, char name[OZX_PROCESS_NAME_SIZE])
{
    char path[64];
    OZX_AUTO_CLOSE int fd = -1;
    ssize_t size;

    name[0] = '\0';
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    size = read(fd, name, OZX_PROCESS_NAME_SIZE - 1);
    name[size > 0 ? size : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
}

bool ozx_daemons_next_process(DIR *proc, const char **pid)
{
    const struct dirent *entry;

    while ((entry = readdir(proc))) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
            *pid = entry->d_name;
            return true;
        }
    }
    return false;
}

static bool has_ended(int pidfd)
{
    struct pollfd process = {.fd = pidfd, .events = POLLIN};

    return poll(&process, 1, 0) > 0;
}

const char *ozx_daemons_who(const char *pid, char who[OZX_DAEMONS_WHO_SIZE])
{
    char name[OZX_PROCESS_NAME_SIZE], escaped[48];

    read_name(pid, name);
    snprintf(who, OZX_DAEMONS_WHO_SIZE, "%s (%.20s)",
             ozx_escape(escaped, sizeof escaped, name, strlen(name)), pid);
    return who;
}

/* --- who serves ------------------------------------------------------------------------------- */

struct process {
    uid_t uid; /* real and effective; else -1 */
    pid_t parent;
};

/* Not by the owner of /proc/PID: that is root for every process that can not be dumped. */
static bool read_status(const char *pid, struct process *out)
{
    char path[64], text[1024];
    const char *parent, *ids;
    OZX_AUTO_CLOSE int fd = -1;
    unsigned real, effective;
    ssize_t size;

    snprintf(path, sizeof path, "/proc/%.20s/status", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    parent = strstr(text, "\nPPid:");
    ids = strstr(text, "\nUid:");
    if (!parent || !ids || sscanf(parent, "\nPPid: %d", &out->parent) != 1 ||
        sscanf(ids, "\nUid: %u %u", &real, &effective) != 2)
        return false;
    out->uid = real == effective ? real : (uid_t)-1;
    return true;
}

static const char *program_of(const char *pid, char path[PATH_MAX])
{
    static const char deleted[] = " (deleted)"; /* it was updated since */
    char link[64], *name;
    ssize_t size;

    snprintf(link, sizeof link, "/proc/%.20s/exe", pid);
    size = readlink(link, path, PATH_MAX - 1);
    if (size <= 0)
        return NULL;
    path[size] = '\0';
    name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (strlen(name) > sizeof deleted - 1 &&
        strcmp(name + strlen(name) - (sizeof deleted - 1), deleted) == 0)
        name[strlen(name) - (sizeof deleted - 1)] = '\0';
    return name;
}

/* Where it may not be read, nothing speaks against it. */
static bool runs_this_program(const char *pid)
{
    char own_path[PATH_MAX], path[PATH_MAX];
    const char *own = program_of("self", own_path), *program = program_of(pid, path);

    return !own || !program || strcmp(own, program) == 0;
}

static bool is_daemon_of(const char *pid, const char *wanted, uid_t user)
{
    char name[OZX_PROCESS_NAME_SIZE], number[16];
    struct process process, parent;

    read_name(pid, name);
    if (strcmp(name, wanted) != 0 || !read_status(pid, &process) || !runs_this_program(pid))
        return false;
    if (process.uid == 0 || process.uid == geteuid() || process.uid == user ||
        (user == 0 && process.uid == OZX_NOBODY))
        return true;
    /* A worker that serves as somebody else is the child of one that counts. */
    snprintf(number, sizeof number, "%d", process.parent);
    read_name(number, name);
    return strcmp(name, wanted) == 0 && read_status(number, &parent) &&
           (parent.uid == 0 || parent.uid == user) && runs_this_program(number);
}

void ozx_daemons_find(unsigned device_minor, uid_t user, struct ozx_daemons *out)
{
    char wanted[OZX_PROCESS_NAME_SIZE];
    DIR *proc = opendir("/proc");
    const char *pid;

    *out = (struct ozx_daemons){0};
    ozx_process_name(wanted, device_minor);
    while (proc && out->count < OZX_DAEMONS_MAX && ozx_daemons_next_process(proc, &pid)) {
        int fd;
        if (!is_daemon_of(pid, wanted, user))
            continue;
        fd = pidfd_open(atoi(pid), 0);
        if (fd < 0)
            continue;
        /* Asked again: the number may have got another process before it was held. One that has
         * ended keeps its name until it is reaped, which can take a while. */
        if (!is_daemon_of(pid, wanted, user) || has_ended(fd)) {
            close(fd);
            continue;
        }
        out->pids[out->count] = atoi(pid);
        out->pidfds[out->count++] = fd;
    }
    if (proc)
        closedir(proc);
}

void ozx_daemons_free(struct ozx_daemons *daemons)
{
    for (size_t i = 0; i < daemons->count; i++)
        close(daemons->pidfds[i]);
    *daemons = (struct ozx_daemons){0};
}

int64_t ozx_daemons_since(pid_t pid)
{
    char path[64], text[1024];
    OZX_AUTO_CLOSE int fd = -1;
    unsigned long long began_ticks;
    struct timespec now, booted;
    const char *fields;
    ssize_t size;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    fields = strrchr(text, ')'); /* the name in front may have anything in it */
    if (!fields || sscanf(fields,
                          ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
                          " %*d %*d %*d %llu",
                          &began_ticks) != 1)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &booted);
    return now.tv_sec - booted.tv_sec +
           (int64_t)(began_ticks / (unsigned long)sysconf(_SC_CLK_TCK));
}

bool ozx_daemons_wait(const struct ozx_daemons *daemons, int timeout_ms)
{
    int64_t end_ms = ozx_clock_ms() + timeout_ms;

    for (size_t i = 0; i < daemons->count; i++) {
        struct pollfd wait = {.fd = daemons->pidfds[i], .events = POLLIN};
        for (;;) {
            int64_t left_ms = end_ms - ozx_clock_ms();
            int ready = poll(&wait, 1, left_ms > 0 ? (int)left_ms : 0);
            if (ready > 0)
                break;
            if (ready == 0 || errno != EINTR)
                return false;
        }
    }
    return true;
}

/* True if the symlink `name` in the open /proc directory leads to `path` or below it. The link is
 * read, not followed. */
static bool leads_below(int directory, const char *name, const char *path)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(directory, name, target, sizeof target - 1);
    size_t length = strlen(path);

    if (size <= 0 || (size_t)size < length)
        return false;
    target[size] = '\0';
    return memcmp(target, path, length) == 0 && (target[length] == '\0' || target[length] == '/');
}

/* True if a descriptor or a mapping (`folder`: fd, map_files) of a process leads below `path`. */
static bool holds_file(int process, const char *folder, const char *path)
{
    int fd = openat(process, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *links = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool found = false;

    if (!links) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!found && (entry = readdir(links)))
        found = leads_below(fd, entry->d_name, path);
    closedir(links);
    return found;
}

void ozx_daemons_users(const char *path, char *who, size_t who_size)
{
    DIR *proc = opendir("/proc");
    const char *pid;
    size_t used = 0;
    int users = 0;

    who[0] = '\0';
    while (proc && users < USERS_MAX && ozx_daemons_next_process(proc, &pid)) {
        OZX_AUTO_CLOSE int fd = openat(dirfd(proc), pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char one[OZX_DAEMONS_WHO_SIZE];
        if (fd < 0 || atoi(pid) == getpid() ||
            !(leads_below(fd, "cwd", path) || leads_below(fd, "root", path) ||
              holds_file(fd, "fd", path) || holds_file(fd, "map_files", path)))
            continue;
        if (used < who_size)
            used += (size_t)snprintf(who + used, who_size - used, "%s%s", users ? ", " : "",
                                     ozx_daemons_who(pid, one));
        users++;
    }
    if (proc)
        closedir(proc);
}
