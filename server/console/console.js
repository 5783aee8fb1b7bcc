// The console: asks only the server it came from, once a second, and puts text where text belongs (never markup).
const at = (id) => document.getElementById(id);
const POINTS = 120;
const rates = [];
let token = null;
let before = null;

async function ask(path, options = {}) {
  const headers = { accept: "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) at("access").hidden = false;
  return answer;
}

/** Prometheus text as [name, labels, value]. */
function parseMetrics(text) {
  return text.split("\n").flatMap((line) => {
    const match = /^([a-z_0-9]+)(?:\{(.*)\})? ([^ ]+)$/.exec(line);
    if (match === null) return [];
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    return [{ name: match[1], labels, value: Number(match[3]) }];
  });
}

function cell(text, kind) {
  const td = document.createElement("td");
  td.textContent = text;
  if (kind !== undefined) td.className = kind;
  return td;
}

function showMembers({ replica, replicas }, metrics) {
  const of = (name, id) => metrics.find((row) => row.name === name && row.labels.peer === String(id))?.value;
  at("members").replaceChildren(
    ...replicas.map(({ id, name, status, apiUrl }) => {
      const isHere = id === replica.id;
      const reachable = of("epoxy_peer_reachable", id) === 1;
      const roundTrip = of("epoxy_peer_smoothed_round_trip_seconds", id);
      const lag = of("epoxy_peer_lag_instances", id);
      const row = document.createElement("tr");
      row.append(
        cell(id),
        cell(isHere ? `${name} (here)` : name),
        cell(status, status === "active" ? "good" : "wait"),
        isHere ? cell("") : cell(reachable ? "yes" : "no", reachable ? "good" : "bad"),
        cell(isHere || roundTrip === undefined ? "" : `${(roundTrip * 1000).toFixed(1)} ms`),
        cell(isHere || lag === undefined ? "" : lag),
        cell(apiUrl),
      );
      return row;
    }),
  );
}

function showChange(change) {
  const place = at("change");
  if (change === null || change.phase === "settled") {
    place.textContent = change === null ? "the coordinator does not say" : "none under way";
    return;
  }
  const detail = typeof change.detail === "string" ? change.detail : JSON.stringify(change.detail);
  place.textContent = `${change.phase}, generation ${change.generation}: ${detail} `;
  // Only to an address that is one.
  if (/^https?:\/\//.test(change.workflowUrl ?? "")) {
    const link = document.createElement("a");
    link.href = change.workflowUrl;
    link.textContent = "in Temporal's UI";
    link.rel = "noreferrer";
    place.append(link);
  }
}

function showFigures(cluster, metrics) {
  const sum = (name, labels = {}) =>
    metrics
      .filter((row) => row.name === name && Object.entries(labels).every(([key, value]) => row.labels[key] === value))
      .reduce((total, { value }) => total + value, 0);
  const commits = sum("epoxy_commits_total");
  const done = sum("epoxy_proposal_seconds_count");
  const now = performance.now();
  const rate = before === null ? 0 : Math.max(0, ((done - before.done) * 1000) / (now - before.now));
  const mean = before === null || done === before.done ? null : (sum("epoxy_proposal_seconds_sum") - before.seconds) / (done - before.done);
  before = { now, done, seconds: sum("epoxy_proposal_seconds_sum") };
  rates.push(rate);
  if (rates.length > POINTS) rates.shift();
  const figures = {
    epoch: cluster.epoch,
    "proposals a second": rate.toFixed(0),
    "mean latency": mean === null ? "–" : `${(mean * 1000).toFixed(1)} ms`,
    "fast path": commits === 0 ? "–" : `${((100 * sum("epoxy_commits_total", { path: "fast" })) / commits).toFixed(1)} %`,
    "open instances": sum("epoxy_open_instances"),
    "recoveries so far": sum("epoxy_recoveries_total"),
  };
  at("figures").replaceChildren(
    ...Object.entries(figures).map(([name, value]) => {
      const group = document.createElement("div");
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = name;
      text.textContent = value;
      group.append(term, text);
      return group;
    }),
  );
  const top = Math.max(1, ...rates);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", rates.map((each, i) => `${(i * 300) / (POINTS - 1)},${58 - (each / top) * 55}`).join(" "));
  at("plot").replaceChildren(line);
}

async function look() {
  try {
    const [cluster, metrics, ready] = await Promise.all([ask("/v1/cluster"), ask("/metrics"), ask("/readyz")]);
    const [view, rows, readiness] = [await cluster.json(), parseMetrics(await metrics.text()), await ready.json()];
    if (!cluster.ok) throw new Error(view.error.message);
    const summary = at("summary");
    summary.className = ready.ok ? "good" : "bad";
    summary.textContent = `cluster ${view.name}, replica ${view.replica.id} is ${view.replica.status}${ready.ok ? "" : `: ${readiness.reasons.join("; ")}`}`;
    showMembers(view, rows);
    showChange(view.reconfiguration);
    showFigures(view, rows);
  } catch (error) {
    at("summary").className = "bad";
    at("summary").textContent = `this server does not answer: ${error.message}`;
  }
}

async function show(place, path, options) {
  try {
    at(place).textContent = JSON.stringify(await (await ask(path, options)).json(), null, 2);
  } catch (error) {
    at(place).textContent = String(error);
  }
}

at("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  at("access").hidden = true;
});
at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void show("key-answer", `/v1/kv/${encodeURIComponent(at("key").value)}`);
});
at("instance-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const path = `/v1/instances/${encodeURIComponent(at("instance").value)}`;
  if (event.submitter?.name === "recover") void show("instance-answer", `${path}/recover`, { method: "POST" });
  else void show("instance-answer", path);
});

for (;;) {
  await look();
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
