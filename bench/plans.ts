/** The benchmarks that `epoxy bench` knows, as rows of runs. */
import { read, setCommands, zipfKeys } from "./keys.ts";
import type { Ask } from "./load.ts";

export const kinds = ["throughput", "conflict", "read", "wan", "growth"] as const;
export type Kind = (typeof kinds)[number];

export type PlannedRun = {
  readonly name: string;
  readonly callersEach: number;
  readonly ratePerSecond: number | null;
  readonly ask: Ask;
  /** Asked once for each number below it before the run, so that there is something to read. */
  readonly prepare: { readonly count: number; readonly ask: Ask } | null;
};

export type PlanOptions = {
  readonly callersEach: readonly number[];
  readonly ratePerSecond: number | null;
  readonly valueBytes: number;
  /** In each request of `throughput` and `growth`. */
  readonly commands: number;
  /** Shares of requests that go to one hot key, in percent. */
  readonly conflicts: readonly number[];
  readonly zipf: number | null;
  readonly keys: number;
  readonly readShare: number;
  /** In front of every key, so that runs do not meet. */
  readonly prefix: string;
};

export function plan(kind: Kind, options: PlanOptions): PlannedRun[] {
  const { callersEach, ratePerSecond, prefix, keys, commands } = options;
  const value = "v".repeat(options.valueBytes);
  const run = (name: string, each: number, ask: Ask, prepare: PlannedRun["prepare"] = null): PlannedRun => ({
    ...{ name, callersEach: each, ratePerSecond, ask, prepare },
  });
  const several = (key: (n: number) => string) =>
    setCommands(
      Array.from({ length: commands }, (_, n) => key(n)),
      value,
    );
  const one = (key: string) => setCommands([key], value);
  const fresh: Ask = (number, at) => several((n) => `${prefix}/${at}/${number * commands + n}`);
  const hot =
    (percent: number): Ask =>
    (number, at) =>
      one(Math.random() * 100 < percent ? `${prefix}/hot` : `${prefix}/${at}/${number}`);
  const mixed = (exponent: number): Ask => {
    const key = zipfKeys(exponent, keys, Math.random);
    return () => (Math.random() < options.readShare ? read(`${prefix}/${key()}`, "linearizable") : one(`${prefix}/${key()}`));
  };
  const size = commands === 1 ? "" : `, ${commands} commands a request`;
  const label = (each: number) => (ratePerSecond === null ? `${each} callers each` : `${ratePerSecond}/s each`) + size;
  switch (kind) {
    case "throughput":
      return callersEach.map((each) => run(label(each), each, fresh));
    case "conflict":
    case "wan":
      if (options.zipf !== null) {
        const ask = mixed(options.zipf);
        return callersEach.map((each) => run(`Zipf ${options.zipf}, ${label(each)}`, each, ask));
      }
      return callersEach.flatMap((each) => options.conflicts.map((percent) => run(`${percent} % hot, ${label(each)}`, each, hot(percent))));
    case "read": {
      const prepare = { count: keys, ask: ((number: number) => one(`${prefix}/r${number}`)) satisfies Ask };
      const some = () => `${prefix}/r${Math.floor(Math.random() * keys)}`;
      return callersEach.flatMap((each) =>
        ["linearizable", "optimistic", "local"].map((mode, i) =>
          run(`${mode}, ${label(each)}`, each, () => read(some(), mode), i === 0 ? prepare : null),
        ),
      );
    }
    case "growth": {
      const ask: Ask = () => several(() => `${prefix}/g${Math.floor(Math.random() * keys)}`);
      return callersEach.flatMap((each) => Array.from({ length: 10 }, (_, i) => run(`part ${i + 1} of 10, ${label(each)}`, each, ask)));
    }
  }
}
