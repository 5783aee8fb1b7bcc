/** Every metric there is, once. `Meter` takes the names of this table and ignores others (counting them). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ReplicaReport } from "../proposals/api.ts";
import type { Meter } from "../proposals/ports.ts";

type Row = {
  readonly type: "counter" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
};

/** Seconds, from a round trip inside a rack to the longest wait a caller may ask for. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export const METRICS = {
  epoxy_proposal_seconds: {
    type: "histogram",
    help: "From submit to the answer of a proposal, by the path that committed it.",
    labels: ["path"],
    buckets: SECONDS,
  },
  epoxy_batch_entries: { type: "histogram", help: "Callers that share one instance.", labels: [], buckets: COUNTS },
  epoxy_commit_seconds: {
    type: "histogram",
    help: "From the durable pre-accept of an own instance to its commit here, by path.",
    labels: ["path"],
    buckets: SECONDS,
  },
  epoxy_execute_seconds: {
    type: "histogram",
    help: "From the durable pre-accept of an own instance to its execution here.",
    labels: [],
    buckets: SECONDS,
  },
  epoxy_execution_cycle_instances: {
    type: "histogram",
    help: "Instances that depend on each other and are executed together: the most in each transaction; 1 where writers do not meet.",
    labels: [],
    buckets: COUNTS,
  },
  epoxy_commits_total: { type: "counter", help: "Instances committed by this process, by path; nop for those given up.", labels: ["path"] },
  epoxy_recoveries_total: { type: "counter", help: "Explicit prepares that were begun.", labels: [] },
  epoxy_instances_dropped_total: { type: "counter", help: "Instances dropped because every member has executed them.", labels: [] },
  epoxy_instances_caught_up_total: {
    type: "counter",
    help: "Committed instances learned from peers because they were missed.",
    labels: [],
  },
  epoxy_damaged_records_total: { type: "counter", help: "Records found with a wrong checksum, by kind.", labels: ["kind"] },
  epoxy_digests_compared_total: {
    type: "counter",
    help: "What is held here compared with what others hold: with the source of a copy, with the old voters before this datacenter votes, with the other voters at the end of an epoch; and what came of it.",
    labels: ["with", "outcome"],
  },
  epoxy_contradictions_total: {
    type: "counter",
    help: "Decisions told by others that are decided otherwise here, and refused.",
    labels: [],
  },
  epoxy_stale_epoch_total: { type: "counter", help: "Requests refused because they are of an older epoch.", labels: [] },
  epoxy_peer_requests_total: { type: "counter", help: "Requests to peers by kind and how they ended.", labels: ["kind", "outcome"] },
  epoxy_peer_envelopes_total: {
    type: "counter",
    help: "Messages sent to peers; each carries one or more requests.",
    labels: ["peer", "outcome"],
  },
  epoxy_peer_envelope_requests: { type: "histogram", help: "Requests in one message to a peer.", labels: [], buckets: COUNTS },
  epoxy_peer_round_trip_seconds: {
    type: "histogram",
    help: "From sending a message to a peer to its answer.",
    labels: ["peer"],
    buckets: SECONDS,
  },
  epoxy_peer_handled_total: { type: "counter", help: "Requests of peers answered here, by kind.", labels: ["kind"] },
  epoxy_peer_refused_total: {
    type: "counter",
    help: "Messages on the peer port that were refused before they were handled.",
    labels: ["reason"],
  },
  epoxy_http_request_seconds: {
    type: "histogram",
    help: "From the headers of a request to the end of its answer; streams (watch, backup) are left out.",
    labels: ["method", "route"],
    buckets: SECONDS,
  },
  epoxy_http_requests_total: { type: "counter", help: "Answers of the public API.", labels: ["method", "route", "status"] },
  epoxy_meter_unknown_total: { type: "counter", help: "Measurements under a name or label that is not in this table.", labels: ["name"] },
} as const satisfies Record<string, Row>;

export type Metrics = { readonly meter: Meter; readonly registry: Registry };

/** @param report looked at when the metrics are scraped; null while there is no replica (a worker before its start) */
export function createMetrics(report: () => ReplicaReport | null): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  for (const [name, row] of Object.entries(METRICS) as [string, Row][]) {
    const common = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
    if (row.type === "counter") counters.set(name, new Counter(common));
    else histograms.set(name, new Histogram({ ...common, buckets: [...(row.buckets ?? SECONDS)] }));
  }
  registerGauges(registry, report);

  /** A wrong name or label is our mistake, but no reason for a proposal to fail. */
  const guarded = (name: string, measure: () => unknown) => {
    try {
      if (measure() !== null) return;
    } catch {
      // Counted like an unknown name.
    }
    counters.get("epoxy_meter_unknown_total")?.inc({ name });
  };
  const meter: Meter = {
    count: (name, labels = {}, by = 1) => guarded(name, () => (counters.has(name) ? counters.get(name)?.inc(labels, by) : null)),
    observe: (name, value, labels = {}) =>
      guarded(name, () => (histograms.has(name) ? histograms.get(name)?.observe(labels, value) : null)),
  };
  return { meter, registry };
}

function registerGauges(registry: Registry, report: () => ReplicaReport | null): void {
  const gauge = (name: string, help: string, read: (report: ReplicaReport) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = report();
        if (now !== null) this.set(read(now));
      },
    });
  gauge("epoxy_epoch", "Epoch this replica takes part in; 0 without identity.", (r) => r.epoch);
  gauge("epoxy_voters", "Voters of that epoch.", (r) => r.voters.length);
  gauge("epoxy_quorum", "1 while a quorum was heard from lately.", (r) => (r.quorum ? 1 : 0));
  gauge("epoxy_ready", "1 while this replica serves proposals.", (r) => (r.problems.length === 0 ? 1 : 0));
  gauge("epoxy_open_instances", "Instances with a record that are not executed here.", (r) => r.openInstances);
  gauge("epoxy_in_flight_instances", "Own instances whose callers wait for them in this process.", (r) => r.inFlight);
  const perPeer = (name: string, help: string, read: (peer: ReplicaReport["peers"][number]) => number | null) =>
    new Gauge({
      name,
      help,
      labelNames: ["peer"],
      registers: [registry],
      collect() {
        this.reset();
        for (const peer of report()?.peers ?? []) {
          const value = read(peer);
          if (value !== null) this.set({ peer: String(peer.id) }, value);
        }
      },
    });
  perPeer("epoxy_peer_reachable", "1 while the peer was heard from lately.", (p) => (p.reachable ? 1 : 0));
  perPeer("epoxy_peer_lag_instances", "Instances that are executed here and not there.", (p) => p.lag);
  perPeer("epoxy_peer_smoothed_round_trip_seconds", "Smoothed round trip to the peer.", (p) =>
    p.roundTripMs === null ? null : p.roundTripMs / 1000,
  );
}
