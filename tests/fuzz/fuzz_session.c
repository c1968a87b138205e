/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stream of requests as no kernel sends them: forged INITs, requests cut short, INTERRUPTs of
 * what was answered, runs, or never comes, FORGETs, opcodes of the future, DESTROY in the middle.
 * The session is the real one, from the backend's start to its stop, with its threads; in the place
 * of /dev/fuse is a socket that keeps messages apart as the device does. It must come to an end,
 * with one answer at most to each request; with exactly one where it listened to the last of them.
 *
 * The input is a list of requests: opcode, node, flags, size of the body (1 byte each), body. The
 * numbers of nodes are of the archive, for the kernel makes up none.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/forge.h"
#include "fuzz.h"
#include "mount/channel.h"
#include "mount/fuse/backend.h"
#include "zip/crc.h"

#define REQUESTS_MAX 64
#define BODY_MAX 255
#define MAX_READ (128u << 10)
#define THREADS 4
#define ZEROS_SIZE                                                                                 \
    (8u << 20) /* of the compressed entry: some ten milliseconds, enough to be interrupted */

/* A session without threads to come keeps the process from making any: here others come after it.
 */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limits)
{
    (void)resource, (void)limits;
    return 0;
}

/* libfuse keeps what no kernel of its own sends, as a NOTIFY_REPLY that nothing asked for. A
 * request of which we lost hold would have no answer, and is found by that. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfuse3.so";
}

/* Their count is no report: tests/run takes each file that a sanitizer writes for one. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

/* --- the archive ------------------------------------------------------------------------------ */

/* Zeros by deflate's fixed codes: a zero, then 258 bytes from the one before, again and again. */
static size_t deflate_zeros(uint8_t *to, size_t size)
{
    static const struct {
        unsigned bits, count;
    } first = {0x0C << 3 | 3, 11}, run = {0xA3, 13}; /* 11000101 is written from its first bit on */
    size_t left = size - 1, bit = 0;

#define PUT(code)                                                                                  \
    for (unsigned b = 0; b < (code).count; b++, bit++)                                             \
    to[bit / 8] |= (uint8_t)(((code).bits >> b & 1) << bit % 8)
    PUT(first);
    for (; left >= 258; left -= 258)
        PUT(run);
#undef PUT
    bit += 7; /* the end of the block: seven zeros */
    return (bit + 7) / 8;
}

static void forge_zeros(struct forge *f, const char *name)
{
    const uint32_t size = ZEROS_SIZE / 258 * 258 + 1;
    uint8_t *packed = calloc(1, ZEROS_SIZE / 100), *zeros = calloc(1, size), *header;

    FUZZ_CHECK(packed && zeros);
    forge_entry(f, name, strlen(name), packed, deflate_zeros(packed, size));
    header = f->data + f->entry[f->count - 1].local_offset;
    ozx_put_u16(header + 8, 8);
    ozx_put_u32(header + 14, ozx_crc32(0, zeros, size));
    ozx_put_u32(header + 22, size);
    free(packed);
    free(zeros);
}

/* What the local header says of the method, the CRC and the size holds for the central one, too. */
static void end_archive(struct forge *f)
{
    forge_end(f, false, "{\"ome\":{\"version\":\"0.5\"}}");
    for (size_t i = 0; i < f->count; i++) {
        const uint8_t *local = f->data + f->entry[i].local_offset;
        uint8_t *central = f->data + f->entry[i].central_offset;
        memcpy(central + 10, local + 8, 2);
        memcpy(central + 16, local + 14, 4);
        memcpy(central + 24, local + 22, 4);
    }
}

static struct ozx_gate *open_archive(struct ozx_gates **gates)
{
    static int file = -1;
    const struct ozx_archive_options how = {.subdir = NULL};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    struct ozx_source *source;
    struct ozx_gate *gate;

