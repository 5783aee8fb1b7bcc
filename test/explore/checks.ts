/** The invariants of spec/INVARIANTS.md that one step of one replica, or one instance alone, can break. */
import { compareBallots } from "../../protocol/ballot.ts";
import type { AcceptorReply, AcceptorRequest } from "../../protocol/messages.ts";
import type { InstanceRecord, Phase } from "../../protocol/types.ts";
import { isIndexed, type Local, recordOf } from "./local.ts";
import type { Chosen, Facts, Network, Oks } from "./network.ts";
import type { Instance, Setup } from "./setup.ts";

/** An invariant that does not hold, found while a step was looked at. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** Compares by content, and not by the functions that are under test. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function hold(invariant: string, condition: boolean, message: () => string): void {
  if (!condition) throw new Violation(invariant, message());
}

const PHASES: readonly Phase[] = ["initial", "preaccepted", "accepted", "committed"];

/** I3, I4, I5, I20: what one step may do to the record of its instance. */
export function checkStep(setup: Setup, instance: Instance, facts: Facts, before: Local, after: Local): void {
  for (const other of setup.instances) {
    if (other !== instance)
      hold("locality", same(recordOf(before, other.id), recordOf(after, other.id)), () => "a step changed another instance's record");
  }
  const old = recordOf(before, instance.id);
  const now = recordOf(after, instance.id);
  if (now === null) return hold("I4", old === null, () => "a record disappeared");
  hold("I3", compareBallots(now.acceptedBallot, now.ballot) <= 0, () => "accepted above the ballot joined");
  if (old !== null) {
    hold("I3", compareBallots(old.ballot, now.ballot) <= 0, () => "the joined ballot went down");
    hold("I3", compareBallots(old.acceptedBallot, now.acceptedBallot) <= 0, () => "the accepted ballot went down");
    hold("I4", PHASES.indexOf(old.phase) <= PHASES.indexOf(now.phase), () => `phase went from ${old.phase} to ${now.phase}`);
    if (old.phase === "committed") hold("I4", same([old.value, old.deps], [now.value, now.deps]), () => "a committed record changed");
  }
  checkInitial(instance, facts, now);
  const known = now.initPayload !== null || (now.value !== null && now.value !== "nop");
  if (known) hold("I20", isIndexed(after, instance.key, instance.id), () => "a known payload is not in the conflict index");
}

function checkInitial(instance: Instance, facts: Facts, record: InstanceRecord): void {
  hold("I5", (record.initPayload === null) === (record.initDeps === null), () => "initial values half known");
  if (record.initPayload === null) return;
  hold("I5", same(record.initDeps, facts.initial), () => "other initial dependencies than the owner's");
  hold("I5", same(record.initPayload, instance.payload), () => "another initial payload than the owner's");
}

/** I10: a promise is on disk before it is said. */
export function checkReply(request: AcceptorRequest, reply: AcceptorReply, after: Local): void {
  const record = recordOf(after, request.id);
  const durable = (condition: boolean) => hold("I10", condition, () => `${reply.kind} was said before it was durable`);
  switch (reply.kind) {
    case "preAcceptOk":
      return durable(record?.phase === "preaccepted" && record.ballot.counter === 0 && same(record.deps, reply.deps));
    case "acceptOk":
      return durable(
        record?.phase === "accepted" &&
          same(record.acceptedBallot, reply.ballot) &&
          request.kind === "accept" &&
          same(record.value, request.value),
      );
    case "recoverOk":
      return durable(record !== null && same(record.ballot, reply.ballot) && record.phase === reply.phase && same(record.deps, reply.deps));
    case "validateOk":
      return durable(record !== null && record.initDeps !== null && same(record.ballot, reply.ballot));
    default:
  }
}

/** I6 and I7: what a ballot proposes. */
export function checkProposal(instance: Instance, { initial }: Facts, chosen: Chosen): void {
  if (chosen.value === "nop") return hold("I7", chosen.deps.explicit.length === 0, () => "a Nop with dependencies");
  hold("I5", same(chosen.value, instance.payload), () => "another payload than the owner's is proposed");
  const missing = initial?.explicit.filter((id) => !chosen.deps.explicit.includes(id)) ?? [];
  hold("I6", missing.length === 0, () => "a proposed value lacks an initial dependency");
}

/** I9: a fast quorum agreed with the owner before it committed. */
export function checkFast(setup: Setup, { initial }: Facts, oks: Oks): void {
  const agreed = oks.filter((deps) => deps !== null && same(deps, initial)).length;
  const { n, e } = setup.need;
  hold("I9", agreed >= n - e, () => `fast commit with ${agreed} of ${n - e} agreeing voters`);
}

/** I1 and I15 for one more commit of the instance. */
export function checkCommit({ commit, fast }: Facts, chosen: Chosen): void {
  if (commit === null || same(commit, chosen)) return;
  const text = `${JSON.stringify(commit)} and ${JSON.stringify(chosen)}`;
  hold("I15", !(fast && chosen.value === "nop"), () => `committed fast, then as Nop: ${text}`);
  throw new Violation("I1", `two values were committed: ${text}`);
}

/** I2: two conflicting values committed, neither depending on the other. */
export function checkVisibility(setup: Setup, networks: readonly Network[]): void {
  for (const { facts: a } of networks) {
    for (const { facts: b } of networks) {
      if (a.instance >= b.instance || setup.conflicts[a.instance]?.[b.instance] !== true) continue;
      if (a.commit === null || b.commit === null || a.commit.value === "nop" || b.commit.value === "nop") continue;
      const ids = [a, b].map(({ instance }) => setup.instances[instance]?.id ?? 0);
      const ordered = a.commit.deps.explicit.some((id) => id === ids[1]) || b.commit.deps.explicit.some((id) => id === ids[0]);
      hold("I2", ordered, () => `instances ${a.instance} and ${b.instance} were committed and neither depends on the other`);
    }
  }
}
