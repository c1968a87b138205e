// SPDX-License-Identifier: BSD-2-Clause
// The canvas: which part of the image is on it, moved by mouse, wheel, fingers and keys. What is drawn is
// the tiles' business.

import {isTyping} from './dom.js';

const LARGEST = 64; // screen pixels for one of the image
const MOVE = 0.15; // of the screen, for an arrow key

export class Stage {
  #canvas;
  #context;
  #draw;
  #pointed;
  #size = null; // of the image in level-0 pixels: {width, height}
  #view = {x: 0, y: 0, scale: 1, width: 1, height: 1};
  #fitted = true; // follows the window's size until it is moved
  #pending = false;
  #pointers = new Map();

  // draw(context, view); pointed({x, y} in level-0 pixels, or null)
  constructor(canvas, draw, pointed) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', {alpha: true});
    this.#draw = draw;
    this.#pointed = pointed;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener('wheel', (event) => this.#wheel(event), {passive: false});
    canvas.addEventListener('pointerdown', (event) => this.#press(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const name of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(name, (event) => this.#release(event));
    }
    canvas.addEventListener('pointerleave', () => this.#pointed(null));
    canvas.addEventListener('dblclick', (event) => this.zoom(event.shiftKey ? 0.5 : 2, this.#at(event)));
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  get view() {
    return this.#view;
  }

  // A new image, all of it on the screen; one of the same size stays where it was.
  show(size) {
    const same = size && this.#size && size.width === this.#size.width && size.height === this.#size.height;
    this.#size = size;
    if (size) {
      this.#measure(); // it may have been hidden until now
      if (!same) {
        this.fit();
      }
    }
    this.redraw();
  }

  fit() {
    this.#fitted = true;
    this.#view.x = this.#size.width / 2;
    this.#view.y = this.#size.height / 2;
    this.#view.scale = this.#fitScale();
    this.redraw();
  }

  // `factor` times as large, what is at the point of the screen stays there
  zoom(factor, {x, y} = {x: this.#view.width / 2, y: this.#view.height / 2}) {
    const view = this.#view;
    const smallest = Math.min(1, this.#fitScale()) / 4;
    const scale = Math.max(smallest, Math.min(LARGEST, view.scale * factor));
    const shift = 1 / view.scale - 1 / scale;
    this.#moveBy((x - view.width / 2) * shift, (y - view.height / 2) * shift);
    view.scale = scale;
  }

  // By keys and buttons: half a power of two, so that 1:1, 1:2, 2:1 are among them
  zoomStep(direction) {
    const now = Math.log2(this.#view.scale) * 2;
    const next = direction > 0 ? Math.floor(now + 1.01) : Math.ceil(now - 1.01);
    this.zoom(2 ** (next / 2) / this.#view.scale);
  }

  oneToOne() {
    this.zoom(1 / this.#view.scale);
  }

  redraw() {
    if (!this.#pending) {
      this.#pending = true;
      requestAnimationFrame(() => {
        this.#pending = false;
        this.#draw(this.#context, this.#view);
      });
    }
  }

  #fitScale() {
    return Math.min(LARGEST, this.#view.width / this.#size.width, this.#view.height / this.#size.height);
  }

  #moveBy(x, y) {
    const inside = (n, most) => Math.max(0, Math.min(most, n));
    this.#fitted = false;
    this.#view.x = inside(this.#view.x + x, this.#size.width);
    this.#view.y = inside(this.#view.y + y, this.#size.height);
    this.redraw();
  }

  // true if the canvas has another size than before
  #measure() {
    const width = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    const height = Math.round(this.#canvas.clientHeight * devicePixelRatio);
    if (!width || !height || (width === this.#view.width && height === this.#view.height)) {
      return false;
    }
    this.#canvas.width = this.#view.width = width;
    this.#canvas.height = this.#view.height = height;
    return true;
  }

  #resize() {
    if (this.#measure() && this.#size) {
      if (this.#fitted) {
        this.fit();
      }
      // Setting the size has cleared the canvas: not a frame without a picture.
      this.#draw(this.#context, this.#view);
    }
  }

  // Where an event is, in pixels of the canvas: the middle of the pixel that is pointed at
  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX + 0.5 - box.left) * this.#view.width / box.width,
      y: (event.clientY + 0.5 - box.top) * this.#view.height / box.height,
    };
  }

  #wheel(event) {
    event.preventDefault();
    if (this.#size) {
      const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
      // ctrlKey: two fingers on a touch pad
      const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002));
      this.zoom(Math.max(0.25, Math.min(4, factor)), this.#at(event));
    }
  }

  #press(event) {
    if (event.button === 0) {
      this.#canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, this.#at(event));
      this.#canvas.classList.add('dragged');
    }
  }

  #release(event) {
    this.#pointers.delete(event.pointerId);
    this.#canvas.classList.toggle('dragged', this.#pointers.size > 0);
  }

  #move(event) {
    if (!this.#size) {
      return;
    }
    const now = this.#at(event);
    const before = this.#pointers.get(event.pointerId);
    if (before) {
      const {scale} = this.#view;
      const share = this.#pointers.size; // two fingers: each moves by half
      const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
      this.#pointers.set(event.pointerId, now);
      this.#moveBy((before.x - now.x) / scale / share, (before.y - now.y) / scale / share);
      if (other) {
        const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
        this.zoom(distance(now) / Math.max(1, distance(before)), {x: (now.x + other.x) / 2, y: (now.y + other.y) / 2});
      }
    }
    this.#pointed({
      x: (now.x - this.#view.width / 2) / this.#view.scale + this.#view.x,
      y: (now.y - this.#view.height / 2) / this.#view.scale + this.#view.y,
    });
  }

  #key(event) {
    const {target} = event;
    const elsewhere = target !== this.#canvas && target !== document.body;
    if (!this.#size || event.ctrlKey || event.altKey || event.metaKey || isTyping(target)) {
      return;
    }
    const {width, height, scale} = this.#view;
    const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const actions = {
      '+': () => this.zoomStep(1), '=': () => this.zoomStep(1), '-': () => this.zoomStep(-1),
      '0': () => this.oneToOne(), f: () => this.fit(),
    };
    if (arrows[event.key] && !elsewhere) { // trees and sliders have arrow keys of their own
      const [x, y] = arrows[event.key];
      this.#moveBy(x * MOVE * width / scale, y * MOVE * height / scale);
    } else if (actions[event.key]) {
      actions[event.key]();
    } else {
      return;
    }
    event.preventDefault();
  }
}