    if (file < 0) {
        struct forge f = {0};
        ozx_archive_prepare();
        forge_text(&f, "zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
        forge_text(&f, "s0/zarr.json", "{}");
        forge_text(&f, "s0/c/0/0", "some bytes");
        forge_zeros(&f, "s0/c/0/1");
        forge_zeros(&f, "s0/c/0/2");
        end_archive(&f);
        file = memfd_create("archive", MFD_CLOEXEC);
        FUZZ_CHECK(file >= 0 && pwrite(file, f.data, f.size_bytes, 0) == (ssize_t)f.size_bytes);
        forge_free(&f);
    }
    FUZZ_CHECK(ozx_source_open_fd(fcntl(file, F_DUPFD_CLOEXEC, 3), &source) == 0);
    FUZZ_CHECK(ozx_archive_open(source, &how, &archive, &error) == 0);
    FUZZ_CHECK(ozx_gates_open(&(struct ozx_gates_options){.idle_ms = 0}, gates) == 0);
    FUZZ_CHECK(ozx_gate_open(*gates, archive, &gate) == 0);
    return gate;
}

/* --- the kernel ------------------------------------------------------------------------------- */

struct request {
    struct fuse_in_header header;
    uint8_t body[BODY_MAX + 1];
};

struct kernel {
    int device, channel; /* our ends */
    struct request requests[REQUESTS_MAX];
    unsigned answers[REQUESTS_MAX];
    size_t count, sent;
    bool short_one; /* one of them has not even a header, which ends the session */
    bool started;   /* INIT was answered */
};

/* Numbers that INTERRUPT may mean: of a request before or behind it, its own, or of none. */
static uint64_t number_of(size_t i)
{
    return 2 * ((uint64_t)i + 1);
}

/* Before INIT and after DESTROY the others are answered, too: with EIO. */
static bool wants_answer(uint32_t opcode)
{
    return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
           opcode != FUSE_NOTIFY_REPLY;
}

static uint32_t opcode_of(uint8_t byte)
{
    return byte < 0xF0 ? byte : byte == 0xF0 ? 4096 /* CUSE_INIT */ : UINT32_MAX - byte;
}

/* Interrupts are of what is near. */
static void aim(struct request *r, size_t i)
{
    struct fuse_interrupt_in *interrupt = (void *)r->body;

    if (r->header.opcode == FUSE_INTERRUPT)
        interrupt->unique = number_of(i + (int8_t)r->body[0]);
}

static void read_input(struct kernel *k, const uint8_t *data, size_t size, uint32_t nodes)
{
    for (size_t at = 0; at + 4 <= size && k->count < REQUESTS_MAX; k->count++) {
        struct request *r = &k->requests[k->count];
        const uint8_t *head = data + at, flags = head[2];
        size_t body = size - at - 4 < head[3] ? size - at - 4 : head[3];
        at += 4 + body;
        memcpy(r->body, head + 4, body);
        r->header = (struct fuse_in_header){.opcode = opcode_of(head[0]),
                                            .unique = number_of(k->count),
                                            .nodeid = FUSE_ROOT_ID + head[1] % nodes,
                                            .len = (uint32_t)(sizeof r->header + body)};
        aim(r, k->count);
        /* A length that is not the message's, or less of it than a header. */
        if (flags & 1)
            r->header.len ^= 1u << flags % 32;
        r->header.padding = 0;
        if (flags == 0xFF) {
            r->header.len = head[3] % sizeof r->header;
            k->short_one = true;
        }
        /* Behind the header stands its size, for `send`. */
        r->body[BODY_MAX] = (uint8_t)body;
    }
}

static void send_next(struct kernel *k)
{
    const struct request *r = &k->requests[k->sent];
    size_t size = sizeof r->header + r->body[BODY_MAX];

    if (r->header.len < sizeof r->header && k->short_one)
        size = r->header.len ? r->header.len : 1;
    if (send(k->device, r, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        return;
    /* The other end may be gone: then the rest is for nobody. */
    if (++k->sent == k->count)
        shutdown(k->device, SHUT_WR);
}

/* False: the session is over. */
static bool take_answer(struct kernel *k)
{
    static uint8_t message[MAX_READ + 4096];
    ssize_t got = recv(k->device, message, sizeof message, MSG_DONTWAIT);
    struct fuse_out_header header;
    size_t i;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    FUZZ_CHECK((size_t)got >= sizeof header);
    memcpy(&header, message, sizeof header);
    FUZZ_CHECK(header.len == (size_t)got && header.error <= 0 && header.error > -512);
    FUZZ_CHECK(header.unique && header.unique % 2 == 0);
    i = header.unique / 2 - 1;
    FUZZ_CHECK(i < k->count && k->answers[i]++ == 0);
    return true;
}

static void take_word(struct kernel *k)
{
    struct ozx_message message;

    if (ozx_channel_receive(k->channel, &message, NULL) == 1)
        k->started |= message.kind == OZX_MESSAGE_STARTED;
}

/* Asks, and listens, until the session lets go of the device. */
static void *be_kernel(void *context)
{
    struct kernel *k = context;
    struct pollfd ends[] = {{.fd = k->device}, {.fd = k->channel, .events = POLLIN}};

    do {
        ends[0].events = k->sent < k->count ? POLLIN | POLLOUT : POLLIN;
        FUZZ_CHECK(poll(ends, 2, -1) > 0);
        if (ends[1].revents & POLLIN)
            take_word(k);
        if (ends[0].revents & POLLOUT)
            send_next(k);
    } while (!(ends[0].revents & (POLLIN | POLLHUP)) || take_answer(k));
    while (poll(&ends[1], 1, 0) > 0 && (ends[1].revents & POLLIN))
        take_word(k);
    return NULL;
}

/* --- the session ------------------------------------------------------------------------------ */

static int serve(struct ozx_gates *gates, struct ozx_gate *gate, uint32_t nodes, bool handed,
                 int device, int channel)
{
    const struct ozx_mount_options options = {.backend = &ozx_fuse_backend,
                                              .handed_fd = handed ? device : -1,
                                              .file_mode = 0444,
                                              .directory_mode = 0555,
                                              .max_read_bytes = MAX_READ,
                                              .threads = THREADS,
                                              .xattr = true};
    const struct ozx_forest forest = {.gates = gates, .only = gate, .node_count = nodes};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_served *served;
    int failure;

    FUZZ_CHECK(ozx_fuse_backend.start(&options, &forest, channel, &served) == 0);
    failure = ozx_fuse_backend.serve(served, device, &error);
    ozx_fuse_backend.stop(served);
    return failure;
}

static void check_answered(const struct kernel *k, int failure)
{
    for (size_t i = 0; i < k->count; i++) {
        bool answered = k->answers[i] == 1 || !wants_answer(k->requests[i].header.opcode);
        if (!answered)
            fprintf(stderr,
                    "request %zu of %zu (%zu sent, opcode %u) has no answer; the session said %d\n",
                    i, k->count, k->sent, k->requests[i].header.opcode, failure);
        FUZZ_CHECK(answered);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ozx_gates *gates;
    struct ozx_gate *gate = open_archive(&gates);
    struct ozx_error error = OZX_ERROR_INIT;
    uint32_t nodes = ozx_archive_node_count(ozx_gate_enter(gate, &error));
    struct kernel *k = calloc(1, sizeof *k);
    int devices[2], channels[2], failure;
    pthread_t thread;

    ozx_gate_leave(gate);
    FUZZ_CHECK(k);
    read_input(k, data, size, nodes);
    if (k->count) {
        FUZZ_CHECK(ozx_channel_pair(devices) == 0 && ozx_channel_pair(channels) == 0);
        k->device = devices[0];
        k->channel = channels[0];
        FUZZ_CHECK(pthread_create(&thread, NULL, be_kernel, k) == 0);
        failure = serve(gates, gate, nodes, size % 2, devices[1], channels[1]);
        FUZZ_CHECK(pthread_join(thread, NULL) == 0);
        if (k->started && failure && !k->short_one)
            check_answered(k, failure);
        close(devices[0]);
        close(channels[0]);
        close(channels[1]);
    }
    free(k);
    ozx_gate_close(gate);
    ozx_gates_close(gates);
    return 0;
}
