// Real counterparts for tests that Debian and npm do not have: node scripts/real-peers.mjs [FOLDER]
// Kafka's jars by Maven, where java and mvn are, and Open Policy Agent by Go, where that is; a few minutes the first time. Prints what the tests are to be
// told, for `eval "$(node scripts/real-peers.mjs)"`. What cannot be had is left out, and the tests that need it name themselves as skipped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const KAFKA = 'org.apache.kafka:kafka_2.13:3.9.0'
const OPA = 'github.com/open-policy-agent/opa@latest'
/** Each of the two, ms. */
const LIMIT_MS = 10 * 60_000

const folder = resolve(process.argv[2] ?? join(tmpdir(), 'sekisho-real-peers'))
mkdirSync(folder, { recursive: true })
const told = { KAFKA_JARS: kafkaJars(), OPA: opa() }
for (const [name, value] of Object.entries(told)) if (value !== undefined) console.log(`export ${name}='${value}'`)

function kafkaJars() {
  const jars = join(folder, 'kafka')
  if (existsSync(jars) && readdirSync(jars).some((name) => name.startsWith('kafka_'))) return jars
  if (!has('java', '-version') || !has('mvn', '-v')) return undefined
  const [group, artifact, version] = KAFKA.split(':')
  const project = join(folder, 'project')
  mkdirSync(project, { recursive: true })
  writeFileSync(
    join(project, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>sekisho</groupId><artifactId>peers</artifactId><version>1</version>
<dependencies><dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency></dependencies></project>
`,
  )
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`]
  return made(KAFKA, 'mvn', args, { cwd: project }) ? jars : undefined
}

function opa() {
  const program = join(folder, 'opa')
  if (existsSync(program)) return program
  if (!has('go', 'version')) return undefined
  return made(OPA, 'go', ['install', OPA], { env: { ...process.env, GOBIN: folder } }) ? program : undefined
}

function has(program, option) {
  return spawnSync(program, [option]).status === 0
}

/** What the programs say goes where it is no part of what is told. */
function made(what, program, args, options) {
  process.stderr.write(`${what} ...\n`)
  const { status } = spawnSync(program, args, { ...options, timeout: LIMIT_MS, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.stderr.write(`${what} could not be made: its tests are skipped\n`)
  return status === 0
}
