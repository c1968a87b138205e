// SPDX-License-Identifier: BSD-2-Clause
// Tiles of an image: which are needed, asked for, kept, and drawn. Knows no mouse and no panels.
//
// A `view` says what is on the screen: {x, y, scale, width, height}: the level-0 pixel in the middle, screen
// pixels per level-0 pixel, and the screen's size. A `look` says what of the image is shown:
// {z, t, channels, labels}: z of level 0, `channels` the text of the parameter c (null: none is sent),
// `labels` a node or null. Tiles of the look before stay on the screen until those of the new one are there.

import {ask} from './ask.js';

const TILE = 256;
const AT_ONCE = 5; // of the six connections that browsers make to a server, one stays for the rest
const KEPT_PIXELS = 96 * 1024 * 1024 / 4;
const MOST = 64; // tiles across and down: more than any screen has
const MOST_SHRUNK = 24; // where there is no level that is small enough
const AGAIN_MS = [500, 1000, 2000]; // a server that is busy (503) is asked again after these

const TOO_FAR = 'The image has no level that is small enough: only its middle is drawn. Zoom in.';

const lookName = (look) => `${look.z}/${look.t}?${look.channels ?? '-'}&${look.labels ?? '-'}`;

export class Tiles {
  #node = null;
  #image = null;
  #look = null;
  #name = ''; // of the look
  #before = ''; // the look whose tiles stand in for those that are not there yet
  #kept = new Map(); // key: tile; the order is that of their last use
  #pixels = 0;
  #flying = new Map(); // key: AbortController
  #failed = new Map(); // key: message
  #tries = new Map(); // key: how often the server was busy
  #wanted = [];
  #isCut = false; // there are more on the screen than are asked for
  #changed;
  #problem;

  // changed(): draw again. problem(message or '', can it be tried again?): what to tell of what is on the screen.
  constructor(changed, problem) {
    this.#changed = changed;
    this.#problem = problem;
  }

  show(node, image) {
    this.clear();
    this.#node = node;
    this.#image = image;
  }

  clear() {
    this.#want([]);
    for (const tile of this.#kept.values()) {
      tile.bitmap.close();
    }
    this.#kept.clear();
    this.#pixels = 0;
    this.#failed.clear();
    this.#tries.clear();
    this.#node = this.#image = this.#look = null;
    this.#name = this.#before = '';
  }

