import type { Clock } from '../../lib/clock.ts'
import { LinePace } from '../../lib/line-pace.ts'
import { escapeRemote } from '../../lib/text.ts'
import type { Logger } from '../../telemetry/index.ts'
import { hostKeyOf } from './hop/client-source.ts'
import type { RelayClient } from './types.ts'

/** Lines of one host at once, and then a minute: enough for whoever counts them to act. */
const HOST_BURST = 20
const HOST_PER_MINUTE = 20
/** Lines of all hosts together, a second: an attack from many places must not fill the disk. */
const TOTAL_BURST = 100
const TOTAL_PER_SECOND = 10

/** A relay that comes back gives many places at once. */
const PLACES_BURST = 500
const PLACES_PER_SECOND = 1

/** Stable words: tools outside match on them, and docs/relay.md has the filter. */
const REFUSED = 'Relay refused'
const CUT = 'Relay cut'

export interface RelayAuditComponents {
  readonly logger: Logger
  readonly clock: Pick<Clock, 'now'>
  onSuppressed(): void
}

interface PlaceLine {
  readonly isTold: boolean
  readonly fields: Readonly<Record<string, string>>
  readonly message: string
}

/**
 * One line for each refusal and for each reservation or circuit that was taken away, with the IP that
 * it came from first, and for each reservation that is given and that ends. Neither one host nor all of them
 * together can make them faster than their pace.
 */
export class RelayAudit {
  readonly #components: RelayAuditComponents
  readonly #pace: LinePace
  /** Places that are given and end by themselves: they keep no refusal from its line. */
  readonly #placePace: LinePace
  /** Whose place has a line, so that its end has one too; as many as there are places. */
  readonly #placed = new Set<string>()

  constructor(components: RelayAuditComponents) {
    const { clock } = components
    const perKey = { burst: HOST_BURST, perMinute: HOST_PER_MINUTE }
    this.#components = components
    this.#pace = new LinePace({
      perKey,
      total: { burst: TOTAL_BURST, perSecond: TOTAL_PER_SECOND },
      clock,
    })
    this.#placePace = new LinePace({
      perKey,
      total: { burst: PLACES_BURST, perSecond: PLACES_PER_SECOND },
      clock,
    })
  }

  /** A new reservation. Pages come and go: a line for each load would bury the others. */
  placed(client: RelayClient, fields: Readonly<Record<string, string>>): void {
    const isTold = client.class !== 'client' && this.#placePace.tryTake(hostKeyOf(client))
    if (isTold) this.#placed.add(client.peerId)
    this.#tellPlace(client, { isTold, fields, message: 'Relay reservation granted' })
  }

  /** A reservation that ended by itself. */
  placeEnded(client: RelayClient, fields: Readonly<Record<string, string>>): void {
    const isTold = this.#placed.delete(client.peerId)
    this.#tellPlace(client, { isTold, fields, message: 'Relay reservation ended' })
  }

  /** @param reason a code of ours */
  refused(client: RelayClient, request: string, reason: string, destination: string | null): void {
    const fields: Record<string, string> = { request, reason }
    if (destination !== null) fields.destination = escapeRemote(destination)
    this.#write(client, fields, REFUSED)
  }

  /** @param what `reservation` or `circuit` */
  cut(client: RelayClient, what: string, reason: string): void {
    if (what === 'reservation') this.#placed.delete(client.peerId)
    this.#write(client, { what, reason }, CUT)
  }

  #tellPlace({ class: ofClass }: RelayClient, { isTold, fields, message }: PlaceLine): void {
    const { logger, onSuppressed } = this.#components
    if (!isTold && ofClass !== 'client') onSuppressed()
    logger[isTold ? 'info' : 'debug'](fields, message)
  }

  #write(client: RelayClient, fields: Record<string, string>, message: string): void {
    const { host, peerId, class: ofClass } = client
    // A /64 counts as one host, or its owner would drown what others do.
    if (!this.#pace.tryTake(hostKeyOf(client))) {
      this.#components.onSuppressed()
      return
    }
    // The host comes first, so that no field after it can stand for it.
    const who = { host: escapeRemote(host), peer: escapeRemote(peerId) }
    const last = ofClass === undefined ? {} : { class: ofClass }
    this.#components.logger.info({ ...who, ...fields, ...last }, message)
  }
}
