// Made by scripts/codegen.mjs. Do not edit.
import * as bare from "../bare.ts";
import { bounds } from "../bounds.ts";
import * as scalars from "../scalars.ts";

/**
 * A datacenter's number, 1 to 8191.
 */
export type ReplicaId = scalars.ReplicaId

export const readReplicaId = scalars.readReplicaId

export const writeReplicaId = scalars.writeReplicaId

/**
 * The same, or 0: a replica without identity yet, or one that the sender does not know.
 */
export type MaybeReplicaId = scalars.MaybeReplicaId

export const readMaybeReplicaId = scalars.readMaybeReplicaId

export const writeMaybeReplicaId = scalars.writeMaybeReplicaId

/**
 * Number of a configuration, from 1.
 */
export type Epoch = scalars.Epoch

export const readEpoch = scalars.readEpoch

export const writeEpoch = scalars.writeEpoch

/**
 * The same, or 0 for none.
 */
export type MaybeEpoch = scalars.MaybeEpoch

export const readMaybeEpoch = scalars.readMaybeEpoch

export const writeMaybeEpoch = scalars.writeMaybeEpoch

/**
 * One instance: whose column, and the slot in it, 1 to 2^40-1. One number in memory, two short ones here.
 */
export type InstanceId = scalars.InstanceId

export const readInstanceId = scalars.readInstanceId

export const writeInstanceId = scalars.writeInstanceId

export type InstanceIds = scalars.InstanceIds

export const readInstanceIds = scalars.readInstanceIds

export const writeInstanceIds = scalars.writeInstanceIds

/**
 * All instances of one column up to this slot.
 */
export type Column = {
    readonly replica: number
    readonly slot: number
}

export function readColumn(bc: bare.ByteCursor): Column {
    return {
        replica: bare.readUintSafe(bc),
        slot: bare.readUintSafe(bc),
    }
}

export function writeColumn(bc: bare.ByteCursor, x: Column): void {
    bare.writeUintSafe(bc, x.replica)
    bare.writeUintSafe(bc, x.slot)
}

/**
 * Columns ascending by replica, each at most once, slots from 1.
 */
export type Frontier = scalars.Frontier

export const readFrontier = scalars.readFrontier

export const writeFrontier = scalars.writeFrontier

/**
 * The instances that are ordered before or beside one. In normal form, else malformed:
 * explicit ids ascend, each once, none at or below the floor.
 */
export type Deps = scalars.Deps

export const readDeps = scalars.readDeps

export const writeDeps = scalars.writeDeps

/**
 * Ordered by (epoch, counter, replica). Counter 0 is the round of the instance's owner; replica 0 only with counter 0: no ballot.
 */
export type Ballot = scalars.Ballot

export const readBallot = scalars.readBallot

export const writeBallot = scalars.writeBallot

/**
 * The bytes of a value, at most 1 MiB.
 */
export type Bytes = scalars.Bytes

export const readBytes = scalars.readBytes

export const writeBytes = scalars.writeBytes

/**
 * The bytes of a key, at most 1,024. The empty key holds the members.
 */
export type Key = scalars.Key

export const readKey = scalars.readKey

export const writeKey = scalars.writeKey

/**
 * What commands conflict on: 'k' and a key, 'i' and an idempotency key, 'b' and HOUR.BUCKET.
 */
export type Footprint = scalars.Footprint

export const readFootprint = scalars.readFootprint

export const writeFootprint = scalars.writeFootprint

/**
 * Names, addresses, messages, cursors: at most 4 MiB of UTF-8.
 */
export type Text = scalars.Text

export const readText = scalars.readText

export const writeText = scalars.writeText

/**
 * An idempotency key, byte for byte as its HTTP header had it, at most 256.
 */
export type IdempotencyKey = scalars.IdempotencyKey

export const readIdempotencyKey = scalars.readIdempotencyKey

export const writeIdempotencyKey = scalars.writeIdempotencyKey

/**
 * 128 bits: cluster ids, incarnations of disks, digests. Lower-case hex digits in memory.
 */
export type Hex16 = scalars.Hex16

export const readHex16 = scalars.readHex16

export const writeHex16 = scalars.writeHex16

/**
 * The same, or none: the empty string in memory.
 */
export type MaybeHex16 = scalars.MaybeHex16

export const readMaybeHex16 = scalars.readMaybeHex16

export const writeMaybeHex16 = scalars.writeMaybeHex16

/**
 * SHA-256. Lower-case hex digits in memory.
 */
export type Hex32 = scalars.Hex32

export const readHex32 = scalars.readHex32

export const writeHex32 = scalars.writeHex32

/**
 * The same, or none: the empty string in memory.
 */
export type MaybeHex32 = scalars.MaybeHex32

export const readMaybeHex32 = scalars.readMaybeHex32

export const writeMaybeHex32 = scalars.writeMaybeHex32

/**
 * null: an absent key.
 */
export type MaybeBytes = Bytes | null

export function readMaybeBytes(bc: bare.ByteCursor): MaybeBytes {
    return bare.readBool(bc) ? readBytes(bc) : null
}

export function writeMaybeBytes(bc: bare.ByteCursor, x: MaybeBytes): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeBytes(bc, x)
    }
}

export type ExpectedValues = readonly MaybeBytes[]

