import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A fenced block of code. */
export interface CodeBlock {
  readonly page: string
  /** Of the opening fence, counted from 1. */
  readonly line: number
  /** The first word behind the fence; empty where there is none. */
  readonly language: string
  /** The other words: `no-run`. */
  readonly marks: readonly string[]
  readonly text: string
}

/** A Markdown file. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly CodeBlock[]
}

/** The pages written by hand, and those of the plugins. */
export function pages(): Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs.sort()].map(readPage)
}

/** The pages whose examples are written for this documentation: those of the plugins are tested where they come from. */
export const guides = (): Page[] => pages().filter(({ path }) => !path.startsWith(join('docs', 'plugins')))

function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return { path, text, blocks: codeBlocks(path, text) }
}

export function codeBlocks(page: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { line: number; language: string; marks: string[]; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (fence === null) open?.lines.push(line)
    else if (open === undefined) {
      const [language = '', ...marks] = fence[1]!.trim().split(/\s+/)
      open = { line: index + 1, language, marks, lines: [] }
    } else {
      const { lines, ...rest } = open
      blocks.push({ page, ...rest, text: `${lines.join('\n')}\n` })
      open = undefined
    }
  }
  return blocks
}

/** A link to a file of the repository, or to a heading of the same page. */
export interface Link {
  readonly target: string
  /** From the root of the repository. */
  readonly file: string
  /** Without the `#`; undefined where there is none. */
  readonly anchor: string | undefined
}

export function relativeLinks({ path, text }: Page): Link[] {
  const links: Link[] = []
  for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [file = '', anchor] = target.split('#')
    const absolute = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file)
    links.push({ target, file: relative(ROOT, absolute), anchor })
  }
  return links
}

const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
    let unique = slug
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`
    anchors.add(unique)
  }
  return anchors
}

/** `docs/routing.md:12`, for messages. */
export const placeOf = ({ page, line }: CodeBlock): string => `${page}:${line}`
