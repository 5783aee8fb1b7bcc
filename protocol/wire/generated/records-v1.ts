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
 * Position in a column, 1 to 2^40-1.
 */
export type Slot = scalars.Slot

export const readSlot = scalars.readSlot

export const writeSlot = scalars.writeSlot

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

export type EntryOutcomes = readonly EntryOutcome[]

export function readEntryOutcomes(bc: bare.ByteCursor): EntryOutcomes {
    const len = bare.readLength(bc, bounds.EntryOutcomes)
    if (len === 0) {
        return []
    }
    const result = [readEntryOutcome(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readEntryOutcome(bc)
    }
    return result
}

export function writeEntryOutcomes(bc: bare.ByteCursor, x: EntryOutcomes): void {
    bare.writeLength(bc, x.length, bounds.EntryOutcomes)
    for (let i = 0; i < x.length; i++) {
        writeEntryOutcome(bc, x[i]!)
    }
}

/**
 * How an instance got committed here.
 */
export type Path = "fast" | "slow" | "recovered"

export function readPath(bc: bare.ByteCursor): Path {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return "fast"
        case 1:
            return "slow"
        case 2:
            return "recovered"
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writePath(bc: bare.ByteCursor, x: Path): void {
    switch (x) {
        case "fast": {
            bare.writeU8(bc, 0)
            break
        }
        case "slow": {
            bare.writeU8(bc, 1)
            break
        }
        case "recovered": {
            bare.writeU8(bc, 2)
            break
        }
    }
}

/**
 * What the owner chose.
 */
export type Initial = {
    readonly payload: Payload
    readonly deps: Deps
}

export function readInitial(bc: bare.ByteCursor): Initial {
    return {
        payload: readPayload(bc),
        deps: readDeps(bc),
    }
}

export function writeInitial(bc: bare.ByteCursor, x: Initial): void {
    writePayload(bc, x.payload)
    writeDeps(bc, x.deps)
}

export type UnknownValue = null

export type NopValue = null

export type InitialValue = null

/**
 * InitialValue: the payload that the owner chose, written once.
 */
export type StoredValue =
    | { readonly tag: "UnknownValue"; readonly val: UnknownValue }
    | { readonly tag: "NopValue"; readonly val: NopValue }
    | { readonly tag: "InitialValue"; readonly val: InitialValue }
    | { readonly tag: "Payload"; readonly val: Payload }

export function readStoredValue(bc: bare.ByteCursor): StoredValue {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return { tag: "UnknownValue", val: null }
        case 1:
            return { tag: "NopValue", val: null }
        case 2:
            return { tag: "InitialValue", val: null }
        case 3:
            return { tag: "Payload", val: readPayload(bc) }
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeStoredValue(bc: bare.ByteCursor, x: StoredValue): void {
    switch (x.tag) {
        case "UnknownValue": {
            bare.writeU8(bc, 0)
            break
        }
        case "NopValue": {
            bare.writeU8(bc, 1)
            break
        }
        case "InitialValue": {
            bare.writeU8(bc, 2)
            break
        }
        case "Payload": {
            bare.writeU8(bc, 3)
            writePayload(bc, x.val)
            break
        }
    }
}

function read4(bc: bare.ByteCursor): Initial | null {
    return bare.readBool(bc) ? readInitial(bc) : null
}

function write4(bc: bare.ByteCursor, x: Initial | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeInitial(bc, x)
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

function read6(bc: bare.ByteCursor): Path | null {
    return bare.readBool(bc) ? readPath(bc) : null
}

function write6(bc: bare.ByteCursor, x: Path | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writePath(bc, x)
    }
}

function read7(bc: bare.ByteCursor): EntryOutcomes | null {
    return bare.readBool(bc) ? readEntryOutcomes(bc) : null
}

function write7(bc: bare.ByteCursor, x: EntryOutcomes | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeEntryOutcomes(bc, x)
    }
}

function read8(bc: bare.ByteCursor): InstanceId | null {
    return bare.readBool(bc) ? readInstanceId(bc) : null
}

function write8(bc: bare.ByteCursor, x: InstanceId | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeInstanceId(bc, x)
    }
}

/**
 * No deps: those of initial.
 */
export type InstanceRecord = {
    readonly id: InstanceId
    readonly epoch: Epoch
    readonly phase: Phase
    readonly ballot: Ballot
    readonly acceptedBallot: Ballot
    readonly initial: Initial | null
    readonly value: StoredValue
    readonly deps: Deps | null
    readonly executed: boolean
    readonly waitingCount: number
    readonly path: Path | null
    readonly outcomes: EntryOutcomes | null
    readonly resubmittedAs: InstanceId | null
}

export function readInstanceRecord(bc: bare.ByteCursor): InstanceRecord {
    return {
        id: readInstanceId(bc),
        epoch: readEpoch(bc),
        phase: readPhase(bc),
        ballot: readBallot(bc),
        acceptedBallot: readBallot(bc),
        initial: read4(bc),
        value: readStoredValue(bc),
        deps: read5(bc),
        executed: bare.readBool(bc),
        waitingCount: bare.readUintSafe(bc),
        path: read6(bc),
        outcomes: read7(bc),
        resubmittedAs: read8(bc),
    }
}

export function writeInstanceRecord(bc: bare.ByteCursor, x: InstanceRecord): void {
    writeInstanceId(bc, x.id)
    writeEpoch(bc, x.epoch)
    writePhase(bc, x.phase)
    writeBallot(bc, x.ballot)
    writeBallot(bc, x.acceptedBallot)
    write4(bc, x.initial)
    writeStoredValue(bc, x.value)
    write5(bc, x.deps)
    bare.writeBool(bc, x.executed)
    bare.writeUintSafe(bc, x.waitingCount)
    write6(bc, x.path)
    write7(bc, x.outcomes)
    write8(bc, x.resubmittedAs)
}

export type Access = "read" | "write" | "add"

export function readAccess(bc: bare.ByteCursor): Access {
    const offset = bc.offset
    const tag = bare.readU8(bc)
    switch (tag) {
        case 0:
            return "read"
        case 1:
            return "write"
        case 2:
            return "add"
        default: {
            bc.offset = offset
            throw new bare.BareError(offset, "invalid tag")
        }
    }
}

export function writeAccess(bc: bare.ByteCursor, x: Access): void {
    switch (x) {
        case "read": {
            bare.writeU8(bc, 0)
            break
        }
        case "write": {
            bare.writeU8(bc, 1)
            break
        }
        case "add": {
            bare.writeU8(bc, 2)
            break
        }
    }
}

export type IndexEntry = {
    readonly id: InstanceId
    readonly access: Access
}

export function readIndexEntry(bc: bare.ByteCursor): IndexEntry {
    return {
        id: readInstanceId(bc),
        access: readAccess(bc),
    }
}

export function writeIndexEntry(bc: bare.ByteCursor, x: IndexEntry): void {
    writeInstanceId(bc, x.id)
    writeAccess(bc, x.access)
}

export type IndexEntries = readonly IndexEntry[]

export function readIndexEntries(bc: bare.ByteCursor): IndexEntries {
    const len = bare.readLength(bc, bounds.IndexEntries)
    if (len === 0) {
        return []
    }
    const result = [readIndexEntry(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readIndexEntry(bc)
    }
    return result
}

export function writeIndexEntries(bc: bare.ByteCursor, x: IndexEntries): void {
    bare.writeLength(bc, x.length, bounds.IndexEntries)
    for (let i = 0; i < x.length; i++) {
        writeIndexEntry(bc, x[i]!)
    }
}

/**
 * The conflict index of one footprint.
 */
export type IndexRecord = {
    readonly entries: IndexEntries
}

export function readIndexRecord(bc: bare.ByteCursor): IndexRecord {
    return {
        entries: readIndexEntries(bc),
    }
}

export function writeIndexRecord(bc: bare.ByteCursor, x: IndexRecord): void {
    writeIndexEntries(bc, x.entries)
}

/**
 * An idempotency bucket that is closed: the record's presence says so. The byte is 1.
 */
export type BucketState = {
    readonly closed: boolean
}

export function readBucketState(bc: bare.ByteCursor): BucketState {
    return {
        closed: bare.readBool(bc),
    }
}

export function writeBucketState(bc: bare.ByteCursor, x: BucketState): void {
    bare.writeBool(bc, x.closed)
}

function read9(bc: bare.ByteCursor): Settled | null {
    return bare.readBool(bc) ? readSettled(bc) : null
}

function write9(bc: bare.ByteCursor, x: Settled | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeSettled(bc, x)
    }
}

/**
 * What this replica is.
 */
export type ReplicaState = {
    readonly clusterId: Hex16
    readonly clusterName: Text
    readonly self: ReplicaId
    readonly incarnation: Hex16
    readonly epoch: MaybeEpoch
    readonly frozen: boolean
    readonly reported: Settled | null
}

export function readReplicaState(bc: bare.ByteCursor): ReplicaState {
    return {
        clusterId: readHex16(bc),
        clusterName: readText(bc),
        self: readReplicaId(bc),
        incarnation: readHex16(bc),
        epoch: readMaybeEpoch(bc),
        frozen: bare.readBool(bc),
        reported: read9(bc),
    }
}

export function writeReplicaState(bc: bare.ByteCursor, x: ReplicaState): void {
    writeHex16(bc, x.clusterId)
    writeText(bc, x.clusterName)
    writeReplicaId(bc, x.self)
    writeHex16(bc, x.incarnation)
    writeMaybeEpoch(bc, x.epoch)
    bare.writeBool(bc, x.frozen)
    write9(bc, x.reported)
}

export type ChainRecord = {
    readonly links: ChainLinks
}

export function readChainRecord(bc: bare.ByteCursor): ChainRecord {
    return {
        links: readChainLinks(bc),
    }
}

export function writeChainRecord(bc: bare.ByteCursor, x: ChainRecord): void {
    writeChainLinks(bc, x.links)
}

function read10(bc: bare.ByteCursor): AcceptedLink | null {
    return bare.readBool(bc) ? readAcceptedLink(bc) : null
}

function write10(bc: bare.ByteCursor, x: AcceptedLink | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeAcceptedLink(bc, x)
    }
}

