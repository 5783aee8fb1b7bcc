// What is not decided, and one instance on demand.
import { ask } from "./ask.js";
import { at, duration, make, replaceRows, row } from "./dom.js";

export function showStuck(members) {
  const found = new Map();
  for (const { name, own } of members) {
    for (const { instance, sinceMs, recoveries } of own?.stuck ?? []) {
      const one = found.get(instance) ?? { instance, names: [], sinceMs: 0, recoveries: 0 };
      one.names.push(name);
      one.sinceMs = Math.max(one.sinceMs, sinceMs);
      one.recoveries += recoveries;
      found.set(instance, one);
    }
  }
  const rows = [...found.values()].sort((a, b) => b.sinceMs - a.sinceMs);
  const table = at("stuck");
  table.hidden = rows.length === 0;
  at("stuck-none").textContent = rows.length === 0 ? "none" : "";
  replaceRows(
    table.tBodies[0],
    rows.map(({ instance, names, sinceMs, recoveries }) =>
      row(table, [
        instance,
        names.join(", "),
        duration(sinceMs),
        recoveries,
        make("button", { type: "button", "data-recover": instance, "aria-label": `recover ${instance}` }, "recover"),
      ]),
    ),
  );
}

// On the table, not on the buttons: the rows are made anew with every look.
at("stuck").addEventListener("click", (event) => {
  const instance = event.target.dataset.recover;
  if (instance !== undefined) void recover(instance);
});

async function recover(instance) {
  const place = at("recovered");
  place.className = "wait";
  place.textContent = `asking the others about ${instance}…`;
  try {
    const { status, nop } = await ask(`/v1/instances/${instance}/recover`, { method: "POST" });
    place.className = "good";
    place.textContent = `${instance} is ${status}${nop ? ", as nothing: it was given up" : ""}`;
  } catch (error) {
    place.className = "bad";
    place.textContent = `${instance}: ${error.message}`;
  }
}

export async function showInstance(name, doRecover = false) {
  at("instance").value = name;
  const place = at("instance-answer");
  place.hidden = false;
  try {
    const path = `/v1/instances/${encodeURIComponent(name)}${doRecover ? "/recover" : ""}`;
    place.textContent = JSON.stringify(await ask(path, { method: doRecover ? "POST" : "GET" }), null, 2);
  } catch (error) {
    place.textContent = error.message;
  }
}

at("instance-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void showInstance(at("instance").value, event.submitter?.name === "recover");
});