export function readExpectedValues(bc: bare.ByteCursor): ExpectedValues {
    const len = bare.readLength(bc, bounds.ExpectedValues)
    if (len === 0) {
        return []
    }
    const result = [readMaybeBytes(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readMaybeBytes(bc)
    }
    return result
}

export function writeExpectedValues(bc: bare.ByteCursor, x: ExpectedValues): void {
    bare.writeLength(bc, x.length, bounds.ExpectedValues)
    for (let i = 0; i < x.length; i++) {
        writeMaybeBytes(bc, x[i]!)
    }
}

/**
 * The current value is one of these.
 */
export type ExpectOneOf = {
    readonly values: ExpectedValues
}

export function readExpectOneOf(bc: bare.ByteCursor): ExpectOneOf {
    return {
        values: readExpectedValues(bc),
    }
}

export function writeExpectOneOf(bc: bare.ByteCursor, x: ExpectOneOf): void {
    writeExpectedValues(bc, x.values)
}

/**
 * The key is at this version.
 */
export type ExpectVersion = {
    readonly version: number
}

export function readExpectVersion(bc: bare.ByteCursor): ExpectVersion {
    return {
        version: bare.readUintSafe(bc),
    }
}

export function writeExpectVersion(bc: bare.ByteCursor, x: ExpectVersion): void {
    bare.writeUintSafe(bc, x.version)
}

export type Expectation =
    | { readonly tag: "ExpectOneOf"; readonly val: ExpectOneOf }
    | { readonly tag: "ExpectVersion"; readonly val: ExpectVersion }

export function readExpectation(bc: bare.ByteCursor): Expectation {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "ExpectOneOf", val: readExpectOneOf(bc) }
        case 1:
            return { tag: "ExpectVersion", val: readExpectVersion(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeExpectation(bc: bare.ByteCursor, x: Expectation): void {
    switch (x.tag) {
        case "ExpectOneOf": {
            bare.writeU8(bc, 0)
            writeExpectOneOf(bc, x.val)
            break
        }
        case "ExpectVersion": {
            bare.writeU8(bc, 1)
            writeExpectVersion(bc, x.val)
            break
        }
    }
}

/**
 * No value deletes.
 */
export type SetCommand = {
    readonly key: Key
    readonly value: MaybeBytes
}

export function readSetCommand(bc: bare.ByteCursor): SetCommand {
    return {
        key: readKey(bc),
        value: readMaybeBytes(bc),
    }
}

export function writeSetCommand(bc: bare.ByteCursor, x: SetCommand): void {
    writeKey(bc, x.key)
    writeMaybeBytes(bc, x.value)
}

export type CheckAndSetCommand = {
    readonly key: Key
    readonly expect: Expectation
    readonly newValue: MaybeBytes
}

export function readCheckAndSetCommand(bc: bare.ByteCursor): CheckAndSetCommand {
    return {
        key: readKey(bc),
        expect: readExpectation(bc),
        newValue: readMaybeBytes(bc),
    }
}

export function writeCheckAndSetCommand(bc: bare.ByteCursor, x: CheckAndSetCommand): void {
    writeKey(bc, x.key)
    writeExpectation(bc, x.expect)
    writeMaybeBytes(bc, x.newValue)
}

export type DeleteCommand = {
    readonly key: Key
}

export function readDeleteCommand(bc: bare.ByteCursor): DeleteCommand {
    return {
        key: readKey(bc),
    }
}

export function writeDeleteCommand(bc: bare.ByteCursor, x: DeleteCommand): void {
    writeKey(bc, x.key)
}

/**
 * Commutes with other adds of the key.
 */
export type AddCommand = {
    readonly key: Key
    readonly delta: bigint
}

export function readAddCommand(bc: bare.ByteCursor): AddCommand {
    return {
        key: readKey(bc),
        delta: bare.readI64(bc),
    }
}

export function writeAddCommand(bc: bare.ByteCursor, x: AddCommand): void {
    writeKey(bc, x.key)
    bare.writeI64(bc, x.delta)
}

/**
 * A read ordered by consensus.
 */
export type GetCommand = {
    readonly key: Key
}

export function readGetCommand(bc: bare.ByteCursor): GetCommand {
    return {
        key: readKey(bc),
    }
}

export function writeGetCommand(bc: bare.ByteCursor, x: GetCommand): void {
    writeKey(bc, x.key)
}

export type SimpleCommand =
    | { readonly tag: "SetCommand"; readonly val: SetCommand }
    | { readonly tag: "CheckAndSetCommand"; readonly val: CheckAndSetCommand }
    | { readonly tag: "DeleteCommand"; readonly val: DeleteCommand }
    | { readonly tag: "AddCommand"; readonly val: AddCommand }
    | { readonly tag: "GetCommand"; readonly val: GetCommand }

export function readSimpleCommand(bc: bare.ByteCursor): SimpleCommand {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "SetCommand", val: readSetCommand(bc) }
        case 1:
            return { tag: "CheckAndSetCommand", val: readCheckAndSetCommand(bc) }
        case 2:
            return { tag: "DeleteCommand", val: readDeleteCommand(bc) }
        case 3:
            return { tag: "AddCommand", val: readAddCommand(bc) }
        case 4:
            return { tag: "GetCommand", val: readGetCommand(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeSimpleCommand(bc: bare.ByteCursor, x: SimpleCommand): void {
    switch (x.tag) {
        case "SetCommand": {
            bare.writeU8(bc, 0)
            writeSetCommand(bc, x.val)
            break
        }
        case "CheckAndSetCommand": {
            bare.writeU8(bc, 1)
            writeCheckAndSetCommand(bc, x.val)
            break
        }
        case "DeleteCommand": {
            bare.writeU8(bc, 2)
            writeDeleteCommand(bc, x.val)
            break
        }
        case "AddCommand": {
            bare.writeU8(bc, 3)
            writeAddCommand(bc, x.val)
            break
        }
        case "GetCommand": {
            bare.writeU8(bc, 4)
            writeGetCommand(bc, x.val)
            break
        }
    }
}

export type SimpleCommands = readonly SimpleCommand[]

export function readSimpleCommands(bc: bare.ByteCursor): SimpleCommands {
    const len = bare.readLength(bc, bounds.SimpleCommands)
    if (len === 0) {
        return []
    }
    const result = [readSimpleCommand(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readSimpleCommand(bc)
    }
    return result
}

export function writeSimpleCommands(bc: bare.ByteCursor, x: SimpleCommands): void {
    bare.writeLength(bc, x.length, bounds.SimpleCommands)
    for (let i = 0; i < x.length; i++) {
        writeSimpleCommand(bc, x[i]!)
    }
}

export type Check = {
    readonly key: Key
    readonly expect: Expectation
}

export function readCheck(bc: bare.ByteCursor): Check {
    return {
        key: readKey(bc),
        expect: readExpectation(bc),
    }
}

export function writeCheck(bc: bare.ByteCursor, x: Check): void {
    writeKey(bc, x.key)
    writeExpectation(bc, x.expect)
}

export type Checks = readonly Check[]

export function readChecks(bc: bare.ByteCursor): Checks {
    const len = bare.readLength(bc, bounds.Checks)
    if (len === 0) {
        return []
    }
    const result = [readCheck(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readCheck(bc)
    }
    return result
}

export function writeChecks(bc: bare.ByteCursor, x: Checks): void {
    bare.writeLength(bc, x.length, bounds.Checks)
    for (let i = 0; i < x.length; i++) {
        writeCheck(bc, x[i]!)
    }
}

/**
 * All or nothing across keys. Cannot hold another one.
 */
export type TxnCommand = {
    readonly checks: Checks
    readonly commands: SimpleCommands
}

export function readTxnCommand(bc: bare.ByteCursor): TxnCommand {
    return {
        checks: readChecks(bc),
        commands: readSimpleCommands(bc),
    }
}

export function writeTxnCommand(bc: bare.ByteCursor, x: TxnCommand): void {
    writeChecks(bc, x.checks)
    writeSimpleCommands(bc, x.commands)
}

/**
 * Internal: no idempotency key of this hour and bucket is accepted after this. Buckets are 0 to 255.
 */
export type CloseBucketCommand = {
    readonly hour: number
    readonly bucket: number
}

export function readCloseBucketCommand(bc: bare.ByteCursor): CloseBucketCommand {
    return {
        hour: bare.readUintSafe(bc),
        bucket: bare.readUintSafe(bc),
    }
}

export function writeCloseBucketCommand(bc: bare.ByteCursor, x: CloseBucketCommand): void {
    bare.writeUintSafe(bc, x.hour)
    bare.writeUintSafe(bc, x.bucket)
}

/**
 * The first five are those of SimpleCommand, tags included.
 */
export type Command =
    | { readonly tag: "SetCommand"; readonly val: SetCommand }
    | { readonly tag: "CheckAndSetCommand"; readonly val: CheckAndSetCommand }
    | { readonly tag: "DeleteCommand"; readonly val: DeleteCommand }
    | { readonly tag: "AddCommand"; readonly val: AddCommand }
    | { readonly tag: "GetCommand"; readonly val: GetCommand }
    | { readonly tag: "TxnCommand"; readonly val: TxnCommand }
    | { readonly tag: "CloseBucketCommand"; readonly val: CloseBucketCommand }

export function readCommand(bc: bare.ByteCursor): Command {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "SetCommand", val: readSetCommand(bc) }
        case 1:
            return { tag: "CheckAndSetCommand", val: readCheckAndSetCommand(bc) }
        case 2:
            return { tag: "DeleteCommand", val: readDeleteCommand(bc) }
        case 3:
            return { tag: "AddCommand", val: readAddCommand(bc) }
        case 4:
            return { tag: "GetCommand", val: readGetCommand(bc) }
        case 5:
            return { tag: "TxnCommand", val: readTxnCommand(bc) }
        case 6:
            return { tag: "CloseBucketCommand", val: readCloseBucketCommand(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeCommand(bc: bare.ByteCursor, x: Command): void {
    switch (x.tag) {
        case "SetCommand": {
            bare.writeU8(bc, 0)
            writeSetCommand(bc, x.val)
            break
        }
        case "CheckAndSetCommand": {
            bare.writeU8(bc, 1)
            writeCheckAndSetCommand(bc, x.val)
            break
        }
        case "DeleteCommand": {
            bare.writeU8(bc, 2)
            writeDeleteCommand(bc, x.val)
            break
        }
        case "AddCommand": {
            bare.writeU8(bc, 3)
            writeAddCommand(bc, x.val)
            break
        }
        case "GetCommand": {
            bare.writeU8(bc, 4)
            writeGetCommand(bc, x.val)
            break
        }
        case "TxnCommand": {
            bare.writeU8(bc, 5)
            writeTxnCommand(bc, x.val)
            break
        }
        case "CloseBucketCommand": {
            bare.writeU8(bc, 6)
            writeCloseBucketCommand(bc, x.val)
            break
        }
    }
}

export type Commands = readonly Command[]

export function readCommands(bc: bare.ByteCursor): Commands {
    const len = bare.readLength(bc, bounds.Commands)
    if (len === 0) {
        return []
    }
    const result = [readCommand(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readCommand(bc)
    }
    return result
}

export function writeCommands(bc: bare.ByteCursor, x: Commands): void {
    bare.writeLength(bc, x.length, bounds.Commands)
    for (let i = 0; i < x.length; i++) {
        writeCommand(bc, x[i]!)
    }
}

/**
 * Names one caller's request, so that a retry has the first one's results.
 */
export type Idempotency = {
    readonly key: IdempotencyKey
    readonly fingerprint: Hex32
    readonly stampMs: number
}

export function readIdempotency(bc: bare.ByteCursor): Idempotency {
    return {
        key: readIdempotencyKey(bc),
        fingerprint: readHex32(bc),
        stampMs: bare.readUintSafe(bc),
    }
}

export function writeIdempotency(bc: bare.ByteCursor, x: Idempotency): void {
    writeIdempotencyKey(bc, x.key)
    writeHex32(bc, x.fingerprint)
    bare.writeUintSafe(bc, x.stampMs)
}

function read0(bc: bare.ByteCursor): Idempotency | null {
    return bare.readBool(bc) ? readIdempotency(bc) : null
}

function write0(bc: bare.ByteCursor, x: Idempotency | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeIdempotency(bc, x)
    }
}

/**
 * One caller's proposal. At most 512 commands, those inside transactions counted instead of the transactions.
 */
export type Entry = {
    readonly commands: Commands
    readonly idempotency: Idempotency | null
}

export function readEntry(bc: bare.ByteCursor): Entry {
    return {
        commands: readCommands(bc),
        idempotency: read0(bc),
    }
}

export function writeEntry(bc: bare.ByteCursor, x: Entry): void {
    writeCommands(bc, x.commands)
    write0(bc, x.idempotency)
}

export type Entries = readonly Entry[]

export function readEntries(bc: bare.ByteCursor): Entries {
    const len = bare.readLength(bc, bounds.Entries)
    if (len === 0) {
        return []
    }
    const result = [readEntry(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readEntry(bc)
    }
    return result
}

export function writeEntries(bc: bare.ByteCursor, x: Entries): void {
    bare.writeLength(bc, x.length, bounds.Entries)
    for (let i = 0; i < x.length; i++) {
        writeEntry(bc, x[i]!)
    }
}

/**
 * What one instance carries. seq orders inside a cycle of dependencies, nothing else.
 */
export type Payload = {
    readonly seq: number
    readonly entries: Entries
}

export function readPayload(bc: bare.ByteCursor): Payload {
    return {
        seq: bare.readUintSafe(bc),
        entries: readEntries(bc),
    }
}

export function writePayload(bc: bare.ByteCursor, x: Payload): void {
    bare.writeUintSafe(bc, x.seq)
    writeEntries(bc, x.entries)
}

export type WrittenResult = {
    readonly version: number
}

export function readWrittenResult(bc: bare.ByteCursor): WrittenResult {
    return {
        version: bare.readUintSafe(bc),
    }
}

export function writeWrittenResult(bc: bare.ByteCursor, x: WrittenResult): void {
    bare.writeUintSafe(bc, x.version)
}

export type ValueResult = {
    readonly value: MaybeBytes
    readonly version: number
}

export function readValueResult(bc: bare.ByteCursor): ValueResult {
    return {
        value: readMaybeBytes(bc),
        version: bare.readUintSafe(bc),
    }
}

export function writeValueResult(bc: bare.ByteCursor, x: ValueResult): void {
    writeMaybeBytes(bc, x.value)
    bare.writeUintSafe(bc, x.version)
}

export type AddedResult = null

export type ExpectedValueDoesNotMatchResult = {
    readonly current: MaybeBytes
    readonly version: number
}

export function readExpectedValueDoesNotMatchResult(bc: bare.ByteCursor): ExpectedValueDoesNotMatchResult {
    return {
        current: readMaybeBytes(bc),
        version: bare.readUintSafe(bc),
    }
}

export function writeExpectedValueDoesNotMatchResult(bc: bare.ByteCursor, x: ExpectedValueDoesNotMatchResult): void {
    writeMaybeBytes(bc, x.current)
    bare.writeUintSafe(bc, x.version)
}

export type CheckFailedResult = {
    readonly failed: number
    readonly current: MaybeBytes
    readonly version: number
}

export function readCheckFailedResult(bc: bare.ByteCursor): CheckFailedResult {
    return {
        failed: bare.readUintSafe(bc),
        current: readMaybeBytes(bc),
        version: bare.readUintSafe(bc),
    }
}

export function writeCheckFailedResult(bc: bare.ByteCursor, x: CheckFailedResult): void {
    bare.writeUintSafe(bc, x.failed)
    writeMaybeBytes(bc, x.current)
    bare.writeUintSafe(bc, x.version)
}

export type NotACounterResult = null

export type BucketClosedResult = null

export type SimpleResult =
    | { readonly tag: "WrittenResult"; readonly val: WrittenResult }
    | { readonly tag: "ValueResult"; readonly val: ValueResult }
    | { readonly tag: "AddedResult"; readonly val: AddedResult }
    | { readonly tag: "ExpectedValueDoesNotMatchResult"; readonly val: ExpectedValueDoesNotMatchResult }
    | { readonly tag: "CheckFailedResult"; readonly val: CheckFailedResult }
    | { readonly tag: "NotACounterResult"; readonly val: NotACounterResult }
    | { readonly tag: "BucketClosedResult"; readonly val: BucketClosedResult }

export function readSimpleResult(bc: bare.ByteCursor): SimpleResult {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "WrittenResult", val: readWrittenResult(bc) }
        case 1:
            return { tag: "ValueResult", val: readValueResult(bc) }
        case 2:
            return { tag: "AddedResult", val: null }
        case 3:
            return { tag: "ExpectedValueDoesNotMatchResult", val: readExpectedValueDoesNotMatchResult(bc) }
        case 4:
            return { tag: "CheckFailedResult", val: readCheckFailedResult(bc) }
        case 5:
            return { tag: "NotACounterResult", val: null }
        case 6:
            return { tag: "BucketClosedResult", val: null }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeSimpleResult(bc: bare.ByteCursor, x: SimpleResult): void {
    switch (x.tag) {
        case "WrittenResult": {
            bare.writeU8(bc, 0)
            writeWrittenResult(bc, x.val)
            break
        }
        case "ValueResult": {
            bare.writeU8(bc, 1)
            writeValueResult(bc, x.val)
            break
        }
        case "AddedResult": {
            bare.writeU8(bc, 2)
            break
        }
        case "ExpectedValueDoesNotMatchResult": {
            bare.writeU8(bc, 3)
            writeExpectedValueDoesNotMatchResult(bc, x.val)
            break
        }
        case "CheckFailedResult": {
            bare.writeU8(bc, 4)
            writeCheckFailedResult(bc, x.val)
            break
        }
        case "NotACounterResult": {
            bare.writeU8(bc, 5)
            break
        }
        case "BucketClosedResult": {
            bare.writeU8(bc, 6)
            break
        }
    }
}

export type SimpleResults = readonly SimpleResult[]

export function readSimpleResults(bc: bare.ByteCursor): SimpleResults {
    const len = bare.readLength(bc, bounds.SimpleResults)
    if (len === 0) {
        return []
    }
    const result = [readSimpleResult(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readSimpleResult(bc)
    }
    return result
}

export function writeSimpleResults(bc: bare.ByteCursor, x: SimpleResults): void {
    bare.writeLength(bc, x.length, bounds.SimpleResults)
    for (let i = 0; i < x.length; i++) {
        writeSimpleResult(bc, x[i]!)
    }
}

/**
 * The results of a transaction that was applied.
 */
export type TxnResult = {
    readonly results: SimpleResults
}

export function readTxnResult(bc: bare.ByteCursor): TxnResult {
    return {
        results: readSimpleResults(bc),
    }
}

export function writeTxnResult(bc: bare.ByteCursor, x: TxnResult): void {
    writeSimpleResults(bc, x.results)
}

/**
 * The first seven are those of SimpleResult, tags included.
 */
export type CommandResult =
    | { readonly tag: "WrittenResult"; readonly val: WrittenResult }
    | { readonly tag: "ValueResult"; readonly val: ValueResult }
    | { readonly tag: "AddedResult"; readonly val: AddedResult }
    | { readonly tag: "ExpectedValueDoesNotMatchResult"; readonly val: ExpectedValueDoesNotMatchResult }
    | { readonly tag: "CheckFailedResult"; readonly val: CheckFailedResult }
    | { readonly tag: "NotACounterResult"; readonly val: NotACounterResult }
    | { readonly tag: "BucketClosedResult"; readonly val: BucketClosedResult }
    | { readonly tag: "TxnResult"; readonly val: TxnResult }

export function readCommandResult(bc: bare.ByteCursor): CommandResult {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "WrittenResult", val: readWrittenResult(bc) }
        case 1:
            return { tag: "ValueResult", val: readValueResult(bc) }
        case 2:
            return { tag: "AddedResult", val: null }
        case 3:
            return { tag: "ExpectedValueDoesNotMatchResult", val: readExpectedValueDoesNotMatchResult(bc) }
        case 4:
            return { tag: "CheckFailedResult", val: readCheckFailedResult(bc) }
        case 5:
            return { tag: "NotACounterResult", val: null }
        case 6:
            return { tag: "BucketClosedResult", val: null }
        case 7:
            return { tag: "TxnResult", val: readTxnResult(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeCommandResult(bc: bare.ByteCursor, x: CommandResult): void {
    switch (x.tag) {
        case "WrittenResult": {
            bare.writeU8(bc, 0)
            writeWrittenResult(bc, x.val)
            break
        }
        case "ValueResult": {
            bare.writeU8(bc, 1)
            writeValueResult(bc, x.val)
            break
        }
        case "AddedResult": {
            bare.writeU8(bc, 2)
            break
        }
        case "ExpectedValueDoesNotMatchResult": {
            bare.writeU8(bc, 3)
            writeExpectedValueDoesNotMatchResult(bc, x.val)
            break
        }
        case "CheckFailedResult": {
            bare.writeU8(bc, 4)
            writeCheckFailedResult(bc, x.val)
            break
        }
        case "NotACounterResult": {
            bare.writeU8(bc, 5)
            break
        }
        case "BucketClosedResult": {
            bare.writeU8(bc, 6)
            break
        }
        case "TxnResult": {
            bare.writeU8(bc, 7)
            writeTxnResult(bc, x.val)
            break
        }
    }
}

export type CommandResults = readonly CommandResult[]

export function readCommandResults(bc: bare.ByteCursor): CommandResults {
    const len = bare.readLength(bc, bounds.CommandResults)
    if (len === 0) {
        return []
    }
    const result = [readCommandResult(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readCommandResult(bc)
    }
    return result
}

export function writeCommandResults(bc: bare.ByteCursor, x: CommandResults): void {
    bare.writeLength(bc, x.length, bounds.CommandResults)
    for (let i = 0; i < x.length; i++) {
        writeCommandResult(bc, x[i]!)
    }
}

export type EntryResults = {
    readonly results: CommandResults
}

export function readEntryResults(bc: bare.ByteCursor): EntryResults {
    return {
        results: readCommandResults(bc),
    }
}

export function writeEntryResults(bc: bare.ByteCursor, x: EntryResults): void {
    writeCommandResults(bc, x.results)
}

export type EntryKeyReused = null

export type EntryKeyExpired = null

/**
 * What became of one entry when its instance executed.
 */
export type EntryOutcome =
    | { readonly tag: "EntryResults"; readonly val: EntryResults }
    | { readonly tag: "EntryKeyReused"; readonly val: EntryKeyReused }
    | { readonly tag: "EntryKeyExpired"; readonly val: EntryKeyExpired }

export function readEntryOutcome(bc: bare.ByteCursor): EntryOutcome {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "EntryResults", val: readEntryResults(bc) }
        case 1:
            return { tag: "EntryKeyReused", val: null }
        case 2:
            return { tag: "EntryKeyExpired", val: null }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeEntryOutcome(bc: bare.ByteCursor, x: EntryOutcome): void {
    switch (x.tag) {
        case "EntryResults": {
            bare.writeU8(bc, 0)
            writeEntryResults(bc, x.val)
            break
        }
        case "EntryKeyReused": {
            bare.writeU8(bc, 1)
            break
        }
        case "EntryKeyExpired": {
            bare.writeU8(bc, 2)
            break
        }
    }
}

/**
 * version counts the key's executed changes and outlives a delete.
 */
export type KeyState = {
    readonly value: MaybeBytes
    readonly version: number
}

export function readKeyState(bc: bare.ByteCursor): KeyState {
    return {
        value: readMaybeBytes(bc),
        version: bare.readUintSafe(bc),
    }
}

export function writeKeyState(bc: bare.ByteCursor, x: KeyState): void {
    writeMaybeBytes(bc, x.value)
    bare.writeUintSafe(bc, x.version)
}

/**
 * An executed idempotency key.
 */
export type IdempotencyRow = {
    readonly fingerprint: Hex32
    readonly stampMs: number
    readonly instance: InstanceId
    readonly outcome: EntryOutcome
}

export function readIdempotencyRow(bc: bare.ByteCursor): IdempotencyRow {
    return {
        fingerprint: readHex32(bc),
        stampMs: bare.readUintSafe(bc),
        instance: readInstanceId(bc),
        outcome: readEntryOutcome(bc),
    }
}

export function writeIdempotencyRow(bc: bare.ByteCursor, x: IdempotencyRow): void {
    writeHex32(bc, x.fingerprint)
    bare.writeUintSafe(bc, x.stampMs)
    writeInstanceId(bc, x.instance)
    writeEntryOutcome(bc, x.outcome)
}

function read1(bc: bare.ByteCursor): KeyState | null {
    return bare.readBool(bc) ? readKeyState(bc) : null
}

function write1(bc: bare.ByteCursor, x: KeyState | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeKeyState(bc, x)
    }
}

/**
 * No state: the record is dropped.
 */
export type ValueWrite = {
    readonly key: Key
    readonly state: KeyState | null
}

export function readValueWrite(bc: bare.ByteCursor): ValueWrite {
    return {
        key: readKey(bc),
        state: read1(bc),
    }
}

export function writeValueWrite(bc: bare.ByteCursor, x: ValueWrite): void {
    writeKey(bc, x.key)
    write1(bc, x.state)
}

function read2(bc: bare.ByteCursor): IdempotencyRow | null {
    return bare.readBool(bc) ? readIdempotencyRow(bc) : null
}

function write2(bc: bare.ByteCursor, x: IdempotencyRow | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeIdempotencyRow(bc, x)
    }
}

/**
 * No row: the record is dropped.
 */
export type RowWrite = {
    readonly key: IdempotencyKey
    readonly row: IdempotencyRow | null
}

export function readRowWrite(bc: bare.ByteCursor): RowWrite {
    return {
        key: readIdempotencyKey(bc),
        row: read2(bc),
    }
}

export function writeRowWrite(bc: bare.ByteCursor, x: RowWrite): void {
    writeIdempotencyKey(bc, x.key)
    write2(bc, x.row)
}

/**
 * Not closed: the record is dropped.
 */
export type BucketWrite = {
    readonly hour: number
    readonly bucket: number
    readonly closed: boolean
}

export function readBucketWrite(bc: bare.ByteCursor): BucketWrite {
    return {
        hour: bare.readUintSafe(bc),
        bucket: bare.readUintSafe(bc),
        closed: bare.readBool(bc),
    }
}

export function writeBucketWrite(bc: bare.ByteCursor, x: BucketWrite): void {
    bare.writeUintSafe(bc, x.hour)
    bare.writeUintSafe(bc, x.bucket)
    bare.writeBool(bc, x.closed)
}

export type StateWrite =
    | { readonly tag: "ValueWrite"; readonly val: ValueWrite }
    | { readonly tag: "RowWrite"; readonly val: RowWrite }
    | { readonly tag: "BucketWrite"; readonly val: BucketWrite }

export function readStateWrite(bc: bare.ByteCursor): StateWrite {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "ValueWrite", val: readValueWrite(bc) }
        case 1:
            return { tag: "RowWrite", val: readRowWrite(bc) }
        case 2:
            return { tag: "BucketWrite", val: readBucketWrite(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeStateWrite(bc: bare.ByteCursor, x: StateWrite): void {
    switch (x.tag) {
        case "ValueWrite": {
            bare.writeU8(bc, 0)
            writeValueWrite(bc, x.val)
            break
        }
        case "RowWrite": {
            bare.writeU8(bc, 1)
            writeRowWrite(bc, x.val)
            break
        }
        case "BucketWrite": {
            bare.writeU8(bc, 2)
            writeBucketWrite(bc, x.val)
            break
        }
    }
}

export type StateWrites = readonly StateWrite[]

export function readStateWrites(bc: bare.ByteCursor): StateWrites {
    const len = bare.readLength(bc, bounds.StateWrites)
    if (len === 0) {
        return []
    }
    const result = [readStateWrite(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readStateWrite(bc)
    }
    return result
}

export function writeStateWrites(bc: bare.ByteCursor, x: StateWrites): void {
    bare.writeLength(bc, x.length, bounds.StateWrites)
    for (let i = 0; i < x.length; i++) {
        writeStateWrite(bc, x[i]!)
    }
}

/**
 * What one executed instance changed, in this replica's order.
 */
export type Change = {
    readonly instance: InstanceId
    readonly writes: StateWrites
}

export function readChange(bc: bare.ByteCursor): Change {
    return {
        instance: readInstanceId(bc),
        writes: readStateWrites(bc),
    }
}

export function writeChange(bc: bare.ByteCursor, x: Change): void {
    writeInstanceId(bc, x.instance)
    writeStateWrites(bc, x.writes)
}

/**
 * 1 to 9, ascending.
 */
export type Voters = scalars.Voters

export const readVoters = scalars.readVoters

export const writeVoters = scalars.writeVoters

export type ReplicaIds = readonly ReplicaId[]

export function readReplicaIds(bc: bare.ByteCursor): ReplicaIds {
    const len = bare.readLength(bc, bounds.ReplicaIds)
    if (len === 0) {
        return []
    }
    const result = [readReplicaId(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readReplicaId(bc)
    }
    return result
}

export function writeReplicaIds(bc: bare.ByteCursor, x: ReplicaIds): void {
    bare.writeLength(bc, x.length, bounds.ReplicaIds)
    for (let i = 0; i < x.length; i++) {
        writeReplicaId(bc, x[i]!)
    }
}

/**
 * Instances that earlier epochs may have committed as something other than Nop: all up to the frontier, and those listed.
 */
export type Settled = {
    readonly frontier: Frontier
    readonly listed: InstanceIds
}

export function readSettled(bc: bare.ByteCursor): Settled {
    return {
        frontier: readFrontier(bc),
        listed: readInstanceIds(bc),
    }
}

export function writeSettled(bc: bare.ByteCursor, x: Settled): void {
    writeFrontier(bc, x.frontier)
    writeInstanceIds(bc, x.listed)
}

function read3(bc: bare.ByteCursor): Hex16 | null {
    return bare.readBool(bc) ? readHex16(bc) : null
}

function write3(bc: bare.ByteCursor, x: Hex16 | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeHex16(bc, x)
    }
}

/**
 * One datacenter. voter: wanted as one; leaving: on its way out.
 */
export type Member = {
    readonly id: ReplicaId
    readonly name: Text
    readonly peerUrl: Text
    readonly apiUrl: Text
    readonly voter: boolean
    readonly incarnation: Hex16 | null
    readonly leaving: boolean
}

export function readMember(bc: bare.ByteCursor): Member {
    return {
        id: readReplicaId(bc),
        name: readText(bc),
        peerUrl: readText(bc),
        apiUrl: readText(bc),
        voter: bare.readBool(bc),
        incarnation: read3(bc),
        leaving: bare.readBool(bc),
    }
}

export function writeMember(bc: bare.ByteCursor, x: Member): void {
    writeReplicaId(bc, x.id)
    writeText(bc, x.name)
    writeText(bc, x.peerUrl)
    writeText(bc, x.apiUrl)
    bare.writeBool(bc, x.voter)
    write3(bc, x.incarnation)
    bare.writeBool(bc, x.leaving)
}

export type MemberList = readonly Member[]

export function readMemberList(bc: bare.ByteCursor): MemberList {
    const len = bare.readLength(bc, bounds.MemberList)
    if (len === 0) {
        return []
    }
    const result = [readMember(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readMember(bc)
    }
    return result
}

export function writeMemberList(bc: bare.ByteCursor, x: MemberList): void {
    bare.writeLength(bc, x.length, bounds.MemberList)
    for (let i = 0; i < x.length; i++) {
        writeMember(bc, x[i]!)
    }
}

export type Members = {
    readonly coordinator: ReplicaId
    readonly nextId: ReplicaId
    readonly members: MemberList
    readonly removed: ReplicaIds
}

export function readMembers(bc: bare.ByteCursor): Members {
    return {
        coordinator: readReplicaId(bc),
        nextId: readReplicaId(bc),
        members: readMemberList(bc),
        removed: readReplicaIds(bc),
    }
}

export function writeMembers(bc: bare.ByteCursor, x: Members): void {
    writeReplicaId(bc, x.coordinator)
    writeReplicaId(bc, x.nextId)
    writeMemberList(bc, x.members)
    writeReplicaIds(bc, x.removed)
}

/**
 * One configuration and what the one before it ended with. Epoch 1 has no previous hash.
 */
export type ChainLink = {
    readonly epoch: Epoch
    readonly voters: Voters
    readonly settled: Settled
    readonly members: Members
    readonly previousHash: MaybeHex32
    readonly hash: Hex32
}

export function readChainLink(bc: bare.ByteCursor): ChainLink {
    return {
        epoch: readEpoch(bc),
        voters: readVoters(bc),
        settled: readSettled(bc),
        members: readMembers(bc),
        previousHash: readMaybeHex32(bc),
        hash: readHex32(bc),
    }
}

export function writeChainLink(bc: bare.ByteCursor, x: ChainLink): void {
    writeEpoch(bc, x.epoch)
    writeVoters(bc, x.voters)
    writeSettled(bc, x.settled)
    writeMembers(bc, x.members)
    writeMaybeHex32(bc, x.previousHash)
    writeHex32(bc, x.hash)
}

export type ChainLinks = readonly ChainLink[]

export function readChainLinks(bc: bare.ByteCursor): ChainLinks {
    const len = bare.readLength(bc, bounds.ChainLinks)
    if (len === 0) {
        return []
    }
    const result = [readChainLink(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readChainLink(bc)
    }
    return result
}

export function writeChainLinks(bc: bare.ByteCursor, x: ChainLinks): void {
    bare.writeLength(bc, x.length, bounds.ChainLinks)
    for (let i = 0; i < x.length; i++) {
        writeChainLink(bc, x[i]!)
    }
}

export type AcceptedLink = {
    readonly ballot: Ballot
    readonly link: ChainLink
}

export function readAcceptedLink(bc: bare.ByteCursor): AcceptedLink {
    return {
        ballot: readBallot(bc),
        link: readChainLink(bc),
    }
}

export function writeAcceptedLink(bc: bare.ByteCursor, x: AcceptedLink): void {
    writeBallot(bc, x.ballot)
    writeChainLink(bc, x.link)
}

/**
 * How far an instance has come at one replica.
 */
export type Phase = "initial" | "preaccepted" | "accepted" | "committed"

export function readPhase(bc: bare.ByteCursor): Phase {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return "initial"
        case 1:
            return "preaccepted"
        case 2:
            return "accepted"
        case 3:
            return "committed"
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writePhase(bc: bare.ByteCursor, x: Phase): void {
    switch (x) {
        case "initial": {
            bare.writeU8(bc, 0)
            break
        }
        case "preaccepted": {
            bare.writeU8(bc, 1)
            break
        }
        case "accepted": {
            bare.writeU8(bc, 2)
            break
        }
        case "committed": {
            bare.writeU8(bc, 3)
            break
        }
    }
}

/**
 * What an instance can be decided as: its payload, or nothing at all.
 */
export type Nop = null

export type Value =
    | { readonly tag: "Nop"; readonly val: Nop }
    | { readonly tag: "Payload"; readonly val: Payload }

export function readValue(bc: bare.ByteCursor): Value {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "Nop", val: null }
        case 1:
            return { tag: "Payload", val: readPayload(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeValue(bc: bare.ByteCursor, x: Value): void {
    switch (x.tag) {
        case "Nop": {
            bare.writeU8(bc, 0)
            break
        }
        case "Payload": {
            bare.writeU8(bc, 1)
            writePayload(bc, x.val)
            break
        }
    }
}

export type MaybeValue = Value | null

export function readMaybeValue(bc: bare.ByteCursor): MaybeValue {
    return bare.readBool(bc) ? readValue(bc) : null
}

export function writeMaybeValue(bc: bare.ByteCursor, x: MaybeValue): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeValue(bc, x)
    }
}

/**
 * What a replica is, in its own words.
 */
export type ReplicaStatus = "joining" | "learning" | "active" | "removed"

export function readReplicaStatus(bc: bare.ByteCursor): ReplicaStatus {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return "joining"
        case 1:
            return "learning"
        case 2:
            return "active"
        case 3:
            return "removed"
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeReplicaStatus(bc: bare.ByteCursor, x: ReplicaStatus): void {
    switch (x) {
        case "joining": {
            bare.writeU8(bc, 0)
            break
        }
        case "learning": {
            bare.writeU8(bc, 1)
            break
        }
        case "active": {
            bare.writeU8(bc, 2)
            break
        }
        case "removed": {
            bare.writeU8(bc, 3)
            break
        }
    }
}

/**
 * Owner to voters: order this. Answered by PreAcceptOk.
 */
export type PreAccept = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly payload: Payload
    readonly deps: Deps
}

export function readPreAccept(bc: bare.ByteCursor): PreAccept {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        payload: readPayload(bc),
        deps: readDeps(bc),
    }
}

export function writePreAccept(bc: bare.ByteCursor, x: PreAccept): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    writePayload(bc, x.payload)
    writeDeps(bc, x.deps)
}

/**
 * Owner or recovering replica to voters: take this value at this ballot. Answered by AcceptOk.
 */
export type Accept = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly ballot: Ballot
    readonly value: Value
    readonly deps: Deps
}

export function readAccept(bc: bare.ByteCursor): Accept {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        ballot: readBallot(bc),
        value: readValue(bc),
        deps: readDeps(bc),
    }
}

export function writeAccept(bc: bare.ByteCursor, x: Accept): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
    writeValue(bc, x.value)
    writeDeps(bc, x.deps)
}

/**
 * This is decided. Answered by Done.
 */
export type Commit = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly value: Value
    readonly deps: Deps
}

export function readCommit(bc: bare.ByteCursor): Commit {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        value: readValue(bc),
        deps: readDeps(bc),
    }
}

export function writeCommit(bc: bare.ByteCursor, x: Commit): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    writeValue(bc, x.value)
    writeDeps(bc, x.deps)
}

/**
 * The explicit prepare of EPaxos: join this ballot and say what you know. Answered by RecoverOk.
 */
export type Recover = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly ballot: Ballot
}

export function readRecover(bc: bare.ByteCursor): Recover {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        ballot: readBallot(bc),
    }
}

export function writeRecover(bc: bare.ByteCursor, x: Recover): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
}

/**
 * May this have been decided on the fast path? Answered by ValidateOk.
 */
export type Validate = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly ballot: Ballot
    readonly payload: Payload
    readonly deps: Deps
}

export function readValidate(bc: bare.ByteCursor): Validate {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        ballot: readBallot(bc),
        payload: readPayload(bc),
        deps: readDeps(bc),
    }
}

export function writeValidate(bc: bare.ByteCursor, x: Validate): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
    writePayload(bc, x.payload)
    writeDeps(bc, x.deps)
}

/**
 * A recovery of this instance waits for others, for the count-th time. Answered by Done.
 */
export type Waiting = {
    readonly epoch: Epoch
    readonly id: InstanceId
    readonly count: number
}

export function readWaiting(bc: bare.ByteCursor): Waiting {
    return {
        epoch: readEpoch(bc),
        id: readInstanceId(bc),
        count: bare.readUintSafe(bc),
    }
}

export function writeWaiting(bc: bare.ByteCursor, x: Waiting): void {
    writeEpoch(bc, x.epoch)
    writeInstanceId(bc, x.id)
    bare.writeUintSafe(bc, x.count)
}

export type Footprints = readonly Footprint[]

export function readFootprints(bc: bare.ByteCursor): Footprints {
    const len = bare.readLength(bc, bounds.Footprints)
    if (len === 0) {
        return []
    }
    const result = [readFootprint(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readFootprint(bc)
    }
    return result
}

export function writeFootprints(bc: bare.ByteCursor, x: Footprints): void {
    bare.writeLength(bc, x.length, bounds.Footprints)
    for (let i = 0; i < x.length; i++) {
        writeFootprint(bc, x[i]!)
    }
}

/**
 * Which instances must a read of these wait for? Answered by ReadIndexOk.
 */
export type ReadIndex = {
    readonly epoch: Epoch
    readonly footprints: Footprints
}

export function readReadIndex(bc: bare.ByteCursor): ReadIndex {
    return {
        epoch: readEpoch(bc),
        footprints: readFootprints(bc),
    }
}

export function writeReadIndex(bc: bare.ByteCursor, x: ReadIndex): void {
    writeEpoch(bc, x.epoch)
    writeFootprints(bc, x.footprints)
}

/**
 * Heartbeat and anti-entropy: what the sender has. Answered by SyncOk with the same of the receiver.
 * seenCounter and seenIncarnation: the newest that the sender has seen of the receiver.
 * digest: sum modulo 2^128 over the sender's (key, value, version), big end first.
 */
export type SyncState = {
    readonly executed: Frontier
    readonly advertisedFloor: Frontier
    readonly wallMs: number
    readonly seenCounter: number
    readonly seenIncarnation: MaybeHex16
    readonly chainEpoch: MaybeEpoch
    readonly digest: Hex16
}

export function readSyncState(bc: bare.ByteCursor): SyncState {
    return {
        executed: readFrontier(bc),
        advertisedFloor: readFrontier(bc),
        wallMs: bare.readUintSafe(bc),
        seenCounter: bare.readUintSafe(bc),
        seenIncarnation: readMaybeHex16(bc),
        chainEpoch: readMaybeEpoch(bc),
        digest: readHex16(bc),
    }
}

export function writeSyncState(bc: bare.ByteCursor, x: SyncState): void {
    writeFrontier(bc, x.executed)
    writeFrontier(bc, x.advertisedFloor)
    bare.writeUintSafe(bc, x.wallMs)
    bare.writeUintSafe(bc, x.seenCounter)
    writeMaybeHex16(bc, x.seenIncarnation)
    writeMaybeEpoch(bc, x.chainEpoch)
    writeHex16(bc, x.digest)
}

export type Sync = {
    readonly state: SyncState
}

export function readSync(bc: bare.ByteCursor): Sync {
    return {
        state: readSyncState(bc),
    }
}

export function writeSync(bc: bare.ByteCursor, x: Sync): void {
    writeSyncState(bc, x.state)
}

/**
 * Slots of one column, both ends included.
 */
export type SlotRange = {
    readonly replica: ReplicaId
    readonly from: number
    readonly to: number
}

export function readSlotRange(bc: bare.ByteCursor): SlotRange {
    return {
        replica: readReplicaId(bc),
        from: bare.readUintSafe(bc),
        to: bare.readUintSafe(bc),
    }
}

export function writeSlotRange(bc: bare.ByteCursor, x: SlotRange): void {
    writeReplicaId(bc, x.replica)
    bare.writeUintSafe(bc, x.from)
    bare.writeUintSafe(bc, x.to)
}

export type SlotRanges = readonly SlotRange[]

export function readSlotRanges(bc: bare.ByteCursor): SlotRanges {
    const len = bare.readLength(bc, bounds.SlotRanges)
    if (len === 0) {
        return []
    }
    const result = [readSlotRange(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readSlotRange(bc)
    }
    return result
}

export function writeSlotRanges(bc: bare.ByteCursor, x: SlotRanges): void {
    bare.writeLength(bc, x.length, bounds.SlotRanges)
    for (let i = 0; i < x.length; i++) {
        writeSlotRange(bc, x[i]!)
    }
}

/**
 * Committed instances, please. Answered by Instances.
 */
export type DownloadInstances = {
    readonly ranges: SlotRanges
}

export function readDownloadInstances(bc: bare.ByteCursor): DownloadInstances {
    return {
        ranges: readSlotRanges(bc),
    }
}

export function writeDownloadInstances(bc: bare.ByteCursor, x: DownloadInstances): void {
    writeSlotRanges(bc, x.ranges)
}

/**
 * The value this replica has of a key. Answered by KvValue.
 */
export type KvGet = {
    readonly key: Key
}

export function readKvGet(bc: bare.ByteCursor): KvGet {
    return {
        key: readKey(bc),
    }
}

export function writeKvGet(bc: bare.ByteCursor, x: KvGet): void {
    writeKey(bc, x.key)
}

/**
 * Who and what are you? Answered by HealthOk.
 */
export type HealthCheck = null

/**
 * Gives a newcomer its identity; the same learnId again changes nothing. Answered by Done.
 */
export type BeginLearning = {
    readonly learnId: Text
    readonly clusterName: Text
    readonly links: ChainLinks
    readonly sources: ReplicaIds
}

export function readBeginLearning(bc: bare.ByteCursor): BeginLearning {
    return {
        learnId: readText(bc),
        clusterName: readText(bc),
        links: readChainLinks(bc),
        sources: readReplicaIds(bc),
    }
}

export function writeBeginLearning(bc: bare.ByteCursor, x: BeginLearning): void {
    writeText(bc, x.learnId)
    writeText(bc, x.clusterName)
    writeChainLinks(bc, x.links)
    writeReplicaIds(bc, x.sources)
}

/**
 * Answered by Done.
 */
export type AbortLearning = {
    readonly learnId: Text
}

export function readAbortLearning(bc: bare.ByteCursor): AbortLearning {
    return {
        learnId: readText(bc),
    }
}

export function writeAbortLearning(bc: bare.ByteCursor, x: AbortLearning): void {
    writeText(bc, x.learnId)
}

/**
 * To the coordinator's datacenter: a replica is now this. Answered by Done.
 */
export type UpdateReplicaStatus = {
    readonly replica: ReplicaId
    readonly status: ReplicaStatus
    readonly learnId: Text
}

export function readUpdateReplicaStatus(bc: bare.ByteCursor): UpdateReplicaStatus {
    return {
        replica: readReplicaId(bc),
        status: readReplicaStatus(bc),
        learnId: readText(bc),
    }
}

export function writeUpdateReplicaStatus(bc: bare.ByteCursor, x: UpdateReplicaStatus): void {
    writeReplicaId(bc, x.replica)
    writeReplicaStatus(bc, x.status)
    writeText(bc, x.learnId)
}

/**
 * To the coordinator's datacenter: the update of this name with this JSON. Answered by CoordinatorReply.
 */
export type CoordinatorRequest = {
    readonly name: Text
    readonly argument: Text
}

export function readCoordinatorRequest(bc: bare.ByteCursor): CoordinatorRequest {
    return {
        name: readText(bc),
        argument: readText(bc),
    }
}

export function writeCoordinatorRequest(bc: bare.ByteCursor, x: CoordinatorRequest): void {
    writeText(bc, x.name)
    writeText(bc, x.argument)
}

/**
 * Links that the receiver may lack. Answered by Config with those that the sender may lack.
 */
export type UpdateConfig = {
    readonly links: ChainLinks
}

export function readUpdateConfig(bc: bare.ByteCursor): UpdateConfig {
    return {
        links: readChainLinks(bc),
    }
}

export function writeUpdateConfig(bc: bare.ByteCursor, x: UpdateConfig): void {
    writeChainLinks(bc, x.links)
}

/**
 * Links after this epoch, please. Answered by Config.
 */
export type FetchConfig = {
    readonly afterEpoch: MaybeEpoch
}

export function readFetchConfig(bc: bare.ByteCursor): FetchConfig {
    return {
        afterEpoch: readMaybeEpoch(bc),
    }
}

export function writeFetchConfig(bc: bare.ByteCursor, x: FetchConfig): void {
    writeMaybeEpoch(bc, x.afterEpoch)
}

/**
 * Take no more part in this epoch, and report. Answered by FreezeOk.
 */
export type Freeze = {
    readonly epoch: Epoch
}

export function readFreeze(bc: bare.ByteCursor): Freeze {
    return {
        epoch: readEpoch(bc),
    }
}

export function writeFreeze(bc: bare.ByteCursor, x: Freeze): void {
    writeEpoch(bc, x.epoch)
}

/**
 * Single decree that closes an epoch, first round. Answered by ClosePromise or CloseNack.
 */
export type ClosePrepare = {
    readonly epoch: Epoch
    readonly ballot: Ballot
}

export function readClosePrepare(bc: bare.ByteCursor): ClosePrepare {
    return {
        epoch: readEpoch(bc),
        ballot: readBallot(bc),
    }
}

export function writeClosePrepare(bc: bare.ByteCursor, x: ClosePrepare): void {
    writeEpoch(bc, x.epoch)
    writeBallot(bc, x.ballot)
}

/**
 * Single decree that closes an epoch, second round. Answered by CloseAccepted or CloseNack.
 */
export type CloseAccept = {
    readonly epoch: Epoch
    readonly ballot: Ballot
    readonly link: ChainLink
}

export function readCloseAccept(bc: bare.ByteCursor): CloseAccept {
    return {
        epoch: readEpoch(bc),
        ballot: readBallot(bc),
        link: readChainLink(bc),
    }
}

export function writeCloseAccept(bc: bare.ByteCursor, x: CloseAccept): void {
    writeEpoch(bc, x.epoch)
    writeBallot(bc, x.ballot)
    writeChainLink(bc, x.link)
}

/**
 * The next page of the replicated state, "" for the first. Answered by SnapshotRecords.
 */
export type SnapshotPage = {
    readonly cursor: Text
}

export function readSnapshotPage(bc: bare.ByteCursor): SnapshotPage {
    return {
        cursor: readText(bc),
    }
}

export function writeSnapshotPage(bc: bare.ByteCursor, x: SnapshotPage): void {
    writeText(bc, x.cursor)
}

/**
 * Changes after a position; "" asks for the position now. Answered by SnapshotChangesOk.
 */
export type SnapshotChanges = {
    readonly after: Text
}

export function readSnapshotChanges(bc: bare.ByteCursor): SnapshotChanges {
    return {
        after: readText(bc),
    }
}

export function writeSnapshotChanges(bc: bare.ByteCursor, x: SnapshotChanges): void {
    writeText(bc, x.after)
}

export type Request =
    | { readonly tag: "PreAccept"; readonly val: PreAccept }
    | { readonly tag: "Accept"; readonly val: Accept }
    | { readonly tag: "Commit"; readonly val: Commit }
    | { readonly tag: "Recover"; readonly val: Recover }
    | { readonly tag: "Validate"; readonly val: Validate }
    | { readonly tag: "Waiting"; readonly val: Waiting }
    | { readonly tag: "ReadIndex"; readonly val: ReadIndex }
    | { readonly tag: "Sync"; readonly val: Sync }
    | { readonly tag: "DownloadInstances"; readonly val: DownloadInstances }
    | { readonly tag: "KvGet"; readonly val: KvGet }
    | { readonly tag: "HealthCheck"; readonly val: HealthCheck }
    | { readonly tag: "BeginLearning"; readonly val: BeginLearning }
    | { readonly tag: "AbortLearning"; readonly val: AbortLearning }
    | { readonly tag: "UpdateReplicaStatus"; readonly val: UpdateReplicaStatus }
    | { readonly tag: "CoordinatorRequest"; readonly val: CoordinatorRequest }
    | { readonly tag: "UpdateConfig"; readonly val: UpdateConfig }
    | { readonly tag: "FetchConfig"; readonly val: FetchConfig }
    | { readonly tag: "Freeze"; readonly val: Freeze }
    | { readonly tag: "ClosePrepare"; readonly val: ClosePrepare }
    | { readonly tag: "CloseAccept"; readonly val: CloseAccept }
    | { readonly tag: "SnapshotPage"; readonly val: SnapshotPage }
    | { readonly tag: "SnapshotChanges"; readonly val: SnapshotChanges }

export function readRequest(bc: bare.ByteCursor): Request {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "PreAccept", val: readPreAccept(bc) }
        case 1:
            return { tag: "Accept", val: readAccept(bc) }
        case 2:
            return { tag: "Commit", val: readCommit(bc) }
        case 3:
            return { tag: "Recover", val: readRecover(bc) }
        case 4:
            return { tag: "Validate", val: readValidate(bc) }
        case 5:
            return { tag: "Waiting", val: readWaiting(bc) }
        case 6:
            return { tag: "ReadIndex", val: readReadIndex(bc) }
        case 7:
            return { tag: "Sync", val: readSync(bc) }
        case 8:
            return { tag: "DownloadInstances", val: readDownloadInstances(bc) }
        case 9:
            return { tag: "KvGet", val: readKvGet(bc) }
        case 10:
            return { tag: "HealthCheck", val: null }
        case 11:
            return { tag: "BeginLearning", val: readBeginLearning(bc) }
        case 12:
            return { tag: "AbortLearning", val: readAbortLearning(bc) }
        case 13:
            return { tag: "UpdateReplicaStatus", val: readUpdateReplicaStatus(bc) }
        case 14:
            return { tag: "CoordinatorRequest", val: readCoordinatorRequest(bc) }
        case 15:
            return { tag: "UpdateConfig", val: readUpdateConfig(bc) }
        case 16:
            return { tag: "FetchConfig", val: readFetchConfig(bc) }
        case 17:
            return { tag: "Freeze", val: readFreeze(bc) }
        case 18:
            return { tag: "ClosePrepare", val: readClosePrepare(bc) }
        case 19:
            return { tag: "CloseAccept", val: readCloseAccept(bc) }
        case 20:
            return { tag: "SnapshotPage", val: readSnapshotPage(bc) }
        case 21:
            return { tag: "SnapshotChanges", val: readSnapshotChanges(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeRequest(bc: bare.ByteCursor, x: Request): void {
    switch (x.tag) {
        case "PreAccept": {
            bare.writeU8(bc, 0)
            writePreAccept(bc, x.val)
            break
        }
        case "Accept": {
            bare.writeU8(bc, 1)
            writeAccept(bc, x.val)
            break
        }
        case "Commit": {
            bare.writeU8(bc, 2)
            writeCommit(bc, x.val)
            break
        }
        case "Recover": {
            bare.writeU8(bc, 3)
            writeRecover(bc, x.val)
            break
        }
        case "Validate": {
            bare.writeU8(bc, 4)
            writeValidate(bc, x.val)
            break
        }
        case "Waiting": {
            bare.writeU8(bc, 5)
            writeWaiting(bc, x.val)
            break
        }
        case "ReadIndex": {
            bare.writeU8(bc, 6)
            writeReadIndex(bc, x.val)
            break
        }
        case "Sync": {
            bare.writeU8(bc, 7)
            writeSync(bc, x.val)
            break
        }
        case "DownloadInstances": {
            bare.writeU8(bc, 8)
            writeDownloadInstances(bc, x.val)
            break
        }
        case "KvGet": {
            bare.writeU8(bc, 9)
            writeKvGet(bc, x.val)
            break
        }
        case "HealthCheck": {
            bare.writeU8(bc, 10)
            break
        }
        case "BeginLearning": {
            bare.writeU8(bc, 11)
            writeBeginLearning(bc, x.val)
            break
        }
        case "AbortLearning": {
            bare.writeU8(bc, 12)
            writeAbortLearning(bc, x.val)
            break
        }
        case "UpdateReplicaStatus": {
            bare.writeU8(bc, 13)
            writeUpdateReplicaStatus(bc, x.val)
            break
        }
        case "CoordinatorRequest": {
            bare.writeU8(bc, 14)
            writeCoordinatorRequest(bc, x.val)
            break
        }
        case "UpdateConfig": {
            bare.writeU8(bc, 15)
            writeUpdateConfig(bc, x.val)
            break
        }
        case "FetchConfig": {
            bare.writeU8(bc, 16)
            writeFetchConfig(bc, x.val)
            break
        }
        case "Freeze": {
            bare.writeU8(bc, 17)
            writeFreeze(bc, x.val)
            break
        }
        case "ClosePrepare": {
            bare.writeU8(bc, 18)
            writeClosePrepare(bc, x.val)
            break
        }
        case "CloseAccept": {
            bare.writeU8(bc, 19)
            writeCloseAccept(bc, x.val)
            break
        }
        case "SnapshotPage": {
            bare.writeU8(bc, 20)
            writeSnapshotPage(bc, x.val)
            break
        }
        case "SnapshotChanges": {
            bare.writeU8(bc, 21)
            writeSnapshotChanges(bc, x.val)
            break
        }
    }
}

/**
 * deps: those of the request and what the voter knows to conflict.
 */
export type PreAcceptOk = {
    readonly id: InstanceId
    readonly deps: Deps
}

export function readPreAcceptOk(bc: bare.ByteCursor): PreAcceptOk {
    return {
        id: readInstanceId(bc),
        deps: readDeps(bc),
    }
}

export function writePreAcceptOk(bc: bare.ByteCursor, x: PreAcceptOk): void {
    writeInstanceId(bc, x.id)
    writeDeps(bc, x.deps)
}

export type AcceptOk = {
    readonly id: InstanceId
    readonly ballot: Ballot
}

export function readAcceptOk(bc: bare.ByteCursor): AcceptOk {
    return {
        id: readInstanceId(bc),
        ballot: readBallot(bc),
    }
}

export function writeAcceptOk(bc: bare.ByteCursor, x: AcceptOk): void {
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
}

function read4(bc: bare.ByteCursor): Payload | null {
    return bare.readBool(bc) ? readPayload(bc) : null
}

function write4(bc: bare.ByteCursor, x: Payload | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writePayload(bc, x)
    }
}

function read5(bc: bare.ByteCursor): Deps | null {
    return bare.readBool(bc) ? readDeps(bc) : null
}

function write5(bc: bare.ByteCursor, x: Deps | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeDeps(bc, x)
    }
}

/**
 * What the voter knows. initPayload and initDeps are the owner's own; both or neither.
 */
export type RecoverOk = {
    readonly id: InstanceId
    readonly ballot: Ballot
    readonly phase: Phase
    readonly acceptedBallot: Ballot
    readonly value: MaybeValue
    readonly deps: Deps
    readonly initPayload: Payload | null
    readonly initDeps: Deps | null
}

export function readRecoverOk(bc: bare.ByteCursor): RecoverOk {
    return {
        id: readInstanceId(bc),
        ballot: readBallot(bc),
        phase: readPhase(bc),
        acceptedBallot: readBallot(bc),
        value: readMaybeValue(bc),
        deps: readDeps(bc),
        initPayload: read4(bc),
        initDeps: read5(bc),
    }
}

export function writeRecoverOk(bc: bare.ByteCursor, x: RecoverOk): void {
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
    writePhase(bc, x.phase)
    writeBallot(bc, x.acceptedBallot)
    writeMaybeValue(bc, x.value)
    writeDeps(bc, x.deps)
    write4(bc, x.initPayload)
    write5(bc, x.initDeps)
}

export type ValidateConflict = {
    readonly id: InstanceId
    readonly committed: boolean
}

export function readValidateConflict(bc: bare.ByteCursor): ValidateConflict {
    return {
        id: readInstanceId(bc),
        committed: bare.readBool(bc),
    }
}

export function writeValidateConflict(bc: bare.ByteCursor, x: ValidateConflict): void {
    writeInstanceId(bc, x.id)
    bare.writeBool(bc, x.committed)
}

export type ValidateConflicts = readonly ValidateConflict[]

export function readValidateConflicts(bc: bare.ByteCursor): ValidateConflicts {
    const len = bare.readLength(bc, bounds.ValidateConflicts)
    if (len === 0) {
        return []
    }
    const result = [readValidateConflict(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readValidateConflict(bc)
    }
    return result
}

export function writeValidateConflicts(bc: bare.ByteCursor, x: ValidateConflicts): void {
    bare.writeLength(bc, x.length, bounds.ValidateConflicts)
    for (let i = 0; i < x.length; i++) {
        writeValidateConflict(bc, x[i]!)
    }
}

/**
 * Instances that conflict and have no place in the given order.
 */
export type ValidateOk = {
    readonly id: InstanceId
    readonly ballot: Ballot
    readonly conflicts: ValidateConflicts
}

export function readValidateOk(bc: bare.ByteCursor): ValidateOk {
    return {
        id: readInstanceId(bc),
        ballot: readBallot(bc),
        conflicts: readValidateConflicts(bc),
    }
}

export function writeValidateOk(bc: bare.ByteCursor, x: ValidateOk): void {
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
    writeValidateConflicts(bc, x.conflicts)
}

/**
 * It is decided already.
 */
export type Committed = {
    readonly id: InstanceId
    readonly value: Value
    readonly deps: Deps
}

export function readCommitted(bc: bare.ByteCursor): Committed {
    return {
        id: readInstanceId(bc),
        value: readValue(bc),
        deps: readDeps(bc),
    }
}

export function writeCommitted(bc: bare.ByteCursor, x: Committed): void {
    writeInstanceId(bc, x.id)
    writeValue(bc, x.value)
    writeDeps(bc, x.deps)
}

/**
 * It is executed everywhere and forgotten.
 */
export type SettledInstance = {
    readonly id: InstanceId
}

export function readSettledInstance(bc: bare.ByteCursor): SettledInstance {
    return {
        id: readInstanceId(bc),
    }
}

export function writeSettledInstance(bc: bare.ByteCursor, x: SettledInstance): void {
    writeInstanceId(bc, x.id)
}

/**
 * The voter has joined this higher ballot.
 */
export type Nack = {
    readonly id: InstanceId
    readonly ballot: Ballot
}

export function readNack(bc: bare.ByteCursor): Nack {
    return {
        id: readInstanceId(bc),
        ballot: readBallot(bc),
    }
}

export function writeNack(bc: bare.ByteCursor, x: Nack): void {
    writeInstanceId(bc, x.id)
    writeBallot(bc, x.ballot)
}

/**
 * Done, nothing to tell.
 */
export type Done = null

/**
 * The sender's epoch is over: here are the links it lacks.
 */
export type StaleEpoch = {
    readonly links: ChainLinks
}

export function readStaleEpoch(bc: bare.ByteCursor): StaleEpoch {
    return {
        links: readChainLinks(bc),
    }
}

export function writeStaleEpoch(bc: bare.ByteCursor, x: StaleEpoch): void {
    writeChainLinks(bc, x.links)
}

/**
 * This epoch takes nothing new.
 */
export type Frozen = {
    readonly epoch: Epoch
}

export function readFrozen(bc: bare.ByteCursor): Frozen {
    return {
        epoch: readEpoch(bc),
    }
}

export function writeFrozen(bc: bare.ByteCursor, x: Frozen): void {
    writeEpoch(bc, x.epoch)
}

/**
 * The receiver does not vote in the epoch asked for.
 */
export type NotVoting = {
    readonly epoch: MaybeEpoch
    readonly status: ReplicaStatus
}

export function readNotVoting(bc: bare.ByteCursor): NotVoting {
    return {
        epoch: readMaybeEpoch(bc),
        status: readReplicaStatus(bc),
    }
}

export function writeNotVoting(bc: bare.ByteCursor, x: NotVoting): void {
    writeMaybeEpoch(bc, x.epoch)
    writeReplicaStatus(bc, x.status)
}

export type ReadIndexOk = {
    readonly ids: InstanceIds
    readonly hasAdders: boolean
    readonly globalFloor: Frontier
}

export function readReadIndexOk(bc: bare.ByteCursor): ReadIndexOk {
    return {
        ids: readInstanceIds(bc),
        hasAdders: bare.readBool(bc),
        globalFloor: readFrontier(bc),
    }
}

export function writeReadIndexOk(bc: bare.ByteCursor, x: ReadIndexOk): void {
    writeInstanceIds(bc, x.ids)
    bare.writeBool(bc, x.hasAdders)
    writeFrontier(bc, x.globalFloor)
}

export type SyncOk = {
    readonly state: SyncState
}

export function readSyncOk(bc: bare.ByteCursor): SyncOk {
    return {
        state: readSyncState(bc),
    }
}

export function writeSyncOk(bc: bare.ByteCursor, x: SyncOk): void {
    writeSyncState(bc, x.state)
}

export type CommittedInstance = {
    readonly id: InstanceId
    readonly epoch: Epoch
    readonly value: Value
    readonly deps: Deps
}

export function readCommittedInstance(bc: bare.ByteCursor): CommittedInstance {
    return {
        id: readInstanceId(bc),
        epoch: readEpoch(bc),
        value: readValue(bc),
        deps: readDeps(bc),
    }
}

export function writeCommittedInstance(bc: bare.ByteCursor, x: CommittedInstance): void {
    writeInstanceId(bc, x.id)
    writeEpoch(bc, x.epoch)
    writeValue(bc, x.value)
    writeDeps(bc, x.deps)
}

export type CommittedInstances = readonly CommittedInstance[]

export function readCommittedInstances(bc: bare.ByteCursor): CommittedInstances {
    const len = bare.readLength(bc, bounds.CommittedInstances)
    if (len === 0) {
        return []
    }
    const result = [readCommittedInstance(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readCommittedInstance(bc)
    }
    return result
}

export function writeCommittedInstances(bc: bare.ByteCursor, x: CommittedInstances): void {
    bare.writeLength(bc, x.length, bounds.CommittedInstances)
    for (let i = 0; i < x.length; i++) {
        writeCommittedInstance(bc, x[i]!)
    }
}

export type Instances = {
    readonly instances: CommittedInstances
}

export function readInstances(bc: bare.ByteCursor): Instances {
    return {
        instances: readCommittedInstances(bc),
    }
}

export function writeInstances(bc: bare.ByteCursor, x: Instances): void {
    writeCommittedInstances(bc, x.instances)
}

export type KvValue = {
    readonly value: MaybeBytes
    readonly version: number
}

export function readKvValue(bc: bare.ByteCursor): KvValue {
    return {
        value: readMaybeBytes(bc),
        version: bare.readUintSafe(bc),
    }
}

export function writeKvValue(bc: bare.ByteCursor, x: KvValue): void {
    writeMaybeBytes(bc, x.value)
    bare.writeUintSafe(bc, x.version)
}

export type HealthOk = {
    readonly clusterId: MaybeHex16
    readonly replica: MaybeReplicaId
    readonly incarnation: MaybeHex16
    readonly status: ReplicaStatus
    readonly build: Text
}

export function readHealthOk(bc: bare.ByteCursor): HealthOk {
    return {
        clusterId: readMaybeHex16(bc),
        replica: readMaybeReplicaId(bc),
        incarnation: readMaybeHex16(bc),
        status: readReplicaStatus(bc),
        build: readText(bc),
    }
}

export function writeHealthOk(bc: bare.ByteCursor, x: HealthOk): void {
    writeMaybeHex16(bc, x.clusterId)
    writeMaybeReplicaId(bc, x.replica)
    writeMaybeHex16(bc, x.incarnation)
    writeReplicaStatus(bc, x.status)
    writeText(bc, x.build)
}

/**
 * id: of the replica that was added, 0 for none.
 */
export type CoordinatorReply = {
    readonly generation: number
    readonly id: number
}

export function readCoordinatorReply(bc: bare.ByteCursor): CoordinatorReply {
    return {
        generation: bare.readUintSafe(bc),
        id: bare.readUintSafe(bc),
    }
}

export function writeCoordinatorReply(bc: bare.ByteCursor, x: CoordinatorReply): void {
    bare.writeUintSafe(bc, x.generation)
    bare.writeUintSafe(bc, x.id)
}

export type Config = {
    readonly links: ChainLinks
}

export function readConfig(bc: bare.ByteCursor): Config {
    return {
        links: readChainLinks(bc),
    }
}

export function writeConfig(bc: bare.ByteCursor, x: Config): void {
    writeChainLinks(bc, x.links)
}

export type FreezeOk = {
    readonly reported: Settled
}

export function readFreezeOk(bc: bare.ByteCursor): FreezeOk {
    return {
        reported: readSettled(bc),
    }
}

export function writeFreezeOk(bc: bare.ByteCursor, x: FreezeOk): void {
    writeSettled(bc, x.reported)
}

function read6(bc: bare.ByteCursor): AcceptedLink | null {
    return bare.readBool(bc) ? readAcceptedLink(bc) : null
}

function write6(bc: bare.ByteCursor, x: AcceptedLink | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeAcceptedLink(bc, x)
    }
}

export type ClosePromise = {
    readonly accepted: AcceptedLink | null
}

export function readClosePromise(bc: bare.ByteCursor): ClosePromise {
    return {
        accepted: read6(bc),
    }
}

export function writeClosePromise(bc: bare.ByteCursor, x: ClosePromise): void {
    write6(bc, x.accepted)
}

export type CloseAccepted = null

export type CloseNack = {
    readonly ballot: Ballot
}

export function readCloseNack(bc: bare.ByteCursor): CloseNack {
    return {
        ballot: readBallot(bc),
    }
}

export function writeCloseNack(bc: bare.ByteCursor, x: CloseNack): void {
    writeBallot(bc, x.ballot)
}

function read7(bc: bare.ByteCursor): Text | null {
    return bare.readBool(bc) ? readText(bc) : null
}

function write7(bc: bare.ByteCursor, x: Text | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeText(bc, x)
    }
}

/**
 * No cursor: this was the last page.
 */
export type SnapshotRecords = {
    readonly writes: StateWrites
    readonly cursor: Text | null
}

export function readSnapshotRecords(bc: bare.ByteCursor): SnapshotRecords {
    return {
        writes: readStateWrites(bc),
        cursor: read7(bc),
    }
}

export function writeSnapshotRecords(bc: bare.ByteCursor, x: SnapshotRecords): void {
    writeStateWrites(bc, x.writes)
    write7(bc, x.cursor)
}

export type Changes = readonly Change[]

export function readChanges(bc: bare.ByteCursor): Changes {
    const len = bare.readLength(bc, bounds.Changes)
    if (len === 0) {
        return []
    }
    const result = [readChange(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readChange(bc)
    }
    return result
}

export function writeChanges(bc: bare.ByteCursor, x: Changes): void {
    bare.writeLength(bc, x.length, bounds.Changes)
    for (let i = 0; i < x.length; i++) {
        writeChange(bc, x[i]!)
    }
}

export type ExecutedSet = {
    readonly prefix: Frontier
    readonly listed: InstanceIds
}

export function readExecutedSet(bc: bare.ByteCursor): ExecutedSet {
    return {
        prefix: readFrontier(bc),
        listed: readInstanceIds(bc),
    }
}

export function writeExecutedSet(bc: bare.ByteCursor, x: ExecutedSet): void {
    writeFrontier(bc, x.prefix)
    writeInstanceIds(bc, x.listed)
}

function read8(bc: bare.ByteCursor): ExecutedSet | null {
    return bare.readBool(bc) ? readExecutedSet(bc) : null
}

function write8(bc: bare.ByteCursor, x: ExecutedSet | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeExecutedSet(bc, x)
    }
}

/**
 * With the last page, the executed set at that position.
 */
export type SnapshotChangesOk = {
    readonly changes: Changes
    readonly position: Text
    readonly executed: ExecutedSet | null
}

export function readSnapshotChangesOk(bc: bare.ByteCursor): SnapshotChangesOk {
    return {
        changes: readChanges(bc),
        position: readText(bc),
        executed: read8(bc),
    }
}

export function writeSnapshotChangesOk(bc: bare.ByteCursor, x: SnapshotChangesOk): void {
    writeChanges(bc, x.changes)
    writeText(bc, x.position)
    write8(bc, x.executed)
}

/**
 * The receiver won't: one of the codes of the client API.
 */
export type Refused = {
    readonly code: Text
    readonly message: Text
}

export function readRefused(bc: bare.ByteCursor): Refused {
    return {
        code: readText(bc),
        message: readText(bc),
    }
}

export function writeRefused(bc: bare.ByteCursor, x: Refused): void {
    writeText(bc, x.code)
    writeText(bc, x.message)
}

export type Reply =
    | { readonly tag: "PreAcceptOk"; readonly val: PreAcceptOk }
    | { readonly tag: "AcceptOk"; readonly val: AcceptOk }
    | { readonly tag: "RecoverOk"; readonly val: RecoverOk }
    | { readonly tag: "ValidateOk"; readonly val: ValidateOk }
    | { readonly tag: "Committed"; readonly val: Committed }
    | { readonly tag: "SettledInstance"; readonly val: SettledInstance }
    | { readonly tag: "Nack"; readonly val: Nack }
    | { readonly tag: "Done"; readonly val: Done }
    | { readonly tag: "StaleEpoch"; readonly val: StaleEpoch }
    | { readonly tag: "Frozen"; readonly val: Frozen }
    | { readonly tag: "NotVoting"; readonly val: NotVoting }
    | { readonly tag: "ReadIndexOk"; readonly val: ReadIndexOk }
    | { readonly tag: "SyncOk"; readonly val: SyncOk }
    | { readonly tag: "Instances"; readonly val: Instances }
    | { readonly tag: "KvValue"; readonly val: KvValue }
    | { readonly tag: "HealthOk"; readonly val: HealthOk }
    | { readonly tag: "CoordinatorReply"; readonly val: CoordinatorReply }
    | { readonly tag: "Config"; readonly val: Config }
    | { readonly tag: "FreezeOk"; readonly val: FreezeOk }
    | { readonly tag: "ClosePromise"; readonly val: ClosePromise }
    | { readonly tag: "CloseAccepted"; readonly val: CloseAccepted }
    | { readonly tag: "CloseNack"; readonly val: CloseNack }
    | { readonly tag: "SnapshotRecords"; readonly val: SnapshotRecords }
    | { readonly tag: "SnapshotChangesOk"; readonly val: SnapshotChangesOk }
    | { readonly tag: "Refused"; readonly val: Refused }

export function readReply(bc: bare.ByteCursor): Reply {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "PreAcceptOk", val: readPreAcceptOk(bc) }
        case 1:
            return { tag: "AcceptOk", val: readAcceptOk(bc) }
        case 2:
            return { tag: "RecoverOk", val: readRecoverOk(bc) }
        case 3:
            return { tag: "ValidateOk", val: readValidateOk(bc) }
        case 4:
            return { tag: "Committed", val: readCommitted(bc) }
        case 5:
            return { tag: "SettledInstance", val: readSettledInstance(bc) }
        case 6:
            return { tag: "Nack", val: readNack(bc) }
        case 7:
            return { tag: "Done", val: null }
        case 8:
            return { tag: "StaleEpoch", val: readStaleEpoch(bc) }
        case 9:
            return { tag: "Frozen", val: readFrozen(bc) }
        case 10:
            return { tag: "NotVoting", val: readNotVoting(bc) }
        case 11:
            return { tag: "ReadIndexOk", val: readReadIndexOk(bc) }
        case 12:
            return { tag: "SyncOk", val: readSyncOk(bc) }
        case 13:
            return { tag: "Instances", val: readInstances(bc) }
        case 14:
            return { tag: "KvValue", val: readKvValue(bc) }
        case 15:
            return { tag: "HealthOk", val: readHealthOk(bc) }
        case 16:
            return { tag: "CoordinatorReply", val: readCoordinatorReply(bc) }
        case 17:
            return { tag: "Config", val: readConfig(bc) }
        case 18:
            return { tag: "FreezeOk", val: readFreezeOk(bc) }
        case 19:
            return { tag: "ClosePromise", val: readClosePromise(bc) }
        case 20:
            return { tag: "CloseAccepted", val: null }
        case 21:
            return { tag: "CloseNack", val: readCloseNack(bc) }
        case 22:
            return { tag: "SnapshotRecords", val: readSnapshotRecords(bc) }
        case 23:
            return { tag: "SnapshotChangesOk", val: readSnapshotChangesOk(bc) }
        case 24:
            return { tag: "Refused", val: readRefused(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeReply(bc: bare.ByteCursor, x: Reply): void {
    switch (x.tag) {
        case "PreAcceptOk": {
            bare.writeU8(bc, 0)
            writePreAcceptOk(bc, x.val)
            break
        }
        case "AcceptOk": {
            bare.writeU8(bc, 1)
            writeAcceptOk(bc, x.val)
            break
        }
        case "RecoverOk": {
            bare.writeU8(bc, 2)
            writeRecoverOk(bc, x.val)
            break
        }
        case "ValidateOk": {
            bare.writeU8(bc, 3)
            writeValidateOk(bc, x.val)
            break
        }
        case "Committed": {
            bare.writeU8(bc, 4)
            writeCommitted(bc, x.val)
            break
        }
        case "SettledInstance": {
            bare.writeU8(bc, 5)
            writeSettledInstance(bc, x.val)
            break
        }
        case "Nack": {
            bare.writeU8(bc, 6)
            writeNack(bc, x.val)
            break
        }
        case "Done": {
            bare.writeU8(bc, 7)
            break
        }
        case "StaleEpoch": {
            bare.writeU8(bc, 8)
            writeStaleEpoch(bc, x.val)
            break
        }
        case "Frozen": {
            bare.writeU8(bc, 9)
            writeFrozen(bc, x.val)
            break
        }
        case "NotVoting": {
            bare.writeU8(bc, 10)
            writeNotVoting(bc, x.val)
            break
        }
        case "ReadIndexOk": {
            bare.writeU8(bc, 11)
            writeReadIndexOk(bc, x.val)
            break
        }
        case "SyncOk": {
            bare.writeU8(bc, 12)
            writeSyncOk(bc, x.val)
            break
        }
        case "Instances": {
            bare.writeU8(bc, 13)
            writeInstances(bc, x.val)
            break
        }
        case "KvValue": {
            bare.writeU8(bc, 14)
            writeKvValue(bc, x.val)
            break
        }
        case "HealthOk": {
            bare.writeU8(bc, 15)
            writeHealthOk(bc, x.val)
            break
        }
        case "CoordinatorReply": {
            bare.writeU8(bc, 16)
            writeCoordinatorReply(bc, x.val)
            break
        }
        case "Config": {
            bare.writeU8(bc, 17)
            writeConfig(bc, x.val)
            break
        }
        case "FreezeOk": {
            bare.writeU8(bc, 18)
            writeFreezeOk(bc, x.val)
            break
        }
        case "ClosePromise": {
            bare.writeU8(bc, 19)
            writeClosePromise(bc, x.val)
            break
        }
        case "CloseAccepted": {
            bare.writeU8(bc, 20)
            break
        }
        case "CloseNack": {
            bare.writeU8(bc, 21)
            writeCloseNack(bc, x.val)
            break
        }
        case "SnapshotRecords": {
            bare.writeU8(bc, 22)
            writeSnapshotRecords(bc, x.val)
            break
        }
        case "SnapshotChangesOk": {
            bare.writeU8(bc, 23)
            writeSnapshotChangesOk(bc, x.val)
            break
        }
        case "Refused": {
            bare.writeU8(bc, 24)
            writeRefused(bc, x.val)
            break
        }
    }
}

/**
 * Who speaks. from is 0 and clusterId none for a replica without identity; to is 0 when the sender does not know.
 * counter: the sender's durable transaction counter.
 */
export type RequestHeader = {
    readonly clusterId: MaybeHex16
    readonly from: MaybeReplicaId
    readonly to: MaybeReplicaId
    readonly incarnation: MaybeHex16
    readonly epoch: MaybeEpoch
    readonly counter: number
}

export function readRequestHeader(bc: bare.ByteCursor): RequestHeader {
    return {
        clusterId: readMaybeHex16(bc),
        from: readMaybeReplicaId(bc),
        to: readMaybeReplicaId(bc),
        incarnation: readMaybeHex16(bc),
        epoch: readMaybeEpoch(bc),
        counter: bare.readUintSafe(bc),
    }
}

export function writeRequestHeader(bc: bare.ByteCursor, x: RequestHeader): void {
    writeMaybeHex16(bc, x.clusterId)
    writeMaybeReplicaId(bc, x.from)
    writeMaybeReplicaId(bc, x.to)
    writeMaybeHex16(bc, x.incarnation)
    writeMaybeEpoch(bc, x.epoch)
    bare.writeUintSafe(bc, x.counter)
}

export type ReplyHeader = {
    readonly from: MaybeReplicaId
    readonly incarnation: MaybeHex16
    readonly epoch: MaybeEpoch
    readonly status: ReplicaStatus
    readonly counter: number
}

export function readReplyHeader(bc: bare.ByteCursor): ReplyHeader {
    return {
        from: readMaybeReplicaId(bc),
        incarnation: readMaybeHex16(bc),
        epoch: readMaybeEpoch(bc),
        status: readReplicaStatus(bc),
        counter: bare.readUintSafe(bc),
    }
}

export function writeReplyHeader(bc: bare.ByteCursor, x: ReplyHeader): void {
    writeMaybeReplicaId(bc, x.from)
    writeMaybeHex16(bc, x.incarnation)
    writeMaybeEpoch(bc, x.epoch)
    writeReplicaStatus(bc, x.status)
    bare.writeUintSafe(bc, x.counter)
}

export type Requests = readonly Request[]

export function readRequests(bc: bare.ByteCursor): Requests {
    const len = bare.readLength(bc, bounds.Requests)
    if (len === 0) {
        return []
    }
    const result = [readRequest(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readRequest(bc)
    }
    return result
}

export function writeRequests(bc: bare.ByteCursor, x: Requests): void {
    bare.writeLength(bc, x.length, bounds.Requests)
    for (let i = 0; i < x.length; i++) {
        writeRequest(bc, x[i]!)
    }
}

export type Replies = readonly Reply[]

export function readReplies(bc: bare.ByteCursor): Replies {
    const len = bare.readLength(bc, bounds.Replies)
    if (len === 0) {
        return []
    }
    const result = [readReply(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readReply(bc)
    }
    return result
}

export function writeReplies(bc: bare.ByteCursor, x: Replies): void {
    bare.writeLength(bc, x.length, bounds.Replies)
    for (let i = 0; i < x.length; i++) {
        writeReply(bc, x[i]!)
    }
}

export type RequestEnvelope = {
    readonly header: RequestHeader
    readonly requests: Requests
}

export function readRequestEnvelope(bc: bare.ByteCursor): RequestEnvelope {
    return {
        header: readRequestHeader(bc),
        requests: readRequests(bc),
    }
}

export function writeRequestEnvelope(bc: bare.ByteCursor, x: RequestEnvelope): void {
    writeRequestHeader(bc, x.header)
    writeRequests(bc, x.requests)
}

/**
 * One reply to each request, in the same order.
 */
export type ReplyEnvelope = {
    readonly header: ReplyHeader
    readonly replies: Replies
}

export function readReplyEnvelope(bc: bare.ByteCursor): ReplyEnvelope {
    return {
        header: readReplyHeader(bc),
        replies: readReplies(bc),
    }
}

export function writeReplyEnvelope(bc: bare.ByteCursor, x: ReplyEnvelope): void {
    writeReplyHeader(bc, x.header)
    writeReplies(bc, x.replies)
}
