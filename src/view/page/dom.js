// SPDX-License-Identifier: BSD-2-Clause
// Elements are made here and nowhere else. Names from an archive are hostile: they become text nodes
// and values of properties, never markup.

export const byId = (id) => document.getElementById(id);

// Characters that are not seen, or that turn round what stands beside them, as their bytes: as the messages
// of ozxfs have them.
export function plain(text) {
  const hex = (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => Array.from(new TextEncoder().encode(one), hex).join(''));
}

// element('button', {type: 'button', onclick: f}, 'text', child, ...). Properties of the element; those with
// a hyphen and role are attributes.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    const shown = typeof value === 'string' ? plain(value) : value;
    if (name === 'role' || name.includes('-')) {
      made.setAttribute(name, shown);
    } else {
      made[name] = shown;
    }
  }
  made.append(...children.map((child) => typeof child === 'string' ? plain(child) : child));
  return made;
}

export function setText(id, text) {
  byId(id).textContent = plain(text);
}

// Is the keyboard writing into a field, so that letters are not commands?
export function isTyping(target) {
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'range');
}
