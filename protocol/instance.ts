/** One instance's record: how it begins and how it ends. */
import { Contradiction } from "./assert.ts";
import { ownerBallot } from "./ballot.ts";
import { register } from "./conflict-index.ts";
import { NO_DEPS, sameDeps } from "./deps.ts";
import { fateOf, recordIn, type Standing } from "./epoch-fence.ts";
import { covers } from "./frontier.ts";
import { instanceName } from "./ids.ts";
import type { Deps, Epoch, InstanceId, InstanceRecord, Value, View, Write } from "./types.ts";
import { sameValue } from "./value.ts";

/** A replica that knows nothing of an instance; `null` and this mean the same. */
export function blankInstance(epoch: Epoch, id: InstanceId): InstanceRecord {
  const ballot = ownerBallot(epoch, id);
  return {
    id,
    epoch,
    phase: "initial",
    ballot,
    acceptedBallot: ballot,
    value: null,
    deps: NO_DEPS,
    initPayload: null,
    initDeps: null,
    executed: false,
    waitingCount: 0,
    path: null,
    outcomes: null,
    resubmittedAs: null,
  };
}

export function getInstance(view: View, id: InstanceId): InstanceRecord | null {
  return view.get("instance", instanceName(id));
}

export function putInstance(record: InstanceRecord): Write {
  return { kind: "instance", id: instanceName(record.id), record };
}

export type CommitInput = {
  readonly id: InstanceId;
  readonly epoch: Epoch;
  readonly value: Value;
  readonly deps: Deps;
  readonly path: InstanceRecord["path"];
};

/**
 * Steps 25 to 27: at any ballot, once. A committed record changes no more (its `path`, which no replica agrees on, may become known).
 *
 * @throws Contradiction when the instance is already committed as something else, or its epoch was closed without it
 */
export function commitInstance(view: View, standing: Standing, input: CommitInput): Write[] {
  const { id, epoch, value, path } = input;
  const deps = value === "nop" ? NO_DEPS : input.deps;
  const known = getInstance(view, id);
  // Step 27: executed inside a snapshot, or dropped. A record now would have it executed twice.
  if (known === null && covers(standing.progress.executed, id)) return [];
  if (known?.phase === "committed") {
    if (known.value === null || !sameValue(known.value, value)) throw new Contradiction(`${instanceName(id)}: two values committed`);
    if (!sameDeps(known.deps, deps)) throw new Contradiction(`${instanceName(id)}: two dependency sets committed`);
    return known.path === null && path !== null ? [putInstance({ ...known, path })] : [];
  }
  if (value !== "nop" && fateOf(standing.chain, epoch, id) === "nop") {
    throw new Contradiction(`${instanceName(id)}: committed in epoch ${epoch}, whose close does not list it`);
  }
  const before = recordIn(known, epoch) ?? blankInstance(epoch, id);
  const writes = value === "nop" ? [] : register(view, { id, payload: value, globalFloor: standing.progress.globalFloor });
  return [...writes, putInstance({ ...before, epoch, phase: "committed", value, deps, path })];
}
