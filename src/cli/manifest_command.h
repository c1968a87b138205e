/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verify --manifest and --check: what they are asked for and what they say. One archive.
 */
#ifndef OZX_CLI_MANIFEST_COMMAND_H
#define OZX_CLI_MANIFEST_COMMAND_H

#include "verify/verify.h"

struct ozx_manifest_command {
    enum ozx_manifest_format write; /* NONE: none is written */
    const char *check;              /* the manifest to compare with, "-": standard input; NULL */
    const char *file;               /* the archive */
    bool quiet;
    bool is_terminal; /* of standard output: names are escaped there */
    char *text;       /* owned; of the manifest to compare with */
    size_t size_bytes;
    uint64_t told;
    int status; /* exit status, beside that of the archive */
};

/* The value of --manifest: 0, or -EINVAL. */
int ozx_manifest_command_take(struct ozx_manifest_command *command, const char *value) OZX_CHECKED;

/* Before the cage: reads what --check names, unparsed. -1, or the exit status of what was told. */
int ozx_manifest_command_read(struct ozx_manifest_command *command);
void ozx_manifest_command_free(struct ozx_manifest_command *command);

/* In the cage, before the archive is read: which digests are to be made. OZX_EXIT_OK, or the exit
 * status of what was told. */
int ozx_manifest_command_begin(struct ozx_manifest_command *command,
                               struct ozx_verify_options *options);

/* What options->manifest_made is to do, with no progress on the terminal: prints the manifest, or
 * how the archive differs from it. Sets `status`. */
int ozx_manifest_command_made(struct ozx_manifest_command *command,
                              const struct ozx_manifest *manifest,
                              struct ozx_error *error) OZX_CHECKED;

/* With --manifest, where standard output is the manifest's: reports that the archive is not sound.
 */
void ozx_manifest_command_tell(const struct ozx_manifest_command *command,
                               const struct ozx_verify_report *report);

#endif
