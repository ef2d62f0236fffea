import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const LINK = /!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g

/** Links of the Markdown `files` that lead nowhere, one line each; web addresses are not tried. */
export function brokenLinks(root: string, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const lines = withoutCode(readFileSync(file, 'utf8')).split('\n')
    return lines.flatMap((line, index) =>
      [...line.matchAll(LINK)].flatMap(([, target = '']) => {
        const problem = problemOf(file, target)
        return problem === null ? [] : [`${relative(root, file)}:${index + 1}: ${problem}`]
      }),
    )
  })
}

function problemOf(file: string, link: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return null
  const [path = '', anchor] = decodeURIComponent(link).split('#')
  const target = path === '' ? file : join(dirname(file), path)
  if (!existsSync(target)) return `${link}: there is no such file`
  if (anchor === undefined || anchor === '' || !target.endsWith('.md')) return null
  if (anchorsOf(readFileSync(target, 'utf8')).has(anchor)) return null
  return `${link}: that file has no such heading`
}

/** The anchors that a Markdown viewer makes of headings. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, text = ''] of withoutCode(markdown).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '')
    const base = words.trim().replace(/\s/g, '-')
    let anchor = base
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${base}-${copy}`
    anchors.add(anchor)
  }
  return anchors
}

/** Blanks out fenced blocks, where `[x](y)` is no link. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ' '))
}
