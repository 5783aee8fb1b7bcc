/** The members key: who is a datacenter of this cluster, as a value of the reserved empty key. spec/RECONFIGURE.md steps 1 and 2. */
import { MalformedError } from "./errors.ts";
import { REPLICA_ID_MAX } from "./ids.ts";
import { limits } from "./limits.ts";
import type { Bytes, Member, Members, ReplicaId } from "./types.ts";

/** What a person says of a datacenter that shall become a member. */
export type MemberInput = { readonly name: string; readonly peerUrl: string; readonly apiUrl: string; readonly voter: boolean };

/** Why a change of the members is not made. */
export type MembersRefusal =
  | "unknownId"
  | "removedId"
  | "duplicateName"
  | "duplicateUrl"
  | "badName"
  | "badUrl"
  | "lastVoter"
  | "tooManyVoters"
  | "tooManyMembers"
  | "noIdsLeft"
  | "incarnationKnown"
  | "isCoordinator";

export type Refused = { readonly kind: "refused"; readonly reason: MembersRefusal; readonly message: string };
export type MembersChange = { readonly kind: "ok"; readonly members: Members } | Refused;
export type MemberAdded = { readonly kind: "ok"; readonly members: Members; readonly id: ReplicaId } | Refused;

const NAME_CHARS_MAX = 128;
const URL_CHARS_MAX = 2048;

/** The members of a new cluster: replica 1, voter and coordinator. */
export function firstMembers(input: {
  readonly name: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
  readonly incarnation: string | null;
}): Members {
  const first: Member = { id: 1 as ReplicaId, ...pickInput({ ...input, voter: true }), incarnation: input.incarnation, leaving: false };
  return { coordinator: 1 as ReplicaId, nextId: 2 as ReplicaId, members: [first], removed: [] };
}

export function memberOf(members: Members, id: ReplicaId): Member | null {
  return members.members.find((member) => member.id === id) ?? null;
}

/** Ids wanted as voters, ascending: those that are on their way out are not. */
export function wantedVoters(members: Members): readonly ReplicaId[] {
  return members.members.filter((member) => member.voter && !member.leaving).map((member) => member.id);
}

/** A new datacenter under the next id, which is never used again. */
export function addMember(members: Members, input: MemberInput): MemberAdded {
  const id = members.nextId;
  if (id > REPLICA_ID_MAX) return refuse("noIdsLeft", `all ${REPLICA_ID_MAX} replica ids were used`);
  const added: Member = { id, ...pickInput(input), incarnation: null, leaving: false };
  const next = { ...members, nextId: (id + 1) as ReplicaId, members: [...members.members, added] };
  const checked = check(next, id);
  return checked.kind === "ok" ? { ...checked, id } : checked;
}

/** Changes what is said of one member. An incarnation is set once: another disk must come with another id. */
export function setMember(members: Members, id: ReplicaId, change: Partial<Omit<Member, "id">>): MembersChange {
  const before = memberOf(members, id);
  if (before === null) return unknown(members, id);
  if (change.incarnation !== undefined && before.incarnation !== null && change.incarnation !== before.incarnation) {
    return refuse("incarnationKnown", `replica ${id} has another incarnation: a new disk needs a new replica id`);
  }
  const after = { ...before, ...change };
  return check({ ...members, members: members.members.map((member) => (member.id === id ? after : member)) }, id);
}

/** First half of a removal: it is wanted no longer, and stays reachable until no epoch needs its vote. */
export function leaveMember(members: Members, id: ReplicaId): MembersChange {
  return setMember(members, id, { leaving: true });
}

/** Second half: its id was a member and will never be one again. Only after it votes in no epoch. */
export function removeMember(members: Members, id: ReplicaId): MembersChange {
  if (memberOf(members, id) === null) return unknown(members, id);
  if (members.coordinator === id)
    return refuse("isCoordinator", `replica ${id} holds the coordinator: let another datacenter take over first`);
  const rest = members.members.filter((member) => member.id !== id);
  return check({ ...members, members: rest, removed: [...members.removed, id].sort((a, b) => a - b) }, null);
}

/** A new datacenter in place of `id`, with its vote; `id` is on its way out. */
export function replaceMember(members: Members, id: ReplicaId, by: Omit<MemberInput, "voter">): MemberAdded {
  const old = memberOf(members, id);
  if (old === null) return unknown(members, id);
  // Leaving first, as a full set of voters has no room for both.
  const without = { ...members, members: members.members.map((member) => (member.id === id ? { ...member, leaving: true } : member)) };
  return addMember(without, { ...by, voter: old.voter });
}

export function setCoordinator(members: Members, id: ReplicaId): MembersChange {
  return memberOf(members, id) === null ? unknown(members, id) : check({ ...members, coordinator: id }, null);
}

function pickInput({ name, peerUrl, apiUrl, voter }: MemberInput): MemberInput {
  return { name, peerUrl, apiUrl, voter };
}

function unknown(members: Members, id: ReplicaId): Refused {
  if (members.removed.includes(id)) return refuse("removedId", `replica ${id} was removed; its id is never used again`);
  return refuse("unknownId", `there is no replica ${id}`);
}

function refuse(reason: MembersRefusal, message: string): Refused {
  return { kind: "refused", reason, message };
}

