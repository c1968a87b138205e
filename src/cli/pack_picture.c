/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picture that `pack --thumbnail` packs. Chunks are decoded in the cage, which has no files of
 * the tree that is packed: it asks a process that has this one's rights, and parses nothing.
 *
 *     this process --- waits ---> cage: decodes -- offset, size --> server: reads the tree
 *          ^                        |    ^ <------ status, bytes ------'
 *          '------ the picture -----'
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "cli/caged.h"
#include "cli/pack_command.h"
#include "cli/report.h"
#include "image/png.h"
#include "image/thumbnail.h"
#include "io/source_kind.h"

#define PIECE_MAX (256u << 10)         /* bytes of one answer */
#define DATA_MAX (UINT64_C(128) << 20) /* of memory for decoding */

/* What the cage tells: nothing of it is believed. */
struct told {
    bool is_picture;
    uint32_t width, height;
    uint8_t rgb[3 * OZX_PICTURE_SIZE * OZX_PICTURE_SIZE];
    struct ozx_error error;
};

/* The archive, as the cage sees it. */
struct asked {
    struct ozx_source source;
    int ask, answer; /* borrowed */
};

struct question {
    uint64_t offset_bytes;
    uint32_t size_bytes;
};

static int get(int fd, void *buffer, size_t size)
{
    uint8_t *at = buffer;

    while (size) {
        ssize_t done = read(fd, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EPIPE;
        at += done;
        size -= (size_t)done;
    }
    return 0;
}

/* --- the server ------------------------------------------------------------------------------- */

/* Until nobody is there to ask. */
static void serve(struct ozx_source *source, int questions, int answers)
{
    uint8_t *piece = malloc(PIECE_MAX);
    struct question q;

    while (piece && !get(questions, &q, sizeof q)) {
        int32_t status = -EIO;
        if (q.size_bytes <= PIECE_MAX)
            status = ozx_source_read(source, piece, q.size_bytes, q.offset_bytes);
        if (ozx_descriptors_write(answers, &status, sizeof status, -1) ||
            (!status && ozx_descriptors_write(answers, piece, q.size_bytes, -1)))
            break;
    }
    free(piece);
}

struct pipes {
    int questions[2], answers[2];
};

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        close_one(&p->questions[i]);
        close_one(&p->answers[i]);
    }
}

/* The server's process, or -errno. */
static pid_t start_server(struct ozx_source *source, struct pipes *p)
{
    pid_t child;

    if (pipe2(p->questions, O_CLOEXEC) < 0 || pipe2(p->answers, O_CLOEXEC) < 0)
        return -errno;
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        signal(SIGPIPE, SIG_IGN);
        close_one(&p->questions[1]);
        close_one(&p->answers[0]);
        serve(source, p->questions[0], p->answers[1]);
        _exit(0);
    }
    close_one(&p->questions[0]);
    close_one(&p->answers[1]);
    return child;
}

/* --- in the cage ------------------------------------------------------------------------------ */

static int read_asked(struct ozx_source *source, void *buffer, size_t size_bytes,
                      uint64_t offset_bytes)
{
    const struct asked *asked = (const struct asked *)source;
    uint8_t *at = buffer;

    while (size_bytes) {
        struct question q = {offset_bytes,
                             size_bytes < PIECE_MAX ? (uint32_t)size_bytes : PIECE_MAX};
        int32_t status = 0;
        if (ozx_descriptors_write(asked->ask, &q, sizeof q, -1) ||
            get(asked->answer, &status, sizeof status))
            return -EIO;
        if (status)
            return status < 0 ? status : -EIO;
        if (get(asked->answer, at, q.size_bytes))
            return -EIO;
        at += q.size_bytes;
        offset_bytes += q.size_bytes;
        size_bytes -= q.size_bytes;
    }
    return 0;
}

static void close_asked(struct ozx_source *source)
{
    (void)source; /* it is on the stack of who made it */
}

static const struct ozx_source_kind asked_kind = {.read = read_asked, .close = close_asked};

struct work {
    struct asked asked;
    struct told *told;
};

