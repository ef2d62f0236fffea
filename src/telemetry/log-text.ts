import type { DestinationStream } from 'pino'

import { escapeRemote } from '../lib/text.ts'

const LEVELS: Record<string, string> = {
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR',
}
const LIMIT_CHARACTERS = 2048

interface LogLine {
  readonly level?: string
  readonly time?: string
  readonly part?: string
  readonly msg?: string
  readonly [field: string]: unknown
}

/**
 * Turns pino's JSON lines into lines for people: `time LEVEL [part] message key=value`. One record is
 * always one line, except for an error's stack, which follows indented.
 */
export function createTextStream(
  destination: DestinationStream,
  options: { readonly hasTime: boolean },
): DestinationStream {
  return {
    write: (json) => destination.write(`${formatLine(JSON.parse(json), options.hasTime)}\n`),
  }
}

function formatLine(line: LogLine, hasTime: boolean): string {
  const { level = 'info', time, part, msg = '', ...fields } = line
  const words: string[] = []
  if (hasTime && time !== undefined) words.push(localTime(time))
  words.push(LEVELS[level] ?? level)
  if (part !== undefined) words.push(`[${part}]`)
  words.push(msg)
  let stack = ''
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'error' && isSerializedError(value)) {
      words.push(`error=${quote(value.message)}`)
      if (level === 'error') stack = `\n${indent(value.stack)}`
    } else if (value !== undefined) {
      words.push(`${name}=${format(value)}`)
    }
  }
  return words.join(' ') + stack
}

/** The same moment as `2026-11-22T11:00:00.000+13:00` in the process's time zone; UTC stays as it is. */
function localTime(utc: string): string {
  const atMs = Date.parse(utc)
  const minutes = -new Date(atMs).getTimezoneOffset()
  if (minutes === 0) return utc
  const two = (count: number) => String(Math.floor(Math.abs(count))).padStart(2, '0')
  const clock = new Date(atMs + minutes * 60_000).toISOString().slice(0, -1)
  return `${clock}${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}

function format(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    return `[${value.map(quote).join(', ')}]`
  }
  return escapeRemote(JSON.stringify(value) ?? 'null', LIMIT_CHARACTERS)
}

/** Bare words stay bare; anything with a space, quote or control character is quoted and escaped. */
function quote(text: string): string {
  const safe = escapeRemote(text, LIMIT_CHARACTERS)
  return /^[^\s"=]+$/.test(safe) ? safe : JSON.stringify(safe)
}

function isSerializedError(value: unknown): value is { message: string; stack: string } {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value
}

function indent(stack: string): string {
  return stack
    .split('\n')
    .map((line) => `    ${escapeRemote(line, 400)}`)
    .join('\n')
}
