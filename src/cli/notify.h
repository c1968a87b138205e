/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who started us is told that the tree is served: sd_notify(3), by its protocol.
 */
#ifndef OZX_CLI_NOTIFY_H
#define OZX_CLI_NOTIFY_H

/* "READY=1" to the socket of $NOTIFY_SOCKET, if there is one; what goes wrong is for that side to
 * notice. */
void ozx_notify_ready(void);

#endif