  setLook(look) {
    const name = lookName(look);
    if (name === this.#name) {
      return;
    }
    if ([...this.#kept.values()].some((tile) => tile.look === this.#name)) {
      this.#before = this.#name;
    }
    this.#look = look;
    this.#name = name;
    this.#failed.clear();
    this.#tries.clear();
  }

  retry() {
    this.#failed.clear();
    this.#tries.clear();
    this.#changed();
  }

  // Are all tiles of the last drawing there, or refused?
  get complete() {
    return this.#wanted.every((tile) => this.#kept.has(tile.key) || this.#failed.has(tile.key));
  }

  // The smallest level that is sharp enough
  levelFor(scale) {
    let chosen = 0;
    this.#image.levels.forEach((level, number) => {
      if (level.scale_x * scale <= Math.SQRT2) {
        chosen = number;
      }
    });
    return chosen;
  }

  // Draws what is there and asks for what is not.
  draw(context, view) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    if (!this.#image || !this.#look) {
      return;
    }
    const [base] = this.#image.levels;
    context.fillStyle = '#000';
    const whole = place(view, 0, 0, base.width * base.scale_x, base.height * base.scale_y);
    context.fillRect(...whole);
    if (this.#look.channels === '' && this.#look.labels === null) {
      this.#want([]);
      this.#problem('', false);
      return;
    }
    const wanted = this.#visible(view);
    this.#want(wanted);
    if (this.#isCut) { // what is not asked for is not background
      context.fillStyle = '#555';
      context.fillRect(...whole);
      context.fillStyle = '#000';
      wanted.forEach((tile) => context.fillRect(...place(view, ...tile.box)));
    }
    context.imageSmoothingEnabled = view.scale < 1;
    context.imageSmoothingQuality = 'medium';
    const missing = wanted.filter((tile) => !this.#kept.has(tile.key));
    if (missing.length) {
      this.#drawStandIns(context, view, missing);
    }
    for (const tile of wanted) {
      const kept = this.#kept.get(tile.key);
      if (kept) {
        this.#kept.delete(tile.key); // now the last in the order
        this.#kept.set(tile.key, kept);
        context.drawImage(kept.bitmap, ...place(view, ...tile.box));
      }
    }
    this.#drawFailures(context, view, missing);
    this.#forget(wanted.length);
  }

  #visible(view) {
    const number = this.levelFor(view.scale);
    const level = this.#image.levels[number];
    // Where there is no level small enough, tiles are kept smaller than they came.
    const shrink = 2 ** Math.max(0, Math.floor(-Math.log2(level.scale_x * view.scale)));
    const most = shrink > 1 ? MOST_SHRUNK : MOST;
    const across = span(view.x, view.width / view.scale, TILE * level.scale_x, level.width, most);
    const down = span(view.y, view.height / view.scale, TILE * level.scale_y, level.height, most);
    this.#isCut = across.isCut || down.isCut;
    const tiles = [];
    for (let y = down.first; y <= down.last; y++) {
      for (let x = across.first; x <= across.last; x++) {
        tiles.push(this.#tile(number, level, x, y, shrink));
      }
    }
    const distance = ({box: [x, y, width, height]}) => (x + width / 2 - view.x) ** 2 + (y + height / 2 - view.y) ** 2;
    return tiles.sort((a, b) => distance(a) - distance(b));
  }

  #tile(number, level, x, y, shrink) {
    const width = Math.min(TILE, level.width - x * TILE);
    const height = Math.min(TILE, level.height - y * TILE);
    return {
      key: `${this.#name}|${number}/${x}/${y}@${shrink}`,
      look: this.#name,
      level: number,
      x,
      y,
      width: Math.max(1, Math.round(width / shrink)),
      height: Math.max(1, Math.round(height / shrink)),
      shrink,
      // its place in level-0 pixels
      box: [x * TILE * level.scale_x, y * TILE * level.scale_y, width * level.scale_x, height * level.scale_y],
    };
  }

  #address(tile) {
    const {z, t, channels, labels} = this.#look;
    const level = this.#image.levels[tile.level];
    const plane = Math.min(Math.floor(z / level.scale_z), level.depth - 1);
    const asked = [];
    if (channels !== null) {
      asked.push(`c=${channels}`);
    }
    if (labels !== null) {
      asked.push(`l=${labels}`);
    }
    return `tile/${this.#node}/${tile.level}/${plane}/${t}/${tile.x}/${tile.y}.png` +
      (asked.length ? `?${asked.join('&')}` : '');
  }

  #want(wanted) {
    this.#wanted = wanted;
    const keys = new Set(wanted.map((tile) => tile.key));
    for (const [key, control] of this.#flying) {
      if (!keys.has(key)) {
        this.#flying.delete(key);
        control.abort();
      }
    }
    this.#pump();
  }

  #pump() {
    for (const tile of this.#wanted) {
      if (this.#flying.size >= AT_ONCE) {
        return;
      }
      if (!this.#kept.has(tile.key) && !this.#flying.has(tile.key) && !this.#failed.has(tile.key)) {
        this.#load(tile);
      }
    }
  }

  async #load(tile) {
    const control = new AbortController();
    this.#flying.set(tile.key, control);
    try {
      const answer = await ask(this.#address(tile), control.signal);
      const bitmap = await createImageBitmap(await answer.blob(), {
        colorSpaceConversion: 'none',
        ...(tile.shrink > 1 && {resizeWidth: tile.width, resizeHeight: tile.height, resizeQuality: 'medium'}),
      });
      if (control.signal.aborted) {
        bitmap.close();
        return;
      }
      this.#kept.set(tile.key, {...tile, bitmap});
      this.#pixels += tile.width * tile.height;
    } catch (error) {
      if (control.signal.aborted) {
        return;
      }
      if (error.status === 503 && await this.#again(tile.key, control)) {
        return;
      }
      this.#failed.set(tile.key, error.message);
    }
    this.#flying.delete(tile.key);
    this.#changed();
  }

  // Waits until a busy server can be asked again. false: it was asked often enough.
  async #again(key, control) {
    const tries = this.#tries.get(key) ?? 0;
    if (tries >= AGAIN_MS.length) {
      return false;
    }
    this.#tries.set(key, tries + 1);
    await new Promise((wake) => setTimeout(wake, AGAIN_MS[tries]));
    if (!control.signal.aborted) {
      this.#flying.delete(key);
      this.#pump();
    }
    return true;
  }

  // What is kept of other levels and of the look before, coarse first, where tiles are missing
  #drawStandIns(context, view, missing) {
    context.save();
    context.beginPath();
    for (const tile of missing) {
      context.rect(...place(view, ...tile.box));
    }
    context.clip();
    const order = (tile) => (tile.look === this.#name ? 1e6 : 0) - tile.level - tile.shrink / 1e4;
    const others = [...this.#kept.values()].filter((tile) => tile.look === this.#name || tile.look === this.#before);
    for (const tile of others.sort((a, b) => order(a) - order(b))) {
      context.drawImage(tile.bitmap, ...place(view, ...tile.box));
    }
    context.restore();
  }

  // Hatched, so that what cannot be read is not taken for background
  #drawFailures(context, view, missing) {
    const failed = missing.filter((tile) => this.#failed.has(tile.key));
    if (failed.length) {
      this.#problem(this.#failed.get(failed[0].key), true);
    } else {
      this.#problem(this.#isCut ? TOO_FAR : '', false);
    }
    context.strokeStyle = '#c33';
    context.lineWidth = 2;
    for (const tile of failed) {
      const [x, y, width, height] = place(view, ...tile.box);
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      context.beginPath();
      for (let shift = -height; shift < width; shift += 16) {
        context.moveTo(x + shift, y);
        context.lineTo(x + shift + height, y + height);
      }
      context.stroke();
      context.restore();
    }
  }

  #forget(visible) {
    let spare = this.#kept.size - visible; // those on the screen are the last in the order
    for (const [key, tile] of this.#kept) {
      if (this.#pixels <= KEPT_PIXELS || spare-- <= 0) {
        return;
      }
      this.#kept.delete(key);
      this.#pixels -= tile.width * tile.height;
      tile.bitmap.close();
    }
  }
}

// First and last tile of so many level-0 pixels around the middle: at least one, at most so many
function span(middle, length, tile, pixels, most) {
  const last = Math.ceil(pixels / TILE) - 1;
  const inside = (n) => Math.max(0, Math.min(last, Math.floor(n)));
  const range = (half) => ({
    first: inside((middle - half) / tile),
    last: inside(Math.ceil((middle + half) / tile) - 1),
  });
  const all = range(length / 2);
  const isCut = all.last - all.first > most;
  return {...(isCut ? range(most / 2 * tile) : all), isCut};
}

// Level-0 pixels on the screen, at whole pixels, so that tiles have no seams
function place(view, x, y, width, height) {
  const at = (n, middle, size) => Math.round((n - middle) * view.scale + size / 2);
  const left = at(x, view.x, view.width);
  const top = at(y, view.y, view.height);
  return [left, top, at(x + width, view.x, view.width) - left, at(y + height, view.y, view.height) - top];
}
