import type { NodeSettings } from '../config/settings/node-settings.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { Operation } from '../store/store.ts'
import { AcmeCertificates } from '../tls/acme/acme-certificates.ts'
import { ChallengeBoard } from '../tls/acme/board.ts'
import { AcmeOrders } from '../tls/acme/order.ts'
import { AcmeStorage } from '../tls/acme/storage.ts'
import { TicketKeys } from '../tls/ticket-keys.ts'
import { FileWatch } from '../tls/watch-files.ts'
import type { ToControl, ToWorker } from './messages.ts'

/** An upgrade is done within a few seconds. */
const AFTER_UPGRADE_MS = 10_000

export interface NodeCertificatesOptions {
  readonly settings: NodeSettings
  readonly logger: PluginLogger
  readonly broadcast: (message: ToWorker) => void
  /** Keeps what a worker that starts must know, and is told when that changed. */
  readonly keep: (operations: readonly Operation[]) => void
  /** Files of certificates changed. */
  readonly reload: () => void
}

/** What the control thread does for TLS: ticket keys for all workers, certificates from ACME, a watch on certificate files. */
export class NodeCertificates {
  readonly ticketKeys: TicketKeys
  readonly challenges: ChallengeBoard
  private readonly acme: AcmeCertificates | undefined
  private readonly files: FileWatch
  private starting: NodeJS.Timeout | undefined

  constructor({ settings, logger, broadcast, keep, reload }: NodeCertificatesOptions) {
    this.ticketKeys = new TicketKeys((keys) => {
      keep([])
      broadcast({ type: 'ticket-keys', keys })
    })
    this.files = new FileWatch(reload, (folder, error) =>
      logger.warn({ folder }, `certificates in ${folder} are not watched (${error.message}): reload by SIGHUP`),
    )
    this.challenges = new ChallengeBoard((sequence, token, answer) => {
      keep([])
      broadcast({ type: 'challenge', sequence, token, answer })
    })
    const { acme } = settings
    if (acme === undefined) return
    const storage = new AcmeStorage(acme.storage, acme.directory)
    const orders = new AcmeOrders({ settings: acme, storage, board: this.challenges })
    this.acme = new AcmeCertificates({
      domains: acme.domains,
      storage,
      order: orders.order,
      logger,
      publish: (id, value) => {
        const operations: Operation[] = [{ kind: 'ssls', id, value }]
        keep(operations)
        broadcast({ type: 'certificates', operations })
      },
    })
  }

  /** Puts the certificates on disk where workers find them. Before workers start. */
  async load(): Promise<void> {
    await this.acme?.load()
  }

  /** All workers were started: an authority would be answered. */
  workersStarted(generation: number): void {
    // The process before goes on accepting until this one is ready, and does not know our answers.
    const delay = generation > 1 ? AFTER_UPGRADE_MS : 0
    this.starting ??= setTimeout(() => this.acme?.start(), delay)
    this.starting.unref()
  }

  watch(files: readonly string[]): void {
    this.files.watch(files)
  }

  receive(message: ToControl, workerIndex: number): void {
    if (message.type === 'challenge-known') this.challenges.acknowledged(workerIndex, message.sequence)
  }

  /** Another process serves: it renews from now on. */
  drain(): void {
    clearTimeout(this.starting)
    this.acme?.stop()
    this.files.close()
  }

  stop(): void {
    this.drain()
    this.ticketKeys.stop()
  }
}
