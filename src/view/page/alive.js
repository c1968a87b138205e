// SPDX-License-Identifier: BSD-2-Clause
// A worker that tells the server that the page is open. The timers of a page in the background are slowed
// down to one a minute, those of its workers are not. Tells the page whether the server answers.

const EVERY_MS = 5000;

async function beat() {
  let answers = false;
  try {
    answers = (await fetch('alive', {cache: 'no-store', credentials: 'omit'})).ok;
  } catch {
    // told below
  }
  postMessage(answers);
}

beat();
setInterval(beat, EVERY_MS);
