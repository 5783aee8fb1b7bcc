/** Committed instances in a view, for tests of execution.ts. */
import { ownerBallot } from "../../protocol/ballot.ts";
import { makeDeps } from "../../protocol/deps.ts";
import type { PlanOptions } from "../../protocol/execution.ts";
import { frontierOf } from "../../protocol/frontier.ts";
import { instanceName, replicaId } from "../../protocol/ids.ts";
import type { Epoch, InstanceId, InstanceRecord, Write } from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { bytes, key } from "./arbitrary.ts";

export const all: PlanOptions = { executedHint: () => false, visitMax: 1000 };
const epoch1 = 1 as Epoch;

type Sketch = {
  readonly deps?: readonly InstanceId[];
  readonly floor?: readonly (readonly [number, number])[];
  readonly seq?: number;
  readonly epoch?: number;
  readonly phase?: InstanceRecord["phase"];
  readonly executed?: boolean;
  readonly nop?: boolean;
  readonly keys?: readonly string[];
};

export function instance(one: InstanceId, sketch: Sketch = {}): Write {
  const epoch = (sketch.epoch ?? 1) as Epoch;
  const entries = (sketch.keys ?? ["k"]).map((name) => ({
    commands: [{ kind: "set" as const, key: key(name), value: bytes(instanceName(one)) }],
    idempotency: null,
  }));
  const value = sketch.nop === true ? "nop" : { seq: sketch.seq ?? 1, entries };
  const deps = makeDeps(frontierOf(sketch.floor ?? []), sketch.deps ?? []);
  const record: InstanceRecord = {
    id: one,
    epoch,
    phase: sketch.phase ?? "committed",
    ballot: ownerBallot(epoch, one),
    acceptedBallot: ownerBallot(epoch, one),
    value,
    deps,
    initPayload: null,
    initDeps: null,
    executed: sketch.executed ?? false,
    waitingCount: 0,
    path: null,
    outcomes: null,
    resubmittedAs: null,
  };
  return { kind: "instance", id: instanceName(one), record };
}

export function replica(epoch: number = epoch1): Write {
  return {
    kind: "replica",
    id: "",
    record: {
      clusterId: "c",
      clusterName: "c",
      self: replicaId(1),
      incarnation: "i",
      epoch: epoch as Epoch,
      frozen: false,
      reported: null,
    },
  };
}

export function progress(
  executed: readonly (readonly [number, number])[],
  globalFloor: readonly (readonly [number, number])[] = [],
): Write {
  return { kind: "progress", id: "", record: { executed: frontierOf(executed), globalFloor: frontierOf(globalFloor) } };
}

export function view(...writes: readonly Write[]): TestView {
  return testView([replica(), ...writes]);
}
