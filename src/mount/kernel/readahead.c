/* SPDX-License-Identifier: BSD-2-Clause */
#include "mount/kernel/readahead.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"

#define MOUNTS "/sys/fs/erofs"
/* 128 without us. More makes no stream faster, and so much is read around a page that is missing in
 * a mapped file (tests/bench/run --kernel --cases seq-cold,seq,mmap). */
#define READAHEAD_KIB "512"

/* How many have a number greater than `last`; `*greatest` is then one of all. */
static int count_after(long last, long *greatest)
{
    DIR *mounts = opendir(MOUNTS);
    int count = 0;

    *greatest = -1;
    if (!mounts)
        return 0;
    for (const struct dirent *e = readdir(mounts); e; e = readdir(mounts)) {
        long number;

        if (sscanf(e->d_name, "erofs-%ld", &number) != 1)
            continue;
        if (number > *greatest)
            *greatest = number;
        count += number > last;
    }
    closedir(mounts);
    return count;
}

long ozx_kernel_readahead_last(void)
{
    long last;

    (void)count_after(-1, &last);
    return last;
}

void ozx_kernel_readahead_raise(long last)
{
    char path[64];
    OZX_AUTO_CLOSE int fd = -1;
    long ours;

    if (count_after(last, &ours) != 1)
        return;
    snprintf(path, sizeof path, "/sys/class/bdi/erofs-%ld/read_ahead_kb", ours);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!dprintf(fd, READAHEAD_KIB);
}
