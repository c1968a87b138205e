/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a fuzz target is: libFuzzer's entry point, which replay.c also calls with files. An
 * invariant that does not hold ends the process, whatever the build type.
 */
#ifndef OZX_FUZZ_H
#define OZX_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                                                           \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
