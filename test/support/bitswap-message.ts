/** A number as protobuf has it. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  return Buffer.of(...bytes, left)
}

export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

export function bytesField(field: number, ...content: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(content)
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes])
}

/** A message of bitswap as it is on its stream. */
export function framed(...fields: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(fields)
  return Buffer.concat([varint(bytes.length), bytes])
}

export function repeated(bytes: Uint8Array, times: number): Buffer {
  return Buffer.concat(new Array<Uint8Array>(times).fill(bytes))
}
