// SPDX-License-Identifier: BSD-2-Clause
// The page of `ozxfs view`: what is shown when, and who is told of it. What each part does stands in the
// module of its name; none of them knows another but through here.

import {Refusal, ask, askJson, askText} from './ask.js';
import {Channels, channelsText, settingsOf} from './channels.js';
import {byId, element, isTyping, plain, setText} from './dom.js';
import {Grid} from './grid.js';
import {facts, findingItems, linkItems, metadataText} from './panels.js';
import {Stage} from './stage.js';
import {Tiles} from './tiles.js';
import {Tree} from './tree.js';
import {figure, scaleBar, unitOfPixels} from './units.js';

const NARROW = matchMedia('(max-width: 800px)');
const BAR_PIXELS = 140;

let archive = null; // tree.json
let image = null; // image/N.json of the image on the stage
let choice = null; // what was set for it: {z, t, labels, channels}
let opening = new AbortController();
let loading = false; // a node is being opened
const choices = new Map(); // node or plate: choice, kept while the page is open
const plates = new Map(); // node: plate.json
const wells = new Map(); // image node: {plate, name, fields}

const tiles = new Tiles(() => stage.redraw(), showProblem);
const stage = new Stage(byId('canvas'), draw, showPosition);
const channels = new Channels(byId('channels'), look);
const tree = new Tree(byId('tree'), go);
const grid = new Grid(byId('grid'), go);

// ---- the picture

function draw(context, view) {
  tiles.draw(context, view);
  byId('stage').setAttribute('aria-busy', String(loading || !tiles.complete));
  if (image) {
    showScaleBar(view);
  }
}

function look() {
  tiles.setLook({
    z: choice.z,
    t: choice.t,
    channels: image.label ? null : channelsText(choice.channels),
    labels: choice.labels,
  });
  stage.redraw();
}

function showScaleBar(view) {
  const {pixel_size: size, unit} = image;
  const length = (size?.x ?? 1) / view.scale * devicePixelRatio; // of one CSS pixel
  const bar = scaleBar(BAR_PIXELS, length, size ? unit : 'px');
  byId('scale-line').style.width = `${bar.width}px`;
  setText('scale-text', bar.text);
}

function showPosition(point) {
  const [base] = image?.levels ?? [];
  const inside = point && base && point.x >= 0 && point.y >= 0 && point.x < base.width && point.y < base.height;
  if (!inside) {
    byId('position').textContent = '';
    return;
  }
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  const {pixel_size: size, unit} = image;
  const {factor, name} = size ? unitOfPixels(size.x, unit) : {};
  const lengths = size ? [point.x * size.x, point.y * size.y].map((n) => figure(n * factor)).join(', ') : '';
  setText('position', `x ${x}, y ${y}${lengths && ` \u00b7 ${lengths} ${name}`}`);
}

function showProblem(message, canRetry) {
  byId('problem').hidden = !message;
  byId('retry').hidden = !canRetry;
  setText('problem-text', message);
}

// ---- which of the three fills the middle

function showMiddle(which) {
  for (const id of ['stage', 'grid', 'message']) {
    byId(id).hidden = id !== which;
  }
  if (which !== 'grid') {
    grid.clear();
  }
  if (which !== 'stage') {
    image = null;
    tiles.clear();
    stage.show(null);
    showProblem('', false);
    byId('planes').replaceChildren();
  }
  for (const id of ['channel-panel', 'label-panel', 'facts-panel']) {
    byId(id).hidden = which !== 'stage';
  }
}

function showMessage(text, retry) {
  showMiddle('message');
  setText('message-text', text);
  byId('message-retry').hidden = !retry;
  byId('message-retry').onclick = retry;
}

// ---- nodes

// The node in the address, so that Back works and a reload stays where it was
function go(id) {
  if (location.hash === `#${id}`) {
    open(id);
  } else {
    location.hash = id;
  }
  if (NARROW.matches) {
    toggle('nodes', false);
  }
}

function wanted() {
  const id = Number(location.hash.slice(1));
  return location.hash.length > 1 && Number.isInteger(id) && id >= 0 ? id : 0;
}

async function open(id) {
  opening.abort();
  opening = new AbortController();
  const {signal} = opening;
  loading = true;
  byId('stage').setAttribute('aria-busy', 'true');
  const node = tree.node(id) ?? {id, kind: 'image', image: true, name: '', path: ''};
  tree.mark(id);
  document.title = plain([archive.file, node.path, 'ozxfs view'].filter(Boolean).join(' \u2013 '));
  byId('context').hidden = true;
  showMetadata(id, signal);
  byId('links').replaceChildren(...linkItems(node, archive.zarr));
  try {
    if (node.kind === 'plate') {
      const plate = await askPlate(id, signal);
      showMiddle('grid');
      grid.plate(plate);
    } else if (node.image) {
      await openImage(id, signal);
    } else {
      openCollection(node);
    }
  } catch (error) {
    if (error.name !== 'AbortError') {
      showMessage(error.message, () => open(id));
      if (!(error instanceof Refusal)) {
        throw error; // a fault of this page: the console has where
      }
    }
  } finally {
    if (!signal.aborted) {
      loading = false;
      stage.redraw();
    }
  }
}

