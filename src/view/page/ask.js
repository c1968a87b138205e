// SPDX-License-Identifier: BSD-2-Clause
// What the page asks of its server. Addresses are relative to the page's own, so that the token is in
// them and no other server ever is.

export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status; // 0: no answer
  }
}

// The answer to a request, or a Refusal with what the server said. An abort stays an AbortError.
export async function ask(path, signal) {
  let answer;
  try {
    answer = await fetch(path, {signal, credentials: 'omit', referrerPolicy: 'no-referrer'});
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }
    throw new Refusal('The server does not answer: has `ozxfs view` ended?', 0);
  }
  if (answer.ok) {
    return answer;
  }
  let message = '';
  try {
    message = (await answer.json()).message;
  } catch {
    // no JSON: the status has to do
  }
  throw new Refusal(typeof message === 'string' && message ? message : `The server answered ${answer.status}.`,
    answer.status);
}

export async function askJson(path, signal) {
  return (await ask(path, signal)).json();
}

export async function askText(path, signal) {
  return (await ask(path, signal)).text();
}
