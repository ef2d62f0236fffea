/** Reads `name{labels} value` lines of a metrics page. */
export class MetricsPage {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** @throws when the page cannot be read */
  static async of(apiUrl: string): Promise<MetricsPage> {
    const response = await fetch(`${apiUrl}/metrics`, { signal: AbortSignal.timeout(10_000) })
    return new MetricsPage(await response.text())
  }

  /** The values of one metric by their labels as text, `''` without any. */
  values(name: string): Record<string, number> {
    const values: Record<string, number> = {}
    for (const line of this.#text.split('\n')) {
      const [, found, labels = '', value] = /^([a-z_0-9]+)(?:\{(.*)\})? (.+)$/.exec(line) ?? []
      if (found === name) values[labels] = Number(value)
    }
    return values
  }
}
