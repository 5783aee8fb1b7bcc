import { RequestError } from "../../client/errors.ts";
import type { ClusterAnswer } from "../../client/types.ts";
import { type Context, withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { type Health, healthOfAll } from "../health.ts";
import { json, line, table } from "../output.ts";
import { askRedis } from "../redis-probe.ts";

/** `mend` is null where there is nothing to mend. */
type Finding = { readonly check: string; readonly ok: boolean; readonly found: string; readonly mend: string | null };
type Options = { readonly redis?: string; readonly temporal?: string; readonly temporalNamespace?: string };
type Environment = {
  REDIS_URL?: string;
  EPOXY_REDIS?: string;
  TEMPORAL_ADDRESS?: string;
  EPOXY_TEMPORAL?: string;
  TEMPORAL_NAMESPACE?: string;
};

const clockAheadMsMax = 2_000;
const nodeMin = { major: 20, minor: 19 };
const redisMajorMin = 7;

export const doctor = withClient<Options>(async (context) => {
  const env = process.env as Environment;
  const redis = context.options.redis ?? env.EPOXY_REDIS ?? env.REDIS_URL;
  const temporal = context.options.temporal ?? env.EPOXY_TEMPORAL ?? env.TEMPORAL_ADDRESS;
  const namespace = context.options.temporalNamespace ?? env.TEMPORAL_NAMESPACE ?? "default";
  const findings = [
    checkNode(),
    ...(await checkCluster(context)),
    ...(redis === undefined ? [] : await checkRedis(redis)),
    ...(temporal === undefined ? [] : await checkTemporal(temporal, namespace)),
  ];
  const wrong = findings.filter((each) => !each.ok);
  if (context.json) json({ ok: wrong.length === 0, findings });
  else {
    line(
      table(
        ["", "check", "found"],
        findings.map((each) => [each.ok ? "ok" : "BAD", each.check, each.found]),
      ),
    );
    for (const each of wrong) if (each.mend !== null) line(`${each.check}: ${each.mend}`);
    if (redis === undefined) line("Redis was not looked at: give --redis URL (or REDIS_URL), in the datacenter it serves.");
    if (temporal === undefined) line("Temporal was not looked at: give --temporal HOST:PORT (or TEMPORAL_ADDRESS).");
  }
  return wrong.length === 0 ? exit.done : exit.error;
});

function finding(check: string, ok: boolean, found: string, mend: string): Finding {
  return { check, ok, found, mend: ok ? null : mend };
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > nodeMin.major || (major === nodeMin.major && minor >= nodeMin.minor);
  return finding("Node.js", ok, process.versions.node, `install Node.js ${nodeMin.major}.${nodeMin.minor} or newer`);
}

async function checkCluster({ client, at, endpoints }: Context<Options>): Promise<Finding[]> {
  try {
    const { cluster, members } = await healthOfAll(client, at);
    const epochs = new Set(members.filter((each) => each.epoch !== null && each.status === "active").map((each) => each.epoch));
    return [
      ...members.flatMap(checkMember),
      ...checkVersions(members),
      finding(
        "epochs",
        epochs.size <= 1,
        [...epochs].join(", "),
        "a datacenter behind the others catches up by itself; if it stays behind, look at its log",
      ),
      checkReconfiguration(cluster),
    ];
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return [finding("client API", false, error.message, `start a server, or say where one is with --api (asked: ${endpoints.join(", ")})`)];
  }
}

function checkReconfiguration({ coordinator, reconfiguration }: ClusterAnswer): Finding {
  if (reconfiguration === null)
    return finding(
      "reconfiguration",
      false,
      "not known",
      `datacenter ${coordinator} has the coordinator: look whether it answers, and whether its Temporal and a worker run there. Keys are served all the same`,
    );
  const isLate = reconfiguration.phase !== "settled" && Date.now() - new Date(reconfiguration.since).getTime() > 3_600_000;
  return finding(
    "reconfiguration",
    !isLate,
    reconfiguration.phase,
    "a change has been under way for over an hour: `epoxy members` shows what it waits for, `epoxy members cancel` gives it up",
  );
}

function checkMember(member: Health): Finding[] {
  const name = `datacenter ${member.id} (${member.name})`;
  if (!member.reachable)
    return [
      finding(
        name,
        false,
        member.problems.join("; "),
        `start its servers, or mend the way to ${member.apiUrl}; if it is lost for good: epoxy members remove ${member.id}`,
      ),
    ];
  const ahead = member.clockAheadMs ?? 0;
  const serves = member.ready || member.status !== "active";
  return [
    finding(
      name,
      serves,
      member.ready
        ? `${member.status}, ready, ${(member.roundTripMs ?? 0).toFixed(0)} ms`
        : `${member.status}, not ready: ${member.problems.join("; ")}`,
      "see the reasons above; its server's log says more",
    ),
    finding(
      `${name} clock`,
      Math.abs(ahead) <= clockAheadMsMax,
      `${(ahead / 1_000).toFixed(1)} s ahead of here`,
      "set the clock by NTP there and here: peers with a wrong clock are refused",
    ),
    ...(member.hears === null || member.status !== "active" ? [] : [checkPeers(name, member.hears)]),
  ];
}

function checkPeers(name: string, { heard, silent }: NonNullable<Health["hears"]>): Finding {
  const parts = [
    ...(heard.length === 0 ? [] : [`hears ${heard.join(", ")}`]),
    ...(silent.length === 0 ? [] : [`not ${silent.join(", ")}`]),
  ];
  return finding(
    `${name} peers`,
    silent.length === 0,
    parts.length === 0 ? "none" : parts.join(", "),
    "look whether those run, whether they are reached from there at their peer addresses (`epoxy members`), and whether all have the same peer secret",
  );
}

function checkVersions(members: readonly Health[]): Finding[] {
  const builds = [...new Set(members.flatMap(({ build }) => build ?? []))];
  if (builds.length === 0) return [];
  const who = builds.map((build) => `${build} (${members.flatMap(({ id, build: its }) => (its === build ? [id] : [])).join(", ")})`);
  return [
    finding(
      "versions",
      builds.length === 1,
      builds.length === 1 ? (builds[0] as string) : who.join(", "),
      "an upgrade is not done: restart the older datacenters with the newer build, one after the other",
    ),
  ];
}

async function checkRedis(url: string): Promise<Finding[]> {
  const settings = ["appendonly", "appendfsync", "maxmemory-policy"];
  try {
    const [info, ...answers] = await askRedis(url, [["INFO"], ...settings.map((name) => ["CONFIG", "GET", name])]);
    const value = (index: number) => String((answers[index] as string[] | undefined)?.[1] ?? "unknown");
    const field = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(String(info))?.[1]?.trim() ?? "unknown";
    const version = field("redis_version");
    return [
      finding("Redis version", Number.parseInt(version, 10) >= redisMajorMin, version, `install Redis ${redisMajorMin} or newer`),
      finding(
        "Redis appendonly",
        value(0) === "yes",
        value(0),
        "set `appendonly yes`: without it a restart forgets promises, and the replica must not vote",
      ),
      finding(
        "Redis appendfsync",
        value(1) === "always",
        value(1),
        "set `appendfsync always`: anything else loses acknowledged writes in a crash",
      ),
      finding(
        "Redis maxmemory-policy",
        value(2) === "noeviction",
        value(2),
        "set `maxmemory-policy noeviction`: an evicted record is a lost promise",
      ),
      finding(
        "Redis last write",
        field("aof_last_write_status") !== "err",
        field("aof_last_write_status"),
        "the append-only file cannot be written: look for a full disk",
      ),
    ];
  } catch (error) {
    return [finding("Redis", false, (error as Error).message, "start Redis, or mend its address and password")];
  }
}

const searchAttributes = ["EpoxyPhase", "EpoxyDatacenter", "EpoxyEpoch", "EpoxyVoters"];

async function checkTemporal(address: string, namespace: string): Promise<Finding[]> {
  const { Connection } = await import("@temporalio/client");
  try {
    const connection = await Connection.connect({ address, connectTimeout: "5 seconds" });
    try {
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = searchAttributes.filter((name) => customAttributes?.[name] === undefined);
      const types = "EpoxyPhase=Keyword, EpoxyDatacenter=Keyword, EpoxyEpoch=Int, EpoxyVoters=KeywordList";
      return [
        finding("Temporal", true, `server ${serverVersion}`, ""),
        finding(
          "Temporal search attributes",
          missing.length === 0,
          missing.length === 0 ? "all there" : `missing ${missing.join(", ")}`,
          `create them in namespace ${namespace}: ${types}`,
        ),
      ];
    } finally {
      await connection.close();
    }
  } catch (error) {
    return [
      finding(
        "Temporal",
        false,
        (error as Error).message,
        `start Temporal at ${address}, or mend its address and namespace; writes and reads do not need it, changes of the cluster do`,
      ),
    ];
  }
}
