/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mount/gate: threads that come at any moment while the tree is given back, again and again; and an
 * archive that is another one when it is read again.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "forge.h"
#include "mount/gate_state.h"

#define THREADS 4
#define CYCLES 20000
#define NEVER UINT64_C(1000000000) /* by itself */

static struct forge some_image(const char *chunk)
{
    struct forge f = {0};

    forge_text(&f, "zarr.json", "{\"zarr_format\":3}");
    forge_text(&f, "s0/zarr.json", "{}");
    forge_text(&f, chunk, "zero and more");
    forge_text(&f, "s0/c/0/1", "one");
    forge_end(&f, true, "{\"ome\":{\"version\":\"0.5\"}}");
    return f;
}

/* A file, as only that has a size and a time to be watched. */
static int make_file(const struct forge *f)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);

    if (fd < 0 || pwrite(fd, f->data, f->size_bytes, 0) != (ssize_t)f->size_bytes)
        abort();
    return fd;
}

static struct ozx_gates *gates; /* of the test */

static struct ozx_gate *open_gate(int fd, uint64_t idle_ms)
{
    const struct ozx_archive_options how = {.subdir = NULL};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    struct ozx_source *source;
    struct ozx_gate *gate;

    if (ozx_source_open_fd(fd, &source) || ozx_archive_open(source, &how, &archive, &error) ||
        ozx_gates_open(&(struct ozx_gates_options){.how = how, .idle_ms = idle_ms}, &gates) ||
        ozx_gate_open(gates, archive, &gate))
        abort();
    return gate;
}

static void close_gate(struct ozx_gate *gate)
{
    ozx_gate_close(gate);
    ozx_gates_close(gates);
}

/* One request, as it were: the number and the bytes of a file. */
static bool visit(struct ozx_gate *gate, uint32_t want)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = ozx_gate_enter(gate, &error);
    char bytes[4];
    uint32_t node;
    size_t got;
    bool right;

    if (!archive)
        return false;
    right = ozx_archive_find(archive, "s0/c/0/1", &node) == 0 && node == want &&
            ozx_archive_read(archive, node, bytes, sizeof bytes, 0, &got, &error) == 0 &&
            got == 3 && memcmp(bytes, "one", 3) == 0;
    ozx_gate_leave(gate);
    return right;
}

static struct {
    struct ozx_gate *gate;
    uint32_t want;
    atomic_ulong visits, wrong;
    atomic_bool ended;
} crowd;

static void *come_and_go(void *unused)
{
    unsigned moment = (unsigned)(uintptr_t)&moment;

    while (!atomic_load(&crowd.ended)) {
        moment = moment * 1103515245 + 12345;
        for (unsigned i = 0; i < (moment >> 16) % 64; i++)
            sched_yield(); /* else somebody is always inside */
        if (!visit(crowd.gate, crowd.want))
            atomic_fetch_add(&crowd.wrong, 1);
        atomic_fetch_add(&crowd.visits, 1);
    }
    return unused;
}

static uint32_t number_of(struct ozx_gate *gate)
{
    struct ozx_error error = OZX_ERROR_INIT;
    const struct ozx_archive *archive = ozx_gate_enter(gate, &error);
    uint32_t node = 0;

    CHECK(archive && ozx_archive_find(archive, "s0/c/0/1", &node) == 0);
    ozx_gate_leave(gate);
    return node;
}

/* Gives the tree back now, if nobody is inside; what the watch does when it is idle. */
static bool drop(struct ozx_gate *gate)
{
    bool dropped;

    pthread_mutex_lock(&gate->lock);
    pthread_mutex_lock(&gate->gates->lock);
    dropped = ozx_gates_drop(gate);
    pthread_mutex_unlock(&gate->gates->lock);
    pthread_mutex_unlock(&gate->lock);
    return dropped;
}

