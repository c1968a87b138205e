/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mount from its start to its end, in three processes:
 *
 *     caller      the one that `ozx_mount_run` is called in; waits for a true answer
 *       supervisor   owns the mount: mounts, catches signals, unmounts; never reads the archive
 *         worker        parses the archive and serves it; ignores signals, holds /dev/fuse
 *
 * In the foreground the caller is the supervisor. Nothing here prints: what there is to say goes
 * through the events, which are called in the caller until the mount is served, and after that in
 * the supervisor (`note` only).
 *
 * A leased mount (mount/mount_lease.h) ends with its caller.
 */
#ifndef OZX_MOUNT_MOUNT_H
#define OZX_MOUNT_MOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "mount/contents.h"
#include "mount/place.h"

#define OZX_MOUNT_THREADS 10        /* most threads, unless it is said otherwise */
#define OZX_MOUNT_THREADS_REMOTE 65 /* of archives at URLs: 64 reads wait, one thread listens */

struct ozx_backend;
struct ozx_direct_backend;
struct ozx_mount_lease;
struct ozx_private_place;
struct ozx_start_guard;

struct ozx_mount_options {
    const struct ozx_backend *backend; /* who serves (mount/backend.h) */
    const struct ozx_direct_backend *direct; /* tried first (mount/direct.h); NULL: none */
    bool direct_only;         /* and nothing else */
    struct ozx_place *place;  /* where to mount, held; let go by the mount; NULL with `handed_fd` */
    /* Of a leased mount: where its place is made, by the supervisor; else NULL. Borrowed. */
    const struct ozx_private_place *private_place;
    struct ozx_start_guard *start_guard; /* told once it is served; NULL: none. Borrowed */
    int handed_fd;            /* an open /dev/fuse that someone else mounted; else -1 */
    const char *fsname;       /* what df and findmnt show as the source */
    const char *subtype;      /* the type is "fuse.SUBTYPE" */
    const char *fuse_options; /* more options for libfuse, escaped; "" for none */
    const char *subdir;       /* NULL: the whole archive */
    uid_t uid;
    gid_t gid;
    mode_t file_mode;      /* permission bits */
    mode_t directory_mode; /* permission bits */
    unsigned max_read_bytes;
    unsigned timeout_s; /* 0: never; else the tree is freed after so long without a request */
    unsigned threads;   /* most threads; 0: OZX_MOUNT_THREADS, 1: no threads at all */
    int log_fd; /* kept open by the supervisor, and by no worker; -1: none */
    bool foreground;
    bool debug;    /* libfuse prints every request to stderr */
    bool verbose;  /* `info` is called */
    bool xattr;    /* user.ozx.* */
    bool all_files; /* of a directory of archives, not the archives only */
    bool own_modes; /* owners and modes are those of files, and the kernel checks them */
    bool uid_given, gid_given; /* but not the owners, the groups */
    bool io_uring; /* requests come by rings, where libfuse and the kernel have them */
    bool serve_as; /* root's worker gets these ids, not those of nobody */
    uid_t serve_uid;
    gid_t serve_gid;
};

/* What failed: the same errno means different exit codes. */
enum ozx_mount_stage {
    OZX_MOUNT_STAGE_ARCHIVE = 1, /* the archive was refused or could not be read */
    OZX_MOUNT_STAGE_MOUNT,       /* FUSE is not there or the mount was not allowed */
    OZX_MOUNT_STAGE_SYSTEM,      /* no process, no memory ... */
    OZX_MOUNT_STAGE_CRASH,       /* a process of ours died of a bug */
    OZX_MOUNT_STAGE_INTERRUPTED, /* a signal came before the mount was served */
};

struct ozx_mount_events {
    void *context;
    /* The archive is served all the same. */
    void (*warning)(void *context, const struct ozx_error *warning);
    void (*info)(void *context, const char *text);
    void (*served)(void *context);
    /* Called in the supervisor while it serves: `background` if there is no terminal to write to.
     */
    void (*note)(void *context, const struct ozx_error *note, bool background);
};

/* Serves `contents` (the sources are closed, whatever happens). Returns 0 in the caller once the
 * tree is served, or with `foreground` once it was unmounted; else -errno with `error` and `stage`
 * filled in, and then there is no mount and no process left, but for one case: a worker that
 * crashed while serving (`foreground`) leaves its dead mount, so that nobody takes the empty
 * directory for the archive. */
int ozx_mount_run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                  const struct ozx_mount_events *events, enum ozx_mount_stage *stage,
                  struct ozx_error *error) OZX_CHECKED;

/* The same in the background, with a `private_place`; `place` is for the supervisor, which makes
 * it. The mount lives until `lease` is ended (mount/mount_lease.h) or this process is gone. The
 * handlers of SIGPIPE stay as they are. */
int ozx_mount_start(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                    const struct ozx_mount_events *events, struct ozx_mount_lease *lease,
                    enum ozx_mount_stage *stage, struct ozx_error *error) OZX_CHECKED;

#endif
