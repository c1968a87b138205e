/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One text out of a small JSON object of texts, as services of credentials answer with. No parser:
 * what is no JSON is not told from what lacks the name.
 */
#ifndef OZX_FETCH_FLAT_JSON_H
#define OZX_FETCH_FLAT_JSON_H

/* The value of `name` in the outermost object, its escapes of one character undone. Owned by the
 * caller; NULL: it is not there, is no text, or has a \u in it, or there is no memory. */
char *ozx_flat_json_text(const char *json, const char *name);

#endif
