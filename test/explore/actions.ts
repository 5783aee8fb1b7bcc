/** Every step that the shipped functions allow one replica for one instance, given what was said about it so far. */
import { fastCommit, selfAccept, startRecovery, stepAcceptor, submit } from "../../protocol/acceptor.ts";
import { InvariantViolation } from "../../protocol/assert.ts";
import { ownerBallot } from "../../protocol/ballot.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { AcceptorReply, AcceptorRequest } from "../../protocol/messages.ts";
import { concludePreAccepts } from "../../protocol/owner.ts";
import type { Ballot, Deps, ReplicaId } from "../../protocol/types.ts";
import { checkCommit, checkFast, checkProposal, checkReply, checkStep, same, Violation } from "./checks.ts";
import { type Local, viewOf, withWrites } from "./local.ts";
import { type Facts, type Oks, proposed, type Round, replaced, sentByOwner } from "./network.ts";
import { ballotOf, EPOCH, type Instance, type Setup } from "./setup.ts";
import { pairs, subsets } from "./subsets.ts";

/** A step of the owner's first round, or a commit heard of. `round`: the owner's second one begins. */
export type OwnerOutcome = {
  readonly label: string;
  readonly facts: Facts;
  readonly oks: Oks;
  readonly round: Round | null;
  readonly local: Local;
};
/** A step of one ballot. */
export type RoundOutcome = { readonly label: string; readonly facts: Facts; readonly round: Round; readonly local: Local };

/** What a replica with this disk answers. */
export function deliver(setup: Setup, request: AcceptorRequest, local: Local): { reply: AcceptorReply; local: Local; label: string } {
  const { reply, writes } = watched(() => stepAcceptor(viewOf(setup, local), request));
  const after = withWrites(local, writes);
  checkReply(request, reply, after);
  const ballot = "ballot" in request ? ` ${request.ballot.counter}.${request.ballot.replica}` : "";
  const label = `${request.kind}${ballot} of ${instanceName(request.id)} reaches ${local.self}: ${reply.kind}`;
  return { reply, local: after, label };
}

/** The shipped code stops the process where it finds two values; so does the exploration. */
export function watched<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof InvariantViolation) throw new Violation("I1", error.message);
    throw error;
  }
}

type Place = { readonly setup: Setup; readonly instance: Instance; readonly facts: Facts; readonly oks: Oks; readonly local: Local };

/** What may happen at one replica with PreAccept and Commit. */
export function ownerOutcomes(setup: Setup, facts: Facts, oks: Oks, local: Local): OwnerOutcome[] {
  const instance = setup.instances[facts.instance] as Instance;
  const place = { setup, instance, facts, oks, local };
  const found = [...deliveries(place), ...(instance.owner === local.self ? [...submits(place), ...ownRound(place)] : [])];
  for (const outcome of found) checkStep(setup, instance, outcome.facts, local, outcome.local);
  return found;
}

function deliveries({ setup, instance, facts, oks, local }: Place): OwnerOutcome[] {
  const found: OwnerOutcome[] = [];
  for (const { request } of sentByOwner(facts, instance)) {
    if (request.kind === "preAccept" && local.self === instance.owner) continue;
    const { reply, local: after, label } = deliver(setup, request, local);
    const heard = reply.kind === "preAcceptOk" && !same(oks[local.self - 1], reply.deps) ? replaced(oks, local.self - 1, reply.deps) : oks;
    if (after !== local || heard !== oks) found.push({ label, facts, oks: heard, round: null, local: after });
  }
  return found;
}

function submits({ setup, instance, facts, oks, local }: Place): OwnerOutcome[] {
  if (facts.initial !== null) return [];
  const { id, payload } = instance;
  const { reply, writes } = submit(viewOf(setup, local), { id, payload });
  if (reply.kind !== "submitted") return [];
  const label = `${local.self} submits ${instanceName(id)}`;
  const heard = replaced(oks, local.self - 1, reply.deps);
  return [{ label, facts: { ...facts, initial: reply.deps }, oks: heard, round: null, local: withWrites(local, writes) }];
}

/** Steps 16 to 20, on any set of answers that the owner may have heard so far. */
function ownRound({ setup, instance, facts, oks, local }: Place): OwnerOutcome[] {
  const { initial } = facts;
  const own = oks[local.self - 1] ?? null;
  if (initial === null || own === null) return [];
  const { id, payload } = instance;
  const others = pairs(oks).filter(([voter]) => voter !== local.self);
  const found: OwnerOutcome[] = [];
  for (const some of subsets(others, setup.need.slow - 1)) {
    const heard = new Map<ReplicaId, Deps>([[local.self, own], ...some]);
    const concluded = concludePreAccepts({ thresholds: setup.need, initDeps: initial, oks: heard, fastTimedOut: true, refused: new Set() });
    if (concluded.kind === "fast") {
      const { reply, writes } = watched(() => fastCommit(viewOf(setup, local), { id }));
      if (reply.kind === "lost" || (writes.length === 0 && facts.fast)) continue;
      checkFast(setup, facts, oks);
      const chosen = { value: reply.value, deps: reply.deps };
      checkProposal(instance, facts, chosen);
      checkCommit(facts, chosen);
      const label = `${local.self} commits ${instanceName(id)} fast`;
      found.push({ label, facts: { ...facts, commit: chosen, fast: true }, oks, round: null, local: withWrites(local, writes) });
    }
    if (concluded.kind === "slow") {
      const { reply, writes } = selfAccept(viewOf(setup, local), { id, deps: concluded.deps });
      if (reply.kind === "lost" || writes.length === 0) continue;
      const chosen = { value: payload, deps: concluded.deps };
      checkProposal(instance, facts, chosen);
      const accepted = replaced(
        setup.voters.map(() => false),
        local.self - 1,
        true,
      );
      const round = proposed({ ballot: ownerBallot(EPOCH, id), waiting: null }, chosen, accepted);
      const label = `${local.self} goes slow with ${instanceName(id)} on the answers of ${[...heard.keys()].join(",")}`;
      found.push({ label, facts, oks, round, local: withWrites(local, writes) });
    }
  }
  return found;
}

/** Step 28. Which ballots others used is told by refusals, so any unused counter may be the one that is tried. */
export function claims(setup: Setup, facts: Facts, used: readonly Ballot[], local: Local): RoundOutcome[] {
  const { sharedCounters, phantoms } = setup.bound;
  const instance = setup.instances[facts.instance] as Instance;
  if ((facts.initial === null && !phantoms) || facts.started >= instance.recoveries) return [];
  const found: RoundOutcome[] = [];
  for (let counter = 1; counter <= instance.recoveries; counter++) {
    if (used.some((ballot) => ballot.counter === counter && (!sharedCounters || ballot.replica === local.self))) continue;
    const above = counter === 1 ? null : ballotOf(counter - 1, local.self);
    const { reply, writes } = startRecovery(viewOf(setup, local), { id: instance.id, self: local.self, above });
    if (reply.kind !== "started" || reply.ballot.counter !== counter) continue;
    const round: Round = { ballot: reply.ballot, replies: setup.voters.map(() => null), stage: { kind: "asking" }, waiting: null };
    const label = `${local.self} recovers ${instanceName(instance.id)} at ballot ${counter}.${local.self}`;
    const after = withWrites(local, writes);
    checkStep(setup, instance, facts, local, after);
    found.push({ label, facts: { ...facts, started: facts.started + 1 }, round, local: after });
  }
  return found;
}
