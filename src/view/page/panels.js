// SPDX-License-Identifier: BSD-2-Clause
// What stands beside the picture as text: facts of the image, metadata, findings of verify, and links to
// the viewers of others.

import {element} from './dom.js';
import {figure, lengthText, unitOfPixels} from './units.js';

const FINDINGS_MAX = 1000;

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;

// JSON indented without being parsed: numbers stay as the file has them, whatever a double can hold.
function indent(tokens) {
  let depth = 0;
  let out = '';
  const line = () => `\n${'  '.repeat(depth)}`;
  tokens.forEach((token, number) => {
    if (token === '{' || token === '[') {
      depth++;
      out += token + (/^[\]}]$/.test(tokens[number + 1]) ? '' : line());
    } else if (token === '}' || token === ']') {
      depth--;
      out += (/^[[{]$/.test(tokens[number - 1]) ? '' : line()) + token;
    } else {
      out += token + (token === ',' ? line() : token === ':' ? ' ' : '');
    }
  });
  return out;
}

// What is not seen in a string, as JSON writes it otherwise
function seen(token) {
  const hex = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return token.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => one.split('').map(hex).join('')); // UTF-16
}

// The text of a node's metadata: what stands under "metadata" in the answer, or its "text"
export function metadataText(answer) {
  const {metadata, text} = JSON.parse(answer);
  if (metadata === undefined) {
    return seen(text ?? '');
  }
  const tokens = answer.match(TOKEN).map(seen);
  let depth = 0;
  let from = 0;
  for (const [number, token] of tokens.entries()) {
    if (from && depth === 1 && number > from && /^[,}]$/.test(token)) {
      return indent(tokens.slice(from, number));
    }
    depth += /^[[{]$/.test(token) - /^[\]}]$/.test(token);
    if (depth === 1 && token === '"metadata"' && tokens[number + 1] === ':') {
      from = number + 2;
    }
  }
  return '';
}

export function facts(image) {
  const [base] = image.levels;
  const rows = [['Size', [base.width, base.height, image.z > 1 ? image.z : 0].filter(Boolean).join(' \u00d7 ')]];
  const {pixel_size: size, unit} = image;
  if (size) {
    const lengths = [base.width * size.x, base.height * size.y, image.z > 1 ? image.z * size.z : 0];
    const sides = [size.x, size.y, image.z > 1 ? size.z : 0].filter(Boolean); // 0: not stated
    rows.push(['', lengths.filter(Boolean).map((n) => lengthText(n, unit)).join(' \u00d7 ')]);
    const {factor, name} = unitOfPixels(size.x, unit);
    rows.push(['Pixel', `${sides.map((n) => figure(n * factor)).join(' \u00d7 ')} ${name}`]);
  }
  rows.push(['Type', image.data_type], ['Axes', image.axes.join(' ')]);
  if (image.t > 1) {
    rows.push(['Times', String(image.t)]);
  }
  rows.push(['Levels', image.levels.map((level) => `${level.width} \u00d7 ${level.height}`).join(', ')]);
  return rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
}

export function findingItems({findings, truncated}) {
  const items = findings.slice(0, FINDINGS_MAX).map(({level, rule, text, hint}) => element('li', {},
    element('span', {className: level === 'error' ? 'error' : 'warning'}, level), ` ${rule}: ${text}`,
    ...(hint ? [element('div', {className: 'note'}, hint)] : [])));
  if (truncated || findings.length > items.length) {
    items.push(element('li', {className: 'note'}, 'There are more: ozxfs verify lists all.'));
  }
  if (!items.length) {
    items.push(element('li', {}, 'Nothing to complain about.'));
  }
  return items;
}

// The raw tree's address of a node, and it in the addresses of other viewers
export function links({path, kind}, version) {
  const inside = path.split('/').filter(Boolean).map(encodeURIComponent).join('/');
  const raw = new URL(`zarr/${inside}`, document.baseURI).href.replace(/\/$/, '');
  const asked = encodeURIComponent(raw);
  const scene = {layers: [{
    name: path.split('/').at(-1) || 'image',
    source: `${raw}/|zarr${version}:`,
    type: kind === 'label' ? 'segmentation' : 'image',
  }]};
  return [
    ['neuroglancer', `https://neuroglancer-demo.appspot.com/#!${encodeURIComponent(JSON.stringify(scene))}`],
    ['vizarr', `https://hms-dbmi.github.io/vizarr/?source=${asked}`],
    ['OME-NGFF validator', `https://ome.github.io/ome-ngff-validator/?source=${asked}`],
  ];
}

export function linkItems(node, version) {
  return links(node, version).map(([name, href]) => element('li', {},
    element('a', {href, target: '_blank', rel: 'noreferrer noopener'}, name)))
    .concat(element('li', {}, element('a', {href: 'archive.ozx', download: ''}, 'Download the archive')));
}
