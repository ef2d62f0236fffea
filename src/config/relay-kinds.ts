import { accept, type Kind, path, refuse } from './kinds.ts'
import { isPeerId } from './peer-id.ts'

/** One item of RELAY_ALLOW: a peer, or a file that names some. */
export interface AllowItem {
  readonly kind: 'peer' | 'file'
  readonly value: string
}

/** A file is told from a peer ID by its beginning, `/` or `.`, so that a mistyped ID is no file name. */
export const allowItem: Kind<AllowItem> = {
  label: 'peer ID or file',
  parse: (text) => {
    if (isPeerId(text)) return accept({ kind: 'peer', value: text })
    const isFile = /^\.{0,2}\//.test(text) && path.parse(text).isOk
    return isFile
      ? accept({ kind: 'file', value: text })
      : refuse('must be a peer ID, or a file whose path begins with / or ./')
  },
  format: ({ value }) => value,
  refused: ['12D3KooWshort', 'peers.txt', 'example.org'],
}

const URL_LIMIT = 2_048

/** An address that is asked over HTTP. A password in it would be shown with it. */
export const httpUrl: Kind<string> = {
  label: 'http or https URL',
  parse: (text) => {
    if (text.length > URL_LIMIT || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) {
      return refuse('must be a URL')
    }
    const { protocol, username, password, hash } = new URL(text)
    if (protocol !== 'http:' && protocol !== 'https:')
      return refuse('must begin with http or https')
    if (username !== '' || password !== '') return refuse('must have no user and password in it')
    return hash === '' ? accept(text) : refuse('must have no # in it')
  },
  format: (value) => value,
  refused: ['example.org', 'ftp://a.example', 'https://', 'https://me:x@a.example', 'http://a/#b'],
}

/** The same kind, or `none` for a limit that is not wanted. */
export function orNone(kind: Kind<number>): Kind<number | 'none'> {
  return {
    label: `${kind.label} or none`,
    parse: (text) => {
      if (text.toLowerCase() === 'none') return accept('none')
      const parsed = kind.parse(text)
      return parsed.isOk ? parsed : refuse(`${parsed.problem}, or none`)
    },
    format: (value) => (value === 'none' ? value : kind.format(value)),
    refused: [...kind.refused, 'no'],
  }
}
