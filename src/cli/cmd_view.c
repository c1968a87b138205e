/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs view: the images of an archive in a browser. The address is printed; who starts this on a
 * desktop has it opened, too.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "cage/cage.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "image/png.h"
#include "view/decoder.h"
#include "view/server.h"
#include "view/view.h"

#define DATA_MAX (UINT64_C(96) << 20) /* bytes of memory for decoding, whatever the image */

struct command {
    struct ozx_remote_options remote;
    const char *file;
    unsigned port;
    bool no_open, ends_when_left;
};

static int open_source(void *context, struct ozx_source **source)
{
    const struct command *c = context;
    struct ozx_error error = OZX_ERROR_INIT;

    if (ozx_input_open(c->file, &c->remote, source, &error) == 0)
        return OZX_EXIT_OK;
    ozx_report_error(c->file, &error);
    return ozx_report_exit_status(&error);
}

/* In the cage. */
static int decode(void *context, struct ozx_source *source, const int *sockets, size_t count)
{
    const struct command *c = context;
    const char *slash = strrchr(c->file, '/');
    const struct ozx_decoder_options options = {
        .file = slash && slash[1] ? slash + 1 : c->file, .sockets = sockets, .socket_count = count};
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    int status = ozx_input_archive(c->file, &source, &archive);

    if (status)
        return status;
    /* The tree of an archive follows its own size; what is decoded does not. */
    if (ozx_cage_is_there())
        ozx_sandbox_limit_data(DATA_MAX);
    return ozx_decoder_run(archive, &options) ? OZX_EXIT_SYSTEM : OZX_EXIT_OK;
}

/* By a process between, so that it is nobody's child to wait for. */
static void open_browser(const char *address)
{
    char *const argv[] = {(char[]){"xdg-open"}, (char *)(uintptr_t)address, NULL};
    sigset_t none;
    pid_t child = fork();

    if (child == 0) {
        if (fork() == 0) {
            int null = open("/dev/null", O_RDWR | O_CLOEXEC);
            for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
                dup2(null, fd);
            ozx_descriptors_close_others(NULL, 0);
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, NULL);
            setsid();
            signal(SIGXFSZ, SIG_DFL); /* see main() */
            execvp(argv[0], argv);
        }
        _exit(EXIT_FAILURE);
    }
    if (child > 0)
        (void)ozx_wait_child(child);
}

static bool has_display(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

    return (x && *x) || (wayland && *wayland);
}

static void tell(void *context, const char *address, const char *once)
{
    const struct command *c = context;

    printf("%s\n", address);
    fflush(stdout);
    if (!c->no_open && has_display())
        open_browser(once);
}

static const struct ozx_option rows[] = {
    {.name = "port",
     .value = "N",
     .help = "port on 127.0.0.1 (default: one that is free)",
     .kind = OZX_OPTION_NUMBER,
     .field = offsetof(struct command, port),
     .low = 0,
     .high = 65535},
    {.name = "no-open",
     .help = "print the address, and open no browser",
     .field = offsetof(struct command, no_open)},
    {.name = "exit",
     .help = "exit 15 seconds after the last page was closed",
     .field = offsetof(struct command, ends_when_left)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "view",
    .usage = "[OPTIONS] FILE",
    .about = "Shows the images of an archive in a web browser on this machine: prints the address\n"
             "of the page, and opens it. Runs until Ctrl-C.",
    .after = "Example:\n"
             "  ozxfs view image.ozx",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

int ozx_cmd_view(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls}};
    struct ozx_view_options options = {
        .context = &command, .open = open_source, .decode = decode, .ready = tell};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_view_end end;
    int first, failure, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (argc - first != 1)
        return ozx_report_usage("view",
                                first == argc ? "no file given" : "more than one file given");
    if (!ozx_server_is_built_in())
        return ozx_report(OZX_EXIT_UNAVAILABLE, "view",
                          "not built in: install libmicrohttpd and build ozxfs again");
    if (!ozx_png_is_built_in())
        return ozx_report(OZX_EXIT_UNAVAILABLE, "view",
                          "not built in: install libpng and build ozxfs again");
    command.file = options.file = argv[first];
    options.port = command.port;
    options.ends_when_left = command.ends_when_left;
    ozx_archive_prepare();
    failure = ozx_view_run(&options, &end, &error);
    if (!failure)
        return OZX_EXIT_OK;
    if (end.is_decoder)
        return end.status;
    ozx_report_error(command.file, &error);
    return ozx_report_exit_status(&error);
}
