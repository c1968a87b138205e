/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Manifests in and out. The one that is compared with is read as bytes by who may read it, and
 * parsed by who may do nothing else.
 */
#include "cli/manifest_command.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/terminal.h"

#define READ_SIZE ((size_t)1 << 20)
#define MANIFEST_MAX ((size_t)1 << 30) /* more than any archive's */
#define DIFFERENCES_TOLD 1000          /* of each kind; more are only counted */

int ozx_manifest_command_take(struct ozx_manifest_command *command, const char *value)
{
    if (strcmp(value, "sha256") == 0)
        command->write = OZX_MANIFEST_SHA256;
    else if (strcmp(value, "zarr-checksum") == 0)
        command->write = OZX_MANIFEST_ZARR_CHECKSUM;
    else
        return -EINVAL;
    return 0;
}

/* --- the manifest to compare with ------------------------------------------------------------- */

static int read_all(struct ozx_manifest_command *c, int fd)
{
    for (size_t room = 0;;) {
        ssize_t got;
        if (room - c->size_bytes < READ_SIZE) {
            char *more = realloc(c->text, room = 2 * room + READ_SIZE);
            if (!more)
                return -ENOMEM;
            c->text = more;
        }
        got = read(fd, c->text + c->size_bytes, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        c->size_bytes += (size_t)got;
        if (c->size_bytes > MANIFEST_MAX)
            return -EFBIG;
    }
}

int ozx_manifest_command_read(struct ozx_manifest_command *c)
{
    struct ozx_terminal terminal;
    struct ozx_error error = OZX_ERROR_INIT;
    OZX_AUTO_CLOSE int fd = -1;
    int failure;

    if ((c->write || c->check) && !ozx_digest_is_there())
        return ozx_report(OZX_EXIT_UNAVAILABLE, "verify",
                          "no checksums: this ozxfs was built without nettle");
    ozx_terminal_of_stdout(&terminal);
    c->is_terminal = terminal.is_terminal;
    if (!c->check)
        return -1;
    if (strcmp(c->check, "-") != 0 && (fd = open(c->check, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
        failure = -errno;
    else
        failure = read_all(c, fd < 0 ? STDIN_FILENO : fd);
    if (!failure)
        return -1;
    ozx_manifest_command_free(c);
    ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  failure == -ENOENT ? "check the path" : NULL, "cannot read: %s",
                  strerror(-failure));
    ozx_report_error(c->check, &error);
    return ozx_report_exit_status(&error);
}

void ozx_manifest_command_free(struct ozx_manifest_command *c)
{
    free(c->text);
    c->text = NULL;
}

static struct ozx_manifest_text text_of(const struct ozx_manifest_command *c)
{
    return (struct ozx_manifest_text){.text = c->text, .size_bytes = c->size_bytes};
}

int ozx_manifest_command_begin(struct ozx_manifest_command *c, struct ozx_verify_options *options)
{
    const struct ozx_manifest_text text = text_of(c);
    struct ozx_error error = OZX_ERROR_INIT;

    options->manifest = c->write;
    if (!c->check || ozx_manifest_format_of(&text, &options->manifest, &error) == 0)
        return OZX_EXIT_OK;
    ozx_report_error(c->check, &error);
    return OZX_EXIT_NO_INPUT;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_line(void *context, const char *hex, const char *path)
{
    const struct ozx_manifest_command *c = context;

    printf("%s  ", hex);
    ozx_terminal_put_name(c->is_terminal, path);
    putchar('\n');
}

static int put_manifest(struct ozx_manifest_command *c, const struct ozx_manifest *manifest,
                        struct ozx_error *error)
{
    char path[OZX_PATH_SIZE], escaped[OZX_ESCAPED_SIZE], count[OZX_COUNT_SIZE],
        checksum[OZX_ZARR_CHECKSUM_SIZE];
    uint32_t first;
    uint64_t gaps = ozx_manifest_gaps(manifest, &first);

    if (gaps) {
        size_t size = ozx_archive_path(manifest->archive, first, path);
        c->status =
            ozx_report(OZX_EXIT_INVALID, c->file,
                       "no manifest: %s file%s cannot be read or %s damaged, as '%s'",
                       ozx_progress_count(count, gaps), OZX_S(gaps), gaps == 1 ? "is" : "are",
                       ozx_escape(escaped, sizeof escaped, path, size));
        return 0;
    }
    if (manifest->format == OZX_MANIFEST_SHA256) {
        ozx_manifest_each(manifest, put_line, c);
        return 0;
    }
    if (ozx_manifest_zarr_checksum(manifest, checksum))
        return ozx_error_memory(error);
    puts(checksum);
    return 0;
}

void ozx_manifest_command_tell(const struct ozx_manifest_command *c,
                               const struct ozx_verify_report *report)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (report->verdict != OZX_VERDICT_FAIL)
        return;
    ozx_error_set(&error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "'ozxfs verify' without --manifest says why",
                  report->refused ? "is invalid: there is no manifest of it" : "is invalid");
    ozx_report_error(c->file, &error);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void on_difference(void *context, enum ozx_manifest_difference difference, const char *path,
                          const char *have, const char *stated)
{
    static const char *const words[] = {
        [OZX_MANIFEST_DIFFERS] = "differs from the manifest",
        [OZX_MANIFEST_MISSING] = "is in the manifest, not in the archive",
        [OZX_MANIFEST_EXTRA] = "is in the archive, not in the manifest",
    };
    struct ozx_manifest_command *c = context;
    char escaped[4 * OZX_PATH_SIZE];

    if (c->quiet || c->told++ >= DIFFERENCES_TOLD)
        return;
    if (path)
        printf("'%s' %s\n", ozx_escape(escaped, sizeof escaped, path, strlen(path)),
               words[difference]);
    else
        printf("the Zarr checksum is %s, the manifest states %s\n", have, stated);
}

static void put_counts(const struct ozx_manifest_command *c, const uint64_t *counts)
{
    char escaped[OZX_ESCAPED_SIZE], numbers[OZX_MANIFEST_DIFFERENCES][OZX_COUNT_SIZE];

    ozx_escape(escaped, sizeof escaped, c->file, strlen(c->file));
    for (size_t i = 0; i < OZX_MANIFEST_DIFFERENCES; i++)
        ozx_progress_count(numbers[i], counts[i]);
    if (c->told > DIFFERENCES_TOLD)
        printf("... and %s more\n",
               ozx_progress_count((char[OZX_COUNT_SIZE]){0}, c->told - DIFFERENCES_TOLD));
    if (!counts[OZX_MANIFEST_DIFFERS] && !counts[OZX_MANIFEST_MISSING] &&
        !counts[OZX_MANIFEST_EXTRA])
        printf("%s: matches the manifest\n", escaped);
    else
        printf("%s: differs from the manifest: %s different, %s missing, %s not in the manifest\n",
               escaped, numbers[OZX_MANIFEST_DIFFERS], numbers[OZX_MANIFEST_MISSING],
               numbers[OZX_MANIFEST_EXTRA]);
}

static int compare(struct ozx_manifest_command *c, const struct ozx_manifest *manifest)
{
    struct ozx_manifest_check check = {.text = text_of(c), .context = c, .tell = on_difference};
    struct ozx_error error = OZX_ERROR_INIT;

    if (ozx_manifest_compare(manifest, &check, &error)) {
        ozx_report_error(c->check, &error);
        return error.code == -EINVAL ? OZX_EXIT_NO_INPUT : ozx_report_exit_status(&error);
    }
    put_counts(c, check.counts);
    for (size_t i = 0; i < OZX_MANIFEST_DIFFERENCES; i++)
        if (check.counts[i])
            return OZX_EXIT_INVALID;
    return OZX_EXIT_OK;
}

int ozx_manifest_command_made(struct ozx_manifest_command *c, const struct ozx_manifest *manifest,
                              struct ozx_error *error)
{
    if (c->write)
        return put_manifest(c, manifest, error);
    c->status = compare(c, manifest);
    return 0;
}
