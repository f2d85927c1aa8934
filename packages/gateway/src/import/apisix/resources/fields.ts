import type { Fields } from '../../output/noted.ts'

/** Times and versions that a store writes into what it keeps. */
const KEPT_BY_STORE = ['create_time', 'update_time', 'validity_start', 'validity_end', 'modifiedIndex', 'createdIndex']

export function dropTimes(fields: Fields): void {
  for (const name of KEPT_BY_STORE) delete fields[name]
}

/** Fields where nothing and an empty table mean the same, and Lua may have written one as the other. */
const MAPS = ['labels', 'plugins']
const LISTS = ['vars', 'methods']

export function dropEmpty(fields: Fields): void {
  for (const name of MAPS) if (Array.isArray(fields[name]) && fields[name].length === 0) fields[name] = {}
  for (const name of [...LISTS, 'labels']) {
    const value = fields[name]
    if (typeof value === 'object' && (value === null || Object.keys(value).length === 0)) delete fields[name]
  }
}
