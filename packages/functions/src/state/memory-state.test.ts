import { MemoryState } from './memory-state.ts'
import { describeState } from './testing/state-contract.ts'

describeState('memory', async () => ({ open: async () => new MemoryState(), dispose: async () => {} }), {
  durable: false,
})
