/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client: the reading loops of tests/bench/run, in C because Python is slower than what is
 * measured. It knows directories and files, nothing of mounts. Every loop checks what it reads.
 *
 * The files of the bench check themselves: each 4 KiB page begins with a stamp made of the file's
 * path and the page's number, and goes on with a pattern (data.py writes the same). `open` and
 * `check` compare every byte, the other loops byte counts and stamps.
 *
 *   client open|miss|seq|rand|mmap|page|check|warm|cool ROOT LIST [PROCESSES [PASSES [SECONDS]]]
 *
 * LIST has lines "SIZE PATH", PATH below ROOT. The operations are dealt out to the processes, which
 * start together; each pass repeats what the first pass got done within SECONDS. One JSON line per
 * pass: {"ops": N, "bytes": N, "seconds": wall clock from the first start to the last end}.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    STAMP = 8,
    PIECE = 64 << 10,
    BLOCK = 1 << 20,
    STREAM = 128 << 10, /* as cp and cat read */
    MAX_PROCESSES = 64,
    MAX_PASSES = 8
};

struct file {
    char *path; /* with the root in front */
    uint64_t seed;
    uint64_t size;
    uint64_t first_op; /* rand: number of its first piece */
    int fd;            /* rand: opened before the clock starts */
    unsigned char *map;
};

struct pass {
    double start, end;
    uint64_t ops, bytes;
};

struct shared {
    pthread_barrier_t barrier;
    struct pass passes[MAX_PROCESSES][MAX_PASSES];
};

struct job {
    const struct mode *mode;
    struct file *files;
    size_t file_count;
    uint64_t op_count;
    uint32_t *order; /* rand: the pieces, shuffled within each file */
    unsigned processes, passes;
    double limit_s;
    unsigned char *buffer;
    volatile uint64_t sum; /* mmap: so that the bytes are read */
};

/* Does operation number `op`, returns the bytes read. */
typedef uint64_t (*operation)(struct job *, uint64_t op);

struct mode {
    const char *name;
    operation run;
    bool pieces; /* an operation is a piece of a file, not a file */
    bool maps;   /* files are mapped before the clock starts */
};

static unsigned char pattern[PAGE - STAMP];

static void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void make_pattern(void)
{
    uint16_t x = 1;

    for (size_t i = 0; i < sizeof pattern; i++) {
        x = (uint16_t)(x * 25173u + 13849u);
        pattern[i] = (unsigned char)(x >> 8);
    }
}

static uint64_t seed_of(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *path != '\0'; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
    return hash;
}

static void stamp_of(const struct file *file, uint64_t page, unsigned char *bytes)
{
    uint64_t stamp = file->seed + page * 0x9e3779b97f4a7c15u;

    for (int i = 0; i < STAMP; i++)
        bytes[i] = (unsigned char)(stamp >> (8 * i));
}

/* The stamps of all pages that begin in [offset, offset + length); offset is a page's begin. */
static void check_stamps(const struct file *file, const unsigned char *bytes, uint64_t offset,
                         size_t length)
{
    unsigned char stamp[STAMP];

    for (size_t at = 0; at < length; at += PAGE) {
        size_t size = length - at < STAMP ? length - at : STAMP;
        stamp_of(file, (offset + at) / PAGE, stamp);
        if (memcmp(bytes + at, stamp, size) != 0)
            die("%s: wrong bytes at %llu", file->path, (unsigned long long)(offset + at));
    }
}

static void check_pattern(const struct file *file, const unsigned char *bytes, uint64_t offset,
                          size_t length)
{
    for (size_t at = STAMP; at < length; at += PAGE) {
        size_t size = length - at < sizeof pattern ? length - at : sizeof pattern;
        if (memcmp(bytes + at, pattern, size) != 0)
            die("%s: wrong bytes at %llu", file->path, (unsigned long long)(offset + at));
    }
}

static int open_file(const struct file *file)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        die("%s: %s", file->path, strerror(errno));
    return fd;
}

static size_t read_some(const struct file *file, int fd, void *buffer, size_t size)
{
    ssize_t got = read(fd, buffer, size);

    if (got < 0)
        die("%s: %s", file->path, strerror(errno));
    return (size_t)got;
}

/* A chunk, as a reader that knows its size reads it: three system calls. */
static uint64_t run_open(struct job *job, uint64_t op)
{
    const struct file *file = &job->files[op];
    int fd = open_file(file);
    size_t got = read_some(file, fd, job->buffer, BLOCK);

    close(fd);
    if (got != file->size)
        die("%s: %zu bytes, not %llu", file->path, got, (unsigned long long)file->size);
    check_stamps(file, job->buffer, 0, got);
    check_pattern(file, job->buffer, 0, got);
    return got;
}

