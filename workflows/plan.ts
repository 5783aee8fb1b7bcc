/** What is to be done next, told from what is wanted and what is. Pure: the workflow only carries it out. */
import { limits } from "../protocol/limits.ts";
import type { Member } from "../protocol/types.ts";
import type { ReconfigurationPhase } from "./messages.ts";
import type { ClusterView, CoordinatorState, Desired, Waiting, Wanted } from "./state.ts";

/** One thing to do for one datacenter. `wait` has nothing to do until something else changed. */
export type NextStep =
  | { readonly kind: "check" }
  | { readonly kind: "update" }
  | { readonly kind: "learn"; readonly id: number }
  | { readonly kind: "promote"; readonly id: number }
  | { readonly kind: "demote"; readonly id: number }
  | { readonly kind: "markLeaving"; readonly id: number }
  | { readonly kind: "handOver"; readonly id: number; readonly to: number }
  | { readonly kind: "drop"; readonly id: number }
  | { readonly kind: "wait"; readonly reason: string };

export type Plannable = Pick<CoordinatorState, "desired" | "learned"> & { readonly view: ClusterView };

/** Key of the fiber of a member that is not wanted. */
export function leavingTicket(id: number): string {
  return `x${id}`;
}

/** Tickets of everyone for whom something is to be done, in a fixed order: wanted ones first. */
export function unfinished(state: Plannable): readonly string[] {
  const wanted = state.desired.wanted.map((w) => w.ticket);
  const unwanted = state.view.members.members.filter((m) => !isWanted(state.desired, m.id)).map((m) => leavingTicket(m.id));
  return [...wanted, ...unwanted].filter((ticket) => nextStep(state, ticket) !== null);
}

/** The next thing to do for one ticket; null when it is as desired, or nobody's any more. */
export function nextStep(state: Plannable, ticket: string): NextStep | null {
  const entry = state.desired.wanted.find((w) => w.ticket === ticket);
  if (entry !== undefined) return stepOfWanted(state, entry);
  const member = state.view.members.members.find((m) => leavingTicket(m.id) === ticket);
  return member === undefined || isWanted(state.desired, member.id) ? null : stepOfUnwanted(state, member);
}

function stepOfWanted(state: Plannable, entry: Wanted): NextStep | null {
  if (entry.id === null) return { kind: "check" };
  const id = entry.id;
  const member = state.view.members.members.find((m) => m.id === id);
  // Another coordinator has removed it: an id is never used again, so there is nothing to bring back.
  if (member === undefined) return { kind: "wait", reason: `replica ${id} was removed by another coordinator` };
  if (differs(member, entry)) return { kind: "update" };
  const votes = state.view.voters.includes(id);
  if (votes) return entry.voter ? null : demotion(state, id);
  if (member.incarnation === null) return { kind: "check" };
  if (!hasLearned(state, member)) return { kind: "learn", id };
  if (!entry.voter) return null;
  return { kind: "promote", id };
}

function stepOfUnwanted(state: Plannable, member: Member): NextStep {
  const id = member.id;
  if (!member.leaving) return { kind: "markLeaving", id };
  const votes = state.view.voters.includes(id);
  const missing = awaited(state, id);
  if (votes && missing.length > 0) return { kind: "wait", reason: `waits until ${missing.join(", ")} took its place` };
  if (id === state.view.members.coordinator) {
    const to = successor(state, id);
    return to === null ? { kind: "wait", reason: "waits for another voter to hand the coordinator to" } : { kind: "handOver", id, to };
  }
  return votes ? demotion(state, id) : { kind: "drop", id };
}

function demotion(state: Plannable, id: number): NextStep {
  const others = state.view.voters.filter((v) => v !== id);
  return others.length === 0 ? { kind: "wait", reason: "it is the only voter: waits for another one" } : { kind: "demote", id };
}

/** Names of those that must have come before `id` goes. */
function awaited(state: Plannable, id: number): readonly string[] {
  const tickets = state.desired.after.find((a) => a.id === id)?.tickets ?? [];
  // With every seat taken, the newcomer can only come in the very epoch in which the old one goes.
  const full = state.view.voters.length >= limits.votersMax;
  return state.desired.wanted.filter((w) => tickets.includes(w.ticket) && !arrived(state, w, full)).map((w) => w.name);
}

function arrived(state: Plannable, entry: Wanted, full: boolean): boolean {
  if (entry.id === null) return false;
  const member = state.view.members.members.find((m) => m.id === entry.id);
  const votes = state.view.voters.includes(entry.id);
  return votes || ((full || !entry.voter) && member !== undefined && hasLearned(state, member));
}