/**
 * Acceptor of the single decree that closes an epoch.
 */
export type CloseRecord = {
    readonly epoch: Epoch
    readonly promised: Ballot
    readonly accepted: AcceptedLink | null
}

export function readCloseRecord(bc: bare.ByteCursor): CloseRecord {
    return {
        epoch: readEpoch(bc),
        promised: readBallot(bc),
        accepted: read10(bc),
    }
}

export function writeCloseRecord(bc: bare.ByteCursor, x: CloseRecord): void {
    writeEpoch(bc, x.epoch)
    writeBallot(bc, x.promised)
    write10(bc, x.accepted)
}

export type Progress = {
    readonly executed: Frontier
    readonly globalFloor: Frontier
}

export function readProgress(bc: bare.ByteCursor): Progress {
    return {
        executed: readFrontier(bc),
        globalFloor: readFrontier(bc),
    }
}

export function writeProgress(bc: bare.ByteCursor, x: Progress): void {
    writeFrontier(bc, x.executed)
    writeFrontier(bc, x.globalFloor)
}

/**
 * The next slot of this replica's column.
 */
export type SlotsRecord = {
    readonly next: Slot
    readonly epoch: MaybeEpoch
}

export function readSlotsRecord(bc: bare.ByteCursor): SlotsRecord {
    return {
        next: readSlot(bc),
        epoch: readMaybeEpoch(bc),
    }
}

