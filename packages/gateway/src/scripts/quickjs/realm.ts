import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core'
import { CALLS, FACADE, HARDEN, KINDS } from '../facade.ts'
import type { HostValue } from '../perform.ts'
import { answerDirectly, type CallArguments } from './direct-calls.ts'
import type { Machine } from './library.ts'

/**
 * Bytes of the stack of JavaScript: some 370 calls deep, JSON some 4,000. WebAssembly runs on the stack of the gateway's own engine, which has less than
 * 1 MB: with 128 KiB that is full before QuickJS notices, and the machine is lost.
 */
const STACK_BYTES = 65_536

/** The types of what functions give with a call: text, number, bytes, and `v` for what the number before it says. */
const SIGNATURES: readonly string[] = (() => {
  const written: Record<keyof typeof CALLS, string> = {
    variable: 't',
    getHeader: 'nt',
    setHeader: 'ntt',
    appendHeader: 'ntt',
    deleteHeader: 'nt',
    headerEntries: 'n',
    method: '',
    setMethod: 't',
    target: '',
    setTarget: 't',
    path: '',
    host: '',
    status: '',
    setStatus: 'n',
    consumer: '',
    respond: 'nnvt',
    log: 'tt',
    getState: 't',
    setState: 'tt',
    readBody: 'n',
    replaceBody: 'nv',
    finished: 'nv',
    failed: 't',
    decode: 'b',
    encode: 't',
  }
  const list: string[] = []
  for (const [name, call] of Object.entries(CALLS)) list[call] = written[name as keyof typeof CALLS]
  return list
})()

export type HostFunction = (
  call: number,
  request: number,
  a: HostValue,
  b: HostValue,
  c: HostValue,
  d: HostValue,
) => HostValue

/** The world that functions live in: the objects of JavaScript, hardened, and those of the facade. */
export class Realm {
  readonly runtime: QuickJSRuntime
  readonly context: QuickJSContext
  readonly machine: Machine
  readonly invoke: QuickJSHandle
  readonly settle: QuickJSHandle
  /** Whether it is to stop; asked every 10,000 steps or so. */
  interrupt: () => boolean = () => false
  host: HostFunction = () => undefined
  /** A call of the host is being carried out. */
  inHost = false

  /** @throws Error when something is wrong with the facade itself */
  constructor(machine: Machine) {
    this.machine = machine
    this.runtime = machine.quickjs.newRuntime({ maxStackSizeBytes: STACK_BYTES })
    this.runtime.setInterruptHandler(() => this.interrupt())
    this.context = this.runtime.newContext()
    const { context } = this
    const host = context.newFunction('host', (...handles) => this.toGuest(this.called(this.argumentsOf(handles))))
    answerDirectly(context, (given) => this.called(given), this)
    const facade = context.unwrapResult(
      context.callFunction(this.evaluated(`(${FACADE})`, 'gateway'), context.undefined, host, context.false),
    )
    this.invoke = context.getProp(facade, 'invoke')
    this.settle = context.getProp(facade, 'settle')
    const extra = context.newObject()
    for (const name of ['TextEncoder', 'TextDecoder']) context.setProp(extra, name, context.getProp(facade, name))
    context
      .unwrapResult(context.callFunction(this.evaluated(`(${HARDEN})`, 'gateway'), context.undefined, extra, facade))
      .dispose()
  }

  /** The value of a program. @throws Error as QuickJS threw it, with `name`, `message` and `stack` */
  evaluated(program: string, file: string): QuickJSHandle {
    return this.context.unwrapResult(this.context.evalCode(program, file))
  }

  /** A value for QuickJS; the caller disposes of it. */
  toGuest(value: HostValue): QuickJSHandle {
    const { context } = this
    if (value === undefined) return context.undefined
    if (typeof value === 'number') return context.newNumber(value)
    if (typeof value === 'string')
      return context.newString(value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value)
    return context.newArrayBuffer(value as unknown as ArrayBuffer)
  }

  private called(given: CallArguments): HostValue {
    const call = given.number(0)
    const request = given.number(1)
    const signature = SIGNATURES[call] ?? ''
    const values: HostValue[] = [undefined, undefined, undefined, undefined]
    for (let at = 0; at < signature.length && at + 2 < given.count; at++)
      values[at] = fromGuest(given, at + 2, signature.charCodeAt(at), values[at - 1])
    return this.host(call, request, values[0], values[1], values[2], values[3])
  }

  /** The same by what the library offers. */
  private argumentsOf(handles: readonly QuickJSHandle[]): CallArguments {
    const { context } = this
    const at = (index: number): QuickJSHandle => handles[index] ?? context.undefined
    return {
      count: handles.length,
      number: (index) => context.getNumber(at(index)),
      text: (index) => context.getString(at(index)),
      bytes(index) {
        const found = context.getArrayBuffer(at(index))
        const copy = Uint8Array.from(found.value)
        found.dispose()
        return copy
      },
    }
  }
}

function fromGuest(given: CallArguments, index: number, type: number, before: HostValue): HostValue {
  switch (type) {
    case NUMBER:
      return given.number(index)
    case TEXT:
      return given.text(index)
    case BYTES:
      return given.bytes(index)
    default:
      if (before === KINDS.nothing) return undefined
      return before === KINDS.bytes ? given.bytes(index) : given.text(index)
  }
}

const NUMBER = 'n'.charCodeAt(0)
const TEXT = 't'.charCodeAt(0)
const BYTES = 'b'.charCodeAt(0)
