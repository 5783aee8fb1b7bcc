import { withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { type Health, healthOfAll } from "../health.ts";
import { json, line, note, table } from "../output.ts";

export const status = withClient(async ({ client, at, json: asJson }) => {
  const { cluster, members } = await healthOfAll(client, at);
  const voters = cluster.replicas.filter((each) => each.status === "active").map((each) => each.id);
  const readyVoters = members.filter((each) => each.ready && voters.includes(each.id));
  const quorum = readyVoters.length >= Math.floor(voters.length / 2) + 1;
  if (asJson) {
    json({
      clusterId: cluster.clusterId,
      name: cluster.name,
      epoch: cluster.epoch,
      coordinator: cluster.coordinator,
      quorum,
      replicas: members,
      reconfiguration: cluster.reconfiguration,
    });
  } else {
    line(table(["id", "name", "status", "ready", "epoch", "ms", "api"], members.map(row)));
    for (const member of members) for (const problem of member.problems) note(`${member.name}: ${problem}`);
    note(
      `cluster ${cluster.name}, epoch ${cluster.epoch}, coordinator in ${cluster.coordinator}, ${readyVoters.length} of ${voters.length} voters ready`,
    );
    note(
      cluster.reconfiguration === null
        ? "changes of members wait: the coordinator's datacenter, or Temporal there, does not answer just now"
        : `change ${cluster.reconfiguration.generation} is ${cluster.reconfiguration.phase}`,
    );
    if (!quorum) note("There is no quorum: writes and linearizable reads are refused until more voters are back.");
  }
  return quorum ? exit.done : exit.unreachable;
});

function row(member: Health): (string | number)[] {
  const { id, name, apiUrl, epoch, roundTripMs } = member;
  const ready = member.reachable ? (member.ready ? "yes" : "no") : "unreachable";
  return [id, name, member.status, ready, epoch ?? "-", roundTripMs === null ? "-" : roundTripMs.toFixed(0), apiUrl];
}