export function writeSlotsRecord(bc: bare.ByteCursor, x: SlotsRecord): void {
    writeSlot(bc, x.next)
    writeMaybeEpoch(bc, x.epoch)
}

export type SeenCounter = {
    readonly replica: ReplicaId
    readonly counter: number
}

export function readSeenCounter(bc: bare.ByteCursor): SeenCounter {
    return {
        replica: readReplicaId(bc),
        counter: bare.readUintSafe(bc),
    }
}

export function writeSeenCounter(bc: bare.ByteCursor, x: SeenCounter): void {
    writeReplicaId(bc, x.replica)
    bare.writeUintSafe(bc, x.counter)
}

export type SeenCounters = readonly SeenCounter[]

export function readSeenCounters(bc: bare.ByteCursor): SeenCounters {
    const len = bare.readLength(bc, bounds.SeenCounters)
    if (len === 0) {
        return []
    }
    const result = [readSeenCounter(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readSeenCounter(bc)
    }
    return result
}

export function writeSeenCounters(bc: bare.ByteCursor, x: SeenCounters): void {
    bare.writeLength(bc, x.length, bounds.SeenCounters)
    for (let i = 0; i < x.length; i++) {
        writeSeenCounter(bc, x[i]!)
    }
}

/**
 * The highest durable transaction counter seen of each peer.
 */
export type PeersRecord = {
    readonly seen: SeenCounters
}

export function readPeersRecord(bc: bare.ByteCursor): PeersRecord {
    return {
        seen: readSeenCounters(bc),
    }
}

export function writePeersRecord(bc: bare.ByteCursor, x: PeersRecord): void {
    writeSeenCounters(bc, x.seen)
}

/**
 * The random name of this disk, before and after it has an identity.
 */
export type DiskRecord = {
    readonly incarnation: Hex16
}

export function readDiskRecord(bc: bare.ByteCursor): DiskRecord {
    return {
        incarnation: readHex16(bc),
    }
}

export function writeDiskRecord(bc: bare.ByteCursor, x: DiskRecord): void {
    writeHex16(bc, x.incarnation)
}

/**
 * The digest of the state at the end of an epoch.
 */
export type EpochEnd = {
    readonly epoch: Epoch
    readonly digest: Hex16
}

export function readEpochEnd(bc: bare.ByteCursor): EpochEnd {
    return {
        epoch: readEpoch(bc),
        digest: readHex16(bc),
    }
}

export function writeEpochEnd(bc: bare.ByteCursor, x: EpochEnd): void {
    writeEpoch(bc, x.epoch)
    writeHex16(bc, x.digest)
}

export type EpochEnds = readonly EpochEnd[]

export function readEpochEnds(bc: bare.ByteCursor): EpochEnds {
    const len = bare.readLength(bc, bounds.EpochEnds)
    if (len === 0) {
        return []
    }
    const result = [readEpochEnd(bc)]
    for (let i = 1; i < len; i++) {
        result[i] = readEpochEnd(bc)
    }
    return result
}

export function writeEpochEnds(bc: bare.ByteCursor, x: EpochEnds): void {
    bare.writeLength(bc, x.length, bounds.EpochEnds)
    for (let i = 0; i < x.length; i++) {
        writeEpochEnd(bc, x[i]!)
    }
}

/**
 * A copy that was not what these voters had at the end of this epoch.
 */
export type Differed = {
    readonly epoch: Epoch
    readonly from: Voters
}

export function readDiffered(bc: bare.ByteCursor): Differed {
    return {
        epoch: readEpoch(bc),
        from: readVoters(bc),
    }
}

export function writeDiffered(bc: bare.ByteCursor, x: Differed): void {
    writeEpoch(bc, x.epoch)
    writeVoters(bc, x.from)
}

function read11(bc: bare.ByteCursor): Differed | null {
    return bare.readBool(bc) ? readDiffered(bc) : null
}

function write11(bc: bare.ByteCursor, x: Differed | null): void {
    bare.writeBool(bc, x != null)
    if (x != null) {
        writeDiffered(bc, x)
    }
}

/**
 * What members compare what they hold by.
 */
export type EndsRecord = {
    readonly copiedIn: MaybeEpoch
    readonly differed: Differed | null
    readonly ends: EpochEnds
}

export function readEndsRecord(bc: bare.ByteCursor): EndsRecord {
    return {
        copiedIn: readMaybeEpoch(bc),
        differed: read11(bc),
        ends: readEpochEnds(bc),
    }
}

export function writeEndsRecord(bc: bare.ByteCursor, x: EndsRecord): void {
    writeMaybeEpoch(bc, x.copiedIn)
    write11(bc, x.differed)
    writeEpochEnds(bc, x.ends)
}
