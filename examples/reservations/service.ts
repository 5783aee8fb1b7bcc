/**
 * Actors that exist once in the world: whoever asks for a key first, in whichever datacenter, has its actor made there, and
 * everybody else's requests are passed on to that datacenter. Epoxy decides who was first; nothing else is shared.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type Client, fromWire, RequestError, type WireBytes } from "../../client/client.ts";

export type ServiceOptions = {
  /** Of this datacenter; the same in everybody's `datacenters`. */
  readonly name: string;
  /** Where the services of all datacenters are reached, by name. */
  readonly datacenters: Readonly<Record<string, string>>;
  /** Of the Epoxy datacenter beside this service first. */
  readonly epoxy: Client;
};

/** What is reserved under a key, and never changed afterwards. */
type Reservation = { readonly datacenter: string; readonly actorId: string };
/** State that only the owner has: here, how often the actor was called. */
type Actor = { readonly actorId: string; calls: number };
type Answer = { readonly status: number; readonly body: object };

const bodyBytesMax = 4_096;
const forwardMs = 10_000;
/** A request is passed on once: the reservation it was passed on for never changes, so a second time is a mistake in `datacenters`. */
const FORWARDED = "reservations-forwarded-by";

/**
 * `PUT /actors/KEY`: the actor of this key, made here if nobody has it. `POST /actors/KEY`: calls it, wherever it is.
 * `GET /actors/KEY`: where it is. The answer names actor and datacenter; 404 where nobody has the key.
 */
export function createService({ name, datacenters, epoxy }: ServiceOptions): Server {
  const actors = new Map<string, Actor>();

  /** The owner's own copy. It begins anew after a restart: the reservation outlives the process, the actor's memory does not. */
  function actorHere({ actorId }: Reservation): Actor {
    const actor = actors.get(actorId) ?? { actorId, calls: 0 };
    actors.set(actorId, actor);
    return actor;
  }

  async function answer(request: IncomingMessage, key: string): Promise<Answer> {
    const found = await reservationOf(request.method ?? "", key);
    if (found === null) return { status: 404, body: { error: `nobody has ${key}` } };
    const { reservation, isNew } = found;
    if (reservation.datacenter !== name) return forward(request, reservation.datacenter);
    const actor = actorHere(reservation);
    if (request.method === "POST") actor.calls++;
    return { status: isNew ? 201 : 200, body: { key, datacenter: name, ...actor } };
  }

  async function reservationOf(method: string, key: string): Promise<{ reservation: Reservation; isNew: boolean } | null> {
    if (method !== "PUT") {
      const held = await epoxy.getReservation(`actor/${key}`);
      return held === null ? null : { reservation: parse(held), isNew: false };
    }
    // A new id for each try: should one end with "not known", the next try finds what became of it.
    const offered: Reservation = { datacenter: name, actorId: randomUUID() };
    const { owner, isMine } = await epoxy.reserve(`actor/${key}`, JSON.stringify(offered));
    return { reservation: parse(owner), isNew: isMine };
  }

  async function forward(request: IncomingMessage, owner: string): Promise<Answer> {
    const url = datacenters[owner];
    if (url === undefined) return { status: 502, body: { error: `${owner} is not among the datacenters this one knows` } };
    if (request.headers[FORWARDED] !== undefined) return { status: 508, body: { error: `${name} is not ${owner}: check the addresses` } };
    try {
      const response = await fetch(`${url}${request.url}`, {
        method: request.method ?? "GET",
        headers: { [FORWARDED]: name },
        signal: AbortSignal.timeout(forwardMs),
      });
      return { status: response.status, body: (await response.json()) as object };
    } catch (error) {
      return { status: 502, body: { error: `the owner, ${owner}, does not answer: ${(error as Error).message}` } };
    }
  }

  return createServer(async (request, response) => {
    const { status, body } = await respond(request, answer);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(body)}\n`);
  });
}

async function respond(request: IncomingMessage, answer: (request: IncomingMessage, key: string) => Promise<Answer>): Promise<Answer> {
  const key = /^\/actors\/([^/?]{1,200})$/.exec(request.url ?? "")?.[1];
  if (key === undefined || !["GET", "PUT", "POST"].includes(request.method ?? "")) {
    return { status: 404, body: { error: "PUT, POST or GET /actors/KEY" } };
  }
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) return { status: 413, body: { error: "too large" } };
  request.resume();
  try {
    return await answer(request, key);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    // Also where the outcome is not known: asking again tells who has the key.
    return { status: 503, body: { error: error.message, outcome: error.outcome } };
  }
}

function parse(value: WireBytes): Reservation {
  return JSON.parse(Buffer.from(fromWire(value)).toString("utf8")) as Reservation;
}
