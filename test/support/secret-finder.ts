/** Looks for secrets in what a program printed, served and wrote, however they are encoded. */
export interface NamedSecret {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What is found, as `name as encoding`; text secrets are looked for in two halves as well. */
export function findSecrets(text: string | Buffer, secrets: readonly NamedSecret[]): string[] {
  // Each byte as the character of its number, so that binary and text are searched alike.
  const searched = typeof text === 'string' ? text : text.toString('latin1')
  return secrets.flatMap(({ name, bytes }) =>
    forms(Buffer.from(bytes))
      .filter(({ form }) => searched.includes(form))
      .map(({ encoding }) => `${name} as ${encoding}`),
  )
}

interface Form {
  readonly encoding: string
  readonly form: string
}

function forms(bytes: Buffer): Form[] {
  const hex = bytes.toString('hex')
  const half = Math.floor(bytes.length / 2)
  return [
    { encoding: 'itself', form: bytes.toString('latin1') },
    { encoding: 'its first half', form: bytes.subarray(0, half).toString('latin1') },
    { encoding: 'its second half', form: bytes.subarray(half).toString('latin1') },
    { encoding: 'hex', form: hex },
    { encoding: 'HEX', form: hex.toUpperCase() },
    { encoding: 'a list of bytes', form: bytes.join(',') },
    ...['base64', 'base64url'].flatMap((encoding) =>
      [0, 1, 2].map((shift) => ({
        encoding: `${encoding} from byte ${shift}`,
        form: insideBase64(bytes, shift, encoding as 'base64' | 'base64url'),
      })),
    ),
  ]
}

/** The characters that these bytes alone decide, when `shift` other bytes come before them. */
function insideBase64(bytes: Buffer, shift: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString(encoding)
    .replace(/=+$/, '')
  const first = Math.ceil((shift * 4) / 3)
  const whole = Math.floor(((shift + bytes.length) * 4) / 3)
  return text.slice(first, whole)
}