static uint64_t run_miss(struct job *job, uint64_t op)
{
    const struct file *file = &job->files[op];
    struct stat st;

    if (stat(file->path, &st) == 0)
        die("%s: is there", file->path);
    if (errno != ENOENT)
        die("%s: %s", file->path, strerror(errno));
    return 0;
}

static uint64_t read_whole(struct job *job, const struct file *file, bool every_byte)
{
    uint64_t offset = 0;
    int fd = open_file(file);
    size_t got;

    while ((got = read_some(file, fd, job->buffer, STREAM)) > 0) {
        if (offset % PAGE != 0)
            die("%s: short read before %llu", file->path, (unsigned long long)offset);
        check_stamps(file, job->buffer, offset, got);
        if (every_byte)
            check_pattern(file, job->buffer, offset, got);
        offset += got;
    }
    close(fd);
    if (offset != file->size)
        die("%s: %llu bytes, not %llu", file->path, (unsigned long long)offset,
            (unsigned long long)file->size);
    return offset;
}

static uint64_t run_seq(struct job *job, uint64_t op)
{
    return read_whole(job, &job->files[op], false);
}

static uint64_t run_check(struct job *job, uint64_t op)
{
    struct stat st;
    const struct file *file = &job->files[op];

    if (stat(file->path, &st) != 0 || (uint64_t)st.st_size != file->size)
        die("%s: wrong size", file->path);
    return read_whole(job, file, true);
}

static const struct file *file_of_piece(const struct job *job, uint64_t op)
{
    size_t i = job->file_count - 1;

    while (job->files[i].first_op > op)
        i--;
    return &job->files[i];
}

static uint64_t run_rand(struct job *job, uint64_t op)
{
    const struct file *file = file_of_piece(job, op);
    uint64_t offset = (uint64_t)job->order[op] * PIECE;
    ssize_t got = pread(file->fd, job->buffer, PIECE, (off_t)offset);

    if (got != PIECE)
        die("%s: %zd bytes at %llu", file->path, got, (unsigned long long)offset);
    check_stamps(file, job->buffer, offset, PIECE);
    return PIECE;
}

/* As who looks for something in a mapped file. */
static uint64_t run_page(struct job *job, uint64_t op)
{
    const struct file *file = file_of_piece(job, op);
    uint64_t offset = (uint64_t)job->order[op] * PIECE;
    check_stamps(file, file->map + offset, offset, PAGE);
    return PAGE;
}

/* Every byte is used, as who maps a file does: page faults alone are no use to anyone. */
static uint64_t run_mmap(struct job *job, uint64_t op)
{
    const struct file *file = &job->files[op];
    const uint64_t *words = (const uint64_t *)(const void *)file->map;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < file->size / sizeof *words; i++)
        sum += words[i];
    job->sum = sum;
    check_stamps(file, file->map, 0, file->size);
    return file->size;
}

/* warm and cool take any file: no stamps. */
static uint64_t run_warm(struct job *job, uint64_t op)
{
    const struct file *file = &job->files[op];
    int fd = open_file(file);
    uint64_t sum = 0;
    size_t got;

    while ((got = read_some(file, fd, job->buffer, BLOCK)) > 0)
        sum += got;
    close(fd);
    return sum;
}

static uint64_t run_cool(struct job *job, uint64_t op)
{
    const struct file *file = &job->files[op];
    int fd = open_file(file);

    if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        die("%s: cannot be dropped from the cache", file->path);
    close(fd);
    return 0;
}

static const struct mode modes[] = {
    {"open", run_open, false, false},   {"miss", run_miss, false, false},
    {"seq", run_seq, false, false},     {"rand", run_rand, true, false},
    {"mmap", run_mmap, false, true},    {"page", run_page, true, true},
    {"check", run_check, false, false}, {"warm", run_warm, false, false},
    {"cool", run_cool, false, false},
};

static void read_list(struct job *job, const char *root, const char *list)
{
    FILE *in = fopen(list, "r");
    char *line = NULL;
    size_t room = 0, allocated = 0;
    ssize_t length;

    if (in == NULL)
        die("%s: %s", list, strerror(errno));
    while ((length = getline(&line, &room, in)) > 0) {
        char *path;
        struct file file = {.size = strtoull(line, &path, 10), .fd = -1};
        if (*path++ != ' ' || line[length - 1] != '\n')
            die("%s: no list", list);
        line[length - 1] = '\0';
        file.seed = seed_of(path);
        if (asprintf(&file.path, "%s/%s", root, path) < 0)
            die("out of memory");
        if (job->file_count == allocated) {
            allocated = allocated ? 2 * allocated : 1024;
            job->files = realloc(job->files, allocated * sizeof *job->files);
            if (job->files == NULL)
                die("out of memory");
        }
        job->files[job->file_count++] = file;
    }
    free(line);
    fclose(in);
    if (job->file_count == 0)
        die("%s: empty", list);
}

