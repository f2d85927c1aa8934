import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FaultLink, type Witness } from './fault-link.ts'
import type { Cable } from './network.ts'

const PROGRAM = fileURLToPath(new URL('upstream-program.mjs', import.meta.url))

/** An upstream node: a process of its own, behind a link for each of its two ports. */
export class ChaosNode {
  readonly name: string
  readonly cable: Cable
  readonly links: readonly [http: FaultLink, grpc: FaultLink]
  private readonly ports: readonly [number, number]
  private readonly complain: (what: string) => void
  private child: ChildProcess

  private constructor(
    name: string,
    cable: Cable,
    child: ChildProcess,
    ports: readonly [number, number],
    links: readonly [FaultLink, FaultLink],
    complain: (what: string) => void,
  ) {
    this.name = name
    this.cable = cable
    this.child = child
    this.ports = ports
    this.links = links
    this.complain = complain
  }

  static async start(
    name: string,
    cable: Cable,
    witness: Witness,
    complain: (what: string) => void,
  ): Promise<ChaosNode> {
    const { child, ports } = await launch([0, 0], (what) => complain(`${name}: ${what}`))
    const links = await Promise.all([
      FaultLink.to({ port: ports[0], listen: cable.outside }, `${name} (http)`, witness),
      FaultLink.to({ port: ports[1], listen: cable.outside }, `${name} (grpc)`, witness),
    ])
    return new ChaosNode(name, cable, child, ports, links, (what) => complain(`${name}: ${what}`))
  }

  async die(): Promise<void> {
    for (const link of this.links) link.refuse()
    const exited = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exited
  }

  async revive(): Promise<void> {
    this.child = (await launch(this.ports, this.complain)).child
    await Promise.all(this.links.map((link) => link.accept()))
  }

  freeze(): void {
    for (const link of this.links) link.begin('frozen')
    this.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.child.kill('SIGCONT')
    for (const link of this.links) link.end()
  }

  async stop(): Promise<void> {
    await Promise.all(this.links.map((link) => link.close()))
    this.child.kill('SIGKILL')
  }
}

async function launch(
  wanted: readonly [number, number],
  complain: (what: string) => void,
): Promise<{ child: ChildProcess; ports: [number, number] }> {
  const child = spawn(process.execPath, [PROGRAM, ...wanted.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ports = await new Promise<[number, number]>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (piece: Buffer) => {
      const lines = (text + piece.toString()).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const found = /^ports: (\d+) (\d+)$/.exec(line)
        if (found === null) complain(line)
        else resolve([Number(found[1]), Number(found[2])])
      }
    })
    child.once('exit', (code) => reject(new Error(`an upstream node ended at its start (${code})`)))
  })
  return { child, ports }
}
