import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import en from '../src/i18n/en.json'
import zh from '../src/i18n/zh.json'

type Texts = { [key: string]: string | string[] | Texts }

function keys(texts: Texts, before = ''): string[] {
  return Object.entries(texts).flatMap(([key, value]) => (typeof value === 'object' && !Array.isArray(value) ? keys(value, `${before}${key}.`) : [`${before}${key}`]))
}
function places(texts: Texts): Record<string, string> {
  const at = (path: string) => path.split('.').reduce<unknown>((part, key) => (part as Texts)[key], texts)
  return Object.fromEntries(keys(texts).map((path) => [path, [...String(at(path)).matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort().join()]))
}
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? sources(join(folder, entry.name)) : /\.(vue|ts)$/.test(entry.name) ? [join(folder, entry.name)] : []))
}

describe('texts', () => {
  it('have the same keys and the same places in both languages', () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort())
    expect(places(en)).toEqual(places(zh))
  })

  it('are there for every key the program names', () => {
    const all = new Set(keys(zh))
    const named = sources(new URL('../src', import.meta.url).pathname).flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bt\('([\w.]+)'/g)].map(([, key]) => key!))
    expect(named.filter((key) => !all.has(key))).toEqual([])
  })
})
