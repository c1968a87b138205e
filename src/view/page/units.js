// SPDX-License-Identifier: BSD-2-Clause
// Lengths: units of OME-Zarr (UDUNITS names), round numbers for a scale bar, and text for both.

// Metres, and how they are written
const METRIC = {
  angstrom: 1e-10, attometer: 1e-18, centimeter: 1e-2, decimeter: 1e-1, exameter: 1e18, femtometer: 1e-15,
  gigameter: 1e9, hectometer: 1e2, kilometer: 1e3, megameter: 1e6, meter: 1, micrometer: 1e-6, millimeter: 1e-3,
  nanometer: 1e-9, petameter: 1e15, picometer: 1e-12, terameter: 1e12, yoctometer: 1e-24, yottameter: 1e24,
  zeptometer: 1e-21, zettameter: 1e21,
};
const WRITTEN = [['km', 1e3], ['m', 1], ['mm', 1e-3], ['µm', 1e-6], ['nm', 1e-9], ['pm', 1e-12]];
const OTHERS = {foot: 'ft', inch: 'in', mile: 'mi', parsec: 'pc', yard: 'yd'};

// Three figures, without the zeros behind them
export function figure(number) {
  if (!Number.isFinite(number)) {
    return '?';
  }
  const size = Math.abs(number);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? number.toExponential(2) :
    String(Number(number.toPrecision(size >= 100 ? Math.ceil(Math.log10(size + 1)) : 3)));
}

// {factor, name}: what a length in the file's unit is multiplied by to be written as `name`
export function unitFor(length, unit) {
  const metres = METRIC[unit];
  if (metres === undefined) {
    return {factor: 1, name: OTHERS[unit] ?? unit};
  }
  const inMetres = Math.abs(length) * metres;
  const [name, size] = WRITTEN.find(([, one]) => inMetres >= one * 0.9999) ?? WRITTEN.at(-1);
  return {factor: metres / size, name};
}

// The one unit for pixel sizes and positions of an image: the file's own, unless that makes odd numbers
export function unitOfPixels(size, unit) {
  const written = WRITTEN.find(([, one]) => one === METRIC[unit]);
  return written && size >= 1e-3 && size < 1e4 ? {factor: 1, name: written[0]} : unitFor(size * 100, unit);
}

export function lengthText(length, unit) {
  const {factor, name} = unitFor(length, unit);
  return `${figure(length * factor)} ${name}`.trim();
}

// The largest 1, 2 or 5 times a power of ten that is not above `most`
export function roundBelow(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((n) => n * power <= most * 1.000001) ?? 1;
  return step * power;
}

// A bar of at most `pixels` screen pixels, where one of them is `length` long in `unit`: {width, text}
export function scaleBar(pixels, length, unit) {
  const {factor, name} = unitFor(pixels * length, unit);
  const round = roundBelow(pixels * length * factor);
  return {width: round / factor / length, text: `${figure(round)} ${name}`.trim()};
}
