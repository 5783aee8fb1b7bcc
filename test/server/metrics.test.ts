/** The table of metrics, the code that measures, the page that tells of them, and the queries of deploy/ are about the same names. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createMetrics, METRICS } from "../../server/metrics.ts";
import { fakeReport } from "./fake-replica.ts";

const root = new URL("../../", import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), "utf8");

type Told = { readonly name: string; readonly type: string; readonly labels: readonly string[]; readonly help: string };
async function everyMetric(): Promise<Told[]> {
  const all = await createMetrics(() => fakeReport()).registry.getMetricsAsJSON();
  const rows: Readonly<Record<string, { readonly labels: readonly string[] }>> = METRICS;
  return all
    .filter(({ name }) => name.startsWith("epoxy_"))
    .map(({ name, type, help }) => ({
      name,
      type: `${type}`,
      // Gauges are of this replica, or of each of its peers.
      labels: rows[name]?.labels ?? (name.startsWith("epoxy_peer_") ? ["peer"] : []),
      help,
    }));
}

test("names of metrics in the code are those of the table", () => {
  const used = new Set<string>();
  for (const folder of ["proposals", "activities", "server"]) {
    for (const file of readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const text = textOf(`${folder}/${file}`);
      for (const [, name] of text.matchAll(/(?:meter\s*\.(?:count|observe)\(\s*|observeSince\(ctx, [\w.]+, )"(\w+)"/g))
        used.add(name as string);
    }
  }
  // Counted by the meter itself.
  used.add("epoxy_meter_unknown_total");
  assert.deepEqual([...used].sort(), Object.keys(METRICS).sort());
});

test("docs/metrics.md has a row for each, and no other", async () => {
  const rows = textOf("docs/metrics.md")
    .split("\n")
    .filter((line) => line.startsWith("| `epoxy_"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, name = "", type = "", labels = "", unit = "", help = ""]) => ({ name, type, labels, unit, help }));
  const expected = (await everyMetric()).map(({ name, type, labels, help }) => ({
    name: `\`${name}\``,
    type,
    labels: labels.map((label) => `\`${label}\``).join(", "),
    help,
  }));
  assert.deepEqual(
    rows.map(({ unit: _, ...row }) => row),
    expected,
  );
  assert.deepEqual(
    rows.filter(({ unit }) => unit === ""),
    [],
  );
});

test("queries of the dashboard and the alerts ask for what is measured", async () => {
  const dashboard = JSON.parse(textOf("deploy/grafana/epoxy.json")) as { panels: { targets: { expr: string }[] }[] };
  const alerts = textOf("deploy/prometheus/alerts.yml");
  const queries = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...[...alerts.matchAll(/^ +expr: (.+)$/gm)].map(([, expr]) => expr as string),
  ];
  assert.ok(queries.length > 20);
  const known = new Map((await everyMetric()).map((metric) => [metric.name, metric]));
  for (const query of queries) {
    const names = [...query.matchAll(/epoxy_\w+/g)].map(([name]) => name);
    assert.ok(names.length > 0, query);
    for (const name of names) {
      const suffix = /_(?:bucket|sum|count)$/.exec(name)?.[0] ?? "";
      const metric = known.get(name) ?? known.get(name.slice(0, name.length - suffix.length));
      assert.ok(metric !== undefined && (suffix === "" || metric.name === name || metric.type === "histogram"), `${name} in ${query}`);
      const [, selector = ""] = new RegExp(`${name}\\{([^}]*)\\}`).exec(query) ?? [];
      for (const [, label] of selector.matchAll(/(\w+)\s*=/g)) assert.ok(metric.labels.includes(label as string), `${label} in ${query}`);
    }
    for (const [, list = ""] of query.matchAll(/by \(([^)]*)\)/g)) {
      const allowed = new Set([
        "instance",
        "le",
        ...names.flatMap((name) => known.get(name.replace(/_(bucket|sum|count)$/, ""))?.labels ?? known.get(name)?.labels ?? []),
      ]);
      for (const label of list.split(",")) assert.ok(allowed.has(label.trim()), `${label} in ${query}`);
    }
  }
});

test("every alert has its paragraph for the one who is called", () => {
  const names = [...textOf("deploy/prometheus/alerts.yml").matchAll(/alert: (\w+)/g)].map(([, name]) => name as string);
  const guide = textOf("docs/operating.md");
  assert.deepEqual(
    names.filter((name) => !guide.includes(`\`${name}\``)),
    [],
  );
});
