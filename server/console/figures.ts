/** What the console draws from the metrics: sums since the process began, so that whoever looks twice has rates. */
import type { Registry } from "prom-client";

export type Figures = {
  readonly commits: Readonly<Record<"fast" | "slow" | "recovered" | "nop", number>>;
  /** Proposals answered, by how long they took: `upToSeconds[i]` is the upper bound of `counts[i]`, the last one has none. */
  readonly latency: { readonly upToSeconds: readonly number[]; readonly counts: readonly number[] };
  readonly recoveries: number;
};

type Sample = { readonly value: number; readonly labels: object; readonly metricName?: string };

export async function readFigures(registry: Registry): Promise<Figures> {
  const samples = async (name: string) => ((await registry.getSingleMetric(name)?.get())?.values ?? []) as readonly Sample[];
  const commits = { fast: 0, slow: 0, recovered: 0, nop: 0 };
  for (const { value, labels } of await samples("epoxy_commits_total")) {
    const { path } = labels as { path?: string };
    if (path !== undefined && path in commits) commits[path as keyof typeof commits] += value;
  }
  const upTo = new Map<number, number>();
  for (const { value, labels, metricName } of await samples("epoxy_proposal_seconds")) {
    const { le } = labels as { le?: number | string };
    if (metricName?.endsWith("_bucket") && le !== undefined) upTo.set(bound(le), (upTo.get(bound(le)) ?? 0) + value);
  }
  const bounds = [...upTo.keys()].sort((a, b) => a - b);
  const counts = bounds.map((le, i) => (upTo.get(le) ?? 0) - (i === 0 ? 0 : (upTo.get(bounds[i - 1] as number) ?? 0)));
  const recoveries = (await samples("epoxy_recoveries_total")).reduce((sum, { value }) => sum + value, 0);
  return { commits, latency: { upToSeconds: bounds.filter(Number.isFinite), counts }, recoveries };
}

function bound(le: number | string): number {
  return le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
}
