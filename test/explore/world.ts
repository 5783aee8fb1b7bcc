/**
 * The exploration in small integers. A state is one number for each replica's disk and one for each instance's network. What
 * may happen next to one (disk, network) pair depends on these two alone, so the shipped functions run once for each pair.
 */
import { fastCommit, selfAccept } from "../../protocol/acceptor.ts";
import { NO_DEPS } from "../../protocol/deps.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { AcceptorReply, AcceptorRequest } from "../../protocol/messages.ts";
import { deliver, type Outcome, outcomes } from "./actions.ts";
import { checkVisibility, Violation } from "./checks.ts";
import { interner } from "./interner.ts";
import { blankLocal, type Local, localKey, viewOf } from "./local.ts";
import { blankNetwork, type Network } from "./network.ts";
import type { Instance, Setup } from "./setup.ts";
import { exchanges, relabel } from "./symmetry.ts";

/** Disks of replicas 1..n, then networks of the instances. */
export type Tuple = Int32Array;

export type World = {
  readonly setup: Setup;
  readonly width: number;
  readonly symmetries: number;
  /** Disks, networks and pairs of them met so far. */
  counts(): { readonly locals: number; readonly networks: number; readonly pairs: number };
  initial(): Tuple;
  /** Next (disk, network) of replica `place` and instance `index`, flat. @throws Violation */
  next(network: number, local: number): Int32Array;
  /** The same with words for each. */
  described(network: number, local: number): readonly { readonly label: string; readonly local: number; readonly network: number }[];
  /** Forgets what can matter no more, then the least of all states that are the same but for names; in place. */
  normalise(tuple: Tuple): void;
  /** After instance `index` changed from `before`. @throws Violation */
  checkAcross(tuple: Tuple, index: number, before: number): void;
  local(id: number): Local;
  network(id: number): Network;
};

export function makeWorld(setup: Setup): World {
  const { n } = setup.bound;
  const locals = interner<Local>(localKey);
  const networks = interner<Network>((network) => JSON.stringify(network));
  const requests = interner<AcceptorRequest>((request) => JSON.stringify(request));
  const delivered = new Map<number, { reply: AcceptorReply; local: Local }>();
  const pairs = new Map<number, Int32Array | Violation>();
  const committed: boolean[] = [];

  const delivery = (request: AcceptorRequest, local: Local) => {
    const key = requests.idOf(request) * 2 ** 26 + locals.idOf(local);
    const known = delivered.get(key);
    if (known !== undefined) return known;
    const fresh = deliver(setup, request, local);
    const result = { reply: fresh.reply, local: fresh.local === local ? local : locals.valueOf(locals.idOf(fresh.local)) };
    delivered.set(key, result);
    return result;
  };
  const outcomesOf = (network: number, local: number): Outcome[] =>
    outcomes(setup, networks.valueOf(network), locals.valueOf(local), delivery);
  const numbersOf = (outcome: Outcome) => [locals.idOf(outcome.local), networks.idOf(outcome.network)] as const;

  const symmetry = makeSymmetry(setup, locals, networks);
  const asleep = makeAsleep(setup, locals, networks);
  return {
    setup,
    width: n + setup.instances.length,
    symmetries: symmetry.count,
    counts: () => ({ locals: locals.size(), networks: networks.size(), pairs: pairs.size }),
    initial() {
      const tuple = new Int32Array(n + setup.instances.length);
      setup.voters.forEach((voter, i) => {
        tuple[i] = locals.idOf(blankLocal(voter));
      });
      setup.instances.forEach(({ index }) => {
        tuple[n + index] = networks.idOf(blankNetwork(index, n));
      });
      return tuple;
    },
    next(network, local) {
      const key = network * 2 ** 26 + local;
      const known = pairs.get(key);
      if (known instanceof Violation) throw known;
      if (known !== undefined) return known;
      try {
        const flat = Int32Array.from(distinct(outcomesOf(network, local).map(numbersOf)).flat());
        pairs.set(key, flat);
        return flat;
      } catch (error) {
        if (error instanceof Violation) pairs.set(key, error);
        throw error;
      }
    },
    described: (network, local) =>
      outcomesOf(network, local).map((outcome) => {
        const [toLocal, toNetwork] = numbersOf(outcome);
        return { label: outcome.label, local: toLocal, network: toNetwork };
      }),
    normalise(tuple) {
      for (const { index, owner } of setup.instances) {
        const at = n + index;
        tuple[at] = asleep(index, tuple[owner - 1] as number, tuple[at] as number);
      }
      symmetry.least(tuple);
    },
    checkAcross(tuple, index, before) {
      const at = n + index;
      const isCommitted = (network: number) => (committed[network] ??= networks.valueOf(network).commit !== null);
      if (!isCommitted(tuple[at] as number) || isCommitted(before)) return;
      checkVisibility(
        setup,
        setup.instances.map((instance) => networks.valueOf(tuple[n + instance.index] as number)),
      );
    },
    local: (id) => locals.valueOf(id),
    network: (id) => networks.valueOf(id),
  };
}