/** Names one learning of one store: asked twice it changes nothing, and an emptied store learns anew. */
export function learnIdOf(member: Member): string {
  return `${member.id}.${(member.incarnation ?? "").slice(0, 16)}`;
}

function hasLearned(state: Plannable, member: Member): boolean {
  return state.learned[String(member.id)] === learnIdOf(member);
}

/** Who shall coordinate when `id` goes: the voter with the lowest id that stays and is heard from, else any that stays. */
function successor(state: Plannable, id: number): number | null {
  const staying = state.view.voters.filter((v) => v !== id && isWanted(state.desired, v));
  const reachable = staying.filter((v) => state.view.peers.some((p) => p.id === v && p.reachable));
  return reachable[0] ?? staying[0] ?? null;
}

function isWanted(desired: Desired, id: number): boolean {
  return desired.wanted.some((w) => w.id === id);
}

function differs(member: Member, entry: Wanted): boolean {
  return (
    member.name !== entry.name ||
    member.peerUrl !== entry.peerUrl ||
    member.apiUrl !== entry.apiUrl ||
    member.voter !== entry.voter ||
    member.leaving
  );
}

/** The voters of the next epoch when these may come and those may go; null when nothing would change or nobody would be left. */
export function nextVoters(voters: readonly number[], coming: readonly number[], going: readonly number[]): readonly number[] | null {
  const staying = voters.filter((v) => !going.includes(v));
  const free = Math.max(0, limits.votersMax - staying.length);
  const fresh = [...new Set(coming)].filter((v) => !staying.includes(v)).slice(0, free);
  const next = [...staying, ...fresh].sort((a, b) => a - b);
  if (next.length === 0 || JSON.stringify(next) === JSON.stringify([...voters].sort((a, b) => a - b))) return null;
  return next;
}

/** A coordinator that starts anew takes the members key for what is wanted, and what the one before was asked and had not begun. */
export function adopt(desired: Desired, view: ClusterView, firstGeneration: number, waiting: Waiting = { wanted: [], after: [] }): Desired {
  const members = view.members.members.filter((m) => !m.leaving);
  const wanted = members.map(
    (m): Wanted => ({ ticket: `r${m.id}`, id: m.id, name: m.name, peerUrl: m.peerUrl, apiUrl: m.apiUrl, voter: m.voter }),
  );
  const settledTickets = members.filter((m) => !m.voter || view.voters.includes(m.id)).map((m) => `r${m.id}`);
  const adopted = { ...desired, generation: firstGeneration, wanted, after: [], settledTickets };
  return withWaiting(adopted, waiting);
}

function withWaiting(desired: Desired, waiting: Waiting): Desired {
  const wanted = [...desired.wanted];
  let { nextTicket } = desired;
  const tickets = new Map<string, string>();
  for (const entry of waiting.wanted) {
    const taken = wanted.find((w) => w.name === entry.name || w.peerUrl === entry.peerUrl || w.apiUrl === entry.apiUrl);
    // It was admitted meanwhile, or what it wanted is another's now.
    if (taken?.name === entry.name) tickets.set(entry.ticket, taken.ticket);
    if (taken !== undefined || entry.id !== null) continue;
    tickets.set(entry.ticket, `n${nextTicket}`);
    wanted.push({ ...entry, ticket: `n${nextTicket++}` });
  }
  const after = waiting.after.flatMap(({ id, tickets: awaited }) => {
    const known = awaited.flatMap((ticket) => tickets.get(ticket) ?? []);
    return known.length === 0 || wanted.some((w) => w.id === id) ? [] : [{ id, tickets: known }];
  });
  return { ...desired, wanted, after, nextTicket };
}

/** What the next coordinator could not know from the replicas. */
export function waitingOf({ wanted, after }: Desired): Waiting {
  const awaited = after.flatMap(({ tickets }) => tickets);
  return { wanted: wanted.filter((w) => w.id === null || awaited.includes(w.ticket)), after };
}

/** The desired set once a newcomer has its id. */
export function withId(desired: Desired, ticket: string, id: number): Desired {
  return { ...desired, wanted: desired.wanted.map((w) => (w.ticket === ticket ? { ...w, id } : w)) };
}

/** The phase people see: that of whoever has come furthest. */
export function phaseOf(steps: readonly (NextStep | null)[], changingVoters: boolean): ReconfigurationPhase {
  if (changingVoters) return "freezing";
  const kinds = steps.map((step) => step?.kind);
  if (kinds.every((kind) => kind === undefined)) return "settled";
  return kinds.some((kind) => kind === "learn" || kind === "promote") ? "learning" : "checking";
}
