/** System errors that the machine's operator can mend, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  ENFILE: 'the machine has too many open files',
}

/** What an error's code means to an operator; null: nothing that one could mend. */
export function systemWords(code: string | null): string | null {
  return code !== null && Object.hasOwn(WORDS, code) ? (WORDS[code] ?? null) : null
}