/* No thread may find the tree gone, half made, or under other numbers. */
static void test_crowd(void)
{
    struct forge f = some_image("s0/c/0/0");
    pthread_t threads[THREADS];
    unsigned long dropped = 0;

    crowd.gate = open_gate(make_file(&f), NEVER);
    crowd.want = number_of(crowd.gate);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, come_and_go, NULL))
            abort();
    for (int i = 0; i < CYCLES || dropped < CYCLES / 10; i++) {
        dropped += drop(crowd.gate);
        if (i % 2)
            CHECK(visit(crowd.gate, crowd.want));
        else
            sched_yield();
    }
    CHECK(atomic_load(&crowd.visits) > 0);
    atomic_store(&crowd.ended, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_UINT(atomic_load(&crowd.wrong), 0);
    close_gate(crowd.gate);
    forge_free(&f);
}

/* By itself, after the time; and closed while there is no tree. */
static void test_watch(void)
{
    struct forge f = some_image("s0/c/0/0");
    struct ozx_gate *gate = open_gate(make_file(&f), 2);
    uint32_t want = number_of(gate);

    CHECK_INT(ozx_gates_watch(gates, NULL, NULL), 0);
    for (int i = 0; i < 100; i++) {
        usleep(i % 2 ? 0 : 5000);
        CHECK(visit(gate, want));
    }
    CHECK(drop(gate));
    close_gate(gate);
    forge_free(&f);
}

/* Nobody is put out: who is inside keeps the tree. */
static void test_inside(void)
{
    struct forge f = some_image("s0/c/0/0");
    struct ozx_gate *gate = open_gate(make_file(&f), NEVER);
    struct ozx_error error = OZX_ERROR_INIT;
    const struct ozx_archive *archive = ozx_gate_enter(gate, &error);

    CHECK(archive != NULL);
    CHECK(!drop(gate));
    CHECK_UINT(ozx_archive_node_count(archive), 8);
    ozx_gate_leave(gate);
    CHECK(drop(gate));
    close_gate(gate);
    forge_free(&f);
}

static void check_changed(struct ozx_gate *gate)
{
    for (int i = 0; i < 2; i++) { /* for good */
        struct ozx_error error = OZX_ERROR_INIT;
        CHECK(ozx_gate_enter(gate, &error) == NULL);
        CHECK_INT(error.code, -ESTALE);
        CHECK_INT(error.rule, OZX_RULE_CHANGED);
        CHECK(drop(gate));
    }
}

/* The same size and time, but other names: the numbers that others hold are of other files. */
static void test_other_archive(void)
{
    struct forge f = some_image("s0/c/0/0"), other = some_image("s0/c/0/2");
    int fd = make_file(&f);
    struct ozx_gate *gate = open_gate(fd, NEVER);
    struct timespec times[2];
    struct stat st;

    CHECK_UINT(f.size_bytes, other.size_bytes);
    if (fstat(fd, &st) || pwrite(fd, other.data, other.size_bytes, 0) < 0)
        abort();
    times[0] = times[1] = st.st_mtim;
    if (futimens(fd, times))
        abort();
    CHECK(drop(gate));
    check_changed(gate);
    close_gate(gate);
    forge_free(&f);
    forge_free(&other);
}

/* Damaged, or only touched. */
static void test_changed(void)
{
    for (int damaged = 0; damaged < 2; damaged++) {
        struct forge f = some_image("s0/c/0/0");
        int fd = make_file(&f);
        struct ozx_gate *gate = open_gate(fd, NEVER);
        struct timespec times[2];
        struct stat st;

        CHECK(drop(gate));
        if (fstat(fd, &st) || (damaged && pwrite(fd, "", 1, (off_t)f.end_offset) < 0))
            abort();
        times[0] = times[1] = st.st_mtim;
        times[1].tv_sec += damaged ? 0 : 1;
        if (futimens(fd, times))
            abort();
        check_changed(gate);
        close_gate(gate);
        forge_free(&f);
    }
}

CHECK_MAIN({"crowd", test_crowd}, {"watch", test_watch}, {"inside", test_inside},
           {"other-archive", test_other_archive}, {"changed", test_changed})
