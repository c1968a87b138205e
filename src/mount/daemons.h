/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes seen from outside, through /proc: those that serve a mount, and those that use it.
 */
#ifndef OZX_MOUNT_DAEMONS_H
#define OZX_MOUNT_DAEMONS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OZX_DAEMONS_MAX 8 /* a mount has two */

/* Processes that serve one mount, each held by a pidfd: its number cannot come to mean another. */
struct ozx_daemons {
    size_t count;
    pid_t pids[OZX_DAEMONS_MAX];
    int pidfds[OZX_DAEMONS_MAX];
};

/* Those named for the device (mount/process.h). Anybody can give a process that name: it counts if
 * it runs this program, as far as that may be read, as root, as who calls, as `user`, who mounted,
 * or as whom its supervisor made it. Finds none where /proc hides them. */
void ozx_daemons_find(unsigned device_minor, uid_t user, struct ozx_daemons *out);
void ozx_daemons_free(struct ozx_daemons *daemons);

/* Waits until all are gone; false if `timeout_ms` passed first. */
bool ozx_daemons_wait(const struct ozx_daemons *daemons, int timeout_ms);

/* When a process began, in seconds since 1970; 0: that is not to be had. */
int64_t ozx_daemons_since(pid_t pid);

/* The next process in the open /proc, by its number; false at the end. */
bool ozx_daemons_next_process(DIR *proc, const char **pid);

#define OZX_DAEMONS_WHO_SIZE 80

/* "bash (123)". Returns `who`. */
const char *ozx_daemons_who(const char *pid, char who[OZX_DAEMONS_WHO_SIZE]);

/* Who has files or directories open at or below `path`, as far as we may see: "bash (123), python3
 * (77)"; not this process. Follows no path, so it does not hang on a dead mount. "" if none are
 * seen. */
void ozx_daemons_users(const char *path, char *who, size_t who_size);

#endif
