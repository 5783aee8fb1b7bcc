/** The later half of a recovery: rules f to j, on any answers that its coordinator may have heard so far. */
import { getInstance } from "../../protocol/instance.ts";
import type { ValidateConflict } from "../../protocol/messages.ts";
import { concludeValidate, concludeWaiting } from "../../protocol/recovery.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import type { RoundOutcome } from "./actions.ts";
import { same } from "./checks.ts";
import { type Local, viewOf } from "./local.ts";
import type { Chosen, Facts, Round } from "./network.ts";
import type { Instance, Setup } from "./setup.ts";
import { choices, pairs, subsets } from "./subsets.ts";

type Place = {
  readonly setup: Setup;
  readonly instance: Instance;
  readonly facts: Facts;
  readonly local: Local;
  readonly round: Round;
  readonly at: string;
  readonly propose: (chosen: Chosen, why: string) => RoundOutcome;
};

export function concludeLater(place: Place): RoundOutcome[] {
  switch (place.round.stage.kind) {
    case "validating":
      return afterValidate(place, place.round.stage);
    case "waiting":
      return afterWaiting(place, place.round.stage);
    default:
      return [];
  }
}

function afterValidate(place: Place, { candidate, answers }: Extract<Round["stage"], { kind: "validating" }>): RoundOutcome[] {
  const { setup, instance, facts, local, round, at, propose } = place;
  const given = candidate.quorum.map((voter) => (answers[voter - 1] ?? []).map((answer) => [voter, answer] as const));
  return choices(given).map((some): RoundOutcome => {
    const conflicts = new Map<ReplicaId, readonly ValidateConflict[]>(some);
    const concluded = concludeValidate({ ...candidate, thresholds: setup.need, id: instance.id, conflicts });
    if (concluded.kind === "incomplete") throw new Error("all of the quorum answered, and it is not enough");
    if (concluded.kind === "accept") return propose({ value: concluded.value, deps: concluded.deps }, "validated");
    const { ids } = concluded;
    const next: Round = { ...round, stage: { kind: "waiting", candidate, ids }, waiting: candidate.count };
    return { label: `${at}: wait for ${ids.length} (count ${candidate.count})`, facts, round: next, local };
  });
}

function afterWaiting(place: Place, { candidate, ids }: Extract<Round["stage"], { kind: "waiting" }>): RoundOutcome[] {
  const { setup, instance, local, round, propose } = place;
  const view = viewOf(setup, local);
  const conflicts = new Map(ids.map((id) => [id, getInstance(view, id)]));
  const found: Chosen[] = [];
  for (const late of subsets(pairs(round.replies), 0)) {
    const concluded = concludeWaiting({
      ...candidate,
      thresholds: setup.need,
      id: instance.id,
      waitFor: ids,
      conflicts,
      late: new Map(late),
    });
    if (concluded.kind === "wait") continue;
    const chosen = { value: concluded.value, deps: concluded.deps };
    if (!found.some((other) => same(other, chosen))) found.push(chosen);
  }
  return found.map((chosen) => propose(chosen, "waited"));
}
