import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'

import { createTextStream } from './log-text.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFormat = 'text' | 'json'

type Write = (fields: Record<string, unknown>, message: string) => void

/** Structured logger: facts in `fields`, a constant sentence as `message`. */
export interface Logger {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  /** A logger whose lines carry `part`. */
  child(part: string): Logger
  isLevelEnabled(level: LogLevel): boolean
}

export interface LoggerOptions {
  /** @default 'info' */
  readonly level?: LogLevel
  /** @default 'text' */
  readonly format?: LogFormat
  /** Where lines go, one write a line. */
  readonly destination: DestinationStream
  /** Adds times to text lines; JSON lines always carry `time`. @default true */
  readonly hasTime?: boolean
}

/** Field names whose values never reach a line, at any depth the loggers of this project use. */
const REDACTED = ['token', 'authorization', 'privateKey', 'networkKey', '*.token', '*.privateKey']

export function createLogger(options: LoggerOptions): Logger {
  const { level = 'info', format = 'text', destination, hasTime = true } = options
  const stream = format === 'json' ? destination : createTextStream(destination, { hasTime })
  const root = pino(
    {
      level,
      base: null,
      redact: { paths: REDACTED, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  )
  return wrap(root, null)
}

function wrap(logger: PinoLogger, part: string | null): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (name) => {
      const path = part === null ? name : `${part}.${name}`
      return wrap(logger.child({ part: path }), path)
    },
    isLevelEnabled: (level) => logger.isLevelEnabled(level),
  }
}

/** Drops everything: for tests and for library users who want no lines. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
  isLevelEnabled: () => false,
}
