// SPDX-License-Identifier: BSD-2-Clause
// The list of channels: on or off, colour, and the window of values between black and full, over a
// histogram. The settings are plain objects {active, color, start, end}, one a channel, that live on
// with whoever called show(), so that an image seen before looks as it was left.

import {element} from './dom.js';

const DARKEST = 0.001; // the share of pixels that auto-contrast leaves below the window, and above it
const HEIGHT = 56;
const GRASP = 12; // pixels around a handle

export function settingsOf(image) {
  return image.channels.map(({active, color, start, end}) => ({active, color, start, end}));
}

// The parameter c of a tile: channels that are on, I:COLOR:START:END,...
export function channelsText(settings) {
  return settings.map(({color, start, end}, number) => [number, color, text(start), text(end)].join(':'))
    .filter((_, number) => settings[number].active).join(',');
}

const text = (number) => String(number).replace('+', '');

// The window that leaves out a thousandth of the pixels at either end; null without a histogram
export function autoWindow({histogram, min, max}) {
  const sum = histogram?.reduce((a, b) => a + b, 0) ?? 0;
  if (!sum) {
    return null;
  }
  const bin = (max - min) / histogram.length;
  const at = (share) => {
    let seen = 0;
    return histogram.findIndex((count) => (seen += count) > share * sum);
  };
  return {start: min + at(DARKEST) * bin, end: min + (at(1 - DARKEST - 1e-9) + 1) * bin};
}

export class Channels {
  #box;
  #changed;
  #rows = [];

  constructor(box, changed) {
    this.#box = box;
    this.#changed = changed;
    new ResizeObserver(() => this.#paint()).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint());
  }

  show(image, settings) {
    const whole = /int|bool/.test(image.data_type);
    this.#rows = image.channels.map((channel, number) =>
      new Row(channel, settings[number], number, whole, this.#changed));
    this.#box.replaceChildren(...this.#rows.map((row) => row.box));
    this.#paint();
  }

  toggle(number) {
    this.#rows[number]?.toggle();
  }

  repaint() {
    this.#paint();
  }

  #paint() {
    this.#rows.forEach((row) => row.paint());
  }
}

class Row {
  #channel;
  #settings;
  #whole;
  #changed;
  #held = null; // 'start' or 'end', while it is dragged

  constructor(channel, settings, number, whole, changed) {
    this.#channel = channel;
    this.#settings = settings;
    this.#whole = whole;
    this.#changed = changed;
    const name = channel.label || `Channel ${number}`;
    this.visible = element('input', {type: 'checkbox', checked: settings.active, id: `channel-${number}`});
    this.visible.onchange = () => this.#set({active: this.visible.checked});
    const color = element('input', {type: 'color', 'aria-label': `Colour of ${name}`});
    color.value = `#${settings.color.toLowerCase()}`;
    color.oninput = () => this.#set({color: color.value.slice(1).toUpperCase()});
    const auto = element('button', {type: 'button', 'aria-label': `Auto-contrast of ${name}`}, 'Auto');
    auto.onclick = () => this.#auto();
    this.canvas = element('canvas', {'aria-hidden': 'true'}); // what it does the number fields do
    this.canvas.onpointerdown = (event) => this.#grasp(event);
    this.canvas.onpointermove = (event) => this.#held && this.#drag(event);
    this.canvas.onpointerup = this.canvas.onpointercancel = () => { this.#held = null; };
    this.start = this.#field('start', `Start of ${name}`);
    this.end = this.#field('end', `End of ${name}`);
    this.box = element('div', {className: 'channel', role: 'group', 'aria-label': name},
      element('div', {className: 'channel-head'}, this.visible,
        element('label', {htmlFor: this.visible.id, title: name}, name), color, auto),
      this.canvas,
      element('div', {className: 'channel-window'},
        element('label', {}, 'Start', this.start), element('label', {}, 'End', this.end)));
  }

  toggle() {
    this.visible.checked = !this.visible.checked;
    this.#set({active: this.visible.checked});
  }

  #field(which, label) {
    const field = element('input', {type: 'number', step: this.#whole ? '1' : 'any', 'aria-label': label});
    field.value = this.#settings[which];
    field.onchange = () => {
      if (Number.isFinite(field.valueAsNumber)) {
        this.#window({[which]: field.valueAsNumber}, which);
      } else {
        field.value = this.#settings[which];
      }
    };
    return field;
  }

  #auto() {
    const found = autoWindow(this.#channel);
    if (found) {
      this.#window(this.#whole ? {start: Math.floor(found.start), end: Math.ceil(found.end)} : found, 'end');
    }
  }

  // Start stays below end: the one that was not moved gives way.
  #window(change, moved) {
    const {min, max} = this.#channel;
    const next = {...this.#settings, ...change};
    const least = this.#whole ? 1 : ((max - min) / 1000 || 1e-6);
    if (!(next.end > next.start)) {
      if (moved === 'start') {
        next.end = next.start + least;
      } else {
        next.start = next.end - least;
      }
    }
    this.#set({start: next.start, end: next.end});
    this.start.value = this.#settings.start;
    this.end.value = this.#settings.end;
  }

  #set(change) {
    Object.assign(this.#settings, change);
    this.paint();
    this.#changed();
  }

  #toPixel(value) {
    const {min, max} = this.#channel;
    const share = max > min ? (value - min) / (max - min) : 0;
    return Math.max(0, Math.min(1, share)) * this.canvas.clientWidth;
  }

  #grasp(event) {
    const near = (which) => Math.abs(event.offsetX - this.#toPixel(this.#settings[which]));
    const which = near('start') < near('end') ||
      (near('start') === near('end') && event.offsetX < this.#toPixel(this.#settings.start)) ? 'start' : 'end';
    if (near(which) <= GRASP) {
      this.#held = which;
      this.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    }
  }

  #drag(event) {
    const {min, max} = this.#channel;
    const share = Math.max(0, Math.min(1, event.offsetX / this.canvas.clientWidth));
    const value = min + share * (max - min);
    this.#window({[this.#held]: this.#whole ? Math.round(value) : Number(value.toPrecision(4))}, this.#held);
  }

  // Counts as bars (logarithms: background is most of most images), the window's ends as handles
  paint() {
    const {canvas} = this;
    const width = canvas.clientWidth;
    if (!width) {
      return;
    }
    canvas.width = width * devicePixelRatio;
    canvas.height = HEIGHT * devicePixelRatio;
    const context = canvas.getContext('2d');
    const style = getComputedStyle(canvas);
    context.scale(devicePixelRatio, devicePixelRatio);
    const counts = this.#channel.histogram ?? [];
    const most = Math.log1p(Math.max(1, ...counts));
    context.fillStyle = style.getPropertyValue('--quiet');
    counts.forEach((count, bin) => {
      const height = Math.log1p(count) / most * (HEIGHT - 10);
      context.fillRect(bin * width / counts.length, HEIGHT - height, width / counts.length + 0.5, height);
    });
    const [start, end] = [this.#toPixel(this.#settings.start), this.#toPixel(this.#settings.end)];
    context.fillStyle = style.getPropertyValue('--accent');
    context.globalAlpha = 0.15;
    context.fillRect(start, 0, end - start, HEIGHT);
    context.globalAlpha = 1;
    for (const x of [start, end]) {
      context.fillRect(Math.max(0, Math.min(width - 2, x - 1)), 0, 2, HEIGHT);
      context.beginPath();
      context.arc(Math.max(5, Math.min(width - 5, x)), 5, 5, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
