/** The comparison of EPaxos Revisited (NSDI'21): five regions, reads and writes mixed, keys by Zipf's law, commit and execution apart. */
import { builtIn } from "./matrix.ts";
import type { LabReport } from "./report.ts";
import { runSetting } from "./run.ts";
import { defaults, protocolNames, type Setting } from "./setting.ts";

export const revisitedPlacement = ["CA", "VA", "EU", "OR", "JP"];
const KEYS = 1_000_000;

export const revisitedWorkloads: readonly { readonly title: string; readonly readShare: number; readonly exponent: number }[] = [
  { title: "writes only, Zipf 0.9", readShare: 0, exponent: 0.9 },
  { title: "50 % reads, Zipf 0.9", readShare: 0.5, exponent: 0.9 },
  { title: "90 % reads, Zipf 0.9", readShare: 0.9, exponent: 0.9 },
  { title: "50 % reads, Zipf 0.6", readShare: 0.5, exponent: 0.6 },
  { title: "50 % reads, Zipf 1.2", readShare: 0.5, exponent: 1.2 },
];

export type Revisited = { readonly title: string; readonly reports: readonly LabReport[] };

export async function runRevisited(
  options: { readonly seconds: number; readonly clientsPerRegion: number; readonly seed: number },
  tell: (what: string) => void,
): Promise<Revisited[]> {
  const found: Revisited[] = [];
  for (const { title, readShare, exponent } of revisitedWorkloads) {
    const reports: LabReport[] = [];
    for (const protocol of protocolNames) {
      tell(`${title}: ${protocol}`);
      const keys = { kind: "zipf", exponent, count: KEYS } as const;
      const workload = { ...defaults.workload, readShare, keys, clientsPerRegion: options.clientsPerRegion };
      const { seconds, seed } = options;
      const setting: Setting = {
        ...defaults,
        matrix: builtIn,
        placement: revisitedPlacement,
        protocol,
        workload,
        seconds,
        seed,
        jitter: 0.02,
      };
      reports.push(await runSetting(setting));
    }
    found.push({ title, reports });
  }
  return found;
}
