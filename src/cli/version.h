/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs --version`: ozxfs and the libraries it runs with.
 */
#ifndef OZX_CLI_VERSION_H
#define OZX_CLI_VERSION_H

/* Prints to stdout; the exit status. */
int ozx_version(void);

#endif
