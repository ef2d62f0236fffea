import type { RegistryDatabase } from '../store/database.ts'
import type { CarriedRecord, DatabaseName, LogStatus } from '../types.ts'
import { type CarriedEntries, carriedIn } from './carried-entries.ts'
import type { OpenEpoch } from './open-epoch.ts'

/** The epochs that are open: at most those of the calendar's window, and those on disk beside it. */
export class OpenEpochs {
  readonly #carried: Pick<CarriedEntries, 'placeOf'>
  readonly #byNumber = new Map<number, OpenEpoch>()

  constructor(carried: Pick<CarriedEntries, 'placeOf'>) {
    this.#carried = carried
  }

  get(epoch: number): OpenEpoch | undefined {
    return this.#byNumber.get(epoch)
  }

  add(open: OpenEpoch): void {
    this.#byNumber.set(open.epoch, open)
  }

  delete(epoch: number): void {
    this.#byNumber.delete(epoch)
  }

  /** As they are now; in the order in which they were opened. */
  list(): OpenEpoch[] {
    return [...this.#byNumber.values()]
  }

  /** Hands over what is to be closed; none is open here from then on. */
  takeAll(): OpenEpoch[] {
    const all = this.list()
    this.#byNumber.clear()
    return all
  }

  /** The logs of all of them. */
  get databases(): RegistryDatabase[] {
    return this.list().flatMap(({ databases }) => databases.all)
  }

  /** One log in each of them, the oldest first. */
  logs(name: DatabaseName): LogStatus[] {
    return this.list()
      .map((open) => open.status(name))
      .sort((a, b) => a.epoch - b.epoch)
  }

  /** The signed bytes of a trust entry in any of them; null when they are not here. */
  async read(hash: string): Promise<CarriedRecord | null> {
    for (const { epoch, databases } of this.list()) {
      const trust = databases.get('trust')
      const entry = trust.has(hash) ? await trust.getBytes(hash) : undefined
      if (entry !== undefined) return { epoch, entry }
    }
    const place = this.#carried.placeOf(hash)
    if (place === null) return null
    const trust = this.get(place.heldIn)?.databases.get('trust')
    const block = await trust?.getBytes(place.carrierHash)
    return block === undefined ? null : carriedIn(block)
  }
}