static int draw(struct work *w, struct ozx_error *error)
{
    const struct ozx_thumbnail_options options = {
        .size = OZX_PICTURE_SIZE, .z = OZX_Z_MIDDLE, .drawn = true};
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    struct ozx_picture picture = {.rgb = NULL};
    const struct ozx_archive_options planned = {.crcs_unknown = true};
    int failure = ozx_archive_open(&w->asked.source, &planned, &archive, error);

    if (failure)
        return failure;
    if (ozx_cage_is_there())
        ozx_sandbox_limit_data(DATA_MAX);
    failure = ozx_thumbnail(archive, &options, &picture, error);
    if (failure)
        return failure;
    w->told->width = picture.width;
    w->told->height = picture.height;
    memcpy(w->told->rgb, picture.rgb, (size_t)3 * picture.width * picture.height);
    w->told->is_picture = true;
    free(picture.rgb);
    return 0;
}

static int work(void *context)
{
    struct work *w = context;
    struct ozx_error error = OZX_ERROR_INIT;

    if (draw(w, &error))
        w->told->error = error;
    return OZX_EXIT_OK;
}

/* --- the picture ------------------------------------------------------------------------------ */

static int take(const struct told *told, struct ozx_pack_picture *out, struct ozx_error *error)
{
    struct ozx_error why = told->error;

    if (told->is_picture) {
        const uint32_t width = told->width, height = told->height;
        if (!width || !height || width > OZX_PICTURE_SIZE || height > OZX_PICTURE_SIZE)
            return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                 "no thumbnail can be made");
        out->width = width;
        out->height = height;
        return ozx_png_encode(told->rgb, width, height, &out->data, &out->size_bytes, error);
    }
    why.text[sizeof why.text - 1] = '\0';
    why.hint[sizeof why.hint - 1] = '\0';
    return ozx_error_set(error, why.code < 0 ? why.code : -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "pack without --thumbnail", "no thumbnail can be made: %s",
                         why.text[0] ? why.text : "the process that draws it ended early");
}

/* 0 if the work came to its end; else the reason was told, and the error is what follows from it.
 */
static int run_caged(struct ozx_pack_command *command, struct ozx_source *source, struct pipes *p,
                     struct told *told, struct ozx_error *error)
{
    struct work w = {.asked = {.source = {.kind = &asked_kind,
                                          .size_bytes = ozx_source_size(source),
                                          .fd = p->answers[0]},
                               .ask = p->questions[1],
                               .answer = p->answers[0]},
                     .told = told};
    struct ozx_caged_end end = {.interrupted = false};
    int status = ozx_caged(&(struct ozx_caged){.file = command->pack.input,
                                               .source = &w.asked.source,
                                               .allowed = OZX_SANDBOX_FILE,
                                               .tree = -1,
                                               .output = p->questions[1],
                                               /* What is packed may go to standard output. */
                                               .print_to = STDERR_FILENO,
                                               .work = work,
                                               .context = &w},
                           &end);

    if (!status)
        return 0;
    return ozx_error_set(error, end.error.code ? end.error.code : -EIO, OZX_RULE_NONE,
                         OZX_OFFSET_NONE, NULL, "no thumbnail can be made");
}

int ozx_pack_command_picture(void *context, struct ozx_source *source, struct ozx_pack_picture *out,
                             struct ozx_error *error)
{
    struct ozx_pack_command *command = context;
    struct pipes p = {{-1, -1}, {-1, -1}};
    struct told *told = ozx_caged_memory(sizeof *told);
    pid_t server = told ? start_server(source, &p) : -ENOMEM;
    int failure;

    ozx_progress_clear(&command->problems.progress);
    if (server < 0) {
        failure = ozx_error_set(error, server, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "cannot start a process: %s", strerror((int)-server));
    } else {
        failure = run_caged(command, source, &p, told, error);
        if (!failure)
            failure = take(told, out, error);
        if (failure && command->pack.cancel && *command->pack.cancel)
            failure = ozx_error_interrupted(error);
        command->unavailable = failure == -ENOTSUP;
    }
    close_pipes(&p);
    if (server > 0)
        (void)ozx_wait_child(server);
    ozx_caged_memory_free(told, sizeof *told);
    return failure;
}
