import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { leadingDocComment } from '../../packages/gateway/src/plugins/documentation.ts'
import { startEcho } from '../../packages/gateway/src/testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../../packages/gateway/src/testing/start-gateway.ts'
import { curl, type CookieJars, type CurlAnswer } from './curl.ts'
import { differences, type Expectation, parseExpectation } from './expectation.ts'
import { type CodeBlock, codeBlocks, placeOf, ROOT } from './markdown.ts'
import { type Service, startService } from './services/service.ts'
import { splitWords } from './words.ts'

/** One configuration and what is done with it. README.md in this folder says how they are written. */
export interface WorkedExample {
  readonly place: string
  readonly yaml: string
  readonly steps: readonly Step[]
}

interface Step {
  readonly line: number
  readonly command: string
  readonly comments: readonly string[]
}

/** Those of a plugin's doc comment. */
export function workedExamples(plugin: string): WorkedExample[] {
  const file = join('packages/gateway/src/plugins', `${plugin}.ts`)
  const comment = leadingDocComment(readFileSync(join(ROOT, file), 'utf8')) ?? ''
  // The comment begins in the second line of the file.
  const blocks = codeBlocks(file, `\n${comment}`)
  const examples: { yaml: CodeBlock; commands: CodeBlock[] }[] = []
  let yaml: CodeBlock | undefined
  for (const block of blocks) {
    if (block.language === 'yaml') yaml = block
    if (block.language !== 'sh' || yaml === undefined) continue
    const last = examples.at(-1)
    if (last?.yaml === yaml) last.commands.push(block)
    else examples.push({ yaml, commands: [block] })
  }
  return examples.map(({ yaml: configuration, commands }) => ({
    place: placeOf(configuration),
    yaml: configuration.text,
    steps: commands.flatMap(stepsOf),
  }))
}