/** The rules for the whole set, and for the member that was changed. */
function check(members: Members, changed: ReplicaId | null): MembersChange {
  const list = members.members;
  const voters = wantedVoters(members).length;
  if (list.length > limits.membersMax) return refuse("tooManyMembers", `at most ${limits.membersMax} datacenters`);
  if (voters > limits.votersMax) return refuse("tooManyVoters", `at most ${limits.votersMax} voters`);
  if (voters === 0) return refuse("lastVoter", "the last voter cannot go");
  const own = list.find((member) => member.id === changed);
  if (own === undefined) return { kind: "ok", members };
  if (own.name.length === 0 || own.name.length > NAME_CHARS_MAX) return refuse("badName", `a name has 1 to ${NAME_CHARS_MAX} characters`);
  for (const url of [own.peerUrl, own.apiUrl]) if (!isHttpUrl(url)) return refuse("badUrl", `not an http or https URL: ${url}`);
  for (const other of list) {
    if (other.id === own.id) continue;
    // One that leaves may be replaced under its own name; its addresses are in use until it is gone.
    if (other.name === own.name && !other.leaving && !own.leaving)
      return refuse("duplicateName", `replica ${other.id} is named ${own.name}`);
    if (sameUrl(other.peerUrl, own.peerUrl)) return refuse("duplicateUrl", `replica ${other.id} has the peer URL ${own.peerUrl}`);
    if (sameUrl(other.apiUrl, own.apiUrl)) return refuse("duplicateUrl", `replica ${other.id} has the API URL ${own.apiUrl}`);
  }
  return { kind: "ok", members };
}

function isHttpUrl(url: string): boolean {
  return url.length <= URL_CHARS_MAX && /^https?:\/\/[^\s/?#]+([/?#]\S*)?$/i.test(url);
}

function sameUrl(a: string, b: string): boolean {
  const plain = (url: string) => url.replace(/\/+$/, "").toLowerCase();
  return plain(a) === plain(b);
}

/** JSON in one fixed order of fields: equal members have equal text, which the hash of a chain link rests on. */
export function membersText({ coordinator, nextId, members, removed }: Members): string {
  const list = members.map(({ id, name, peerUrl, apiUrl, voter, incarnation, leaving }) => ({
    id,
    name,
    peerUrl,
    apiUrl,
    voter,
    incarnation,
    leaving,
  }));
  return JSON.stringify({ coordinator, nextId, members: list, removed });
}

export function encodeMembers(members: Members): Bytes {
  return new TextEncoder().encode(membersText(members));
}

/**
 * The inverse of `encodeMembers`.
 *
 * @throws MalformedError for anything else
 */
export function decodeMembers(bytes: Bytes): Members {
  const body = asObject(parseJson(bytes), ["coordinator", "nextId", "members", "removed"]);
  const members = asArray(body["members"]).map(decodeMember);
  const removed = asArray(body["removed"]).map((id) => asId(id, REPLICA_ID_MAX));
  // One above the last id says that all were used.
  const nextId = asId(body["nextId"], REPLICA_ID_MAX + 1);
  const ids = members.map((member) => member.id);
  ensure(ascending(ids) && ascending(removed), "ids are not ascending");
  ensure(
    ids.every((id) => !removed.includes(id)),
    "a removed id is a member",
  );
  ensure(
    [...ids, ...removed].every((id) => id < nextId),
    "nextId was used",
  );
  return { coordinator: asId(body["coordinator"], REPLICA_ID_MAX), nextId, members, removed };
}

function decodeMember(json: unknown): Member {
  const body = asObject(json, ["id", "name", "peerUrl", "apiUrl", "voter", "incarnation", "leaving"]);
  const { id, name, peerUrl, apiUrl, voter, incarnation, leaving } = body as { [K in keyof Member]: unknown };
  return {
    id: asId(id, REPLICA_ID_MAX),
    name: asString(name),
    peerUrl: asString(peerUrl),
    apiUrl: asString(apiUrl),
    voter: asBoolean(voter),
    incarnation: incarnation === null ? null : asString(incarnation),
    leaving: asBoolean(leaving),
  };
}

function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new MalformedError("members are not JSON", { cause });
  }
}

function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new MalformedError(`members: ${message}`);
}

function asObject(json: unknown, fields: readonly string[]): Readonly<Record<string, unknown>> {
  ensure(typeof json === "object" && json !== null && !Array.isArray(json), "an object was expected");
  const names = Object.keys(json);
  ensure(names.length === fields.length && fields.every((field) => names.includes(field)), `expected the fields ${fields.join(", ")}`);
  return json as Record<string, unknown>;
}

function asArray(json: unknown): readonly unknown[] {
  ensure(Array.isArray(json), "a list was expected");
  return json;
}

function asString(json: unknown): string {
  ensure(typeof json === "string", "a string was expected");
  return json;
}

function asBoolean(json: unknown): boolean {
  ensure(typeof json === "boolean", "true or false was expected");
  return json;
}

function asId(json: unknown, max: number): ReplicaId {
  ensure(typeof json === "number" && Number.isInteger(json) && json >= 1 && json <= max, "a replica id was expected");
  return json as ReplicaId;
}

function ascending(ids: readonly number[]): boolean {
  return ids.every((id, i) => i === 0 || id > (ids[i - 1] as number));
}
