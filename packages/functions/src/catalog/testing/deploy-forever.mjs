// node deploy-forever.mjs DIRECTORY FIRST: deploys functions until it is killed, three at a time, and says what was acknowledged. Needs a build.
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { LocalCatalog } from '../../../dist/catalog/local-catalog.js'
import { PackageLibrary } from '../../../dist/packages/package-library.js'
import { DirectoryPackageStore } from '../../../dist/packages/stores/directory-package-store.js'
import { LmdbState } from '../../../dist/state/lmdb-state.js'

const [directory, first] = process.argv.slice(2)
const state = await LmdbState.open(join(directory, 'state.mdb'))
const packages = new PackageLibrary({ directory, store: new DirectoryPackageStore(join(directory, 'zips')) })
await packages.open()
const none = () => Promise.reject(new Error('no images here'))
const images = { take: none, directory: String, ready: () => true, prepare: none, collect: async () => 0 }
const catalog = await LocalCatalog.open({ state, packages, images, collectEveryMs: 0 })
const operation = (name) => catalog.operations.find((one) => one.name === name)
let number = Number(first)

async function deploy(name, n) {
  const zip = new ZipFile()
  zip.addBuffer(Buffer.from(`#!/bin/sh\n# ${n}\n`), 'bootstrap', { mode: 0o100755 })
  for (let index = 0; index < 20; index++) zip.addBuffer(Buffer.alloc(index * 997, `${n}`), `lib/${index}`)
  zip.end()
  const ZipFile_ = (await buffer(zip.outputStream)).toString('base64')
  const common = { query: new URLSearchParams(), headers: undefined, origin: 'http://127.0.0.1:9190' }
  const call = (operationName, labels, body) =>
    operation(operationName).handle({ ...common, labels, body: Buffer.from(JSON.stringify(body)) })
  if (catalog.has(name))
    return call('UpdateFunctionCode', { FunctionName: name }, { ZipFile: ZipFile_, Publish: n % 3 === 0 })
  const Role = 'arn:aws:iam::000000000000:role/any'
  const body = { FunctionName: name, Role, Runtime: 'provided.al2023', Handler: 'x', Code: { ZipFile: ZipFile_ } }
  return call('CreateFunction', {}, body)
}

async function work(name) {
  for (;;) {
    const n = number++
    writeSync(1, `ask ${name} ${n}\n`)
    await deploy(name, n)
    writeSync(1, `ack ${name} ${n}\n`)
  }
}

writeSync(1, 'open\n')
await Promise.all(['f0', 'f1', 'f2'].map(work))
