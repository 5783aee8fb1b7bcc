/** What a change makes of the desired set, or why it is refused. Pure: validators and handlers share it. */
import { limits } from "../protocol/limits.ts";
import type { ChangeName, Newcomer } from "./messages.ts";
import type { ClusterView, Desired, Wanted } from "./state.ts";

export const CHANGES: readonly ChangeName[] = [
  "addReplica",
  "removeReplica",
  "replaceReplica",
  "setReplicas",
  "updateReplica",
  "cancelReconfiguration",
];
export type RefusalCode = "badRequest" | "generationMismatch";

/** The sender's mistake, in words for the sender. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type Outcome = { readonly desired: Desired; readonly id: number; readonly text: string };

/**
 * The desired set after one change. `argument` is JSON from anywhere, so its shape is checked too.
 *
 * @throws Refusal
 */
export function accept(desired: Desired, view: ClusterView, settledGeneration: number, name: ChangeName, argument: unknown): Outcome {
  const fields = record(argument, name);
  switch (name) {
    case "addReplica":
      return add(desired, newcomer(fields));
    case "removeReplica":
      return remove(desired, idOf(fields));
    case "replaceReplica":
      return replace(desired, view, idOf(fields), newcomer(record(fields["by"], "by")));
    case "setReplicas":
      return setAll(desired, fields);
    case "updateReplica":
      return updateUrls(desired, fields);
    case "cancelReconfiguration":
      return cancel(desired, view, settledGeneration, fields);
  }
}

function add(desired: Desired, given: Newcomer): Outcome {
  // Not yet reached, so the same name again corrects it: the only way to mend a mistyped URL without knowing an id.
  const waiting = desired.wanted.find((w) => w.name === given.name && w.id === null);
  const ticket = waiting?.ticket ?? `n${desired.nextTicket}`;
  const entry: Wanted = { ticket, id: null, ...plain(given) };
  const wanted = waiting === undefined ? [...desired.wanted, entry] : desired.wanted.map((w) => (w.ticket === ticket ? entry : w));
  return bumped(desired, { wanted, nextTicket: desired.nextTicket + 1 }, 0, `add ${given.name} (${given.peerUrl})`);
}

function remove(desired: Desired, id: number): Outcome {
  const target = known(desired, id);
  const wanted = desired.wanted.filter((w) => w.ticket !== target.ticket);
  return bumped(desired, { wanted, after: desired.after.filter((a) => a.id !== id) }, id, `remove ${id} (${target.name})`);
}

function replace(desired: Desired, view: ClusterView, id: number, by: Newcomer): Outcome {
  const leaving = view.members.members.some((m) => m.id === id);
  const target = desired.wanted.find((w) => w.id === id);
  if (target === undefined) throw new Refusal("badRequest", `replica ${id} ${leaving ? "is leaving already" : "is not a member"}`);
  const ticket = `n${desired.nextTicket}`;
  const entry: Wanted = { ticket, id: null, ...plain(by), voter: by.voter ?? target.voter };
  const wanted = [...desired.wanted.filter((w) => w.ticket !== target.ticket), entry];
  const after = [...desired.after.filter((a) => a.id !== id), { id, tickets: [ticket] }];
  return bumped(
    desired,
    { wanted, after, nextTicket: desired.nextTicket + 1 },
    id,
    `replace ${id} (${target.name}) by ${by.name} (${by.peerUrl})`,
  );
}

function setAll(desired: Desired, fields: Fields): Outcome {
  const expected = fields["expectedGeneration"];
  if (expected !== undefined && expected !== desired.generation) {
    throw new Refusal("generationMismatch", `expectedGeneration is ${String(expected)}, the generation is ${desired.generation}`);
  }
  if (!Array.isArray(fields["replicas"])) throw new Refusal("badRequest", "replicas must be a list");
  let nextTicket = desired.nextTicket;
  const wanted = (fields["replicas"] as unknown[]).map((item, index): Wanted => {
    const entry = record(item, `replicas[${index}]`);
    const given = newcomer(entry);
    const same = entry["id"] === undefined ? desired.wanted.find((w) => w.name === given.name) : known(desired, idOf(entry));
    if (same !== undefined) return { ...same, ...plain(given), voter: given.voter ?? same.voter };
    return { ticket: `n${nextTicket++}`, id: null, ...plain(given) };
  });
  if (JSON.stringify(sorted(wanted)) === JSON.stringify(sorted(desired.wanted))) return { desired, id: 0, text: "" };
  const newTickets = wanted.filter((w) => w.id === null && w.voter).map((w) => w.ticket);
  const gone = desired.wanted.flatMap((w) => (w.id !== null && !wanted.some((other) => other.ticket === w.ticket) ? [w.id] : []));
  const kept = desired.after.filter((a) => !wanted.some((w) => w.id === a.id));
  const after = newTickets.length === 0 ? kept : [...kept, ...gone.map((id) => ({ id, tickets: newTickets }))];
  return bumped(desired, { wanted, after, nextTicket }, 0, `set replicas to ${wanted.map((w) => w.name).join(", ")}`);
}

