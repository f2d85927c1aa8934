import { loadQuickJs, type MachineFactory } from './library.ts'
import { Realm } from './realm.ts'

/** Realms of a thread. One stands ready: a function that breaks its own gets another at once. */
class RealmPool {
  private factory: Promise<MachineFactory> | undefined = undefined
  private ready: Realm | undefined = undefined
  private making: Promise<void> | undefined = undefined

  /** One that stands ready; undefined: there is none at the moment. */
  takeReady(): Realm | undefined {
    const { ready } = this
    this.ready = undefined
    if (ready !== undefined) void this.prepare().catch(() => undefined)
    return ready
  }

  /** Rejects with why there is none. */
  async take(): Promise<Realm> {
    for (;;) {
      const ready = this.takeReady()
      if (ready !== undefined) return ready
      await this.prepare()
    }
  }

  private prepare(): Promise<void> {
    this.making ??= this.make().finally(() => (this.making = undefined))
    return this.making
  }

  private async make(): Promise<void> {
    this.factory ??= loadQuickJs()
    const factory = await this.factory
    const machine = await factory()
    machine.fuel.value = 0x7fff_ffff
    this.ready = new Realm(machine)
  }
}

export const realms = new RealmPool()
