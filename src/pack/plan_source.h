/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive that a plan will make, before it is made: for who wants to look at it.
 */
#ifndef OZX_PACK_PLAN_SOURCE_H
#define OZX_PACK_PLAN_SOURCE_H

#include "io/source.h"
#include "pack/plan.h"

/* CRCs are 0, and there is no comment. The plan is borrowed, and was laid out. Only one thread may
 * read at a time. */
int ozx_plan_source(const struct ozx_plan *plan, struct ozx_source **out) OZX_CHECKED;

#endif
