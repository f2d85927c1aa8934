import { execFileSync, spawnSync } from 'node:child_process'

const LOOPBACK = '127.0.0.1'
/** The names of interfaces have at most 15 characters. */
const PREFIX = `ch${process.pid}n`

/** A way between the gateway and others. */
export interface Cable {
  /** Where the others listen for the gateway. */
  readonly outside: string
  /** Where the gateway listens for the others. */
  readonly inside: string
  /** Packets vanish, and nobody is told: neither RST nor FIN. Absent where namespaces may not be made. */
  plug?(plugged: boolean): void
}

/**
 * Where the gateway is: in a network namespace of its own, with a cable to each group of others, or, where that may not be made, on the
 * loopback interface with everybody.
 */
export class Network {
  /** What a command begins with that runs where the gateway is. */
  readonly prefix: readonly string[]
  /** Where the gateway listens. */
  readonly listen: string
  private readonly namespace: string | undefined
  private cables = 0

  constructor(wanted: boolean) {
    const namespace = `chaos-${process.pid}`
    const made = wanted && spawnSync('ip', ['netns', 'add', namespace], { stdio: 'ignore' }).status === 0
    this.namespace = made ? namespace : undefined
    this.prefix = made ? ['ip', 'netns', 'exec', namespace] : []
    this.listen = made ? '0.0.0.0' : LOOPBACK
    if (made) this.within('ip', 'link', 'set', 'lo', 'up')
  }

  get real(): boolean {
    return this.namespace !== undefined
  }

  /** @param pulled at which end it comes out: the kernel there notices, and that at the other end does not */
  cable(pulled: 'inside' | 'outside'): Cable {
    if (this.namespace === undefined) return { outside: LOOPBACK, inside: LOOPBACK }
    const at = this.cables++
    const [near, far] = [`${PREFIX}${at}a`, `${PREFIX}${at}b`]
    // 10.128.0.0/9, by process: two runs at a time do not meet.
    const net = `10.${128 + (process.pid % 128)}.${at}`
    const [outside, inside] = [`${net}.1`, `${net}.2`]
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', this.namespace)
    run('ip', 'addr', 'add', `${outside}/30`, 'dev', near)
    this.within('ip', 'addr', 'add', `${inside}/30`, 'dev', far)
    run('ip', 'link', 'set', near, 'up')
    this.within('ip', 'link', 'set', far, 'up')
    const set = (state: string): void => {
      if (pulled === 'outside') run('ip', 'link', 'set', near, state)
      else this.within('ip', 'link', 'set', far, state)
    }
    return { outside, inside, plug: (plugged) => set(plugged ? 'up' : 'down') }
  }

  remove(): void {
    if (this.namespace !== undefined) run('ip', 'netns', 'del', this.namespace)
  }

  private within(...command: string[]): void {
    run(...this.prefix, ...command)
  }
}

function run(...[program, ...args]: string[]): void {
  execFileSync(program as string, args, { stdio: 'ignore' })
}