function updateUrls(desired: Desired, fields: Fields): Outcome {
  const target = known(desired, idOf(fields));
  const peerUrl = fields["peerUrl"] === undefined ? target.peerUrl : url(fields, "peerUrl");
  const apiUrl = fields["apiUrl"] === undefined ? target.apiUrl : url(fields, "apiUrl");
  const id = target.id ?? 0;
  if (peerUrl === target.peerUrl && apiUrl === target.apiUrl) return { desired, id, text: "" };
  const wanted = desired.wanted.map((w) => (w.ticket === target.ticket ? { ...w, peerUrl, apiUrl } : w));
  return bumped(desired, { wanted }, id, `move ${id} to ${peerUrl}, ${apiUrl}`);
}

/** Whoever votes stays, whoever does not vote yet goes, unless it belonged to the cluster when it was last settled. */
function cancel(desired: Desired, view: ClusterView, settledGeneration: number, fields: Fields): Outcome {
  if (fields["generation"] !== desired.generation) {
    throw new Refusal("generationMismatch", `the generation is ${desired.generation}, not ${String(fields["generation"])}`);
  }
  if (settledGeneration >= desired.generation)
    throw new Refusal("badRequest", `generation ${desired.generation} is done; there is nothing to cancel`);
  const wanted = view.members.members.flatMap((m): Wanted[] => {
    const ticket = desired.wanted.find((w) => w.id === m.id)?.ticket ?? `r${m.id}`;
    const voter = view.voters.includes(m.id);
    const learner = !m.voter && desired.settledTickets.includes(ticket);
    return voter || learner ? [{ ticket, id: m.id, name: m.name, peerUrl: m.peerUrl, apiUrl: m.apiUrl, voter }] : [];
  });
  return bumped(desired, { wanted, after: [] }, 0, `cancel generation ${desired.generation}`);
}

function bumped(desired: Desired, change: Partial<Desired>, id: number, text: string): Outcome {
  const next = { ...desired, ...change, generation: desired.generation + 1 };
  check(next.wanted);
  return { desired: next, id, text };
}

function check(wanted: readonly Wanted[]): void {
  for (const field of ["name", "peerUrl", "apiUrl", "ticket"] as const) {
    const seen = new Set<string>();
    for (const entry of wanted) {
      if (seen.has(entry[field])) throw new Refusal("badRequest", `two replicas would have the ${field} ${entry[field]}`);
      seen.add(entry[field]);
    }
  }
  const voters = wanted.filter((w) => w.voter).length;
  if (voters === 0) throw new Refusal("badRequest", "at least one voter must be left");
  if (voters > limits.votersMax)
    throw new Refusal("badRequest", `at most ${limits.votersMax} replicas can vote; the others can be learners ("voter": false)`);
  if (wanted.length > limits.membersMax) throw new Refusal("badRequest", `at most ${limits.membersMax} replicas`);
}

function known(desired: Desired, id: number): Wanted {
  const entry = desired.wanted.find((w) => w.id === id);
  if (entry === undefined)
    throw new Refusal(
      "badRequest",
      `replica ${id} is not a member, or is leaving; members: ${desired.wanted.map((w) => w.id ?? w.name).join(", ")}`,
    );
  return entry;
}

function plain(given: Newcomer): Omit<Wanted, "ticket" | "id"> {
  return { name: given.name, peerUrl: given.peerUrl, apiUrl: given.apiUrl, voter: given.voter ?? true };
}

function sorted(wanted: readonly Wanted[]): readonly unknown[] {
  return [...wanted].sort((a, b) => (a.ticket < b.ticket ? -1 : 1)).map((w) => [w.ticket, w.name, w.peerUrl, w.apiUrl, w.voter]);
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal("badRequest", `${what} must be an object`);
  return value as Fields;
}

function newcomer(fields: Fields): Newcomer {
  const name = fields["name"];
  if (typeof name !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    throw new Refusal("badRequest", "name must be 1 to 63 letters, digits, dots, dashes or underscores, and begin with a letter or digit");
  }
  const voter = fields["voter"];
  if (voter !== undefined && typeof voter !== "boolean") throw new Refusal("badRequest", "voter must be true or false");
  return { name, peerUrl: url(fields, "peerUrl"), apiUrl: url(fields, "apiUrl"), ...(voter === undefined ? {} : { voter }) };
}

function idOf(fields: Fields): number {
  const id = fields["id"];
  if (!Number.isInteger(id)) throw new Refusal("badRequest", "id must be a whole number");
  return id as number;
}

/** By pattern: a workflow's sandbox need not have URL. */
function url(fields: Fields, field: string): string {
  const value = fields[field];
  if (typeof value !== "string" || value.length > 512 || !/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(value)) {
    throw new Refusal("badRequest", `${field} must be an http or https URL without query, like http://10.0.0.4:7111`);
  }
  return value.replace(/\/+$/, "");
}