async function askPlate(id, signal) {
  if (!plates.has(id)) {
    const plate = await askJson(`plate/${id}.json`, signal);
    plates.set(id, plate);
    for (const well of plate.wells) {
      const name = `${plate.rows[well.row]}${plate.columns[well.column]}`;
      for (const field of well.fields) {
        wells.set(field, {plate: id, name, fields: well.fields});
      }
    }
  }
  return plates.get(id);
}

// The images below a node, but not what lies within them
function imagesBelow(id) {
  return tree.children(id).flatMap((node) => node.image || node.kind === 'plate' ? [node] : imagesBelow(node.id));
}

function openCollection(node) {
  const images = imagesBelow(node.id);
  if (!images.length) {
    showMessage('There is no image here. Choose another node.', null);
    return;
  }
  const start = node.path ? node.path.length + 1 : 0;
  showMiddle('grid');
  grid.gallery(images.map(({id, path}) => ({id, name: path.slice(start)})));
}

async function openImage(id, signal) {
  const [next, well] = await Promise.all([askJson(`image/${id}.json`, signal), findWell(id, signal)]);
  signal.throwIfAborted();
  if (next.message !== undefined || !next.levels?.length) {
    showMessage(next.message ?? 'This image has no levels.', () => open(id));
    return;
  }
  showMiddle('stage');
  image = next;
  showWell(id, well);
  choice = choiceFor(well ? `plate ${well.plate}` : `node ${id}`);
  byId('channel-panel').hidden = image.label || !image.channels.length;
  channels.show(image, choice.channels);
  showLabels();
  showPlanes();
  byId('facts').replaceChildren(...facts(image));
  const [base] = image.levels;
  byId('canvas').setAttribute('aria-label', plain(`Image ${image.name}, ${base.width} by ${base.height} pixels`));
  tiles.show(id, image);
  stage.show({width: base.width, height: base.height});
  look();
}

// What was set for this image, or for its plate, as far as it fits
function choiceFor(key) {
  const before = choices.get(key);
  const fits = before?.channels.length === image.channels.length;
  const made = {
    z: before && before.z < image.z ? before.z : Math.floor(image.z / 2),
    t: before && before.t < image.t ? before.t : 0,
    labels: image.labels.some(({id}) => id === before?.labels) ? before.labels : null,
    channels: fits ? before.channels : settingsOf(image),
  };
  choices.set(key, made);
  return made;
}

// The well whose field an image is, if it is one
async function findWell(id, signal) {
  for (let up = tree.node(id)?.parent; !wells.has(id) && up !== undefined && up !== -1; up = tree.node(up)?.parent) {
    if (tree.node(up)?.kind === 'plate') {
      await askPlate(up, signal).catch(() => null); // the field is an image all the same
    }
  }
  return wells.get(id);
}

function showWell(id, well) {
  byId('context').hidden = !well;
  if (!well) {
    return;
  }
  setText('well-name', `Well ${well.name}`);
  byId('to-plate').onclick = () => go(well.plate);
  byId('field-label').hidden = well.fields.length < 2;
  byId('field').replaceChildren(...well.fields.map((field, number) =>
    element('option', {value: field, selected: field === id}, String(number))));
  byId('field').onchange = () => go(Number(byId('field').value));
}

function showLabels() {
  byId('label-panel').hidden = !image.labels.length;
  byId('labels').replaceChildren(element('option', {value: ''}, 'none'),
    ...image.labels.map(({id, name}) => element('option', {value: id, selected: id === choice.labels}, name)));
  byId('labels').onchange = ({target}) => {
    choice.labels = target.value === '' ? null : Number(target.value);
    look();
  };
}

// ---- z and t

function showPlanes() {
  byId('planes').replaceChildren(...['z', 't'].filter((axis) => image[axis] > 1).map(planeRow));
}

