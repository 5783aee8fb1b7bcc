// A key: its value, its versions, and its instances as a picture: a lane a datacenter, time to the right, lines to what each depends on.
import { ask } from "./ask.js";
import { at, draw, make, replaceRows, row, show } from "./dom.js";
import { showInstance } from "./stuck.js";

const SIZE = { left: 70, lane: 64, step: 84, radius: 11, top: 30 };
let key = null;
let shown = "";
let lastMembers = [];

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value;
  shown = "";
  void lookAtKey(lastMembers);
});

/** Again with every look at the cluster, so that a key that changes is seen changing. */
export async function lookAtKey(members) {
  lastMembers = members;
  if (key === null) return;
  const asked = key;
  const now = at("key-now");
  try {
    const view = await ask(`/console/key?key=${encodeURIComponent(asked)}`);
    if (asked !== key) return;
    const text = JSON.stringify([view, members.map(({ id, name }) => [id, name])]);
    if (text !== shown) showKey(view, members);
    shown = text;
  } catch (error) {
    at("key-view").hidden = false;
    now.replaceChildren(make("dt", {}, "not known"), make("dd", { class: "bad" }, error.message));
  }
}

function showKey(view, members) {
  at("key-view").hidden = false;
  const cut = view.valueBytes !== null && view.valueBytes > 512 ? ` … (${view.valueBytes} bytes)` : "";
  const facts = { value: show(view.value) + cut, version: view.version === 0 ? "never written" : view.version };
  at("key-now").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  const table = at("versions");
  const none = row(table, ["none", `among the last ${view.changesSearched} changes of this datacenter`, ""]);
  replaceRows(
    table.tBodies[0],
    view.versions.length === 0
      ? [none]
      : view.versions.map(({ version, value, instance }) => row(table, [version, value === null ? "deleted" : show(value), instance])),
  );
  at("graph-note").textContent =
    view.instances.length === 0
      ? "None: what every datacenter has executed is dropped from the log after a minute."
      : "An arrow leads from an instance to one it is ordered after; what follows from others is left out. Filled: fast path; hollow: slow path; broken edge: recovered; grey: only its owner knows which; square: not decided yet.";
  at("graph").hidden = view.instances.length === 0;
  drawGraph(view.instances, members);
}

function drawGraph(instances, members) {
  const { left, lane, step, radius, top } = SIZE;
  const ownerOf = (instance) => Number(instance.split(".")[0]);
  const owners = [...new Set(instances.map(({ instance }) => ownerOf(instance)))].sort((a, b) => a - b);
  const places = new Map(
    instances.map(({ instance }, i) => [instance, { x: left + 30 + i * step, y: top + owners.indexOf(ownerOf(instance)) * lane }]),
  );
  const width = left + 30 + instances.length * step;
  const height = top + owners.length * lane;
  const lanes = owners.flatMap((id, i) => [
    draw("path", { d: `M${left} ${top + i * lane}H${width}`, class: "grid" }),
    draw("text", { x: 0, y: top + i * lane + 4, class: "lane" }, members.find((each) => each.id === id)?.name ?? `replica ${id}`),
  ]);
  const edges = instances.flatMap(({ instance, deps }) => deps.map((to) => arrow(places.get(instance), places.get(to), radius)));
  const nodes = instances.map((node) => nodeOf(node, places.get(node.instance), radius));
  const tip = draw(
    "marker",
    { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    draw("path", { d: "M0 0 8 4 0 8z", class: "tip" }),
  );
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-labelledby": "t-graph" });
  picture.append(draw("defs", {}, tip), ...lanes, ...edges, ...nodes);
  const place = at("graph");
  const wasAtEnd = place.scrollLeft + place.clientWidth >= place.scrollWidth - SIZE.step;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.instance : null;
  place.replaceChildren(picture);
  // The newest stays in sight, and the focus where it was.
  if (wasAtEnd) place.scrollLeft = place.scrollWidth;
  if (focused !== null) place.querySelector(`[data-instance="${focused}"]`)?.focus({ preventScroll: true });
}

/** Inside a lane it bends above the instances in between. */
function arrow(from, to, radius) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const bend = dy === 0 && Math.abs(dx) > SIZE.step ? -26 : 0;
  const [ux, uy] = [dx / length, dy / length];
  const [x1, y1, x2, y2] = [from.x + ux * radius, from.y + uy * radius, to.x - ux * (radius + 2), to.y - uy * (radius + 2)];
  const d = bend === 0 ? `M${x1} ${y1}L${x2} ${y2}` : `M${x1} ${y1 - 4}Q${(x1 + x2) / 2} ${(y1 + y2) / 2 + bend * 1.6} ${x2} ${y2 - 4}`;
  return draw("path", { d, class: "edge", "marker-end": "url(#tip)" });
}

function nodeOf({ instance, status, path, what }, { x, y }, radius) {
  const isDecided = status === "executed" || status === "committed";
  const shape = isDecided
    ? draw("circle", { cx: x, cy: y, r: radius, class: path ?? "unknown" })
    : draw("rect", { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, class: "open" });
  const words = `${instance}: ${what}, ${status}${path === null ? "" : `, ${path} path`}`;
  const group = draw(
    "g",
    { class: "node", role: "button", tabindex: 0, "aria-label": words, "data-instance": instance },
    draw("title", {}, words),
    shape,
    draw("text", { x, y: y + radius + 13, "text-anchor": "middle" }, instance),
    draw("text", { x, y: y + radius + 26, "text-anchor": "middle", class: "what" }, what),
  );
  const open = () => {
    void showInstance(instance);
    at("instance-form").scrollIntoView({ block: "nearest" });
  };
  group.addEventListener("click", open);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open();
  });
  return group;
}
