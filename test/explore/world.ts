/**
 * The exploration in small integers. A state is one number for each replica's disk and one for each instance's network. What
 * may happen next with one part of a network at one disk depends on these alone, so the shipped functions run once for each.
 */
import { fastCommit, selfAccept } from "../../protocol/acceptor.ts";
import { compareBallots } from "../../protocol/ballot.ts";
import { NO_DEPS } from "../../protocol/deps.ts";
import { instanceName } from "../../protocol/ids.ts";
import { claims, type OwnerOutcome, ownerOutcomes, type RoundOutcome } from "./actions.ts";
import { checkVisibility, Violation } from "./checks.ts";
import { type Interner, interner } from "./interner.ts";
import { blankLocal, type Local, localKey, viewOf } from "./local.ts";
import { blankFacts, type Facts, type Network, type Oks, type Round } from "./network.ts";
import { roundOutcomes } from "./rounds.ts";
import type { Instance, Setup } from "./setup.ts";
import { exchanges, relabel } from "./symmetry.ts";

/** Disks of replicas 1..n, then networks of the instances. */
export type Tuple = Int32Array;
export type Described = { readonly label: string; readonly local: number; readonly network: number };

export type World = {
  readonly setup: Setup;
  readonly width: number;
  initial(): Tuple;
  /** Next disk and network of one replica and one instance, for each thing that may happen, flat. @throws Violation */
  next(network: number, local: number): Int32Array;
  /** The same in words. */
  described(network: number, local: number): readonly Described[];
  /** Forgets what can matter no more, then takes the least of all states that are the same but for names; in place. */
  normalise(tuple: Tuple): void;
  /** After the network of instance `index` changed from `before`. @throws Violation */
  checkAcross(tuple: Tuple, index: number, before: number): void;
  network(id: number): Network;
  /** What was met on the way, so that an exploration that finds nothing can be seen to have looked. */
  met(): readonly string[];
};

/** A network by the numbers of its parts; rounds ascending by ballot. */
type Parts = { readonly facts: number; readonly oks: number; readonly rounds: readonly number[] };

type Tables = {
  readonly locals: Interner<Local>;
  readonly facts: Interner<Facts>;
  readonly oks: Interner<Oks>;
  readonly rounds: Interner<Round>;
  readonly networks: Interner<Parts>;
};

