// SPDX-License-Identifier: BSD-2-Clause
// The tree of nodes: role=tree with the keys that go with it (arrows, Home, End, Enter). Branches are built
// when they are first opened.

import {element} from './dom.js';

const NATURAL = new Intl.Collator('en', {numeric: true}); // 9 before 10

export class Tree {
  #box;
  #chosen;
  #nodes = new Map(); // id: node of tree.json
  #children = new Map(); // id: nodes
  #items = new Map(); // id: its <li>, once built
  #current = null; // the item that Tab reaches

  // chosen(id): a node was clicked, or Enter pressed on it
  constructor(box, chosen) {
    this.#box = box;
    this.#chosen = chosen;
    box.addEventListener('keydown', (event) => this.#key(event));
    box.addEventListener('click', (event) => this.#click(event));
  }

  show(nodes, rootName) {
    for (const node of nodes) {
      this.#nodes.set(node.id, node);
      this.#children.set(node.parent, [...(this.#children.get(node.parent) ?? []), node]);
    }
    for (const siblings of this.#children.values()) {
      siblings.sort((a, b) => NATURAL.compare(a.name, b.name));
    }
    const roots = this.#children.get(-1) ?? [];
    this.#box.replaceChildren(...roots.map((node) => this.#item(node, 1, rootName)));
    roots.forEach((node) => this.#open(node.id, true));
    this.#reach(this.#items.get(roots[0]?.id));
  }

  node(id) {
    return this.#nodes.get(id);
  }

  children(id) {
    return this.#children.get(id) ?? [];
  }

  // Marks a node as the one that is shown, and opens what it lies in.
  mark(id) {
    for (let up = this.#nodes.get(id)?.parent; up !== undefined && up !== -1; up = this.#nodes.get(up)?.parent) {
      this.#openAbove(up);
    }
    for (const item of this.#items.values()) {
      item.setAttribute('aria-selected', 'false');
    }
    const item = this.#items.get(id);
    if (item) {
      item.setAttribute('aria-selected', 'true');
      this.#reach(item);
      item.firstElementChild.scrollIntoView({block: 'nearest', inline: 'nearest'});
    }
  }

  #openAbove(id) {
    const line = [];
    for (let up = id; up !== undefined && up !== -1; up = this.#nodes.get(up)?.parent) {
      line.unshift(up);
    }
    line.forEach((up) => this.#open(up, true));
  }

  #item(node, level, name = node.name) {
    const item = element('li', {role: 'treeitem', tabIndex: -1, 'aria-level': level, 'aria-selected': 'false'},
      element('div', {className: 'row'},
        element('span', {className: 'fold', 'aria-hidden': 'true'}),
        element('span', {className: 'name', title: node.path}, name || '/'),
        element('span', {className: 'kind'}, node.kind)));
    item.dataset.id = node.id;
    if (this.children(node.id).length) {
      item.setAttribute('aria-expanded', 'false');
      item.querySelector('.fold').textContent = '\u25b8';
    }
    this.#items.set(node.id, item);
    return item;
  }

  #open(id, open) {
    const item = this.#items.get(id);
    if (!item?.hasAttribute('aria-expanded')) {
      return;
    }
    let branch = item.querySelector(':scope > ul');
    if (open && !branch) {
      const level = Number(item.getAttribute('aria-level')) + 1;
      branch = element('ul', {role: 'group'}, ...this.children(id).map((node) => this.#item(node, level)));
      item.append(branch);
    }
    if (branch) {
      branch.hidden = !open;
    }
    item.setAttribute('aria-expanded', String(open));
    item.querySelector('.fold').textContent = open ? '\u25be' : '\u25b8';
  }

  #reach(item) {
    if (item) {
      this.#current?.setAttribute('tabindex', '-1');
      this.#current = item;
      item.setAttribute('tabindex', '0');
    }
  }

  #click(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) {
      return;
    }
    const id = Number(item.dataset.id);
    this.#reach(item);
    item.focus({preventScroll: true});
    if (event.target.classList.contains('fold')) {
      this.#open(id, item.getAttribute('aria-expanded') !== 'true');
    } else {
      this.#chosen(id);
    }
  }

  #key(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const id = Number(item.dataset.id);
    const expanded = item.getAttribute('aria-expanded');
    const seen = [...this.#box.querySelectorAll('[role="treeitem"]')].filter((one) => !one.closest('ul[hidden]'));
    const at = seen.indexOf(item);
    const go = (to) => {
      this.#reach(to);
      to?.focus();
    };
    switch (event.key) {
    case 'ArrowDown': go(seen[at + 1]); break;
    case 'ArrowUp': go(seen[at - 1]); break;
    case 'Home': go(seen[0]); break;
    case 'End': go(seen.at(-1)); break;
    case 'ArrowRight':
      if (expanded === 'false') {
        this.#open(id, true);
      } else if (expanded === 'true') {
        go(seen[at + 1]);
      }
      break;
    case 'ArrowLeft':
      if (expanded === 'true') {
        this.#open(id, false);
      } else {
        go(this.#items.get(this.#nodes.get(id).parent));
      }
      break;
    case 'Enter': case ' ': this.#chosen(id); break;
    default: return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
