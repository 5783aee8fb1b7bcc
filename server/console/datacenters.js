// The datacenters, the round trips between them, and a change of members.
import { at, duration, make, milliseconds, replaceRows, row } from "./dom.js";

const PHASES = ["checking", "learning", "freezing", "closing", "draining", "activating", "settled"];

/** What is known of each member, with a word for its health and why. `rates` come from the plots. */
export function membersOf({ cluster, datacenters }, rates) {
  const here = datacenters.find(({ id }) => id === cluster.replica.id)?.own ?? null;
  return cluster.replicas.map((member) => {
    const { own, error } = datacenters.find(({ id }) => id === member.id) ?? { own: null, error: null };
    const seen = here?.peers.find(({ id }) => id === member.id);
    const isHere = member.id === cluster.replica.id;
    // Of one that is not heard from only the last word is known, and the others have gone on.
    const lag = seen?.reachable === true ? seen.lag : null;
    const isDead = !isHere && own === null && seen?.reachable !== true;
    return { ...member, own, error, isHere, isDead, lag: isHere ? 0 : lag, rates: rates.get(member.id) ?? null };
  });
}

function healthOf({ status, own, isDead, error }) {
  if (isDead) return ["does not answer", "bad"];
  if (own === null) return [`${status}; its address for clients does not answer here`, "wait", error];
  if (own.problems.length > 0) {
    const why = own.problems.join("; ").replace(/^this replica is \w+: /, "");
    return [`${status}: ${why}`, status === "active" ? "bad" : "wait"];
  }
  return [status, status === "active" ? "good" : "wait"];
}

export function showDatacenters(members) {
  const table = at("datacenters").closest("table");
  replaceRows(
    at("datacenters"),
    members.map((member) => {
      const { own, rates } = member;
      const [health, kind, why] = healthOf(member);
      return row(
        table,
        [
          make("span", {}, `${member.id} `, make("strong", {}, member.name), member.isHere ? " (here)" : ""),
          make("span", { class: kind, title: why ?? undefined }, health),
          own?.epoch || "–",
          fastShare(own),
          rates === null ? "–" : `${rates.perSecond.toFixed(rates.perSecond < 10 ? 1 : 0)} /s`,
          rates === null || rates.p50 === null ? "–" : `${milliseconds(rates.p50)} / ${milliseconds(rates.p99)}`,
          member.lag ?? "not known",
          member.apiUrl,
        ],
        { class: kind === "bad" ? "row-bad" : undefined, "data-id": member.id, "data-health": kind },
      );
    }),
  );
}

function fastShare(own) {
  if (own === null) return "–";
  const { fast, slow, recovered } = own.figures.commits;
  const all = fast + slow + recovered;
  return all === 0 ? "–" : `${((100 * fast) / all).toFixed(1)} %`;
}

export function showMatrix(members) {
  const head = make("tr", {}, make("th", {}, "from \\ to"), ...members.map(({ name }) => make("th", { scope: "col" }, name)));
  const rows = members.map((from) => {
    const cells = members.map((to) => {
      if (from.id === to.id) return make("td", { class: "self" }, "");
      const peer = from.own?.peers.find(({ id }) => id === to.id);
      if (peer === undefined) return make("td", { class: "quiet" }, "–");
      if (peer.reachable) return make("td", {}, milliseconds(peer.roundTripMs));
      // A newcomer is not expected to be heard from before it votes.
      return to.status === "active" ? make("td", { class: "bad" }, "not heard") : make("td", { class: "quiet" }, "–");
    });
    return make("tr", {}, make("th", { scope: "row" }, from.name), ...cells);
  });
  at("matrix").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
}

export function showSummary(cluster, members) {
  const voters = members.filter(({ status }) => status === "active");
  const serving = voters.filter(({ own, isDead }) => !isDead && (own === null || own.problems.length === 0));
  const coordinator = members.find(({ id }) => id === cluster.coordinator);
  const needed = Math.floor(voters.length / 2) + 1;
  const kind = serving.length < needed ? "bad" : serving.length < voters.length ? "wait" : "good";
  const summary = at("summary");
  summary.className = kind;
  summary.textContent =
    `cluster ${cluster.name}, epoch ${cluster.epoch}: ${serving.length} of ${voters.length} voters serve` +
    `${serving.length < needed ? `, too few (${needed} are needed)` : ""}; coordinator in ${coordinator?.name ?? cluster.coordinator}`;
  document.title = `${kind === "good" ? "" : "▲ "}Epoxy ${cluster.name}`;
}

export function showChange(members) {
  // Any datacenter that reaches the coordinator's Temporal will do.
  const change = members.map(({ own }) => own?.reconfiguration ?? null).find((each) => each !== null) ?? null;
  const [place, phases, progress] = [at("change"), at("phases"), at("progress")];
  phases.hidden = change === null || change.phase === "settled";
  progress.hidden = change === null || change.replicas.length === 0;
  if (change === null) return void place.replaceChildren("the coordinator cannot be asked just now");
  const isSettled = change.phase === "settled";
  const text = isSettled
    ? `none under way; the members are as wanted since ${new Date(change.since).toLocaleString()} (generation ${change.generation})`
    : `generation ${change.generation}, ${change.phase} for ${duration(Date.now() - Number(change.since))}: ${change.detail}`;
  const link = linkTo(change.workflowUrl);
  place.replaceChildren(text, ...(link === null ? [] : [" · ", link]));
  const now = PHASES.indexOf(change.phase);
  phases.replaceChildren(
    ...PHASES.map((phase, i) => make("li", { class: i < now ? "past" : undefined, "aria-current": i === now ? "step" : undefined }, phase)),
  );
  replaceRows(
    progress.tBodies[0],
    change.replicas.map(({ id, name, stage, since, lag, ratePerSecond, error }) =>
      row(progress, [
        `${id ?? "new"} ${name}`,
        stage,
        duration(Date.now() - since),
        lag === null ? "–" : `${lag} instances`,
        ratePerSecond === null ? "–" : ratePerSecond.toFixed(0),
        error === null ? "nothing" : [error, "bad"],
      ]),
    ),
  );
}

/** Only to an address that is one. */
function linkTo(url) {
  if (!/^https?:\/\//.test(url ?? "")) return null;
  return make("a", { href: url, rel: "noreferrer", target: "_blank" }, "the workflow in Temporal's UI");
}