function distinct(list: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return list.filter(([a, b], i) => list.findIndex(([c, d]) => a === c && b === d) === i);
}

type Interned<T> = { idOf(value: T): number; valueOf(id: number): T };

/**
 * Answers to PreAccept matter while the owner may still act on them. Whether it may is asked of the shipped functions; that it
 * never may again follows from I3 and I4, which are checked.
 */
function makeAsleep(setup: Setup, locals: Interned<Local>, networks: Interned<Network>) {
  const done = setup.instances.map(() => new Map<number, boolean>());
  const without = new Map<number, number>();
  const isDone = (instance: Instance, local: number): boolean => {
    const known = done[instance.index]?.get(local);
    if (known !== undefined) return known;
    const view = viewOf(setup, locals.valueOf(local));
    const submitted = view.get("instance", instanceName(instance.id))?.initPayload != null;
    const result =
      submitted &&
      fastCommit(view, { id: instance.id }).reply.kind === "lost" &&
      selfAccept(view, { id: instance.id, deps: NO_DEPS }).reply.kind === "lost";
    done[instance.index]?.set(local, result);
    return result;
  };
  return (index: number, ownerLocal: number, network: number): number => {
    if (!isDone(setup.instances[index] as Instance, ownerLocal)) return network;
    let stripped = without.get(network);
    if (stripped === undefined) {
      stripped = networks.idOf({ ...networks.valueOf(network), preAcceptOks: setup.voters.map(() => null) });
      without.set(network, stripped);
    }
    return stripped;
  };
}

function makeSymmetry(setup: Setup, locals: Interned<Local>, networks: Interned<Network>) {
  const { n } = setup.bound;
  const width = n + setup.instances.length;
  const maps = exchanges(setup)
    .filter(({ voters }) => voters.some((to, from) => to !== from))
    .map((exchange) => ({ exchange, relabel: relabel(setup, exchange), locals: [] as number[], networks: [] as number[] }));
  const image = new Int32Array(width);
  const best = new Int32Array(width);
  const less = (): boolean => {
    for (let i = 0; i < width; i++) {
      const difference = (image[i] as number) - (best[i] as number);
      if (difference !== 0) return difference < 0;
    }
    return false;
  };
  return {
    count: maps.length + 1,
    least(tuple: Tuple): void {
      if (maps.length === 0) return;
      best.set(tuple);
      for (const map of maps) {
        for (let i = 0; i < n; i++) {
          const id = tuple[i] as number;
          image[map.exchange.voters[i] as number] = map.locals[id] ??= locals.idOf(map.relabel.local(locals.valueOf(id)));
        }
        for (let i = 0; i < width - n; i++) {
          const id = tuple[n + i] as number;
          image[n + (map.exchange.instances[i] as number)] = map.networks[id] ??= networks.idOf(map.relabel.network(networks.valueOf(id)));
        }
        if (less()) best.set(image);
      }
      tuple.set(best);
    },
  };
}
