import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec'
import { describe, expect, it } from 'vitest'

import { GROUPS, TILE_SETS, TREE } from '../src/core/layers'
import { buildStyle, NO_DATA, type StyleState } from '../src/core/style'

const state: StyleState = {
  theme: 'dark',
  language: 'zh',
  hidden: new Set(),
  opacity: {},
  scale: 1,
  tiles: TILE_SETS.map(({ key, layers }) => ({ set: key, layers, url: `http://127.0.0.1/tiles/${layers.join(',')}/{z}/{x}/{y}.mvt` })),
  data: NO_DATA,
}

describe('buildStyle', () => {
  it.each(['dark', 'light'] as const)('makes a valid %s style in both languages, also half faded', (theme) => {
    for (const language of ['zh', 'en'] as const)
      for (const opacity of [{}, Object.fromEntries(TREE.map((key) => [key, 0.5]))])
        expect(validateStyleMin(buildStyle({ ...state, theme, language, opacity, scale: language === 'en' ? 2 : 1 }))).toEqual([])
  })

  it('asks nobody else for fonts, sprites or tiles', () => {
    const text = JSON.stringify(buildStyle(state))
    expect(text).not.toMatch(/"(glyphs|sprite)"/)
    expect([...text.matchAll(/https?:\/\/([^/"]+)/g)].map(([, host]) => host)).toSatisfy((hosts: string[]) => hosts.every((host) => host === '127.0.0.1'))
  })

  it('leaves out hidden groups and what the viewer may not see', () => {
    const ids = buildStyle({ ...state, hidden: new Set(['road']), tiles: state.tiles.filter(({ set }) => set !== 'thing') }).layers.map(({ id }) => id)
    expect(ids.filter((id) => id.startsWith('road-') || id.startsWith('component'))).toEqual([])
    expect(ids).toContain('water')
  })

  it('draws every tile layer it asks for', () => {
    const drawn = new Set(GROUPS.flatMap((group) => group.sources))
    expect(TILE_SETS.flatMap((set) => set.layers).filter((layer) => !drawn.has(layer))).toEqual([])
  })
})
