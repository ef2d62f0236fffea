import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/** A value that shows itself only to who asks for it by name: logs, JSON and errors get no part of it. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
