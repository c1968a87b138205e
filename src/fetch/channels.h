/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetcher's side of the channels: asks come in, answers go out, none waits for another one.
 */
#ifndef OZX_FETCH_CHANNELS_H
#define OZX_FETCH_CHANNELS_H

#include "fetch/asks.h"

/* Serves the descriptors `first_fd` and the OZX_WIRE_CHANNELS - 1 behind it until the other side
 * has closed them all. */
void ozx_channels_serve(struct ozx_object *object, struct ozx_asks *asks, int first_fd);

#endif
