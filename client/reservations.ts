/** A key that one caller in the world gets, once: read where that costs nothing, written only where it is still absent. */
import { fromWire, toBytes, toWire, type WireBytes } from "./bytes.ts";
import type { Expect, KeyAnswer, ProposalAnswer, ReadMode } from "./types.ts";

type Bytes = string | Uint8Array;
type Operations = {
  get(key: Bytes, options: { readonly read: ReadMode; readonly timeoutMs?: number }): Promise<KeyAnswer | null>;
  checkAndSet(key: Bytes, expect: Expect, newValue: Bytes, options: ReserveOptions): Promise<ProposalAnswer>;
};
export type ReserveOptions = { readonly idempotencyKey?: string; readonly timeoutMs?: number };
/** `owner`: the value that the key holds. `isMine`: it is the one that was offered, from this call or an earlier one. */
export type Reservation = { readonly owner: WireBytes; readonly isMine: boolean };

export function createReservations({ get, checkAndSet }: Operations) {
  /** The owner's value, or null while nobody has the key. May be late to see a new owner, never wrong about one. */
  async function getReservation(key: Bytes, options: { readonly timeoutMs?: number } = {}): Promise<WireBytes | null> {
    return (await get(key, { read: "optimistic", ...options }))?.value ?? null;
  }
  return {
    getReservation,
    /**
     * Exactly one of all who offer a value gets the key; everybody is told whose it is. Give each caller a value of its own.
     * @throws NothingHappened, OutcomeUnknown
     */
    async reserve(key: Bytes, value: Bytes, options: ReserveOptions = {}): Promise<Reservation> {
      const { timeoutMs } = options;
      const held = await getReservation(key, timeoutMs === undefined ? {} : { timeoutMs });
      if (held !== null) return reservation(held, value);
      const [result] = (await checkAndSet(key, { expectOneOf: [null] }, value, options)).results;
      if (result?.ok === true) return { owner: toWire(value), isMine: true };
      if (result?.error === "expectedValueDoesNotMatch" && result.current !== null) return reservation(result.current, value);
      throw new TypeError(`not an answer to a checkAndSet: ${JSON.stringify(result)}`);
    },
  };
}

function reservation(owner: WireBytes, offered: Bytes): Reservation {
  return { owner, isMine: Buffer.from(fromWire(owner)).equals(Buffer.from(toBytes(offered))) };
}
