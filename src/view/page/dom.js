// SPDX-License-Identifier: BSD-2-Clause
// Elements are made here and nowhere else. Names from an archive are hostile: they become text nodes
// and values of properties, never markup.

export const byId = (id) => document.getElementById(id);

// element('button', {type: 'button', onclick: f}, 'text', child, ...). Properties of the element; those with
// a hyphen and role are attributes.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'role' || name.includes('-')) {
      made.setAttribute(name, value);
    } else {
      made[name] = value;
    }
  }
  made.append(...children);
  return made;
}

// Is the keyboard writing into a field, so that letters are not commands?
export function isTyping(target) {
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'range');
}
