/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fsck.h"
#include "fuzz.h"

#define READ_MAX (UINT64_C(1) << 20) /* of archives that are read through */
#define IMAGE_FD 200
#define ARCHIVE_FD 201

static int file_of(const uint8_t *data, size_t size, uint64_t whole)
{
    int fd = memfd_create("fsck", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)whole) == 0);
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        FUZZ_CHECK(written > 0);
        data += written;
        size -= (size_t)written;
    }
    return fd;
}

void fuzz_fsck(const uint8_t *image, size_t size_bytes, uint64_t archive_size_bytes)
{
    char program[] = "fsck.erofs", quiet[] = "-d1", extract[] = "--extract";
    char device[] = "--device=/dev/fd/201", path[] = "/dev/fd/200";
    char *words[] = {program, quiet, device, device, path, NULL, NULL};
    char *none[] = {NULL};
    const char *fsck = getenv("OZXFS_FSCK");
    posix_spawn_file_actions_t actions;
    int fd, archive, status = -1;
    pid_t pid, ended;

    if (!fsck)
        return;
    if (archive_size_bytes <= READ_MAX) {
        words[4] = extract;
        words[5] = path;
    }
    fd = file_of(image, size_bytes, size_bytes);
    /* The kernel, too, gets it in whole blocks. */
    archive = file_of(NULL, 0, (archive_size_bytes + 4095) / 4096 * 4096);
    FUZZ_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    FUZZ_CHECK(posix_spawn_file_actions_adddup2(&actions, fd, IMAGE_FD) == 0);
    FUZZ_CHECK(posix_spawn_file_actions_adddup2(&actions, archive, ARCHIVE_FD) == 0);
    FUZZ_CHECK(posix_spawn(&pid, fsck, &actions, NULL, words, none) == 0);
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR) /* libFuzzer's clock */
        ;
    FUZZ_CHECK(ended == pid);
    posix_spawn_file_actions_destroy(&actions);
    close(fd);
    close(archive);
    FUZZ_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
