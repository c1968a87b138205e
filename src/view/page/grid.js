// SPDX-License-Identifier: BSD-2-Clause
// Small pictures to choose from: the wells of a plate under the names of rows and columns, or the images of
// a collection. A picture is asked for when it is about to be seen (loading=lazy).

import {element} from './dom.js';

const SMALLEST = 28; // screen pixels of a well
const LARGEST = 96;
const GALLERY_MAX = 500;

export class Grid {
  #box;
  #chosen;

  // chosen(id of an image)
  constructor(box, chosen) {
    this.#box = box;
    this.#chosen = chosen;
    box.addEventListener('keydown', (event) => this.#key(event));
  }

  // {rows, columns, wells} of plate.json
  plate({rows, columns, wells}) {
    const at = new Map(wells.map((well) => [`${well.row}/${well.column}`, well]));
    const head = element('tr', {}, element('td'), ...columns.map((name) => element('th', {scope: 'col'}, name)));
    const lines = rows.map((name, row) => element('tr', {}, element('th', {scope: 'row'}, name),
      ...columns.map((columnName, column) => {
        const well = at.get(`${row}/${column}`);
        return element('td', {}, well ? this.#cell(well.image, `${name}${columnName}`, row, column) :
          element('div', {className: 'empty', title: `${name}${columnName}: no well`}));
      })));
    const cell = Math.floor((this.#box.clientWidth - 60) / Math.max(1, columns.length)) - 2;
    this.#box.style.setProperty('--cell', `${Math.max(SMALLEST, Math.min(LARGEST, cell))}px`);
    this.#show(element('table', {}, element('thead', {}, head), element('tbody', {}, ...lines)));
  }

  // [{id, name}] of nodes that have a picture
  gallery(nodes) {
    this.#box.style.removeProperty('--cell');
    const shown = nodes.slice(0, GALLERY_MAX);
    const figures = shown.map(({id, name}, number) => element('figure', {},
      this.#cell(id, name, 0, number), element('figcaption', {}, name)));
    this.#show(element('div', {className: 'gallery'}, ...figures));
    if (nodes.length > shown.length) {
      const note = `${shown.length} of ${nodes.length} images; the tree has all.`;
      this.#box.append(element('p', {className: 'note'}, note));
    }
  }

  // What is not shown any more is not loaded any more.
  clear() {
    for (const picture of this.#box.querySelectorAll('img')) {
      picture.onerror = null;
      picture.removeAttribute('src');
    }
    this.#box.replaceChildren();
  }

  #show(content) {
    this.clear();
    this.#box.append(content);
    this.#box.querySelector('.cell')?.setAttribute('tabindex', '0');
  }

  // Tab reaches one of the cells, arrow keys the others: a plate has up to 1,536.
  #cell(id, name, row, column) {
    const cell = element('button', {type: 'button', className: 'cell', title: name, 'aria-label': name});
    cell.tabIndex = -1;
    cell.dataset.row = row;
    cell.dataset.column = column;
    if (Number.isInteger(id) && id >= 0) {
      const picture = element('img', {loading: 'lazy', decoding: 'async', alt: '', draggable: false});
      picture.onerror = () => {
        cell.classList.add('broken');
        cell.title = `${name}: no picture`;
        picture.remove();
      };
      picture.src = `thumbnail/${id}.png?s=96`;
      cell.append(picture);
      cell.onclick = () => this.#chosen(id);
    } else {
      cell.disabled = true;
    }
    return cell;
  }

  #key(event) {
    const cell = event.target.closest('.cell');
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (!cell || !step) {
      return;
    }
    event.preventDefault();
    const cells = [...this.#box.querySelectorAll('.cell:not(:disabled)')];
    const ahead = (one) => [Number(one.dataset.row) - Number(cell.dataset.row),
      Number(one.dataset.column) - Number(cell.dataset.column)];
    // The nearest one in that direction, in the same row or column
    const next = cells.filter((one) => {
      const [row, column] = ahead(one);
      return step[0] ? column === 0 && row * step[0] > 0 : row === 0 && column * step[1] > 0;
    }).sort((a, b) => Math.hypot(...ahead(a)) - Math.hypot(...ahead(b)))[0];
    if (next) {
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  }
}
