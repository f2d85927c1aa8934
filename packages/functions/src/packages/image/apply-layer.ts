import { constants } from 'node:fs'
import { chmod, link, lstat, mkdir, open, readdir, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MAX_IMAGE_BYTES, MAX_IMAGE_ENTRIES } from '../limits.ts'
import { packagePath } from '../zip/path-tree.ts'
import { RootPaths } from './root-paths.ts'
import type { TarHeader } from './tar-header.ts'
import { TarError, TarStream } from './tar-stream.ts'

/** What an image has used of its limits. */
export interface ImageUsage {
  bytes: number
  entries: number
}

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants

/**
 * Puts one layer of an image over what is there: OCI image-spec, layer.md. Devices are left out, owners are the engine's, nobody but
 * the owner may write. Throws TarError.
 */
export async function applyLayer(tar: TarStream, root: string, usage: ImageUsage): Promise<void> {
  const paths = new RootPaths(root)
  const added = new Set<string>()
  for (let header = await tar.next(); header !== undefined; header = await tar.next()) {
    if (++usage.entries > MAX_IMAGE_ENTRIES) throw new TarError(`the image has more than ${MAX_IMAGE_ENTRIES} files`)
    const path = packagePath(header.name)
    if (path === undefined) throw new TarError(`${JSON.stringify(header.name)} leaves the image`)
    if (path === '') continue
    const place = await paths.placeOf(path)
    if (basename(place).startsWith(WHITEOUT)) await whiteOut(place, added, paths)
    else if (await placeEntry(tar, header, place, paths, usage)) remember(added, place, root)
  }
}

/** An entry and the folders that it is in. */
function remember(added: Set<string>, place: string, root: string): void {
  for (let path = place; path.length > root.length && !added.has(path); path = dirname(path)) added.add(path)
}

/** @returns false for what is left out */
async function placeEntry(
  tar: TarStream,
  header: TarHeader,
  place: string,
  paths: RootPaths,
  usage: ImageUsage,
): Promise<boolean> {
  switch (header.type) {
    case '0':
    case '7':
      await clear(place, paths)
      await writeFile(tar, header, place, usage)
      return true
    case '5':
      await makeFolder(header, place, paths)
      return true
    case '2':
      await clear(place, paths)
      await symlink(header.link, place)
      paths.forget()
      return true
    case '1':
      await clear(place, paths)
      await hardLink(header, place, paths)
      return true
    case '3':
    case '4':
    case '6':
      return false
    default:
      throw new TarError(`${header.name} is of a kind that layers do not have: ${JSON.stringify(header.type)}`)
  }
}

async function writeFile(tar: TarStream, header: TarHeader, place: string, usage: ImageUsage): Promise<void> {
  usage.bytes += header.size
  if (usage.bytes > MAX_IMAGE_BYTES) throw new TarError(`the image has more than ${MAX_IMAGE_BYTES} bytes`)
  const file = await open(place, O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600)
  try {
    for await (const piece of tar.content()) await file.writeFile(piece)
    await file.chmod(header.mode & 0o755)
  } finally {
    await file.close()
  }
}

/** It stays ours to write into while layers are put into it. */
async function makeFolder({ mode }: TarHeader, place: string, paths: RootPaths): Promise<void> {
  const there = await lstat(place).catch(() => undefined)
  if (there?.isDirectory() !== true) {
    await clear(place, paths)
    await mkdir(place)
  }
  await chmod(place, (mode & 0o755) | 0o700)
}

async function hardLink(header: TarHeader, place: string, paths: RootPaths): Promise<void> {
  const path = packagePath(header.link)
  if (path === undefined || path === '')
    throw new TarError(`${header.name} is a link to ${header.link}, which leaves the image`)
  const target = await paths.placeOf(path)
  const there = await lstat(target).catch(() => undefined)
  if (there?.isSymbolicLink() !== true && there?.isFile() !== true)
    throw new TarError(`${header.name} is a link to ${header.link}, which is no file`)
  await link(target, place)
}

/** What is there makes room; what is below it goes with it. */
async function clear(place: string, paths: RootPaths): Promise<void> {
  const there = await lstat(place).catch(() => undefined)
  if (there === undefined) return
  await rm(place, { recursive: true, force: true })
  if (!there.isFile()) paths.forget()
}

/** Removes what layers below have. What this layer has put there stays, in whatever order it says so. */
async function whiteOut(place: string, added: ReadonlySet<string>, paths: RootPaths): Promise<void> {
  const folder = dirname(place)
  const hidden = basename(place) === OPAQUE ? await readdir(folder) : [basename(place).slice(WHITEOUT.length)]
  for (const name of hidden) {
    if (name === '' || name === '.' || name === '..') throw new TarError('a whiteout names nothing')
    const victim = join(folder, name)
    if (!added.has(victim)) await rm(victim, { recursive: true, force: true })
  }
  paths.forget()
}
