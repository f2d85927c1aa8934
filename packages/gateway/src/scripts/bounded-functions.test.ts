import { expect, it } from 'vitest'
import { TestSession } from '../plugins/testing/mounted.ts'
import { BoundedFunctions } from './bounded-functions.ts'
import { SandboxPlaces } from './sandbox-places.ts'
import { SessionView } from './session-view.ts'

const quiet = { error: () => undefined, warn: () => undefined, info: () => undefined }
const RIGHTS = { request: true, respond: true, response: true, wait: true }
const OPTIONS = { sources: ['() => "ran"'], timeoutMs: 1_000, memoryBytes: 1_048_576 }

it('there are no more sandboxes than places, and who goes makes room', async () => {
  const places = new SandboxPlaces(1)
  const [first, second] = [new BoundedFunctions(OPTIONS, places), new BoundedFunctions(OPTIONS, places)]
  const call = async (functions: BoundedFunctions): Promise<unknown> => {
    await functions.prepare()
    return functions.run(0, new SessionView(new TestSession('/').asSession, RIGHTS, 'test', quiet))
  }
  expect(await call(first)).toBe('ran')
  await expect(call(second)).rejects.toThrow('this worker has 1 sandboxes, and may have no more')
  // Its own place is not taken twice.
  expect(await call(first)).toBe('ran')
  first.dispose()
  first.dispose()
  expect(await call(second)).toBe('ran')
  await expect(call(first)).rejects.toThrow('sandbox')
  second.dispose()
})
