import { Buffer } from 'node:buffer'

export interface TarFile {
  readonly name: string
  readonly content?: string | Buffer
  /** Default `0`, a file. */
  readonly type?: string
  readonly mode?: number
  readonly link?: string
  /** In place of the truth. */
  readonly declaredSize?: number
}

/** A tar archive by hand. Names longer than 100 bytes are cut. */
export function tarOf(files: readonly TarFile[]): Buffer {
  const blocks: Buffer[] = []
  for (const { name, content = '', type = '0', mode = 0o644, link = '', declaredSize } of files) {
    const bytes = Buffer.from(content as string)
    const head = Buffer.alloc(512)
    head.write(name, 0, 100)
    head.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
    head.write('0000000\0', 108)
    head.write('0000000\0', 116)
    head.write(`${(declaredSize ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124)
    head.write('00000000000\0', 136)
    head.write('        ', 148)
    head.write(type, 156)
    head.write(link, 157, 100)
    head.write('ustar\0', 257)
    head.write('00', 263)
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    blocks.push(head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
