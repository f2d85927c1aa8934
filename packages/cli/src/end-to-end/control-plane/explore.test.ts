import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { GatewayNode } from './testing/node.ts'
import { HOSTILE_DOCUMENTS } from './testing/hostile-documents.ts'

it('explore', { timeout: 200_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-hostile-'))
  const node = await GatewayNode.start(folder, '{ type: embedded, path: ./data }')
  try {
    const pid = /process (\d+)/.exec(node.sekisho.stderr)![1]
    await node.tell('PUT', 'upstreams/up', { nodes: { '127.0.0.1:1': 1 } })
    for (const { what, key, text } of HOSTILE_DOCUMENTS) {
      const s = performance.now()
      const answer = await node.ask('PUT', key, text).catch((e) => ({ status: 0, body: String(e) }))
      const t = performance.now() - s
      const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]
      const size = JSON.stringify(answer.body).length
      console.log(`${answer.status} ${t.toFixed(0)}ms rss ${(Number(rss) / 1024).toFixed(0)} len ${size} | ${what} | ${JSON.stringify(answer.body).slice(0, 170)}`)
      if (answer.status < 300) await node.ask('DELETE', key)
    }
    expect(1).toBe(1)
  } finally {
    console.log(node.sekisho.stderr.slice(-1500))
    await node.stop()
    rmSync(folder, { recursive: true })
  }
})