function planeRow(axis) {
  const most = image[axis] - 1;
  const slider = element('input', {type: 'range', min: 0, max: most, step: 1, id: `plane-${axis}`});
  const field = element('input', {type: 'number', min: 0, max: most, step: 1, 'aria-label': `${axis}, number`});
  field.id = `number-${axis}`;
  const count = element('span', {className: 'count'});
  const depth = axis === 'z' && image.pixel_size?.z; // 0: not stated
  const {factor, name} = depth ? unitOfPixels(image.pixel_size.x, image.unit) : {};
  const set = (value) => {
    if (Number.isFinite(value)) {
      choice[axis] = Math.max(0, Math.min(most, Math.round(value)));
    }
    slider.value = field.value = choice[axis];
    count.textContent = plain(`of ${most + 1}${depth ? ` \u00b7 ${figure(choice.z * depth * factor)} ${name}` : ''}`);
  };
  slider.oninput = () => { set(slider.valueAsNumber); look(); };
  field.onchange = () => { set(field.valueAsNumber); look(); };
  set(choice[axis]);
  const row = element('div', {className: 'plane'}, element('label', {htmlFor: slider.id}, axis), slider, field, count);
  row.step = (by) => { set(choice[axis] + by); look(); };
  return row;
}

function stepPlane(axis, by) {
  byId(`plane-${axis}`)?.parentElement.step(by);
}

// ---- panels

async function showMetadata(id, signal) {
  const box = byId('metadata');
  box.textContent = '';
  try {
    box.textContent = metadataText(await askText(`node/${id}.json`, signal));
  } catch (error) {
    if (error.name !== 'AbortError') {
      box.textContent = error.message;
    }
  }
}

async function showFindings() {
  const summary = byId('findings-summary');
  summary.textContent = 'Findings: checking\u2026';
  try {
    const answer = await askJson('findings.json');
    const count = (level) => answer.findings.filter((finding) => finding.level === level).length;
    const said = [[count('error'), 'error'], [count('warning'), 'warning']].filter(([n]) => n)
      .map(([n, word]) => `${n} ${word}${n > 1 ? 's' : ''}`);
    summary.textContent = `Findings: ${said.join(', ') || 'none'}`;
    byId('findings').replaceChildren(...findingItems(answer));
  } catch (error) {
    summary.textContent = 'Findings: not available';
    byId('findings').replaceChildren(element('li', {}, `${error.message} `,
      element('button', {type: 'button', onclick: showFindings}, 'Retry')));
  }
}

// On small screens both lie over the picture: one at a time.
function toggle(id, shown) {
  byId(id).hidden = !shown;
  byId(`show-${id}`).setAttribute('aria-expanded', String(shown));
  if (shown && NARROW.matches) {
    toggle(id === 'nodes' ? 'panels' : 'nodes', false);
  }
}

// ---- light and dark

const THEMES = ['auto', 'light', 'dark'];

function setTheme(theme) {
  if (theme === 'auto') {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
  byId('theme').textContent = `Theme: ${theme}`;
  channels.repaint();
}

function startTheme() {
  let theme = 'auto';
  try {
    theme = THEMES.find((known) => known === localStorage.getItem('theme')) ?? theme;
  } catch {
    // no storage here: the system's choice
  }
  setTheme(theme);
  byId('theme').onclick = () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    setTheme(theme);
    try {
      localStorage.setItem('theme', theme);
    } catch {
      // it lasts as long as the page
    }
  };
}

// ---- start

function onKey(event) {
  if (!image || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) {
    return;
  }
  const steps = {',': ['z', -1], '.': ['z', 1], '[': ['t', -1], ']': ['t', 1]};
  if (steps[event.key]) {
    stepPlane(...steps[event.key]);
    event.preventDefault();
  } else if (/^[1-9]$/.test(event.key) && !image.label) {
    channels.toggle(Number(event.key) - 1);
  }
}

function startHeartbeat() {
  let missed = 0;
  new Worker('alive.js').onmessage = ({data: answers}) => {
    missed = answers ? 0 : missed + 1;
    byId('banner').hidden = missed < 2;
    byId('banner').textContent = 'The server does not answer. If `ozxfs view` has ended, start it again and ' +
      'open the address that it prints.';
  };
}

function startControls() {
  byId('zoom-in').onclick = () => stage.zoomStep(1);
  byId('zoom-out').onclick = () => stage.zoomStep(-1);
  byId('zoom-fit').onclick = () => stage.fit();
  byId('zoom-one').onclick = () => stage.oneToOne();
  byId('retry').onclick = () => tiles.retry();
  for (const id of ['nodes', 'panels']) {
    byId(`show-${id}`).onclick = () => toggle(id, byId(id).hidden);
    toggle(id, !NARROW.matches);
  }
  document.addEventListener('keydown', onKey);
  window.addEventListener('hashchange', () => open(wanted()));
}

async function start() {
  try {
    archive = await (await ask('tree.json')).json();
  } catch (error) {
    showMessage(error.message, start);
    return;
  }
  setText('title', archive.file);
  byId('tree-note').hidden = !archive.truncated;
  setText('tree-note', `Only the first ${archive.nodes.length} nodes are listed.`);
  tree.show(archive.nodes, archive.file);
  await open(wanted());
  showFindings();
}

startTheme();
startControls();
startHeartbeat();
start();
