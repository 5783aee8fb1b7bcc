/** Every step that the shipped functions allow one replica for one instance, given what was said about it so far. */
import { fastCommit, ownCommit, selfAccept, startRecovery, stepAcceptor, submit } from "../../protocol/acceptor.ts";
import { InvariantViolation } from "../../protocol/assert.ts";
import { ownerBallot } from "../../protocol/ballot.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { AcceptorReply, AcceptorRequest } from "../../protocol/messages.ts";
import { concludePreAccepts } from "../../protocol/owner.ts";
import { concludeRecover } from "../../protocol/recovery.ts";
import type { Deps, ReplicaId } from "../../protocol/types.ts";
import { checkCommit, checkFast, checkProposal, checkReply, checkStep, same, Violation } from "./checks.ts";
import { concludeLater } from "./conclusions.ts";
import { type Local, viewOf, withWrites } from "./local.ts";
import { type Chosen, type Network, proposed, type Round, replaced, sentRequests, withRound } from "./network.ts";
import { ballotOf, EPOCH, type Instance, type Setup } from "./setup.ts";
import { pairs, subsets } from "./subsets.ts";

export type Outcome = { readonly label: string; readonly network: Network; readonly local: Local };

type Place = { readonly setup: Setup; readonly instance: Instance; readonly network: Network; readonly local: Local };

/** Answers of a replica with this disk to this request, computed once. */
export type Delivery = (request: AcceptorRequest, local: Local) => { readonly reply: AcceptorReply; readonly local: Local };

export function deliver(setup: Setup, request: AcceptorRequest, local: Local): { reply: AcceptorReply; local: Local } {
  const { reply, writes } = watched(() => stepAcceptor(viewOf(setup, local), request));
  return { reply, local: withWrites(local, writes) };
}

/** The shipped code stops the process where it finds two values; so does the exploration. */
function watched<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof InvariantViolation) throw new Violation("I1", error.message);
    throw error;
  }
}

export function outcomes(setup: Setup, network: Network, local: Local, delivery: Delivery): Outcome[] {
  const instance = setup.instances[network.instance] as Instance;
  const place = { setup, instance, network, local };
  const found = [
    ...deliveries(place, delivery),
    ...(instance.owner === local.self ? [...submits(place), ...ownRound(place)] : []),
    ...claims(place),
    ...network.rounds.filter(({ ballot }) => ballot.replica === local.self).flatMap((round) => roundOutcomes(place, round)),
  ];
  for (const outcome of found) checkStep(setup, instance, outcome.network, local, outcome.local);
  return found;
}

function deliveries({ instance, network, local }: Place, delivery: Delivery): Outcome[] {
  const found: Outcome[] = [];
  for (const { request, to } of sentRequests(network, instance)) {
    if (to !== null && !to.includes(local.self)) continue;
    if (request.kind === "preAccept" && local.self === instance.owner) continue;
    const { reply, local: after } = delivery(request, local);
    checkReply(request, reply, after);
    const heard = absorbed(network, local.self, request, reply);
    if (after === local && heard === network) continue;
    const ballot = "ballot" in request ? ` ${request.ballot.counter}.${request.ballot.replica}` : "";
    found.push({ label: `${request.kind}${ballot} reaches ${local.self}: ${reply.kind}`, network: heard, local: after });
  }
  return found;
}

/** What the sender may make of an answer later; the network itself where the answer can change nothing. */
function absorbed(network: Network, from: ReplicaId, request: AcceptorRequest, reply: AcceptorReply): Network {
  const at = from - 1;
  if (reply.kind === "preAcceptOk") {
    if (same(network.preAcceptOks[at], reply.deps)) return network;
    return { ...network, preAcceptOks: replaced(network.preAcceptOks, at, reply.deps) };
  }
  if (!("ballot" in request) || !("ballot" in reply)) return network;
  const round = network.rounds.find(({ ballot }) => same(ballot, request.ballot));
  if (round === undefined) return network;
  const { stage } = round;
  if (reply.kind === "recoverOk") {
    const wanted =
      stage.kind === "asking" || ((stage.kind === "validating" || stage.kind === "waiting") && !stage.candidate.quorum.includes(from));
    if (!wanted || same(round.replies[at], reply)) return network;
    return withRound(network, { ...round, replies: replaced(round.replies, at, reply) });
  }
  if (reply.kind === "validateOk" && stage.kind === "validating") {
    const before = stage.answers[at] ?? [];
    if (before.some((answer) => same(answer, reply.conflicts))) return network;
    const answers = [...before, reply.conflicts].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return withRound(network, { ...round, stage: { ...stage, answers: replaced(stage.answers, at, answers) } });
  }
  if (reply.kind === "acceptOk" && stage.kind === "proposed" && stage.oks[at] !== true) {
    return withRound(network, { ...round, stage: { ...stage, oks: replaced(stage.oks, at, true) } });
  }
  return network;
}

function submits({ setup, instance, network, local }: Place): Outcome[] {
  if (network.initial !== null) return [];
  const { id, payload } = instance;
  const { reply, writes } = submit(viewOf(setup, local), { id, payload });
  if (reply.kind !== "submitted") return [];
  const heard = { ...network, initial: reply.deps, preAcceptOks: replaced(network.preAcceptOks, local.self - 1, reply.deps) };
  return [{ label: `${local.self} submits ${instanceName(id)}`, network: heard, local: withWrites(local, writes) }];
}

