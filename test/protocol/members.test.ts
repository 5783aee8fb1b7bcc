import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REPLICA_ID_MAX, replicaId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import {
  addMember,
  decodeMembers,
  encodeMembers,
  firstMembers,
  leaveMember,
  type MemberAdded,
  type MembersChange,
  removeMember,
  replaceMember,
  setCoordinator,
  setMember,
  wantedVoters,
} from "../../protocol/members.ts";
import type { Members } from "../../protocol/types.ts";
import { bytes } from "./arbitrary.ts";

const input = (name: string, voter = true) => ({ name, peerUrl: `http://${name}:7001`, apiUrl: `http://${name}:7000`, voter });
const one = firstMembers({ ...input("dc-1"), incarnation: "disk-1" });

function ok(change: MembersChange | MemberAdded): Members {
  assert.equal(change.kind, "ok", change.kind === "refused" ? change.message : "");
  return change.kind === "ok" ? change.members : one;
}
const reason = (change: MembersChange | MemberAdded) => (change.kind === "refused" ? change.reason : "ok");

const two = ok(addMember(one, input("dc-2")));
const three = ok(addMember(two, input("dc-3", false)));

test("ids are given once, in order, also after a removal", () => {
  const added = addMember(ok(removeMember(three, replicaId(3))), input("dc-3"));
  assert.ok(added.kind === "ok");
  assert.equal(added.id, 4);
  assert.deepEqual(added.members.removed, [3]);
  assert.deepEqual(wantedVoters(added.members), [1, 2, 4]);
});

test("a replacement has the vote of the one that leaves, which stays a member until it is removed", () => {
  const replaced = replaceMember(three, replicaId(2), { name: "dc-2", peerUrl: "http://new:1", apiUrl: "http://new:2" });
  assert.ok(replaced.kind === "ok");
  assert.deepEqual(
    replaced.members.members.map(({ id, voter, leaving }) => [id, voter, leaving]),
    [
      [1, true, false],
      [2, true, true],
      [3, false, false],
      [4, true, false],
    ],
  );
  assert.deepEqual(wantedVoters(replaced.members), [1, 4]);
});

test("a replacement fits where all places are taken", () => {
  let full = one;
  for (let i = 2; i <= limits.votersMax; i++) full = ok(addMember(full, input(`dc-${i}`)));
  assert.equal(reason(addMember(full, input("more"))), "tooManyVoters");
  assert.equal(reason(addMember(full, input("more", false))), "ok");
  assert.equal(reason(replaceMember(full, replicaId(5), input("more"))), "ok");
});

describe("changes that are refused", () => {
  const cases: readonly (readonly [string, MembersChange | MemberAdded])[] = [
    ["duplicateName", addMember(two, { ...input("new"), name: "dc-2" })],
    ["duplicateUrl", addMember(two, { ...input("new"), peerUrl: "http://dc-2:7001" })],
    ["duplicateUrl", addMember(two, { ...input("new"), apiUrl: "HTTP://dc-2:7000/" })],
    ["duplicateUrl", setMember(two, replicaId(1), { peerUrl: "http://dc-2:7001" })],
    ["badUrl", addMember(two, { ...input("new"), peerUrl: "dc-9:7001" })],
    ["badUrl", addMember(two, { ...input("new"), apiUrl: "ftp://dc-9" })],
    ["badName", addMember(two, { ...input("new"), name: "" })],
    ["unknownId", setMember(two, replicaId(9), { voter: false })],
    ["unknownId", removeMember(two, replicaId(9))],
    ["unknownId", replaceMember(two, replicaId(9), input("new"))],
    ["unknownId", setCoordinator(two, replicaId(9))],
    ["removedId", leaveMember(ok(removeMember(two, replicaId(2))), replicaId(2))],
    ["isCoordinator", removeMember(two, replicaId(1))],
    ["lastVoter", setMember(one, replicaId(1), { voter: false })],
    ["lastVoter", leaveMember(one, replicaId(1))],
    ["lastVoter", removeMember(ok(setCoordinator(ok(addMember(one, input("dc-2", false))), replicaId(2))), replicaId(1))],
    ["incarnationKnown", setMember(one, replicaId(1), { incarnation: "disk-2" })],
    ["noIdsLeft", addMember({ ...one, nextId: (REPLICA_ID_MAX + 1) as never }, input("new"))],
  ];
  for (const [expected, change] of cases)
    test(`${expected}: ${change.kind === "refused" ? change.message : ""}`, () => assert.equal(reason(change), expected));
});

describe("the members key's value", () => {
  test("is read back, and equal members are equal bytes", () => {
    for (const members of [one, two, three]) assert.deepEqual(decodeMembers(encodeMembers(members)), members);
    const [first] = one.members;
    assert.ok(first !== undefined);
    const { id, ...rest } = first;
    assert.deepEqual(encodeMembers({ ...one, members: [{ ...rest, id }] }), encodeMembers(one));
  });

  const text = new TextDecoder().decode(encodeMembers(three));
  const broken: readonly (readonly [string, string])[] = [
    ["no JSON", text.slice(1)],
    ["a list", "[]"],
    ["null", "null"],
    ["a field more", text.replace('"removed"', '"more":1,"removed"')],
    ["a field less", text.replace(/,"removed":\[\]/, "")],
    ["an id twice", text.replace('"id":3', '"id":2')],
    ["an id of 0", text.replace('"id":1', '"id":0')],
    ["an id that is a text", text.replace('"id":1', '"id":"1"')],
    ["a used next id", text.replace('"nextId":4', '"nextId":3')],
    ["a removed member", text.replace('"removed":[]', '"removed":[2]')],
    ["a voter of 1", text.replace('"voter":true', '"voter":1')],
    ["a name of null", text.replace('"name":"dc-1"', '"name":null')],
  ];
  for (const [name, value] of broken) {
    test(`refuses ${name}`, () => {
      assert.notEqual(value, text);
      assert.throws(() => decodeMembers(bytes(value)), { name: "MalformedError" });
    });
  }
  test("refuses bytes that are no UTF-8", () =>
    assert.throws(() => decodeMembers(new Uint8Array([0x22, 0xff, 0x22])), { name: "MalformedError" }));
});
