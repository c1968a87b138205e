/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verbs of the command: each takes its own arguments (argv[0] is the verb), with what was cut
 * off the URLs among them, and returns the exit status. One `cmd_VERB.c` each; `main.c` has the
 * table.
 */
#ifndef OZX_CLI_VERBS_H
#define OZX_CLI_VERBS_H

struct ozx_remote_urls;

int ozx_cmd_add(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_cat(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_edit(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_info(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_ls(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_mount(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_mounts(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_pack(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_repack(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_run(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_thumbnail(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_umount(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_unpack(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_verify(int argc, char **argv, const struct ozx_remote_urls *urls);
int ozx_cmd_view(int argc, char **argv, const struct ozx_remote_urls *urls);

#endif
