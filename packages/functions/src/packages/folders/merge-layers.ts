import { constants } from 'node:fs'
import { copyFile, link, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { forEachLimited, syncFolders } from './durable.ts'

/**
 * Puts layers over each other, in their order: what a later one has counts. Files are linked, not copied: nobody writes to them. No link
 * is followed on the way.
 */
export async function mergeLayers(layers: readonly string[], target: string): Promise<void> {
  const directories = new Set<string>()
  for (const layer of layers) await addLayer(layer, target, '', directories)
  await syncFolders(target, [...directories])
}

async function addLayer(layer: string, target: string, folder: string, directories: Set<string>): Promise<void> {
  const subfolders: string[] = []
  await forEachLimited(await readdir(join(layer, folder), { withFileTypes: true }), async (item) => {
    const path = folder === '' ? item.name : `${folder}/${item.name}`
    if (item.isDirectory()) subfolders.push(path)
    await placeItem(join(layer, path), join(target, path), item.isDirectory(), item.isSymbolicLink())
    if (!item.isDirectory()) forget(directories, path)
  })
  for (const path of subfolders) {
    directories.add(path)
    await addLayer(layer, target, path, directories)
  }
}

async function placeItem(from: string, to: string, isDirectory: boolean, isLink: boolean): Promise<void> {
  const there = await lstat(to).catch(() => undefined)
  if (there !== undefined && isDirectory && there.isDirectory()) return
  if (there !== undefined) await rm(to, { recursive: true, force: true })
  if (isDirectory) await mkdir(to, { mode: 0o755 })
  else if (isLink) await symlink(await readlink(from), to)
  else await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL))
}

function forget(directories: Set<string>, path: string): void {
  for (const directory of directories)
    if (directory === path || directory.startsWith(`${path}/`)) directories.delete(directory)
}
