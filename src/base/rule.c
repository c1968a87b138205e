/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of rules, as data.
 */
#include "base/rule.h"

const struct ozx_rule_info *ozx_rule_info(enum ozx_rule rule)
{
    static const struct ozx_rule_info rules[OZX_RULE_END] = {
        [OZX_RULE_NONE] = {.id = "", .text = ""},
#define ROW(name, rule_id, rule_level, worst, asked)                                               \
    [OZX_RULE_##name] = {.id = rule_id,                                                            \
                         .level = OZX_LEVEL_##rule_level,                                          \
                         .verdict = OZX_VERDICT_##worst,                                           \
                         .text = asked},
        OZX_RULES(ROW)
#undef ROW
    };

    return &rules[(unsigned)rule < OZX_RULE_END ? rule : OZX_RULE_NONE];
}

const char *ozx_level_name(enum ozx_rule_level level)
{
    static const char *const names[] = {"MUST", "SHOULD", "MAY", "policy", "metadata"};

    return names[level];
}

const char *ozx_verdict_name(enum ozx_verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "fail"};

    return names[verdict];
}
