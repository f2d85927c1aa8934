/** From the supervisor to the gateway process, over the IPC channel. */
export type SupervisorMessage =
  /** Stop accepting, finish what is in flight within `graceMs`, cut the rest, exit. `last`: no other process serves on. */
  | { readonly type: 'stop'; readonly graceMs: number; readonly last?: boolean }
  /** A stop is to follow: go on serving, and say that no more should be sent here. */
  | { readonly type: 'unready' }
  | { readonly type: 'reload' }
  | { readonly type: 'reopen-logs' }
  /** What the process before it kept: the first message, if the assignment says that it comes; again when that changes until it is ready. */
  | { readonly type: 'kept'; readonly values: Readonly<Record<string, string>> }

/** From the gateway process to the supervisor. */
export type GatewayMessage =
  /** Every worker is serving. */
  | { readonly type: 'ready' }
  /** A reload that was ordered is over, in force or refused. */
  | { readonly type: 'reloaded' }
  /** Asks for a new process in its place. */
  | { readonly type: 'replace'; readonly reason: string }
  /** Something that the next process should know, also when this one dies without a word. */
  | { readonly type: 'keep'; readonly name: string; readonly value: string }

/** From the control thread to a worker thread. */
export type ControlMessage =
  | { readonly type: 'serve' }
  | { readonly type: 'stop'; readonly graceMs: number }
  | { readonly type: 'user'; readonly message: unknown }

/** From a worker thread to the control thread. */
export type WorkerMessage =
  /** The applications exist and nothing is accepted yet. */
  | { readonly type: 'prepared' }
  | { readonly type: 'serving' }
  /** `cut`: connections that were ended in the middle of an exchange. */
  | { readonly type: 'stopped'; readonly cut: number }
  | { readonly type: 'user'; readonly message: unknown }

/**
 * The one property that marks a message as ours. The program in the gateway process may use `process.send` and the
 * worker `parentPort` for messages of its own: those have another shape and pass by.
 */
interface Envelope<Message> {
  readonly sekisho: Message
}

export function wrap<Message extends SupervisorMessage | GatewayMessage | ControlMessage | WorkerMessage>(
  message: Message,
): Envelope<Message> {
  return { sekisho: message }
}

const FROM_SUPERVISOR = new Set<SupervisorMessage['type']>(['stop', 'unready', 'reload', 'reopen-logs', 'kept'])
const FROM_GATEWAY = new Set<GatewayMessage['type']>(['ready', 'reloaded', 'replace', 'keep'])
const FROM_CONTROL = new Set<ControlMessage['type']>(['serve', 'stop', 'user'])
const FROM_WORKER = new Set<WorkerMessage['type']>(['prepared', 'serving', 'stopped', 'user'])

/** The message, when it is one that a supervisor sends; undefined otherwise. The three below work alike. */
export const readSupervisorMessage = (value: unknown): SupervisorMessage | undefined => unwrap(value, FROM_SUPERVISOR)
export const readGatewayMessage = (value: unknown): GatewayMessage | undefined => unwrap(value, FROM_GATEWAY)
export const readControlMessage = (value: unknown): ControlMessage | undefined => unwrap(value, FROM_CONTROL)
export const readWorkerMessage = (value: unknown): WorkerMessage | undefined => unwrap(value, FROM_WORKER)

/**
 * Tells messages by envelope and type alone. Both ends are this same code, or the version of it before or after an
 * upgrade: a type that this version does not know is passed by, and its fields are as the type says.
 */
function unwrap<Message extends { readonly type: string }>(
  value: unknown,
  known: ReadonlySet<Message['type']>,
): Message | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const message = (value as Partial<Envelope<Message>>).sekisho
  if (typeof message !== 'object' || message === null || !known.has(message.type)) return undefined
  return message
}
