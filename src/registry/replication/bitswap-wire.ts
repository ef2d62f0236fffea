/** Bytes of a peer that are no bitswap messages within the limits. */
export class BitswapError extends Error {
  override readonly name = 'BitswapError'
  readonly code: 'TOO_MANY_PARTS' | 'TOO_LARGE' | 'MALFORMED' | 'TOO_OFTEN'

  constructor(code: BitswapError['code']) {
    super(`a peer sends no bitswap messages within their limits: ${code}`)
    this.code = code
  }
}

export interface MessageLimits {
  readonly messageBytes: number
  /** Wants, blocks and presences of one message, together. */
  readonly parts: number
}

const VARINT = 0
const BYTES = 2

interface Field {
  readonly wireType: typeof VARINT | typeof BYTES
  /** Fields of the message that it holds. */
  readonly fields?: Fields
  /** A want, a block or a presence: the library does work for each. */
  readonly isPart?: boolean
  readonly limitBytes?: number
}
type Fields = Readonly<Record<number, Field>>

const NUMBER: Field = { wireType: VARINT }
const DATA: Field = { wireType: BYTES }
/** A CID, of which ours have 36 bytes, or its prefix. The library reads a prefix in quadratic time. */
const NAME: Field = { wireType: BYTES, limitBytes: 64 }

const part = (fields: Fields): Field => ({ wireType: BYTES, fields, isPart: true })
const WANT_LIST = { 1: part({ 1: NAME, 2: NUMBER, 3: NUMBER, 4: NUMBER, 5: NUMBER }), 2: NUMBER }
/** The numbers of `message.proto` in @helia/bitswap 4.0; its block presences name a CID and a type. */
const MESSAGE: Fields = {
  1: { wireType: BYTES, fields: WANT_LIST },
  3: part({ 1: NAME, 2: DATA }),
  4: part({ 1: NAME, 2: NUMBER }),
  5: NUMBER,
}
/** A want has five, and the one that holds it. */
const FIELDS_OF_PART = 8

interface Level {
  readonly fields: Fields
  /** Where it ends in the stream. */
  readonly end: number
}

/**
 * Counts the parts of length-prefixed messages as their bytes come, and decodes nothing. What protons-runtime 8.0
 * would read in another way than it is read here is refused: fields of a wrong kind, parts that are longer than what
 * holds them, numbers of a length that no encoder makes.
 */
export class MessageParts {
  readonly #limits: MessageLimits
  readonly #onWork: () => void
  readonly #levels: Level[] = []
  #at = 0
  #parts = 0
  #fields = 0
  /** Bytes of a field still to skip. */
  #skipBytes = 0
  /** The field whose value or length comes next; null before a tag, or the length of a message. */
  #field: Field | null = null
  #varint = 0
  #varintBytes = 0

  /** @param onWork called for each message and part; what it throws ends the reading */
  constructor(limits: MessageLimits, onWork: () => void) {
    this.#limits = limits
    this.#onWork = onWork
  }

  /** @throws BitswapError */
  read(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      const taken = this.#skipBytes > 0 ? Math.min(this.#skipBytes, chunk.length - at) : 1
      this.#at += taken
      if (this.#skipBytes > 0) this.#skipBytes -= taken
      else this.#readVarintByte(chunk[at] ?? 0)
      at += taken
      if (this.#skipBytes === 0 && this.#field === null && this.#varintBytes === 0)
        this.#endLevels()
    }
  }

  #readVarintByte(byte: number): void {
    this.#varint += (byte & 127) * 2 ** (7 * this.#varintBytes)
    this.#varintBytes += 1
    if (this.#varintBytes > 10) throw new BitswapError('MALFORMED')
    if (byte >= 128) return
    const [value, bytes] = [this.#varint, this.#varintBytes]
    this.#varint = 0
    this.#varintBytes = 0
    const level = this.#levels.at(-1)
    if (level === undefined) this.#beginMessage(value, bytes)
    else if (this.#field?.wireType === VARINT) this.#endNumber(bytes)
    else if (value >= 2 ** 32 || bytes > 5) throw new BitswapError('MALFORMED')
    else if (this.#field === null) this.#beginField(level, value)
    else this.#beginBytes(level, this.#field, value)
  }

  #beginMessage(length: number, bytes: number): void {
    // The library takes a number that is longer than it need be for as long as it need be.
    if (bytes > 1 && length < 2 ** (7 * (bytes - 1))) throw new BitswapError('MALFORMED')
    if (length > this.#limits.messageBytes) throw new BitswapError('TOO_LARGE')
    this.#parts = 0
    this.#fields = 0
    this.#onWork()
    this.#levels.push({ fields: MESSAGE, end: this.#at + length })
  }

  #beginField({ fields }: Level, tag: number): void {
    const wireType = tag % 8
    if (wireType !== VARINT && wireType !== BYTES) throw new BitswapError('MALFORMED')
    // Of later versions: skipped by the library as well.
    const field = fields[Math.floor(tag / 8)] ?? { wireType }
    if (field.wireType !== wireType) throw new BitswapError('MALFORMED')
    this.#fields += 1
    if (this.#fields > this.#limits.parts * FIELDS_OF_PART) throw new BitswapError('TOO_MANY_PARTS')
    this.#field = field
  }

  #endNumber(bytes: number): void {
    // The library reads five bytes, or ten of a negative number.
    if (bytes > 5 && bytes < 10) throw new BitswapError('MALFORMED')
    this.#field = null
  }

  #beginBytes({ end }: Level, { fields, isPart, limitBytes }: Field, length: number): void {
    if (this.#at + length > end) throw new BitswapError('MALFORMED')
    if (limitBytes !== undefined && length > limitBytes) throw new BitswapError('TOO_LARGE')
    this.#field = null
    if (isPart === true) {
      this.#parts += 1
      if (this.#parts > this.#limits.parts) throw new BitswapError('TOO_MANY_PARTS')
      this.#onWork()
    }
    if (fields === undefined) this.#skipBytes = length
    else this.#levels.push({ fields, end: this.#at + length })
  }

  #endLevels(): void {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      if (this.#at > level.end) throw new BitswapError('MALFORMED')
      if (this.#at < level.end) return
      this.#levels.pop()
    }
  }
}
