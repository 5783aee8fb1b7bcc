// Questions to the server this page came from; never to another one.
import { at } from "./dom.js";

const ANSWER_MS = 8_000;
let token = null;

at("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  at("access").hidden = true;
});

/** What the server answered, parsed. An error is thrown with the server's own words. */
export async function ask(path, options = {}) {
  const headers = { accept: "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  if (answer.status === 401 || answer.status === 403) at("access").hidden = false;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body?.error?.message ?? `answered ${answer.status}`);
  return body;
}
