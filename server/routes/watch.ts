/** `GET /v1/watch`: executed changes of this replica, in its order, as server-sent events. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Clock, Store } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { instanceName } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Change, Key } from "../../protocol/types.ts";
import type { AppDeps } from "./deps.ts";
import { expected, keyToJson, parseQuery, valueToJson } from "./json.ts";

/** How often an idle watcher looks; no answer waits for it. */
const POLL_MS = 50;
/** A comment now and then, so that proxies keep the stream open and a dead client is noticed. */
const HEARTBEAT_MS = 15_000;
/** Changes of a first page, before anybody knows how large they are. */
const PAGE_FIRST = 16;

/** After the change at `position`; `skip` of the next one's events are known already. */
type Cursor = { readonly position: string; readonly skip: number };

export function addWatchRoute(app: FastifyInstance, deps: AppDeps): void {
  const open = new Set<AbortController>();
  // `close()` would wait for these for ever.
  app.addHook("preClose", async () => {
    for (const stop of open) stop.abort();
  });

  const querystring = Type.Object({ prefix: Type.Optional(Type.String()), after: Type.Optional(Type.String()) });
  const schema = {
    tags: ["kv"],
    summary: "Executed changes of this replica, as server-sent events",
    description: `The last ${limits.changesKept} changes are kept, or ${limits.changesBytesKept / 1024 ** 2} MiB of them. \`put\` and \`delete\` are changes; \`gap\`: what came before is no longer kept, or was asked for at another datacenter; \`cut\`: not read for ${limits.watchSlowMs / 1000} s, nothing is lost, come back with the last id.`,
    querystring,
  };
  app.get("/v1/watch", { config: { scope: "read" }, schema, exposeHeadRoute: false }, async (request, reply) => {
    const { prefix = "", after = "" } = parseQuery(request.originalUrl, ["prefix", "after"]);
    const lastEventId = request.headers["last-event-id"];
    const asked = typeof lastEventId === "string" && lastEventId !== "" ? lastEventId : after;
    const stream = streamName(deps);
    const from = parseCursor(asked, stream);
    if (open.size >= limits.watchersMax) throw new EpoxyError("overloaded", `${limits.watchersMax} watchers are served here already`);
    const now = { position: await deps.store.lastChange(), skip: 0 };

    reply.hijack();
    const stop = new AbortController();
    open.add(stop);
    reply.raw.once("close", () => stop.abort());
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" });
    try {
      const watcher = { store: deps.store, clock: deps.clock, out: reply.raw, prefix, stream, stop: stop.signal };
      await follow(watcher, from === "foreign" || from === null ? now : from, from === "foreign");
    } catch (error) {
      // The client comes back with its last id; nothing is lost.
      deps.log.warn({ error: String(error) }, "a watch ended early");
    } finally {
      open.delete(stop);
      reply.raw.end();
      // Whoever does not read what is left keeps no connection for it.
      void deps.clock.sleep(2 * limits.watchSlowMs, stop.signal).then(() => reply.raw.destroy());
    }
  });
}

/** Positions count one disk's changes: another datacenter's, or those before a restored backup, must not be taken for ours. */
function streamName({ replica }: AppDeps): string {
  return replica.report().incarnation.slice(0, 12);
}

type Watcher = {
  readonly store: AppDeps["store"];
  readonly clock: Clock;
  readonly out: ServerResponse;
  readonly prefix: string;
  readonly stream: string;
  readonly stop: AbortSignal;
};

