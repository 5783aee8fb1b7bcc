// The console: looks at the cluster once a second, through the server it came from.
import { ask } from "./ask.js";
import { membersOf, showChange, showDatacenters, showMatrix, showSummary } from "./datacenters.js";
import { at } from "./dom.js";
import { lookAtKey } from "./key.js";
import { noteRates, showPlots } from "./plots.js";
import { showStuck } from "./stuck.js";

const EVERY_MS = 1_000;

async function look() {
  try {
    const overview = await ask("/console/overview");
    const members = membersOf(overview, noteRates(overview.datacenters));
    showSummary(overview.cluster, members);
    showDatacenters(members);
    showMatrix(members);
    showChange(members);
    showPlots(members);
    showStuck(members);
    await lookAtKey(members);
  } catch (error) {
    at("summary").className = "bad";
    at("summary").textContent = `this server does not answer: ${error.message}`;
    document.title = "▲ Epoxy";
  }
}

for (;;) {
  if (!document.hidden) await look();
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
