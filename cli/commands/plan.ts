import { parseRegions } from "../../lab/matrix.ts";
import { type Latency, rankPlacements } from "../../lab/plan.ts";
import { integer } from "../context.ts";
import { UsageError } from "../exit.ts";
import { json, line, table } from "../output.ts";
import { matrixOf, numberOf, withUsage } from "./lab.ts";

type Options = {
  readonly users: string;
  readonly candidates?: string;
  readonly sizes?: string;
  readonly matrix?: string;
  readonly conflicts?: string;
  readonly top?: string;
  readonly json?: boolean;
};

export async function plan(options: Options): Promise<void> {
  await withUsage(async () => {
    const matrix = matrixOf(options.matrix);
    const users = options.users.split(",").map((each) => {
      const [name = "", weight = "1", ...more] = each.split(":");
      const [region] = parseRegions(matrix, name);
      if (more.length > 0) throw new UsageError(`--users: ${JSON.stringify(each)} is not a region and a weight`);
      return { region: region as string, weight: numberOf(`--users ${name}`, weight, 0.001, 1_000_000) };
    });
    const candidates = options.candidates === undefined ? matrix.regions : parseRegions(matrix, options.candidates);
    const sizes = (options.sizes ?? "3,5").split(",").map((text) => integer("--sizes", text.trim(), { min: 3, max: 9 }));
    const conflictShare = numberOf("--conflicts", options.conflicts ?? "0.02", 0, 1);
    const ranked = rankPlacements({ matrix, users, candidates, sizes, conflictShare });
    const shown = ranked.slice(0, integer("--top", options.top ?? "10", { min: 1, max: 1_000_000 }));
    if (options.json === true) return json(shown);
    const cells = (found: Latency) => [found.writeP50, found.writeP99, found.readP50, found.readP99].map((ms) => ms.toFixed(1));
    const heads = (when: string) => ["write p50", "write p99", "read p50", "read p99"].map((name) => `${when}${name}`);
    line(
      table(
        ["datacenters", "n", ...heads(""), "worst loss", ...heads("then ")],
        shown.map(({ placement, now, oneDown }) => [placement.join(), placement.length, ...cells(now), oneDown.down, ...cells(oneDown)]),
      ),
    );
  });
}