/** Steps 16 to 20, on any set of answers that the owner may have heard so far. */
function ownRound({ setup, instance, network, local }: Place): Outcome[] {
  const { initial, preAcceptOks } = network;
  if (initial === null) return [];
  const { id, payload } = instance;
  const others = pairs(preAcceptOks).filter(([voter]) => voter !== local.self);
  const found: Outcome[] = [];
  const own = [local.self, preAcceptOks[local.self - 1]] as const;
  if (own[1] === null || own[1] === undefined) return [];
  for (const some of subsets(others, setup.need.slow - 1)) {
    const oks = new Map<ReplicaId, Deps>([[own[0], own[1]], ...some]);
    const concluded = concludePreAccepts({ thresholds: setup.need, initDeps: initial, oks, fastTimedOut: true, refused: new Set() });
    if (concluded.kind === "fast") {
      const { reply, writes } = watched(() => fastCommit(viewOf(setup, local), { id }));
      if (reply.kind === "lost" || (writes.length === 0 && network.fast)) continue;
      checkFast(setup, network);
      const chosen = { value: reply.value, deps: reply.deps };
      checkProposal(instance, network, chosen);
      checkCommit(network, chosen);
      found.push({
        label: `${local.self} commits fast`,
        network: { ...network, commit: chosen, fast: true },
        local: withWrites(local, writes),
      });
    }
    if (concluded.kind === "slow") {
      const { reply, writes } = selfAccept(viewOf(setup, local), { id, deps: concluded.deps });
      if (reply.kind === "lost" || writes.length === 0) continue;
      const chosen = { value: payload, deps: concluded.deps };
      checkProposal(instance, network, chosen);
      const ballot = ownerBallot(EPOCH, id);
      if (network.rounds.some((round) => same(round.ballot, ballot))) throw new Violation("I7", "the owner proposes twice at ballot 0");
      const oks = replaced(
        setup.voters.map(() => false),
        local.self - 1,
        true,
      );
      const round: Round = { ballot, replies: setup.voters.map(() => null), stage: { kind: "asking" } };
      found.push({ label: `${local.self} goes slow`, network: proposed(network, round, chosen, oks), local: withWrites(local, writes) });
    }
  }
  return found;
}

/** Step 28. Which ballots others used is told by refusals, so any unused counter may be the one that is tried. */
function claims({ setup, instance, network, local }: Place): Outcome[] {
  const { sharedCounters, phantoms } = setup.bound;
  if (network.initial === null && !phantoms) return [];
  const used = network.rounds.filter(({ ballot }) => ballot.counter > 0).map(({ ballot }) => ballot);
  if (used.length >= instance.recoveries) return [];
  const found: Outcome[] = [];
  for (let counter = 1; counter <= instance.recoveries; counter++) {
    if (used.some((ballot) => ballot.counter === counter && (!sharedCounters || ballot.replica === local.self))) continue;
    const above = counter === 1 ? null : ballotOf(counter - 1, local.self);
    const { reply, writes } = startRecovery(viewOf(setup, local), { id: instance.id, self: local.self, above });
    if (reply.kind !== "started" || reply.ballot.counter !== counter) continue;
    const round: Round = { ballot: reply.ballot, replies: setup.voters.map(() => null), stage: { kind: "asking" } };
    const label = `${local.self} recovers ${instanceName(instance.id)} at ballot ${counter}.${local.self}`;
    found.push({ label, network: withRound(network, round), local: withWrites(local, writes) });
  }
  return found;
}

/** What the coordinator of a ballot may conclude next. */
function roundOutcomes(place: Place, round: Round): Outcome[] {
  const { setup, instance, network, local } = place;
  const at = `ballot ${round.ballot.counter}.${round.ballot.replica}`;
  const propose = (chosen: Chosen, why: string): Outcome => {
    checkProposal(instance, network, chosen);
    const what = chosen.value === "nop" ? "Nop" : "the value";
    const none = setup.voters.map(() => false);
    return { label: `${at}: ${why}, propose ${what}`, network: proposed(network, round, chosen, none), local };
  };
  switch (round.stage.kind) {
    case "asking":
      return subsets(pairs(round.replies), setup.need.slow).map((some): Outcome => {
        const concluded = watched(() => concludeRecover({ thresholds: setup.need, id: instance.id, replies: new Map(some) }));
        const quorum = some.map(([voter]) => voter).join(",");
        if (concluded.kind === "accept") return propose({ value: concluded.value, deps: concluded.deps }, `answers of ${quorum}`);
        if (concluded.kind === "wait") throw new Violation("I19", "a slow quorum of answers is no answer");
        const { payload, deps, quorum: members, count } = concluded;
        const replies = round.replies.map((reply, i) => (members.includes((i + 1) as ReplicaId) ? null : reply));
        const stage = {
          kind: "validating" as const,
          candidate: { payload, deps, quorum: members, count },
          answers: setup.voters.map(() => []),
        };
        return { label: `${at}: validate at ${quorum}, ${count} agree`, network: withRound(network, { ...round, replies, stage }), local };
      });
    case "proposed":
      return round.stage.oks.filter(Boolean).length >= setup.need.slow ? [committed(place, round, round.stage.chosen, at)] : [];
    case "done":
      return [];
    default:
      return concludeLater({ setup, instance, network, local, round, propose, at });
  }
}

function committed({ setup, instance, network, local }: Place, round: Round, chosen: Chosen, at: string): Outcome {
  const { id } = instance;
  const path = round.ballot.counter === 0 ? ("slow" as const) : ("recovered" as const);
  const { writes } = watched(() => ownCommit(viewOf(setup, local), { id, epoch: EPOCH, ...chosen, path }));
  checkCommit(network, chosen);
  const next = withRound({ ...network, commit: chosen }, { ...round, stage: { kind: "done", chosen } });
  return { label: `${at}: commit`, network: next, local: withWrites(local, writes) };
}
