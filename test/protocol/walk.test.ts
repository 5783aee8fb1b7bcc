/**
 * Random walks over the pure steps of commit and recovery: every message may come late, twice, out of order or never.
 * SEED=n repeats one walk, SEEDS=n tries that many from a random start.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fastCommit, selfAccept, startRecovery } from "../../protocol/acceptor.ts";
import { compareBallots, ownerBallot } from "../../protocol/ballot.ts";
import { hasDep, sameDeps } from "../../protocol/deps.ts";
import { instanceName, ownerOf, replicaId } from "../../protocol/ids.ts";
import type { PeerReplyOf, ValidateConflict } from "../../protocol/messages.ts";
import { concludePreAccepts } from "../../protocol/owner.ts";
import { type Candidate, concludeRecover, concludeValidate, concludeWaiting } from "../../protocol/recovery.ts";
import type { Ballot, Deps, InstanceId, ReplicaId, Value } from "../../protocol/types.ts";
import { sameValue } from "../../protocol/value.ts";
import { id } from "./arbitrary.ts";
import { epoch, makeVoters, payload, type Voters } from "./voters.ts";

type Decision = { readonly value: Value; readonly deps: Deps };
type Proposal = Decision & { readonly id: InstanceId; readonly ballot: Ballot; readonly oks: Set<number>; decided: boolean };
type Round = {
  readonly id: InstanceId;
  readonly ballot: Ballot;
  readonly coordinator: number;
  readonly replies: Map<ReplicaId, PeerReplyOf<"recoverOk">>;
  readonly conflicts: Map<ReplicaId, readonly ValidateConflict[]>;
  candidate: Candidate | null;
  waitFor: readonly InstanceId[] | null;
  proposed: boolean;
};

const STEPS = 160;
const COUNTER_MAX = 4;

/** Numbers in [0, 1) from one seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Walk {
  readonly voters: Voters;
  readonly ids = [id(1, 1), id(2, 1), id(1, 2)];
  readonly submitted = new Map<InstanceId, Deps>();
  readonly oks = new Map<InstanceId, Map<ReplicaId, Deps>>();
  readonly rounds: Round[] = [];
  readonly proposals: Proposal[] = [];
  readonly waiting: { readonly id: InstanceId; readonly count: number }[] = [];
  readonly decisions = new Map<InstanceId, Decision>();
  private readonly n: number;
  private readonly random: () => number;
  constructor(n: number, seed: number) {
    this.n = n;
    this.random = randomFrom(seed);
    this.voters = makeVoters(n);
  }

  pick<T>(list: readonly T[]): T | null {
    return list[Math.floor(this.random() * list.length)] ?? null;
  }
  anyone(): number {
    return 1 + Math.floor(this.random() * this.n);
  }

  step(): void {
    const moves = [
      () => this.submit(),
      () => this.preAccept(),
      () => this.preAccept(),
      () => this.concludeOwn(),
      () => this.startRound(),
      () => this.deliverRecover(),
      () => this.deliverRecover(),
      () => this.concludeRound(),
      () => this.deliverValidate(),
      () => this.deliverValidate(),
      () => this.concludeRound(),
      () => this.deliverWaiting(),
      () => this.deliverAccept(),
      () => this.deliverAccept(),
      () => this.deliverCommit(),
    ];
    this.pick(moves)?.();
  }

  submit(): void {
    const wanted = this.pick(this.ids.filter((each) => !this.submitted.has(each)));
    if (wanted === null || this.voters.record(ownerOf(wanted), wanted) !== null) return;
    const d0 = this.voters.submit(wanted, payload(this.ids.indexOf(wanted)));
    this.submitted.set(wanted, d0);
    this.oks.set(wanted, new Map([[ownerOf(wanted), d0]]));
  }

  preAccept(): void {
    const wanted = this.pick([...this.submitted.keys()]);
    const to = this.anyone();
    if (wanted === null || to === ownerOf(wanted)) return;
    const reply = this.voters.preAccept(to, wanted);
    if (reply.kind === "preAcceptOk") this.oks.get(wanted)?.set(replicaId(to), reply.deps);
  }

  concludeOwn(): void {
    const wanted = this.pick([...this.submitted.keys()]);
    if (wanted === null) return;
    const initDeps = this.submitted.get(wanted) as Deps;
    const oks = this.oks.get(wanted) as Map<ReplicaId, Deps>;
    const concluded = concludePreAccepts({
      thresholds: this.voters.need,
      initDeps,
      oks,
      fastTimedOut: this.random() < 0.3,
      refused: new Set(),
    });
    const owner = this.voters.view(ownerOf(wanted));
    if (concluded.kind === "fast") {
      const reply = owner.run(fastCommit(owner, { id: wanted }));
      if (reply.kind === "committed") this.decide(wanted, reply);
    } else if (concluded.kind === "slow") {
      const reply = owner.run(selfAccept(owner, { id: wanted, deps: concluded.deps }));
      if (reply.kind === "accepted") {
        this.propose(wanted, ownerBallot(epoch(1), wanted), { value: payload(this.ids.indexOf(wanted)), deps: concluded.deps }, [
          ownerOf(wanted),
        ]);
      }
    }
  }

  propose(wanted: InstanceId, ballot: Ballot, { value, deps }: Decision, oks: readonly number[]): void {
    if (this.proposals.some((each) => each.id === wanted && compareBallots(each.ballot, ballot) === 0)) return;
    this.proposals.push({ id: wanted, ballot, value, deps, oks: new Set(oks), decided: false });
  }

  startRound(): void {
    const wanted = this.pick([...this.submitted.keys()]);
    const coordinator = this.anyone();
    if (wanted === null) return;
    const at = this.voters.view(coordinator);
    if ((this.voters.record(coordinator, wanted)?.ballot.counter ?? 0) >= COUNTER_MAX) return;
    const reply = at.run(startRecovery(at, { id: wanted, self: replicaId(coordinator), above: null }));
    if (reply.kind !== "started") return;
    const round = {
      id: wanted,
      ballot: reply.ballot,
      coordinator,
      replies: new Map(),
      conflicts: new Map(),
      candidate: null,
      waitFor: null,
      proposed: false,
    };
    this.rounds.push(round);
  }

  deliverRecover(): void {
    const round = this.pick(this.rounds);
    if (round === null) return;
    const from = this.anyone();
    const reply = this.voters.ask(from, { kind: "recover", epoch: epoch(1), id: round.id, ballot: round.ballot });
    if (reply.kind === "recoverOk" && !round.replies.has(replicaId(from))) round.replies.set(replicaId(from), reply);
    if (reply.kind === "committed") this.sameAsDecided(round.id, reply);
  }

  concludeRound(): void {
    const round = this.pick(this.rounds.filter((each) => !each.proposed));
    if (round === null) return;
    const own = this.voters.record(round.coordinator, round.id);
    if (own === null || own.phase === "committed" || compareBallots(own.ballot, round.ballot) !== 0) return;
    const concluded = this.conclusionOf(round);
    if (concluded.kind === "validate") round.candidate = concluded;
    else if (concluded.kind === "waitFor") {
      round.waitFor = concluded.ids;
      this.waiting.push({ id: round.id, count: round.candidate?.count ?? 0 });
    } else if (concluded.kind === "accept") {
      round.proposed = true;
      this.propose(round.id, round.ballot, concluded, []);
    }
  }

  conclusionOf(round: Round) {
    const asked = { thresholds: this.voters.need, id: round.id };
    if (round.candidate === null) return concludeRecover({ ...asked, replies: round.replies });
    const { waitFor, candidate } = round;
    if (waitFor === null) return concludeValidate({ ...asked, ...candidate, conflicts: round.conflicts });
    const conflicts = new Map(waitFor.map((each) => [each, this.voters.record(round.coordinator, each)]));
    return concludeWaiting({ ...asked, ...candidate, waitFor, conflicts, late: round.replies });
  }

  deliverValidate(): void {
    const round = this.pick(this.rounds.filter((each) => each.candidate !== null));
    const from = this.pick(round?.candidate?.quorum ?? []);
    if (round === null || round.candidate === null || from === null) return;
    const { payload: value, deps } = round.candidate;
    const reply = this.voters.ask(from, { kind: "validate", epoch: epoch(1), id: round.id, ballot: round.ballot, payload: value, deps });
    if (reply.kind === "validateOk") round.conflicts.set(from, reply.conflicts);
  }

  deliverWaiting(): void {
    const notice = this.pick(this.waiting);
    if (notice !== null) this.voters.ask(this.anyone(), { kind: "waiting", epoch: epoch(1), ...notice });
  }

  deliverAccept(): void {
    const proposal = this.pick(this.proposals);
    if (proposal === null) return;
    const to = this.anyone();
    const reply = this.voters.accept(to, proposal.id, proposal.ballot, proposal);
    if (reply.kind === "committed") this.sameAsDecided(proposal.id, reply);
    if (reply.kind !== "acceptOk") return;
    proposal.oks.add(to);
    if (proposal.oks.size < this.voters.need.slow || proposal.decided) return;
    proposal.decided = true;
    this.decide(proposal.id, proposal);
  }

  deliverCommit(): void {
    const decided = this.pick([...this.decisions]);
    if (decided === null) return;
    const [wanted, { value, deps }] = decided;
    this.voters.ask(this.anyone(), { kind: "commit", epoch: epoch(1), id: wanted, value, deps });
  }

  sameAsDecided(wanted: InstanceId, { value, deps }: Decision): void {
    const known = this.decisions.get(wanted);
    assert(known !== undefined, `${instanceName(wanted)} is committed and nobody decided it`);
    assert(sameValue(known.value, value) && sameDeps(known.deps, deps), `${instanceName(wanted)}: two decisions`);
  }

  /** Agreement, visibility, and the initial dependencies kept. */
  decide(wanted: InstanceId, decision: Decision): void {
    if (this.decisions.has(wanted)) return this.sameAsDecided(wanted, decision);
    this.decisions.set(wanted, { value: decision.value, deps: decision.deps });
    if (decision.value === "nop") return;
    for (const each of this.submitted.get(wanted)?.explicit ?? []) assert(hasDep(decision.deps, each), "an initial dependency is lost");
    for (const [other, { value, deps }] of this.decisions) {
      if (other === wanted || value === "nop") continue;
      const visible = hasDep(deps, wanted) || hasDep(decision.deps, other);
      assert(visible, `${instanceName(wanted)} and ${instanceName(other)} do not see each other`);
    }
  }
}

const env = process.env as { SEED?: string; SEEDS?: string };
const start = Math.floor(Math.random() * 2 ** 31);
const seeds = env.SEED === undefined ? Array.from({ length: Number(env.SEEDS ?? 300) }, (_, i) => start + i) : [Number(env.SEED)];

describe("agreement, visibility and initial dependencies hold in every order of messages", () => {
  for (const n of [2, 3, 4, 5, 7]) {
    test(`${n} voters, ${seeds.length} walks from SEED=${seeds[0]}`, () => {
      const ends = { nop: 0, decided: 0 };
      for (const seed of seeds) {
        const walk = new Walk(n, seed);
        try {
          for (let i = 0; i < STEPS + 40 * n; i++) walk.step();
        } catch (error) {
          throw new Error(`repeat with SEED=${seed}`, { cause: error });
        }
        ends.decided += walk.decisions.size;
        ends.nop += [...walk.decisions.values()].filter(({ value }) => value === "nop").length;
      }
      if (n > 2 && seeds.length > 100) assert(ends.nop > 0 && ends.decided > ends.nop, "the walks reach both kinds of decision");
    });
  }
});