/* Deals each file's pieces in a fixed random order (Fisher-Yates over a small generator). */
static void plan_pieces(struct job *job)
{
    uint64_t state = 88172645463325252u;

    for (size_t i = 0; i < job->file_count; i++) {
        struct file *file = &job->files[i];
        uint32_t pieces = (uint32_t)(file->size / PIECE);
        file->first_op = job->op_count;
        job->op_count += pieces;
        job->order = realloc(job->order, job->op_count * sizeof *job->order);
        if (job->order == NULL)
            die("out of memory");
        uint32_t *order = job->order + file->first_op;
        for (uint32_t k = 0; k < pieces; k++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            uint32_t other = (uint32_t)(state % (k + 1));
            order[k] = order[other];
            order[other] = k;
        }
    }
}

static void open_files(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        struct file *file = &job->files[i];
        file->fd = open_file(file);
    }
}

/* For each pass anew, so that a hot one takes its page faults again. */
static void map_files(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        struct file *file = &job->files[i];
        if (file->map != NULL)
            munmap(file->map, file->size);
        file->map = mmap(NULL, file->size, PROT_READ, MAP_SHARED, file->fd, 0);
        if (file->map == MAP_FAILED)
            die("%s: mmap: %s", file->path, strerror(errno));
    }
}

static void run_process(struct job *job, unsigned number, struct shared *shared)
{
    uint64_t end = job->op_count;

    for (unsigned p = 0; p < job->passes; p++) {
        struct pass pass = {0};
        unsigned since_clock = 0;
        if (job->mode->maps)
            map_files(job);
        pthread_barrier_wait(&shared->barrier);
        pass.start = now();
        uint64_t op = number;
        for (; op < end; op += job->processes) {
            pass.bytes += job->mode->run(job, op);
            pass.ops++;
            if (p == 0 && (++since_clock == 16 || job->op_count < 1000)) {
                since_clock = 0;
                if (now() - pass.start > job->limit_s)
                    end = op + 1;
            }
        }
        pass.end = now();
        shared->passes[number][p] = pass;
    }
}

static void report(const struct job *job, const struct shared *shared)
{
    for (unsigned p = 0; p < job->passes; p++) {
        struct pass sum = shared->passes[0][p];
        for (unsigned i = 1; i < job->processes; i++) {
            const struct pass *one = &shared->passes[i][p];
            sum.start = one->start < sum.start ? one->start : sum.start;
            sum.end = one->end > sum.end ? one->end : sum.end;
            sum.ops += one->ops;
            sum.bytes += one->bytes;
        }
        printf("{\"ops\": %llu, \"bytes\": %llu, \"seconds\": %.9f}\n", (unsigned long long)sum.ops,
               (unsigned long long)sum.bytes, sum.end - sum.start);
    }
}

static int run_all(struct job *job)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attributes;
    pid_t children[MAX_PROCESSES];
    int failed = 0;

    if (shared == MAP_FAILED)
        die("out of memory");
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &attributes, job->processes);
    for (unsigned i = 0; i < job->processes; i++) {
        children[i] = fork();
        if (children[i] < 0)
            die("fork: %s", strerror(errno));
        if (children[i] == 0) {
            run_process(job, i, shared);
            _exit(0);
        }
    }
    /* One that failed never reaches the barrier: the others are ended with it. */
    for (unsigned i = 0; i < job->processes; i++) {
        int status;
        if (wait(&status) > 0 && status != 0 && !failed++)
            for (unsigned k = 0; k < job->processes; k++)
                kill(children[k], SIGKILL);
    }
    if (failed == 0)
        report(job, shared);
    return failed != 0;
}

int main(int argc, char **argv)
{
    struct job job = {.mode = NULL};

    for (size_t i = 0; argc >= 4 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i].name, argv[1]) == 0)
            job.mode = &modes[i];
    if (job.mode == NULL)
        die("usage: client MODE ROOT LIST [PROCESSES [PASSES [SECONDS]]]");
    job.processes = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
    job.passes = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 1;
    job.limit_s = argc > 6 ? strtod(argv[6], NULL) : 1e9;
    if (job.processes < 1 || job.processes > MAX_PROCESSES || job.passes < 1 ||
        job.passes > MAX_PASSES)
        die("too many processes or passes");
    make_pattern();
    read_list(&job, argv[2], argv[3]);
    job.op_count = job.file_count;
    if (job.mode->pieces) {
        job.op_count = 0;
        plan_pieces(&job);
    }
    if (job.mode->pieces || job.mode->maps)
        open_files(&job);
    job.buffer = aligned_alloc(PAGE, BLOCK);
    if (job.buffer == NULL)
        die("out of memory");
    memset(job.buffer, 0, BLOCK);
    return run_all(&job);
}
