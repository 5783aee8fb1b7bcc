/** The shapes of interface.md, for the OpenAPI page, and for validation where commands.ts does not parse by hand. */
import { type TSchema, Type } from "typebox";
import { limits } from "../../protocol/limits.ts";

const closed = { additionalProperties: false } as const;

export const JsonBytes = Type.Union([Type.String(), Type.Object({ base64: Type.String() }, closed)], {
  description: 'A string stands for its UTF-8 bytes; other bytes are {"base64":"…"}.',
});
const JsonValue = Type.Union([Type.String(), Type.Object({ base64: Type.String() }, closed), Type.Null()], {
  description: "null: absent.",
});
export const Version = Type.Integer({ minimum: 0, description: "Counts the key's executed changes; never repeats for a key." });
export const InstanceName = Type.String({ description: "R.SLOT", pattern: "^[0-9]+\\.[0-9]+$" });

const expectations = {
  expectOneOf: Type.Optional(Type.Array(JsonValue, { minItems: 1, maxItems: limits.commandsMax })),
  expectVersion: Type.Optional(Version),
};
const Delta = Type.Union([
  Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({ pattern: "^(0|-?[1-9][0-9]{0,18})$" }),
]);
const SIMPLE = [
  Type.Object({ kind: Type.Literal("set"), key: JsonBytes, value: JsonValue }, closed),
  Type.Object({ kind: Type.Literal("checkAndSet"), key: JsonBytes, ...expectations, newValue: JsonValue }, closed),
  Type.Object({ kind: Type.Literal("delete"), key: JsonBytes }, closed),
  Type.Object({ kind: Type.Literal("add"), key: JsonBytes, delta: Delta }, closed),
  Type.Object({ kind: Type.Literal("get"), key: JsonBytes }, closed),
] as const;
const Txn = Type.Object(
  {
    kind: Type.Literal("txn"),
    checks: Type.Optional(Type.Array(Type.Object({ key: JsonBytes, ...expectations }, closed))),
    commands: Type.Array(Type.Union([...SIMPLE])),
  },
  closed,
);
export const ProposalBody = Type.Object(
  { commands: Type.Array(Type.Union([...SIMPLE, Txn]), { minItems: 1, maxItems: limits.commandsMax }) },
  closed,
);

const Result = Type.Object(
  {
    ok: Type.Boolean(),
    version: Type.Optional(Version),
    value: Type.Optional(JsonValue),
    results: Type.Optional(Type.Array(Type.Unknown())),
    error: Type.Optional(Type.String({ description: "expectedValueDoesNotMatch, checkFailed or notACounter" })),
    failed: Type.Optional(Type.Integer()),
    current: Type.Optional(JsonValue),
  },
  { description: "One for each command, in order." },
);
export const ProposalAnswer = Type.Object({
  instance: InstanceName,
  path: Type.Union([Type.Literal("fast"), Type.Literal("slow"), Type.Literal("recovered")]),
  results: Type.Array(Result),
});
export const WriteAnswer = Type.Object({ version: Version, instance: InstanceName });
export const EntryAnswer = Type.Object({ key: JsonBytes, value: JsonValue, version: Version });
export const ListAnswer = Type.Object({ entries: Type.Array(EntryAnswer), cursor: Type.Union([Type.String(), Type.Null()]) });
export const ErrorAnswer = Type.Object(
  { error: Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: true }) },
  { additionalProperties: true },
);
export const AcceptedAnswer = Type.Object({ generation: Type.Integer(), id: Type.Optional(Type.Integer()) });

const Url = Type.String({ minLength: 1, maxLength: 2048, pattern: "^https?://" });
const Name = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" });
const newcomer = { name: Name, peerUrl: Url, apiUrl: Url };
export const AddReplicaBody = Type.Object({ ...newcomer, voter: Type.Optional(Type.Boolean()) }, closed);
export const ReplaceReplicaBody = Type.Object(newcomer, closed);
export const UpdateReplicaBody = Type.Object({ peerUrl: Type.Optional(Url), apiUrl: Type.Optional(Url) }, { ...closed, minProperties: 1 });
export const SetReplicasBody = Type.Object(
  {
    replicas: Type.Array(
      Type.Object(
        {
          id: Type.Optional(Type.Integer({ minimum: 1 })),
          ...newcomer,
          voter: Type.Optional(Type.Boolean()),
          status: Type.Optional(
            Type.Literal("active", { description: "As `/v1/cluster` has it. Of another one say whether it shall vote." }),
          ),
        },
        closed,
      ),
      { minItems: 1, maxItems: limits.membersMax },
    ),
    expectedGeneration: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  closed,
);
export const CancelBody = Type.Object({ generation: Type.Optional(Type.Integer({ minimum: 0 })) }, closed);

/** What every route may answer beside its 200. */
export function answers(ok: Readonly<Record<number, TSchema>>): Record<string, TSchema> {
  return { ...ok, "4xx": ErrorAnswer, "5xx": ErrorAnswer };
}
