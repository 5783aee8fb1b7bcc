import { readFileSync, writeFileSync } from "node:fs";
import { drawChart } from "../../lab/chart.ts";
import { builtIn, LabInputError, type Matrix, parseMatrix, parseRegions } from "../../lab/matrix.ts";
import type { LabReport, Percentiles } from "../../lab/report.ts";
import { runRevisited } from "../../lab/revisited.ts";
import { runSetting } from "../../lab/run.ts";
import { defaults, type ProtocolName, protocolNames, type Setting } from "../../lab/setting.ts";
import { judgeRule, rules } from "../../lab/thrifty.ts";
import { integer } from "../context.ts";
import { exit, UsageError } from "../exit.ts";
import { json, line, note, table } from "../output.ts";

type Options = Partial<
  Record<
    | "regions"
    | "matrix"
    | "protocols"
    | "leader"
    | "reads"
    | "conflicts"
    | "zipf"
    | "keys"
    | "clients"
    | "rate"
    | "seconds"
    | "overhead"
    | "jitter"
    | "down"
    | "seed"
    | "svg",
    string
  >
> & { readonly json?: boolean };

export async function lab(options: Options): Promise<void> {
  if (options.regions === "list") {
    line(builtIn.regions.join("\n"));
    return;
  }
  await withUsage(async () => {
    const setting = settingOf(options);
    const reports: LabReport[] = [];
    for (const protocol of protocolsOf(options.protocols)) reports.push(await runSetting({ ...setting, protocol }));
    if (options.svg !== undefined) writeFileSync(options.svg, drawChart("epoxy lab", [{ title: titleOf(options), reports }]));
    print(reports, options.json === true);
  });
}

export async function revisited(options: Pick<Options, "seconds" | "clients" | "seed" | "svg" | "json">): Promise<void> {
  await withUsage(async () => {
    const found = await runRevisited(
      {
        seconds: numberOf("--seconds", options.seconds ?? "5", 2, 3_600),
        clientsPerRegion: integer("--clients", options.clients ?? "10", { min: 1, max: 1_000 }),
        seed: integer("--seed", options.seed ?? "1", { min: 0, max: 2 ** 31 }),
      },
      (what) => note(what),
    );
    if (options.svg !== undefined) writeFileSync(options.svg, drawChart("EPaxos Revisited, on this code", found));
    if (options.json === true) return json(found);
    for (const { title, reports } of found) {
      line(`# ${title}`);
      print(reports, false);
    }
  });
}

export async function thrifty(options: { readonly json?: boolean }): Promise<void> {
  const verdicts = rules.map(judgeRule);
  if (options.json === true) return json(verdicts);
  line(
    table(
      ["fast path", "commits then crashes", "lost", "such as"],
      verdicts.map(({ rule, cases, violations: [first, ...more] }) => [
        rule,
        cases,
        first === undefined ? 0 : 1 + more.length,
        first === undefined
          ? ""
          : `quorum ${first.quorum}, ${first.crashed} crash: committed ${first.committed}, recovered ${first.recovered}`,
      ]),
    ),
  );
}

/** @throws UsageError */
export function matrixOf(file: string | undefined): Matrix {
  if (file === undefined) return builtIn;
  try {
    return parseMatrix(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`--matrix ${file}: ${(error as Error).message}`);
  }
}

/** What is wrong with the input is the user's to mend. */
export async function withUsage(act: () => Promise<void>): Promise<void> {
  try {
    await act();
    process.exitCode = exit.done;
  } catch (error) {
    if (error instanceof LabInputError) throw new UsageError(error.message);
    throw error;
  }
}

function settingOf(options: Options): Omit<Setting, "protocol"> {
  const matrix = matrixOf(options.matrix);
  const placement = parseRegions(matrix, options.regions ?? (options.matrix === undefined ? "CA,VA,EU" : matrix.regions.join()));
  const indexOf = (name: string, region: string | undefined) => {
    if (region === undefined) return null;
    if (!placement.includes(region)) throw new UsageError(`${name} is one of ${placement.join(", ")}, not ${region}`);
    return placement.indexOf(region);
  };
  const share = (name: string, text: string) => numberOf(name, text, 0, 1);
  if (options.zipf !== undefined && options.conflicts !== undefined)
    throw new UsageError("keys are drawn by --zipf or by --conflicts, not by both");
  const { workload } = defaults;
  return {
    ...defaults,
    matrix,
    placement,
    leader: indexOf("--leader", options.leader) ?? 0,
    down: indexOf("--down", options.down),
    seconds: numberOf("--seconds", options.seconds ?? `${defaults.seconds}`, 2, 3_600),
    overheadMs: numberOf("--overhead", options.overhead ?? "0", 0, 1_000),
    jitter: share("--jitter", options.jitter ?? "0"),
    seed: integer("--seed", options.seed ?? "1", { min: 0, max: 2 ** 31 }),
    workload: {
      ...workload,
      readShare: share("--reads", options.reads ?? "0"),
      keys:
        options.zipf === undefined
          ? { kind: "conflicts", share: share("--conflicts", options.conflicts ?? `${workload.keys.share}`) }
          : {
              kind: "zipf",
              exponent: numberOf("--zipf", options.zipf, 0, 5),
              count: integer("--keys", options.keys ?? "1000000", { min: 1, max: 10_000_000 }),
            },
      clientsPerRegion: integer("--clients", options.clients ?? `${workload.clientsPerRegion}`, { min: 1, max: 1_000 }),
      openPerSecond: options.rate === undefined ? null : numberOf("--rate", options.rate, 0.01, 100_000),
    },
  };
}

function protocolsOf(text = "epaxos-star"): ProtocolName[] {
  if (text === "all") return [...protocolNames];
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const strange = names.find((name) => !(protocolNames as readonly string[]).includes(name));
  if (strange !== undefined) throw new UsageError(`there is no protocol ${strange}; there are ${protocolNames.join(", ")}`);
  return names as ProtocolName[];
}

/** @throws UsageError */
export function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max))
    throw new UsageError(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  return value;
}

function titleOf({ reads = "0", zipf, conflicts = "0.02" }: Options): string {
  return `reads ${reads}, ${zipf === undefined ? `conflicts ${conflicts}` : `Zipf ${zipf}`}`;
}

function print(reports: readonly LabReport[], asJson: boolean): void {
  if (asJson) return json(reports);
  const cells = (values: Percentiles | null) =>
    values === null ? ["", "", "", ""] : [values.p50, values.p90, values.p99, values.p999].map((ms) => ms.toFixed(1));
  const heads = ["commit", "write", "read"].flatMap((what) => ["p50", "p90", "p99", "p99.9"].map((name) => `${what} ${name}`));
  line(
    table(
      ["protocol", "region", "operations", ...heads],
      reports.flatMap(({ protocol, regions }) =>
        regions.map((each) => [protocol, each.region, each.operations, ...cells(each.commit), ...cells(each.write), ...cells(each.read)]),
      ),
    ),
  );
  line("");
  line(
    table(
      ["protocol", "fast path", "chain mean", "chain p99", "messages a command", "bytes a command", "unanswered"],
      reports.map((each) => [
        each.protocol,
        each.fastShare === null ? "" : each.fastShare.toFixed(3),
        each.chain.mean.toFixed(1),
        each.chain.p99,
        each.messagesPerCommand.toFixed(1),
        each.bytesPerCommand.toFixed(0),
        each.unanswered,
      ]),
    ),
  );
}
