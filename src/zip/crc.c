/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CRC-32. Knows nothing of ZIP's structures.
 */
#include "zip/crc.h"

#include "config.h"

#ifdef OZX_HAVE_LIBDEFLATE
#include <libdeflate.h>

uint32_t ozx_crc32(uint32_t crc, const void *data, size_t size_bytes)
{
    return libdeflate_crc32(crc, data, size_bytes);
}

const char *ozx_crc32_library(void)
{
    return "libdeflate " LIBDEFLATE_VERSION_STRING;
}
#else
#include <zlib.h>

uint32_t ozx_crc32(uint32_t crc, const void *data, size_t size_bytes)
{
    return (uint32_t)crc32_z(crc, data, size_bytes);
}

const char *ozx_crc32_library(void)
{
    return "zlib " ZLIB_VERSION;
}
#endif

/* CRC-32's polynomials over GF(2) are kept with the coefficient of x^0 in the highest bit. */
#define POLYNOMIAL UINT32_C(0xEDB88320)
#define ONE (UINT32_C(1) << 31)
#define X_TO_8 (UINT32_C(1) << 23)

/* a * b modulo the polynomial. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = ONE; bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

/* A byte behind multiplies the CRC by x^8; the inversions at both ends cancel out in the XOR. */
uint32_t ozx_crc32_shift(uint32_t crc, uint64_t after_bytes)
{
    uint32_t power = X_TO_8;

    for (uint64_t n = after_bytes; n; n >>= 1) {
        if (n & 1)
            crc = multiply(power, crc);
        power = multiply(power, power);
    }
    return crc;
}
