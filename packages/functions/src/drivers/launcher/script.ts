import { SCRIPT_ADDRESS, SCRIPT_CAPACITY, STEP } from './interpreter-layout.ts'
import { systemCallNumber, type SystemCall } from './system-calls.ts'
import type { Machine } from './machine.ts'

/** Bytes in the script, by their offset in the data area. */
export interface DataReference {
  readonly data: number
}

/** A place to go to; `at` is set when the place is reached. */
export interface Label {
  at: number | undefined
}

export type Argument = number | DataReference

export interface StepOptions {
  /** For people: what failed, when this step fails. */
  readonly purpose?: string
  /** Where to go when the call fails; default: the script's `failure`. `next`: errors do not matter. */
  readonly whenError?: Label | 'next'
  readonly whenZero?: Label
  /** Where to go when the result equals the number (64 bits) that `compare` points at. */
  readonly compare?: DataReference
  readonly whenEqual?: Label
  /** The result is copied there (64 bits). */
  readonly into?: DataReference
  readonly next?: Label
}

interface Step extends StepOptions {
  readonly call: SystemCall
  readonly arguments: readonly Argument[]
}

/** Before the steps in memory, so that a failed launcher can send them all as its report. */
export const FAILURE_MARK = Buffer.from('\0FAILED\0', 'latin1')
/** Stands for the address of FAILURE_MARK. */
const REPORT = -1
const HEADER_BYTES = 16 + FAILURE_MARK.length

/** Writes a script for the launcher: system calls in their order, with jumps where that is not enough. */
export class Script {
  /** Steps go there when they fail. */
  readonly failure: Label = { at: undefined }
  private readonly machine: Machine
  private readonly steps: Step[] = []
  private readonly data: Buffer[] = []
  private dataBytes = 0
  private readonly pointers: { readonly at: number; readonly to: DataReference }[] = []
  private reportStep: number | undefined
  private readonly nowhere: DataReference
  private readonly never: DataReference