async function follow(watcher: Watcher, from: Cursor, isForeign: boolean): Promise<void> {
  const { store, clock, stop, stream } = watcher;
  let { position, skip } = from;
  let pageEntries = PAGE_FIRST;
  // An id without an event: where to come back to when the stream breaks before the first one.
  await write(watcher, isForeign ? gapAt(stream, position) : `: watching\nid: ${stream}:${position}${skip === 0 ? "" : `/${skip}`}\n\n`);
  let lastWriteMs = clock.monotonicMs();
  while (!stop.aborted) {
    const page: Awaited<ReturnType<Store["changes"]>> = await store.changes(position, pageEntries);
    let text = "";
    if (page === null) {
      position = await store.lastChange();
      skip = 0;
      text = gapAt(stream, position);
    } else {
      for (const entry of page.changes) {
        text += eventsOf(entry.change, { stream, previous: position, position: entry.position, skip, prefix: watcher.prefix });
        position = entry.position;
        skip = 0;
      }
      if (text !== "") pageEntries = clampPage((page.changes.length * limits.watchPageBytes) / text.length);
    }
    if (text === "" && clock.monotonicMs() - lastWriteMs > HEARTBEAT_MS) text = `: still here\nid: ${stream}:${position}\n\n`;
    if (text !== "") {
      if (!(await write(watcher, text))) return cut(watcher, position);
      lastWriteMs = clock.monotonicMs();
    }
    if (page === null || page.changes.length === 0) await clock.sleep(POLL_MS, stop);
  }
}

/** So many changes that a page stays about as large as it should be. */
function clampPage(entries: number): number {
  return Math.max(1, Math.min(limits.pageEntriesMax, Math.floor(entries)));
}

function gapAt(stream: string, position: string): string {
  return `event: gap\nid: ${stream}:${position}\ndata: {}\n\n`;
}

/** False when the reader took nothing for too long. */
async function write({ out, stop, clock }: Watcher, text: string): Promise<boolean> {
  if (stop.aborted || out.write(text)) return true;
  const waiting = new AbortController();
  const signal = AbortSignal.any([stop, waiting.signal]);
  const drained = once(out, "drain", { signal }).then(
    () => true,
    () => stop.aborted,
  );
  const isRead = await Promise.race([drained, clock.sleep(limits.watchSlowMs, signal).then(() => stop.aborted)]);
  waiting.abort();
  return isRead;
}

/** The last thing it reads, if it ever does. */
function cut({ out, stream }: Watcher, position: string): void {
  const data = { reason: "slow", message: `nothing was read for ${limits.watchSlowMs / 1000} s: come back with this id, nothing is lost` };
  out.write(`event: cut\nid: ${stream}:${position}\ndata: ${JSON.stringify(data)}\n\n`);
}

/**
 * One event for each value that the change wrote. The last one's id is the change's position; an earlier one's says how
 * far into the change it is, so that whoever comes back in between misses nothing and sees nothing twice.
 */
function eventsOf(
  change: Change,
  at: { readonly stream: string; readonly previous: string; readonly position: string; readonly skip: number; readonly prefix: string },
): string {
  const values = change.writes.flatMap((write) =>
    write.kind === "value" && write.record !== null && write.id !== "" ? [{ key: write.id as Key, state: write.record }] : [],
  );
  let text = "";
  for (const [i, { key, state }] of values.entries()) {
    if (i < at.skip || !key.startsWith(at.prefix)) continue;
    const id = `${at.stream}:${i === values.length - 1 ? at.position : `${at.previous}/${i + 1}`}`;
    const data = { key: keyToJson(key), value: valueToJson(state.value), version: state.version, instance: instanceName(change.instance) };
    text += `event: ${state.value === null ? "delete" : "put"}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
  }
  return text;
}

/** null for "from now on"; `foreign`: of another datacenter's stream, or of a disk that is no more. @throws EpoxyError badRequest */
function parseCursor(text: string, stream: string): Cursor | "foreign" | null {
  if (text === "") return null;
  const match = /^([0-9a-z]{1,12}):(\d{1,20}-\d{1,20})(?:\/([1-9]\d{0,4}))?$/.exec(text);
  if (match === null) throw expected("after (or Last-Event-ID)", "the id of an event of a watch");
  return match[1] === stream ? { position: match[2] as string, skip: Number(match[3] ?? 0) } : "foreign";
}
