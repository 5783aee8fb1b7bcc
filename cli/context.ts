/** What every command that talks to a cluster shares: where it is, how long to wait, how to print. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type Client, createClient } from "../client/client.ts";
import { type ExitCode, exit, UsageError } from "./exit.ts";
import { whyUnreadable } from "./output.ts";

export const defaultApi = "http://127.0.0.1:7110";

export type GlobalOptions = {
  readonly api?: readonly string[];
  readonly json?: boolean;
  readonly tokenFile?: string;
  readonly timeout?: string;
};
export type Context<Options = Record<string, unknown>> = {
  readonly client: Client;
  readonly endpoints: readonly string[];
  /** A client that asks this one address alone. */
  readonly at: (url: string, timeoutMs?: number) => Client;
  readonly options: Options & GlobalOptions;
  readonly json: boolean;
};

type Environment = { EPOXY_API?: string; EPOXY_TOKEN?: string };
type Act<Options> = (
  context: Context<Options>,
  args: readonly string[],
  own: Readonly<Record<string, unknown>>,
) => Promise<ExitCode | undefined>;

/** An action over the client API: makes the client, closes it, and leaves with the code that `act` returns. */
export function withClient<Options = Record<string, unknown>>(act: Act<Options>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const shared = globalOptions(command);
    const options = { ...command.opts(), ...shared } as Options & GlobalOptions;
    const common = clientOptions(shared);
    const clients: Client[] = [];
    const make = (endpoints: readonly string[], timeoutMs: number, triesMax?: number): Client => {
      const made = createClient({ ...common, endpoints, timeoutMs, ...(triesMax === undefined ? {} : { triesMax }) });
      clients.push(made);
      return made;
    };
    const client = make(common.endpoints, common.timeoutMs);
    const at = (url: string, timeoutMs = 3_000) => make([url], timeoutMs, 1);
    try {
      process.exitCode =
        (await act({ client, endpoints: common.endpoints, at, options, json: options.json === true }, command.args, command.opts())) ??
        exit.done;
    } finally {
      await Promise.all(clients.map((each) => each.close()));
    }
  };
}

/** The nearest to the command wins; an `--api` that is no list is the command's own (`members add`). */
export function globalOptions(command: Command): GlobalOptions {
  let found: GlobalOptions = {};
  for (let each: Command | null = command; each !== null; each = each.parent) {
    const { api, json, tokenFile, timeout } = each.opts() as GlobalOptions;
    found = {
      ...(Array.isArray(api) ? { api } : {}),
      ...(json === undefined ? {} : { json }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(timeout === undefined ? {} : { timeout }),
      ...found,
    };
  }
  return found;
}

export function clientOptions(options: GlobalOptions): { endpoints: readonly string[]; token: string | null; timeoutMs: number } {
  const env = process.env as Environment;
  const given = options.api ?? env.EPOXY_API?.split(/[\s,]+/).filter((url) => url !== "") ?? [];
  const endpoints = (given.length === 0 ? [defaultApi] : given).map(checkUrl);
  const token = options.tokenFile === undefined ? (env.EPOXY_TOKEN ?? null) : readToken(options.tokenFile);
  const timeoutMs = options.timeout === undefined ? 10_000 : positive("--timeout", options.timeout) * 1_000;
  return { endpoints, token, timeoutMs };
}

/** @throws UsageError unless it is a whole number in the range */
export function integer(name: string, text: string, range: { readonly min: number; readonly max: number }): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < range.min || value > range.max) {
    throw new UsageError(`${name} must be a whole number ${rangeInWords(range)}, not ${JSON.stringify(text)}`);
  }
  return value;
}

function rangeInWords({ min, max }: { readonly min: number; readonly max: number }): string {
  if (max < Number.MAX_SAFE_INTEGER) return `from ${min} to ${max}`;
  return `of at least ${min}`;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 60)) throw new UsageError(`${name} must be a number of seconds, at most 60, not ${JSON.stringify(text)}`);
  return value;
}

export function checkUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full) || !/^https?:$/.test(new URL(full).protocol))
    throw new UsageError(`${JSON.stringify(text)} is not an http:// or https:// address`);
  return full.replace(/\/+$/, "");
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`the token file ${file} cannot be read: ${whyUnreadable(error)}`);
  }
}
