import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeBackend } from '../backend/testing/backend-contract.ts'
import { openEmbedded } from './embedded-backend.ts'
import { FakeClock } from './testing/fake-clock.ts'

describeBackend('embedded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-embedded-'))
  const clock = new FakeClock()
  return {
    open: () => openEmbedded({ path: join(folder, 'data'), clock }),
    passSeconds: (seconds) => clock.pass(seconds * 1_000),
    dispose: () => rm(folder, { recursive: true }),
  }
})