export function makeWorld(setup: Setup): World {
  const { n } = setup.bound;
  const json = (value: unknown) => JSON.stringify(value);
  const tables: Tables = {
    locals: interner<Local>(localKey),
    facts: interner<Facts>(json),
    oks: interner<Oks>(json),
    rounds: interner<Round>(json),
    networks: interner<Parts>(({ facts, oks, rounds }) => `${facts} ${oks} ${rounds.join(" ")}`),
  };
  const { locals, networks } = tables;
  const steps = makeSteps(setup, tables);
  const pairs = new Map<number, Int32Array | Violation>();
  const least = makeLeast(setup, tables);
  const asleep = makeAsleep(setup, tables);
  const network = (id: number): Network => {
    const { facts, oks, rounds } = networks.valueOf(id);
    return { facts: tables.facts.valueOf(facts), oks: tables.oks.valueOf(oks), rounds: rounds.map(tables.rounds.valueOf) };
  };
  const compute = (at: number, local: number): Int32Array | Violation => {
    try {
      return Int32Array.from(distinct(steps(at, local)).flatMap((step) => [step.local, step.network]));
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
  };
  return {
    setup,
    width: n + setup.instances.length,
    initial() {
      const empty = tables.oks.idOf(setup.voters.map(() => null));
      const blank = setup.instances.map(({ index }) =>
        networks.idOf({ facts: tables.facts.idOf(blankFacts(index)), oks: empty, rounds: [] }),
      );
      return Int32Array.from([...setup.voters.map((voter) => locals.idOf(blankLocal(voter))), ...blank]);
    },
    next(at, local) {
      const key = at * 2 ** 26 + local;
      let found = pairs.get(key);
      if (found === undefined) {
        found = compute(at, local);
        pairs.set(key, found);
      }
      if (found instanceof Violation) throw found;
      return found;
    },
    described: steps,
    normalise(tuple) {
      for (const { index, owner } of setup.instances)
        tuple[n + index] = asleep(index, tuple[owner - 1] as number, tuple[n + index] as number);
      least(tuple);
    },
    checkAcross(tuple, index, before) {
      const isCommitted = (id: number) => tables.facts.valueOf(networks.valueOf(id).facts).commit !== null;
      if (!isCommitted(tuple[n + index] as number) || isCommitted(before)) return;
      checkVisibility(
        setup,
        setup.instances.map((instance) => network(tuple[n + instance.index] as number)),
      );
    },
    network,
    met: () => met(tables),
  };
}

function met({ facts, rounds }: Tables): string[] {
  const found = new Set<string>();
  for (const { fast, commit } of facts.all()) {
    if (fast) found.add("fast commit");
    if (commit !== null) found.add(commit.value === "nop" ? "Nop committed" : "value committed");
  }
  for (const { ballot, stage } of rounds.all()) {
    if (ballot.counter === 0) found.add("slow path");
    else if (stage.kind === "done") found.add(stage.chosen.value === "nop" ? "Nop recovered" : "value recovered");
    else if (stage.kind === "validating") found.add("validation");
    else if (stage.kind === "waiting") found.add("waiting");
  }
  return [...found].sort();
}

function distinct(list: readonly Described[]): Described[] {
  const seen = new Set<number>();
  return list.filter(({ local, network }) => {
    const key = network * 2 ** 26 + local;
    return seen.has(key) ? false : seen.add(key);
  });
}

/** The steps of one replica for one instance, put together from those of the parts. */
function makeSteps(setup: Setup, { locals, facts, oks, rounds, networks }: Tables) {
  const byOwner = new Map<number, OwnerOutcome[]>();
  const byRound = new Map<number, RoundOutcome[]>();
  const remembered = <T>(memory: Map<number, T>, key: readonly [number, number, number], make: () => T): T => {
    const number = (key[0] * 2 ** 20 + key[1]) * 2 ** 22 + key[2];
    if (key[0] >= 2 ** 11 || key[1] >= 2 ** 20 || key[2] >= 2 ** 22) throw new Error("too many parts for one number");
    const known = memory.get(number);
    if (known !== undefined) return known;
    const made = make();
    memory.set(number, made);
    return made;
  };
  const put = (list: readonly number[], id: number): number[] => {
    const { ballot } = rounds.valueOf(id);
    const others = list.filter((other) => compareBallots(rounds.valueOf(other).ballot, ballot) !== 0);
    return [...others, id].sort((a, b) => compareBallots(rounds.valueOf(a).ballot, rounds.valueOf(b).ballot));
  };
  return (network: number, local: number): Described[] => {
    const parts = networks.valueOf(network);
    const [disk, known] = [locals.valueOf(local), facts.valueOf(parts.facts)];
    const own = remembered(byOwner, [parts.facts, parts.oks, local], () => ownerOutcomes(setup, known, oks.valueOf(parts.oks), disk));
    const found: Described[] = own.map((step) => {
      const list = step.round === null ? parts.rounds : put(parts.rounds, rounds.idOf(step.round));
      if (step.round !== null && list.length === parts.rounds.length) throw new Violation("I7", "the owner proposes twice at ballot 0");
      const next = networks.idOf({ facts: facts.idOf(step.facts), oks: oks.idOf(step.oks), rounds: list });
      return { label: step.label, local: locals.idOf(step.local), network: next };
    });
    const later = parts.rounds.flatMap((round) =>
      remembered(byRound, [parts.facts, round, local], () => roundOutcomes(setup, known, rounds.valueOf(round), disk)),
    );
    const used = parts.rounds.map((round) => rounds.valueOf(round).ballot).filter(({ counter }) => counter > 0);
    for (const step of [...later, ...claims(setup, known, used, disk)]) {
      const next = networks.idOf({ facts: facts.idOf(step.facts), oks: parts.oks, rounds: put(parts.rounds, rounds.idOf(step.round)) });
      found.push({ label: step.label, local: locals.idOf(step.local), network: next });
    }
    return found;
  };
}

/**
 * Answers to PreAccept matter while the owner may still act on them. Whether it may is asked of the shipped functions; that it
 * never may again follows from I3 and I4, which are checked.
 */
function makeAsleep(setup: Setup, { locals, oks, networks }: Tables) {
  const done = setup.instances.map(() => new Map<number, boolean>());
  const without = new Map<number, number>();
  const isDone = (instance: Instance, local: number): boolean => {
    const known = done[instance.index]?.get(local);
    if (known !== undefined) return known;
    const view = viewOf(setup, locals.valueOf(local));
    const submitted = view.get("instance", instanceName(instance.id))?.initPayload != null;
    const [fast, slow] = [fastCommit(view, { id: instance.id }), selfAccept(view, { id: instance.id, deps: NO_DEPS })];
    const result = submitted && fast.reply.kind === "lost" && slow.reply.kind === "lost";
    done[instance.index]?.set(local, result);
    return result;
  };
  return (index: number, ownerLocal: number, network: number): number => {
    if (!isDone(setup.instances[index] as Instance, ownerLocal)) return network;
    let stripped = without.get(network);
    if (stripped === undefined) {
      stripped = networks.idOf({ ...networks.valueOf(network), oks: oks.idOf(setup.voters.map(() => null)) });
      without.set(network, stripped);
    }
    return stripped;
  };
}

function makeLeast(setup: Setup, { locals, facts, oks, rounds, networks }: Tables): (tuple: Tuple) => void {
  const { n } = setup.bound;
  const width = n + setup.instances.length;
  const maps = exchanges(setup)
    .filter(({ voters }) => voters.some((to, from) => to !== from))
    .map((exchange) => {
      const names = relabel(setup, exchange);
      const renamedRounds: number[] = [];
      const renamed = (id: number): number => {
        const parts = networks.valueOf(id);
        const list = parts.rounds.map((round) => (renamedRounds[round] ??= rounds.idOf(names.round(rounds.valueOf(round)))));
        return networks.idOf({
          facts: facts.idOf(names.facts(facts.valueOf(parts.facts))),
          oks: oks.idOf(names.oks(oks.valueOf(parts.oks))),
          rounds: list,
        });
      };
      return { exchange, names, renamed, locals: [] as number[], networks: [] as number[] };
    });
  const image = new Int32Array(width);
  const best = new Int32Array(width);
  const less = (): boolean => {
    for (let i = 0; i < width; i++) {
      const difference = (image[i] as number) - (best[i] as number);
      if (difference !== 0) return difference < 0;
    }
    return false;
  };
  return (tuple) => {
    if (maps.length === 0) return;
    best.set(tuple);
    for (const map of maps) {
      for (let i = 0; i < n; i++) {
        const id = tuple[i] as number;
        image[map.exchange.voters[i] as number] = map.locals[id] ??= locals.idOf(map.names.local(locals.valueOf(id)));
      }
      for (let i = 0; i < width - n; i++) {
        const id = tuple[n + i] as number;
        image[n + (map.exchange.instances[i] as number)] = map.networks[id] ??= map.renamed(id);
      }
      if (less()) best.set(image);
    }
    tuple.set(best);
  };
}