  constructor(machine: Machine) {
    this.machine = machine
    this.nowhere = this.bytes(Buffer.alloc(8))
    // Never the result of a system call.
    this.never = this.bytes(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]))
  }

  call(name: SystemCall, parameters: readonly Argument[], options: StepOptions = {}): void {
    this.steps.push({ call: name, arguments: parameters, ...options })
  }

  /** The next call is where the label points. */
  place(label: Label): void {
    label.at = this.steps.length
  }

  bytes(value: Buffer): DataReference {
    const reference = { data: this.dataBytes }
    const padded = (value.length + 7) & ~7
    this.data.push(value)
    if (padded > value.length) this.data.push(Buffer.alloc(padded - value.length))
    this.dataBytes += padded
    return reference
  }

  text(value: string): DataReference {
    return this.bytes(Buffer.from(`${value}\0`))
  }

  /** Bytes that hold addresses of other data: `argv`, `struct msghdr`. Keys are offsets. */
  withPointers(value: Buffer, pointers: Readonly<Record<number, DataReference>>): DataReference {
    const reference = this.bytes(value)
    for (const [at, to] of Object.entries(pointers)) this.pointers.push({ at: reference.data + Number(at), to })
    return reference
  }

  /** A list of texts as execve(2) takes them, with NULL at its end. */
  textList(values: readonly string[]): DataReference {
    const pointers: Record<number, DataReference> = {}
    values.forEach((value, index) => {
      pointers[index * 8] = this.text(value)
    })
    return this.withPointers(Buffer.alloc(values.length * 8 + 8), pointers)
  }

  /**
   * Ends the script: here a failed step arrives, the launcher writes FAILURE_MARK and all steps with their results to the descriptor and ends.
   */
  endWithReport(descriptor: number, status: number): void {
    this.place(this.failure)
    this.reportStep = this.steps.length
    this.call('write', [descriptor, { data: REPORT }, 0], { whenError: 'next' })
    this.call('exit_group', [status])
  }

  /** Ends the script: a failed step leads to this text on the descriptor. For scripts whose reports nobody can read. */
  endWithText(descriptor: number, text: string, status: number): void {
    this.place(this.failure)
    this.call('write', [descriptor, this.text(text), Buffer.byteLength(text)], { whenError: 'next' })
    this.call('exit_group', [status])
  }

  /** @throws RangeError when it is longer than the launcher takes */
  build(): Buffer {
    const stepsAt = HEADER_BYTES
    const dataAt = stepsAt + this.steps.length * STEP.bytes
    const script = Buffer.alloc(dataAt + this.dataBytes)
    if (script.length > SCRIPT_CAPACITY) {
      throw new RangeError(`the script of the launcher has ${script.length} bytes; at most ${SCRIPT_CAPACITY}`)
    }
    const addressOf = (reference: DataReference): number =>
      SCRIPT_ADDRESS + (reference.data === REPORT ? stepsAt - FAILURE_MARK.length : dataAt + reference.data)
    const addressOfStep = (index: number): number => SCRIPT_ADDRESS + stepsAt + index * STEP.bytes
    writeNumber(script, 0, script.length)
    writeNumber(script, 8, addressOfStep(0))
    FAILURE_MARK.copy(script, 16)
    this.steps.forEach((step, index) => {
      const at = stepsAt + index * STEP.bytes
      const target = (label: Label | undefined, otherwise: number): number => {
        if (label === undefined) return otherwise
        if (label.at === undefined) throw new Error(`step ${index} (${step.call}) goes to a label that was not placed`)
        return addressOfStep(label.at)
      }
      const next = target(step.next, addressOfStep(index + 1))
      writeNumber(script, at, systemCallNumber(step.call, this.machine))
      step.arguments.forEach((value, position) => {
        const number = typeof value === 'number' ? value : addressOf(value)
        writeNumber(script, at + STEP.arguments + position * 8, number)
      })
      writeNumber(script, at + STEP.into, addressOf(step.into ?? this.nowhere))
      writeNumber(script, at + STEP.compare, addressOf(step.compare ?? this.never))
      writeNumber(script, at + STEP.whenEqual, target(step.whenEqual, next))
      writeNumber(script, at + STEP.whenZero, target(step.whenZero, next))
      writeNumber(
        script,
        at + STEP.whenError,
        step.whenError === 'next' ? next : target(step.whenError ?? this.failure, next),
      )
      writeNumber(script, at + STEP.next, next)
    })
    if (this.reportStep !== undefined) {
      const length = FAILURE_MARK.length + this.steps.length * STEP.bytes
      writeNumber(script, stepsAt + this.reportStep * STEP.bytes + STEP.arguments + 16, length)
    }
    let offset = dataAt
    for (const part of this.data) offset += part.copy(script, offset)
    for (const pointer of this.pointers) writeNumber(script, dataAt + pointer.at, addressOf(pointer.to))
    return script
  }

  /** Which step failed, from the report of a launcher. */
  failureIn(report: Buffer): { readonly purpose: string; readonly errno: number } | undefined {
    let found: { purpose: string; errno: number } | undefined
    this.steps.forEach((step, index) => {
      const at = FAILURE_MARK.length + index * STEP.bytes + STEP.result
      if (step.whenError === 'next' || at + 8 > report.length) return
      const low = report.readInt32LE(at)
      const failed = report.readInt32LE(at + 4) === -1 && low >= -4095 && low < 0
      if (failed) found = { purpose: step.purpose ?? step.call, errno: -low }
    })
    return found
  }
}

/** Negative numbers as two's complement. */
function writeNumber(to: Buffer, at: number, value: number): void {
  to.writeInt32LE(value | 0, at)
  to.writeInt32LE(Math.floor(value / 0x1_0000_0000) | 0, at + 4)
}
