/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sum FILE THREADS: what verify cannot be faster than: the file read once, and the CRC-32 of its
 * bytes, by that many threads. With the same library as ozxfs, if it is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#define crc(sum, data, size) libdeflate_crc32(sum, data, size)
#else
#include <zlib.h>
#define crc(sum, data, size) (uint32_t) crc32_z(sum, data, size)
#endif

#define BLOCK (512 * 1024)
#define PART (8 << 20)

static int fd;
static off_t size;
static atomic_llong next;
static atomic_uint together; /* so that no compiler leaves the sums out */

static void *work(void *unused)
{
    char *block = malloc(BLOCK);
    uint32_t sum = 0;

    (void)unused;
    for (long long part; block && (part = atomic_fetch_add(&next, PART)) < size;)
        for (long long at = part; at < part + PART && at < size;) {
            ssize_t got = pread(fd, block, BLOCK, at);
            if (got <= 0) {
                fprintf(stderr, "sum: cannot read: %s\n", got ? strerror(errno) : "it ends early");
                exit(1);
            }
            sum = crc(sum, block, (size_t)got);
            at += got;
        }
    atomic_fetch_xor(&together, sum);
    free(block);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count = argc == 3 ? atoi(argv[2]) : 0;
    struct stat st;

    if (count < 1 || count > 64 || (fd = open(argv[1], O_RDONLY)) < 0 || fstat(fd, &st) < 0) {
        fprintf(stderr, "usage: sum FILE THREADS\n");
        return 64;
    }
    size = st.st_size;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 71;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%08x\n", atomic_load(&together));
    return 0;
}
