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

/** After the change at `position`; `skip` of the next one's events are known already. */
type Cursor = { readonly position: string; readonly skip: number };

export function addWatchRoute(app: FastifyInstance, deps: AppDeps): void {
  const open = new Set<AbortController>();
  // `close()` would wait for these for ever.
  app.addHook("preClose", async () => {
    for (const stop of open) stop.abort();
  });

  const querystring = Type.Object({ prefix: Type.Optional(Type.String()), after: Type.Optional(Type.String()) });
  const schema = { tags: ["kv"], summary: "Executed changes of this replica, as server-sent events", querystring };
  app.get("/v1/watch", { config: { scope: "read" }, schema, exposeHeadRoute: false }, async (request, reply) => {
    const { prefix = "", after = "" } = parseQuery(request.originalUrl, ["prefix", "after"]);
    const lastEventId = request.headers["last-event-id"];
    const from = parseCursor(typeof lastEventId === "string" && lastEventId !== "" ? lastEventId : after);
    if (open.size >= limits.watchersMax) throw new EpoxyError("overloaded", `${limits.watchersMax} watchers are served here already`);
    const cursor = from ?? { position: await deps.store.lastChange(), skip: 0 };

    reply.hijack();
    const stop = new AbortController();
    open.add(stop);
    reply.raw.once("close", () => stop.abort());
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" });
    try {
      await follow({ store: deps.store, clock: deps.clock, out: reply.raw, prefix, stop: stop.signal }, cursor);
    } catch (error) {
      // The client comes back with its last id; nothing is lost.
      deps.log.warn({ error: String(error) }, "a watch ended early");
    } finally {
      open.delete(stop);
      reply.raw.end();
    }
  });
}

type Watcher = {
  readonly store: AppDeps["store"];
  readonly clock: Clock;
  readonly out: ServerResponse;
  readonly prefix: string;
  readonly stop: AbortSignal;
};

async function follow(watcher: Watcher, from: Cursor): Promise<void> {
  const { store, clock, stop } = watcher;
  let { position, skip } = from;
  await write(watcher, ": watching\n\n");
  let lastWriteMs = clock.monotonicMs();
  while (!stop.aborted) {
    const page: Awaited<ReturnType<Store["changes"]>> = await store.changes(position, limits.pageEntriesMax);
    let text = "";
    if (page === null) {
      position = await store.lastChange();
      skip = 0;
      text = `event: gap\nid: ${position}\ndata: {}\n\n`;
    } else {
      for (const entry of page.changes) {
        text += eventsOf(entry.change, { previous: position, position: entry.position, skip, prefix: watcher.prefix });
        position = entry.position;
        skip = 0;
      }
    }
    if (text !== "") {
      await write(watcher, text);
      lastWriteMs = clock.monotonicMs();
    } else if (clock.monotonicMs() - lastWriteMs > HEARTBEAT_MS) {
      await write(watcher, ": still here\n\n");
      lastWriteMs = clock.monotonicMs();
    }
    if (page === null || page.changes.length === 0) await clock.sleep(POLL_MS, stop);
  }
}

async function write({ out, stop }: Watcher, text: string): Promise<void> {
  if (stop.aborted || out.write(text)) return;
  await once(out, "drain", { signal: stop }).catch(() => {});
}

/**
 * One event for each value that the change wrote. The last one's id is the change's position; an earlier one's says how
 * far into the change it is, so that whoever comes back in between misses nothing and sees nothing twice.
 */
function eventsOf(
  change: Change,
  at: { readonly previous: string; readonly position: string; readonly skip: number; readonly prefix: string },
): string {
  const values = change.writes.flatMap((write) =>
    write.kind === "value" && write.record !== null && write.id !== "" ? [{ key: write.id as Key, state: write.record }] : [],
  );
  let text = "";
  for (const [i, { key, state }] of values.entries()) {
    if (i < at.skip || !key.startsWith(at.prefix)) continue;
    const id = i === values.length - 1 ? at.position : `${at.previous}/${i + 1}`;
    const data = { key: keyToJson(key), value: valueToJson(state.value), version: state.version, instance: instanceName(change.instance) };
    text += `event: ${state.value === null ? "delete" : "put"}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
  }
  return text;
}

/** null for "from now on". @throws EpoxyError badRequest */
function parseCursor(text: string): Cursor | null {
  if (text === "") return null;
  const match = /^(\d{1,20}-\d{1,20})(?:\/([1-9]\d{0,4}))?$/.exec(text);
  if (match === null) throw expected("after (or Last-Event-ID)", "the id of an event of this watch");
  return { position: match[1] as string, skip: Number(match[2] ?? 0) };
}
