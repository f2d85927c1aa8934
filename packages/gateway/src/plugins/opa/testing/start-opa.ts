import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../testing/free-port.ts'

const named = process.env['OPA'] ?? 'opa'
/** OPA: the program, where it is not in the path; `go install github.com/open-policy-agent/opa@latest` makes one. */
export const opaProgram = spawnSync(named, ['version']).status === 0 ? named : undefined

export interface RunningOpa {
  readonly url: string
  freeze(): void
  stop(): Promise<void>
}

/** A real Open Policy Agent with this policy (Rego). */
export async function startOpa(policy: string): Promise<RunningOpa> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-opa-'))
  writeFileSync(join(folder, 'policy.rego'), policy)
  const port = await freePort()
  const args = ['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error', 'policy.rego']
  const child = spawn(opaProgram ?? 'opa', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const url = `http://127.0.0.1:${port}`
  while (!(await isUp(url))) {
    if (child.exitCode !== null) throw new Error(`opa ended: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    url,
    freeze: () => void child.kill('SIGSTOP'),
    async stop() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

const isUp = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
