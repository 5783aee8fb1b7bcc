/** Requests to the public API that are not as documented: each must be refused with a documented code, and nothing proposed. */
import { mutate, type Random } from "../support/mutations.ts";

export type BadRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Bent by chance, it may still be a good one: then it reads, or writes below `fuzz/`. */
  readonly mayBeGood: boolean;
};

const json = { "content-type": "application/json" };
const key = "fuzz/never";
const wrongValues = ["7", "[]", "{}", "true", '{"base64":"***"}', '{"base64":7}', "-1e999", '{"$ref":"#"}', '{"base64":"QQ==","more":1}'];
const wrongCommands = [
  '{"kind":"increment","key":"fuzz/never"}',
  '{"kind":"get","key":"fuzz/never","lock":true}',
  '{"kind":"set","key":"","value":"x"}',
  '{"kind":"set","value":"x"}',
  '{"kind":"add","key":"fuzz/never","delta":1.5}',
  '{"kind":"checkAndSet","key":"fuzz/never","expectOneOf":[],"newValue":"x"}',
  '{"kind":"txn","checks":[],"commands":[{"kind":"txn","checks":[],"commands":[]}]}',
  '{"__proto__":{"kind":"get"},"key":"fuzz/never"}',
  '{"constructor":{"prototype":{"kind":"get"}},"key":"fuzz/never"}',
  "null",
  "[[[[[[[[[[]]]]]]]]]]",
];
const whole = [
  `{"commands":[{"kind":"set","key":"${key}","value":"x"}]}`,
  `{"commands":[{"kind":"checkAndSet","key":"${key}","expectOneOf":[null,"x"],"newValue":"y"},{"kind":"get","key":"${key}"}]}`,
  `{"commands":[{"kind":"txn","checks":[{"key":"${key}","expectVersion":0}],"commands":[{"kind":"delete","key":"${key}"}]}]}`,
].map((text) => Buffer.from(text));

export function badRequest(random: Random): BadRequest {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const noise = (most: number) => Buffer.from(Array.from({ length: 1 + random(most) }, () => random(256)));
  const propose = (body: string | Uint8Array, headers: Record<string, string> = json): BadRequest => ({
    method: "POST",
    path: "/v1/proposals",
    headers,
    body,
    mayBeGood: false,
  });
  switch (random(12)) {
    case 0:
      return propose(`{"commands":[{"kind":"set","key":"${key}","value":${pick(wrongValues)}}]}`);
    case 1:
      return propose(`{"commands":[${pick(wrongCommands)}]}`);
    case 2:
      return propose(Buffer.concat([Buffer.from("\u0001"), noise(400)]));
    case 3:
      return propose("[".repeat(1 + random(20_000)));
    case 4:
      return propose(pick(whole).subarray(0, 1 + random(40)));
    case 5:
      return propose(pick(whole), { "content-type": pick(["text/plain", "application/xml", "multipart/form-data", "application/jsonx"]) });
    case 6:
      return propose(pick(whole), { ...json, "epoxy-timeout-ms": pick(["soon", "-1", "1e9", "NaN", "0x10", "99999999999999999999"]) });
    case 7:
      return propose(`{"commands":[{"kind":"set","key":"${"k".repeat(1_025 + random(3_000))}","value":"x"}]}`);
    case 8:
      return {
        method: pick(["PATCH", "PUT", "DELETE", "GET", "OPTIONS"]),
        path: `/v${2 + random(90)}/${pick(["kv/a", "proposals", "cluster", "../v1/kv", "%2e%2e/kv", "%00"])}`,
        headers: {},
        mayBeGood: false,
      };
    case 9:
      return { method: "PUT", path: `/v1/kv/fuzz%2F${"k".repeat(1_025)}`, headers: {}, body: "x", mayBeGood: false };
    case 10:
      return {
        method: "GET",
        path: `/v1/kv/fuzz%2F${random(1_000)}?read=${pick(["sometimes", "", "%00", "linearizable%20"])}`,
        headers: {},
        mayBeGood: false,
      };
    default:
      return { ...propose(mutate(pick(whole), random)), mayBeGood: true };
  }
}