function stepsOf({ text, line: first }: CodeBlock): Step[] {
  const steps: { line: number; command: string; comments: string[] }[] = []
  let open = ''
  for (const [at, line] of text.split('\n').entries()) {
    if (line.endsWith('\\')) {
      open += `${line.slice(0, -1)} `
      continue
    }
    const [, command = '', comment] = /^((?:'[^']*'|"[^"]*"|(?!\s#|^#).)*)\s*(?:#\s?(.*))?$/.exec(open + line) ?? []
    open = ''
    const last = steps.at(-1)
    if (command.trim() !== '') {
      steps.push({ line: first + at + 1, command: command.trim(), comments: comment === undefined ? [] : [comment] })
    } else if (comment !== undefined) {
      if (last === undefined) steps.push({ line: first + at + 1, command: '', comments: [comment] })
      else last.comments.push(comment)
    }
  }
  return steps
}

/** Carries an example out. Throws what was not as its comments say. */
export async function runExample({ yaml, steps }: WorkedExample): Promise<void> {
  const services = new Map<string, Service>()
  const environment: Record<string, string> = {}
  const jars: CookieJars = new Map()
  let gateway: TestGateway | undefined
  try {
    const ports = new Map<string, number>()
    const text = await withServices(yaml, steps, services, ports)
    for (const { command } of steps) {
      const [, name, value] = /^export (\w+)=(?!\$\()(.*)$/.exec(command) ?? []
      if (name !== undefined) environment[name] = splitWords(value ?? '', environment)[0] ?? ''
    }
    const echo = await startEcho()
    gateway = await startGateway(documentOf(withEnvironment(text, environment), echo.port, services), [], { echo })
    const run: Run = { gateway, environment, jars, services, ports, background: [] }
    for (const step of steps) await runStep(step, run)
    await Promise.all(run.background)
  } finally {
    await gateway?.close()
    for (const service of services.values()) await service.close()
  }
}

/** Starts what `# with: NAME at HOST:PORT` asks for, and puts its address into the text. */
async function withServices(
  yaml: string,
  steps: readonly Step[],
  services: Map<string, Service>,
  ports: Map<string, number>,
): Promise<string> {
  let text = yaml
  for (const comment of steps.flatMap(({ comments }) => comments)) {
    const [, name, address] = /^with: (\S+) at (\S+:\d+)/.exec(comment) ?? []
    if (name === undefined || address === undefined) continue
    if (!yaml.includes(address) && !yaml.includes(address.split(':')[1]!))
      throw new Error(`the configuration does not say ${address}`)
    const service = await startService(name)
    services.set(name, service)
    ports.set(address, service.port)
    const [host, port] = address.split(':')
    text = text.replaceAll(address, `127.0.0.1:${service.port}`)
    // Where host and port are two options.
    text = text.replaceAll(new RegExp(`\\b(port: *)${port}\\b`, 'g'), `$1${service.port}`)
    if (host !== '127.0.0.1') text = text.replaceAll(new RegExp(`\\b(host: *)["']?${host}["']?`, 'g'), '$1127.0.0.1')
  }
  return text
}

const withEnvironment = (text: string, environment: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$\{\{ *(\w+) *\}\}/g, (written, name: string) => environment[name] ?? written)

type Node = Record<string, unknown>

/** The example as a whole configuration, its upstreams one server of the test. */
function documentOf(yaml: string, echoPort: number, services: ReadonlyMap<string, Service>): object {
  const written = (parse(yaml) ?? {}) as Node
  const { plugins, ...rest } = written
  const document: Node =
    plugins !== undefined && !Array.isArray(plugins) && written['routes'] === undefined
      ? { ...rest, routes: [{ id: 'all', uri: '/*', upstream_id: 'echo', plugins }] }
      : written
  const nodes = { [`127.0.0.1:${echoPort}`]: 1 }
  const real = new Set([...services.values()].map(({ port }) => `127.0.0.1:${port}`))
  const known = new Set(['echo', ...listOf(document['upstreams']).map(({ id }) => id)])
  const echoed = (upstream: unknown): boolean =>
    !mentions(upstream, real) && !/function:/.test(JSON.stringify(upstream))
  const upstreams = listOf(document['upstreams']).map((upstream) =>
    echoed(upstream) ? { ...upstream, nodes } : upstream,
  )
  const missing = new Set<string>()
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return
    for (const [key, value] of Object.entries(node)) {
      if (key === 'upstream_id' && typeof value === 'string' && !known.has(value)) missing.add(value)
      visit(value)
    }
  }
  visit(document)
  for (const id of missing) upstreams.push({ id, nodes })
  const inline = (node: Node): Node => {
    const upstream = node['upstream']
    if (upstream === undefined || !echoed(upstream)) return node
    if (typeof upstream === 'string') {
      const { upstream: _, ...others } = node
      return { ...others, upstream_id: 'echo' }
    }
    return { ...node, upstream: { ...(upstream as Node), nodes } }
  }
  return {
    ...document,
    upstreams,
    ...(document['routes'] === undefined ? {} : { routes: listOf(document['routes']).map(inline) }),
    ...(document['services'] === undefined ? {} : { services: listOf(document['services']).map(inline) }),
  }
}

const listOf = (value: unknown): Node[] => (Array.isArray(value) ? (value as Node[]) : [])

const mentions = (value: unknown, addresses: ReadonlySet<string>): boolean => {
  const text = JSON.stringify(value)
  return [...addresses].some((address) => text.includes(address))
}

interface Run {
  readonly gateway: TestGateway
  readonly environment: Record<string, string>
  readonly jars: CookieJars
  readonly services: ReadonlyMap<string, Service>
  /** Of services, by the address that the example says. */
  readonly ports: ReadonlyMap<string, number>
  /** Commands that end in `&`. */
  readonly background: Promise<void>[]
}

async function runStep({ line, command, comments }: Step, run: Run): Promise<void> {
  const { gateway, environment, services, jars } = run
  const portOf = (host: string): number => run.ports.get(host) ?? gateway.port
  const [, assigned, inner] = /^(?:export )?(\w+)=\$\((.*)\)$/.exec(command) ?? []
  const words = splitWords(inner ?? command, environment)
  if (words[0] === 'curl' && words.at(-1) === '&') {
    const before = gateway.worker.proxy.connectionCount
    const answer = curl(words.slice(1, -1), portOf, jars)
    run.background.push(answer.then((got) => check(line, command, comments, got, [])))
    run.background.at(-1)?.catch(() => undefined)
    // The commands below it meet a request that is on its way.
    while (gateway.worker.proxy.connectionCount === before) await pause(5)
    await pause(50)
  } else if (words[0] === 'curl' && words.some((word) => word.endsWith(':9091/metrics'))) {
    check(
      line,
      command,
      comments,
      { status: 200, fields: [], body: await Promise.resolve(gateway.metrics.render()) },
      [],
    )
  } else if (words[0] === 'curl') {
    const before = gateway.echo.requests.length
    const answer = await curl(words.slice(1), portOf, jars)
    const asked = gateway.echo.requests.slice(before)
    if (assigned === undefined) check(line, command, comments, answer, asked)
    else environment[assigned] = answer.body.trim()
  } else if (words[0] === 'sleep') {
    await pause(Number(words[1]) * 1_000)
  } else if (words.length > 0 && words[0] !== 'npx') {
    const [, name, value] = /^(?:export )?(\w+)=(.*)$/.exec(command) ?? []
    if (name === undefined) throw new Error(`line ${line}: not a command that examples may have: ${command}`)
    environment[name] = splitWords(value ?? '', environment)[0] ?? ''
  }
  for (const comment of comments) await serviceGot(line, comment, services)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function check(
  line: number,
  command: string,
  comments: readonly string[],
  answer: CurlAnswer,
  asked: TestGateway['echo']['requests'],
): void {
  const expected = comments.map(parseExpectation).filter((found): found is Expectation => found !== undefined)
  if (expected.length === 0) throw new Error(`line ${line}: no comment says the status that is expected: ${command}`)
  const wrong = expected.flatMap((one) => differences(one, answer, asked))
  if (wrong.length > 0)
    throw new Error(`line ${line}: ${command}\n${wrong.join('\n')}\n\nThe answer:\n${answer.status} ${answer.body}`)
}

/** `# NAME got: text` */
async function serviceGot(line: number, comment: string, services: ReadonlyMap<string, Service>): Promise<void> {
  const [, name = '', text = ''] = /^([\w-]+) got: (.*)$/.exec(comment) ?? []
  const service = services.get(name)
  if (service === undefined) return
  const received = (): string => service.received?.() ?? ''
  for (const end = Date.now() + 8_000; !received().includes(text);) {
    if (Date.now() > end) throw new Error(`line ${line}: ${name} did not get ${text}, but\n${received()}`)
    await pause(20)
  }
}
