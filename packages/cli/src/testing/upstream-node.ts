import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Answers with its name, or as `/behave` told it: `fail` = 500 to all but `/behave`. Counts what it answered. */
const CODE = `
const { createServer } = require('node:http')
const [, name, port] = process.argv
let behaviour = 'well', answered = 0
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://x')
  if (url.pathname === '/behave') { behaviour = url.searchParams.get('as') ?? behaviour; return response.end(String(answered)) }
  if (url.pathname !== '/health') answered++
  response.writeHead(behaviour === 'fail' ? 500 : 200, { 'x-node': name })
  response.end(name)
})
server.keepAliveTimeout = 60000
server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port))
`

/** An upstream node as a process of its own: it can die, freeze, and fail. */
export class UpstreamNode {
  readonly name: string
  port = 0
  private child: ChildProcess | undefined

  private constructor(name: string) {
    this.name = name
  }

  static async start(name: string): Promise<UpstreamNode> {
    const node = new UpstreamNode(name)
    await node.revive()
    return node
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts it (again, at the port it had). */
  async revive(): Promise<void> {
    const child = spawn(process.execPath, ['-e', CODE, this.name, String(this.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.child = child
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    this.port = Number(line.toString())
  }

  async die(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  freeze(): void {
    this.child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.child?.kill('SIGCONT')
  }

  /** Past the gateway. Resolves with how many requests it has answered so far. */
  async behave(as: 'well' | 'fail' | undefined): Promise<number> {
    const query = as === undefined ? '' : `?as=${as}`
    const response = await fetch(`http://${this.address}/behave${query}`)
    return Number(await response.text())
  }
}
