/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The architecture by which seccomp filters know system calls that are not of another one
 * (seccomp(2)). Not defined: no filter is known for this machine.
 */
#ifndef OZX_CAGE_NATIVE_ARCH_H
#define OZX_CAGE_NATIVE_ARCH_H

#include <linux/audit.h>

#if defined(__x86_64__)
#define OZX_NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OZX_NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OZX_NATIVE_ARCH AUDIT_ARCH_RISCV64
#endif

#endif
