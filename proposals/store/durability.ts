type Call = (...command: (string | number)[]) => Promise<unknown>;

/** Each setting, the only value with which an acknowledged write stays, and what another would cost. */
const SETTINGS: readonly (readonly [name: string, wanted: string, why: string])[] = [
  ["appendonly", "yes", "nothing is written to disk as it happens"],
  ["appendfsync", "always", "a power loss would lose what was acknowledged"],
  ["no-appendfsync-on-rewrite", "no", "while the file is rewritten a power loss would lose what was acknowledged"],
  ["maxmemory-policy", "noeviction", "it would drop records when memory runs short"],
];

/** @throws EpoxyError notReady */
export async function checkDurability(call: Call): Promise<string[]> {
  const problems: string[] = [];
  const info = `${await call("INFO")}`;
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown";
  if (!(Number.parseInt(version, 10) >= 7)) problems.push(`Redis ${version} is too old: install Redis 7 or newer, or Valkey.`);
  if (/^role:slave/m.test(info))
    problems.push("This Redis copies another one: use the primary, and no failover to a copy, which may lack acknowledged writes.");
  if (/^cluster_enabled:1/m.test(info))
    problems.push("This Redis is a cluster: transactions need all records in one, so start it with 'cluster-enabled no'.");
  for (const [name, wanted, why] of SETTINGS) {
    const found = await settingOf(call, name);
    if (found === wanted) continue;
    const cure = `run 'CONFIG SET ${name} ${wanted}' and put '${name} ${wanted}' in its configuration file`;
    if (found === null) problems.push(`Redis does not say what ${name} is, and it must be '${wanted}' (${why}): allow CONFIG GET.`);
    else problems.push(`${name} is '${found}', so ${why}: ${cure}.`);
  }
  return problems;
}

/** null where the command is not allowed. */
async function settingOf(call: Call, name: string): Promise<string | null> {
  try {
    const [, value] = (await call("CONFIG", "GET", name)) as (Buffer | undefined)[];
    return value === undefined ? null : value.toString();
  } catch {
    return null;
  }
}
