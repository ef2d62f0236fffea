import type { Logger } from '../../../telemetry/index.ts'

export interface AskingComponents {
  readonly logger: Logger
  readonly onEnded: () => void
}

interface Question {
  readonly address: string
  readonly done: Promise<void>
}

/** The relays that are being asked now, each once at a time. Whoever begins one bounds how many. */
export class Asking {
  readonly #components: AskingComponents
  readonly #questions = new Map<string, Question>()

  constructor(components: AskingComponents) {
    this.#components = components
  }

  has(relay: string): boolean {
    return this.#questions.has(relay)
  }

  /** Each with the address that it is asked at. */
  list(): { readonly relay: string; readonly address: string }[] {
    return [...this.#questions].map(([relay, { address }]) => ({ relay, address }))
  }

  begin(relay: string, address: string, job: () => Promise<void>): void {
    const done = job()
      .catch((error) => this.#components.logger.error({ error }, 'Reservation ended unexpectedly'))
      .finally(() => {
        this.#questions.delete(relay)
        this.#components.onEnded()
      })
    this.#questions.set(relay, { address, done })
  }

  /** Resolves when those under way have ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#questions.values()].map(({ done }) => done))
  }
}
