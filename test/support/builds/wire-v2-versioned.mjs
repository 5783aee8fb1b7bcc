// What protocol/wire/versioned is in a build that has a version 2: a byte 2 in front, and every byte of version 1 turned around,
// so that one never passes for the other.
import { EpoxyError, MalformedError } from "../errors.EXTENSION";
import { codecV1 } from "./v1-map.EXTENSION";

const turn = (bytes) => bytes.map((byte) => byte ^ 0xa5);
const wrap = (bytes) => Uint8Array.from([2, ...turn(bytes)]);
function unwrap(bytes) {
  if (bytes[0] !== 2) throw new MalformedError("no message of version 2");
  return turn(Uint8Array.from(bytes.subarray(1)));
}

const counts = { requests: { 1: 0, 2: 0 }, replies: { 1: 0, 2: 0 } };
const codecV2 = {
  decodeRequest: (bytes) => codecV1.decodeRequest(unwrap(bytes)),
  encodeRequest: (envelope) => wrap(codecV1.encodeRequest(envelope)),
  decodeReply: (bytes) => codecV1.decodeReply(unwrap(bytes)),
  encodeReply: (envelope) => wrap(codecV1.encodeReply(envelope)),
};
const codecs = new Map([
  [1, codecV1],
  [2, codecV2],
]);

export const LATEST_VERSION = 2;
export const SUPPORTED_VERSIONS = [...codecs.keys()];

export function decodeRequest(version, bytes) {
  const envelope = codecOf(version).decodeRequest(bytes);
  note("requests", version);
  return envelope;
}
export const encodeRequest = (version, envelope) => codecOf(version).encodeRequest(envelope);
export function decodeReply(version, bytes) {
  const envelope = codecOf(version).decodeReply(bytes);
  note("replies", version);
  return envelope;
}
export const encodeReply = (version, envelope) => codecOf(version).encodeReply(envelope);

function codecOf(version) {
  const codec = codecs.get(version);
  if (codec === undefined)
    throw new EpoxyError("unsupportedVersion", `version ${version} is not known here`, { versions: SUPPORTED_VERSIONS });
  return codec;
}

// What was spoken, for the test: appended to a file beside the list of builds.
function note(what, version) {
  counts[what][version]++;
}
if (process.env.EPOXY_TEST_BUILDS !== undefined) {
  const { writeFileSync } = await import("node:fs");
  const tell = () => writeFileSync(`${process.env.EPOXY_TEST_BUILDS}.${process.pid}`, JSON.stringify(counts));
  setInterval(tell, 200).unref();
}
