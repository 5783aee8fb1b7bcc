/** What an operator reads in the workflow's details, in Markdown. Pure. */
import type { HistoryEntry, LearnProgress, Reconfiguration, ReplicaProgress } from "./messages.ts";
import type { ClusterView } from "./state.ts";

export function coordinatorDetails(view: ClusterView | null, now: Reconfiguration, history: readonly HistoryEntry[]): string {
  const head = [
    `**${now.phase}** since ${time(now.since)}: ${now.detail}`,
    "",
    `Generation ${now.generation}, settled ${now.settledGeneration}${view === null ? "" : `; epoch ${view.epoch}, voters ${view.voters.join(", ")}, coordinator in datacenter ${view.members.coordinator}`}`,
  ];
  const table =
    now.replicas.length === 0
      ? []
      : [
          "",
          "| replica | stage | since | lag | time left | last error |",
          "| --- | --- | --- | --- | --- | --- |",
          ...now.replicas.map(row),
        ];
  // Temporal's UI takes a list for one only after an empty line.
  const advice = now.replicas.flatMap((r) => (r.error === null ? [] : [`- **${cell(r.name)}**: ${advise(r)}`]));
  const what = advice.length === 0 ? [] : ["", "What to do:", "", ...advice];
  const last = history
    .slice(-10)
    .reverse()
    .map((h) => `- ${time(h.at)} (${h.generation}) ${cell(h.text)}`);
  return [...head, ...table, ...what, ...(last.length === 0 ? [] : ["", "Last changes:", "", ...last])].join("\n");
}

/** One line for `/v1/cluster`: who does what, and what hinders it. */
export function detailLine(replicas: readonly ReplicaProgress[]): string {
  if (replicas.length === 0) return "the cluster is as desired";
  return replicas
    .map((r) => `${r.name}: ${r.stage}${r.lag === null ? "" : `, ${r.lag} instances behind`}${r.error === null ? "" : ` (${r.error})`}`)
    .join("; ");
}

export function replicaDetails(id: number, p: LearnProgress): string {
  const lines = [`Replica ${id}: **${p.stage}**${p.learnId === null ? "" : ` (${p.learnId})`}`];
  if (p.stage === "idle") return [...lines, "Nothing to learn: the coordinator says when."].join("\n");
  lines.push("", "| copied | source | rate | lag | last error |", "| --- | --- | --- | --- | --- |");
  lines.push(
    `| ${p.copied} | ${p.source ?? "-"} | ${p.ratePerSecond === null ? "-" : `${p.ratePerSecond}/s`} | ${p.lag ?? "-"} | ${cell(p.error ?? "-")} |`,
  );
  if (p.error?.includes("copied anew") === true) lines.push("", "It goes on by itself. It does not vote before what it holds is the same.");
  else if (p.error !== null)
    lines.push(
      "",
      "It is tried again without end. If a source stays unreachable, look whether this datacenter can reach the other's peer address.",
    );
  return lines.join("\n");
}

function row(r: ReplicaProgress): string {
  const left = r.lag === null || r.ratePerSecond === null || r.ratePerSecond <= 0 ? "-" : `${Math.ceil(r.lag / r.ratePerSecond)} s`;
  return `| ${r.id ?? "new"} ${cell(r.name)} | ${cell(r.stage)} | ${time(r.since)} | ${r.lag ?? "-"} | ${left} | ${cell(r.error ?? "-")} |`;
}

function advise(r: ReplicaProgress): string {
  const error = (r.error ?? "").toLowerCase();
  if (/unreachable|econnrefused|timed out|timeout|enotfound/.test(error)) {
    const mend = r.id === null ? "sending addReplica again with this name and the right URL" : `updateReplica {"id":${r.id},"peerUrl":…}`;
    return `is not heard from: look whether its server runs and can be reached at its peer URL; a wrong URL is mended by ${mend}. It is tried again without end and holds nobody else up; cancelReconfiguration gives it up.`;
  }
  if (/quorum/.test(error))
    return "too few voters answer: bring their datacenters back; nothing can be changed without a majority of the present voters.";
  if (/another cluster|already replica|belonged/.test(error))
    return "its store is not empty: empty its Redis, or give the address of a server whose Redis is empty.";
  return "the step is tried again after a minute, or as soon as the desired set changes.";
}

function cell(text: string): string {
  return text.replace(/[|\r\n]+/g, " ");
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
