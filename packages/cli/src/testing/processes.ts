import { readdirSync, readFileSync } from 'node:fs'

/** Processes of this machine whose arguments or environment have a text. Linux alone. */
export function processesWith(text: string, where: 'cmdline' | 'environ' = 'cmdline'): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && read(pid, where).includes(text))
}

/** Arguments are parted by NUL. A process that is gone, or is a zombie, has none. */
function read(pid: number, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8')
  } catch {
    return ''
  }
}
