/** What may happen at one replica with one ballot of an instance: requests that reach it, and what its coordinator concludes. */
import { ownCommit } from "../../protocol/acceptor.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { AcceptorReply } from "../../protocol/messages.ts";
import { concludeRecover } from "../../protocol/recovery.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import { deliver, type RoundOutcome, watched } from "./actions.ts";
import { checkCommit, checkProposal, checkStep, same, Violation } from "./checks.ts";
import { concludeLater } from "./conclusions.ts";
import { type Local, viewOf, withWrites } from "./local.ts";
import { type Chosen, type Facts, proposed, type Round, replaced, sentInRound } from "./network.ts";
import { EPOCH, type Instance, type Setup } from "./setup.ts";
import { pairs, subsets } from "./subsets.ts";

type Place = { readonly setup: Setup; readonly instance: Instance; readonly facts: Facts; readonly round: Round; readonly local: Local };

export function roundOutcomes(setup: Setup, facts: Facts, round: Round, local: Local): RoundOutcome[] {
  const instance = setup.instances[facts.instance] as Instance;
  const place = { setup, instance, facts, round, local };
  const found = [...deliveries(place), ...(round.ballot.replica === local.self ? conclusions(place) : [])];
  for (const outcome of found) checkStep(setup, instance, facts, local, outcome.local);
  return found;
}

function deliveries({ setup, instance, facts, round, local }: Place): RoundOutcome[] {
  const found: RoundOutcome[] = [];
  for (const { request, to } of sentInRound(round, instance)) {
    if (to !== null && !to.includes(local.self)) continue;
    const { reply, local: after, label } = deliver(setup, request, local);
    const heard = absorbed(round, local.self, reply);
    if (after !== local || heard !== round) found.push({ label, facts, round: heard, local: after });
  }
  return found;
}

/** What the coordinator may make of an answer later; the round itself where the answer can change nothing. */
function absorbed(round: Round, from: ReplicaId, reply: AcceptorReply): Round {
  const { stage } = round;
  const at = from - 1;
  if (reply.kind === "recoverOk") {
    const late = (stage.kind === "validating" || stage.kind === "waiting") && !stage.candidate.quorum.includes(from);
    const wanted = stage.kind === "asking" || late;
    return wanted && !same(round.replies[at], reply) ? { ...round, replies: replaced(round.replies, at, reply) } : round;
  }
  if (reply.kind === "validateOk" && stage.kind === "validating") {
    const before = stage.answers[at] ?? [];
    if (before.some((answer) => same(answer, reply.conflicts))) return round;
    const answers = [...before, reply.conflicts].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return { ...round, stage: { ...stage, answers: replaced(stage.answers, at, answers) } };
  }
  if (reply.kind === "acceptOk" && stage.kind === "proposed" && stage.oks[at] !== true) {
    return { ...round, stage: { ...stage, oks: replaced(stage.oks, at, true) } };
  }
  return round;
}

function conclusions(place: Place): RoundOutcome[] {
  const { setup, instance, facts, round, local } = place;
  const at = `ballot ${round.ballot.counter}.${round.ballot.replica} of ${instanceName(instance.id)}`;
  const propose = (chosen: Chosen, why: string): RoundOutcome => {
    checkProposal(instance, facts, chosen);
    const what = chosen.value === "nop" ? "Nop" : "the value";
    return {
      label: `${at}: ${why}, propose ${what}`,
      facts,
      round: proposed(
        round,
        chosen,
        setup.voters.map(() => false),
      ),
      local,
    };
  };
  switch (round.stage.kind) {
    case "asking":
      return afterRecover(place, at, propose);
    case "proposed":
      return round.stage.oks.filter(Boolean).length >= setup.need.slow ? [committed(place, round.stage.chosen, at)] : [];
    case "done":
      return [];
    default:
      return concludeLater({ setup, instance, facts, local, round, propose, at });
  }
}

/** Rules a to e, on any quorum of the answers that the coordinator may have heard so far. */
function afterRecover({ setup, instance, facts, round, local }: Place, at: string, propose: (chosen: Chosen, why: string) => RoundOutcome) {
  return subsets(pairs(round.replies), setup.need.slow).map((some): RoundOutcome => {
    const concluded = watched(() => concludeRecover({ thresholds: setup.need, id: instance.id, replies: new Map(some) }));
    const heard = some.map(([voter]) => voter).join(",");
    if (concluded.kind === "accept") return propose({ value: concluded.value, deps: concluded.deps }, `answers of ${heard}`);
    if (concluded.kind === "wait") throw new Violation("I19", "a slow quorum of answers is no answer");
    const { payload, deps, quorum, count } = concluded;
    const replies = round.replies.map((reply, i) => (quorum.includes((i + 1) as ReplicaId) ? null : reply));
    const stage = { kind: "validating" as const, candidate: { payload, deps, quorum, count }, answers: setup.voters.map(() => []) };
    return { label: `${at}: validate at ${heard}, ${count} agree`, facts, round: { ...round, replies, stage }, local };
  });
}

function committed({ setup, instance, facts, round, local }: Place, chosen: Chosen, at: string): RoundOutcome {
  const path = round.ballot.counter === 0 ? ("slow" as const) : ("recovered" as const);
  const { writes } = watched(() => ownCommit(viewOf(setup, local), { id: instance.id, epoch: EPOCH, ...chosen, path }));
  checkCommit(facts, chosen);
  const what = chosen.value === "nop" ? "Nop" : "the value";
  const done: Round = { ...round, stage: { kind: "done", chosen } };
  return { label: `${at}: commit ${what}`, facts: { ...facts, commit: chosen }, round: done, local: withWrites(local, writes) };
}
