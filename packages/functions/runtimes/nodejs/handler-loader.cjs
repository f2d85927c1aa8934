'use strict'
const { readFileSync, statSync } = require('node:fs')
const { createRequire } = require('node:module')
const nodePath = require('node:path')

/** In this order, as AWS's runtime tries them. */
const EXTENSIONS = ['', '.js', '.mjs', '.cjs']
/** From this version on a handler returns its result or a promise, and has no callback. */
const FIRST_WITHOUT_CALLBACKS = 24
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

/**
 * Finds the function that `_HANDLER` names: `path/file.export[.nested]`. CommonJS comes at once, modules as a promise: loading CommonJS
 * without a promise spares 5 ms of a cold start on Node.js 20, and 1 ms on 24.
 * @returns the handler, or a promise of it
 */
function loadHandler(taskRoot, name) {
  const { file, module, path } = parse(name)
  let exported
  try {
    exported = loadModule(nodePath.resolve(taskRoot, file), taskRoot, nodePath.dirname(file), module)
  } catch (error) {
    throw loadFailure(error)
  }
  if (!(exported instanceof Promise)) return handlerIn(exported, path, name)
  return exported.then(
    (namespace) => handlerIn(namespace, path, name),
    (error) => {
      throw loadFailure(error)
    },
  )
}

function parse(name) {
  if (name.includes('..')) {
    throw failure(
      'MalformedHandlerName',
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    )
  }
  const slash = name.lastIndexOf('/') + 1
  const dot = name.indexOf('.', slash)
  if (dot === -1) throw failure('MalformedHandlerName', 'Bad handler')
  return { file: name.slice(0, dot), module: name.slice(slash, dot), path: name.slice(dot + 1).split('.') }
}

function loadModule(file, taskRoot, folder, module) {
  for (const extension of EXTENSIONS) {
    const path = file + extension
    if (!isFile(path)) continue
    return extension === '.mjs' || (extension !== '.cjs' && isModule(path)) ? import(path) : requireOrImport(path)
  }
  const paths = [taskRoot, nodePath.join(taskRoot, folder)]
  return requireOrImport(createRequire(nodePath.join(taskRoot, 'index.js')).resolve(module, { paths }))
}

/** A module without a sign of it (`type`, extension) is found by its syntax where Node.js does so; one that awaits at the top must be imported. */
function requireOrImport(path) {
  try {
    return require(path)
  } catch (error) {
    if (error?.code === 'ERR_REQUIRE_ESM' || error?.code === 'ERR_REQUIRE_ASYNC_MODULE') return import(path)
    throw error
  }
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** `"type": "module"` of the nearest package.json. */
function isModule(path) {
  for (let folder = nodePath.dirname(path); ; folder = nodePath.dirname(folder)) {
    try {
      return JSON.parse(readFileSync(nodePath.join(folder, 'package.json'), 'utf8')).type === 'module'
    } catch (error) {
      if (error.code !== 'ENOENT') return false
    }
    if (folder === nodePath.dirname(folder)) return false
  }
}

function handlerIn(exported, path, name) {
  const handler = find(exported, path) ?? find(exported?.default, path)
  if (handler === undefined || handler === null)
    throw failure('HandlerNotFound', `${name} is undefined or not exported`)
  if (typeof handler !== 'function') throw failure('HandlerNotFound', `${name} is not a function`)
  const mode = handler[STREAMING]
  if (mode && mode !== 'response') throw failure('MalformedStreamingHandler', 'Only response streaming is supported.')
  if (handler.length >= 3 && !mode && !callbacks()) {
    throw failure(
      'CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function ' +
        'to use a supported handler signature to use Node.js 24 or later. For more information see ' +
        'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    )
  }
  return handler
}

const find = (exported, path) =>
  path.reduce(
    (value, key) => (typeof value === 'object' || typeof value === 'function' ? value?.[key] : undefined),
    exported,
  )

/** Whether handlers have a callback and `context.done`. */
const callbacks = () => Number(process.versions.node.split('.', 1)[0]) < FIRST_WITHOUT_CALLBACKS

function loadFailure(error) {
  if (error instanceof SyntaxError) return failure('UserCodeSyntaxError', String(error), error.stack)
  const code = error?.code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return failure('ImportModuleError', String(error))
  return error
}

function failure(name, message, stack) {
  const { RuntimeFailure } = require('./failure.cjs')
  return new RuntimeFailure(name, message, stack)
}

module.exports = { loadHandler, callbacks, STREAMING, HIGH_WATER_MARK }
