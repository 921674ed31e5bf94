/** The MapLibre style as a pure function of what is shown: a change of anything is a new style, applied as a diff. */
import type { GeoJSONSourceSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from 'maplibre-gl'

import { GROUPS, TILE_SETS } from './layers'
import { BANDS, type StyleContext } from './layers/context'
import { PALETTES, type Theme } from './palette'
import type { Language } from './time'

/** Where the tiles of one set are: the address carries the data's version. */
export interface TileAddress {
  set: string
  layers: string[]
  url: string
  bounds?: [number, number, number, number] | undefined
}

export interface StyleState {
  theme: Theme
  language: Language
  /** Layer groups not shown. */
  hidden: ReadonlySet<string>
  /** Opacity 0–1 by group; full when absent. */
  opacity: Readonly<Record<string, number>>
  /** Tiles the viewer may see; none while not known. */
  tiles: readonly TileAddress[]
  /** Size of texts, lines and marks; 1 on a 1080-line screen, larger on a wall of more lines. */
  scale: number
  /** GeoJSON of our own sources. */
  data: Readonly<Record<OwnSource, GeoJSON.GeoJSON>>
}

export const OWN_SOURCES = ['own-alert', 'own-evidence', 'own-track', 'own-day', 'own-here', 'own-place', 'own-search', 'own-near'] as const
export type OwnSource = (typeof OWN_SOURCES)[number]

export const NOTHING: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
export const NO_DATA = Object.fromEntries(OWN_SOURCES.map((key) => [key, NOTHING])) as Record<OwnSource, GeoJSON.GeoJSON>

const OPACITY: Partial<Record<LayerSpecification['type'], string[]>> = {
  fill: ['fill-opacity'],
  line: ['line-opacity'],
  circle: ['circle-opacity', 'circle-stroke-opacity'],
  symbol: ['text-opacity', 'icon-opacity'],
  'fill-extrusion': ['fill-extrusion-opacity'],
}

const SIZES: Partial<Record<LayerSpecification['type'], { layout: string[]; paint: string[] }>> = {
  line: { layout: [], paint: ['line-width', 'line-offset'] },
  circle: { layout: [], paint: ['circle-radius', 'circle-stroke-width'] },
  symbol: { layout: ['text-size', 'icon-size'], paint: ['text-halo-width'] },
}

/** Multiplies a style value: a zoom curve's outputs each, a number itself. */
function times(value: unknown, by: number): unknown {
  if (value === undefined) return by
  if (typeof value === 'number') return value * by
  if (Array.isArray(value) && value[0] === 'interpolate') return value.map((part, i) => (i >= 4 && i % 2 === 0 ? times(part, by) : part))
  return ['*', value, by]
}

function context(state: StyleState): StyleContext {
  const palette = PALETTES[state.theme]
  const name: StyleContext['name'] = state.language === 'en' ? ['coalesce', ['get', 'name_en'], ['get', 'name'], ''] : ['coalesce', ['get', 'name'], ['get', 'name_en'], '']
  return { theme: state.theme, palette, name }
}

function sources(state: StyleState): Record<string, SourceSpecification> {
  const all: Record<string, SourceSpecification> = {}
  for (const address of state.tiles) {
    const set = TILE_SETS.find(({ key }) => key === address.set)
    if (!set) continue
    all[set.key] = { type: 'vector', tiles: [address.url], minzoom: set.minzoom, maxzoom: set.maxzoom, ...(address.bounds ? { bounds: address.bounds } : {}) }
  }
  for (const key of OWN_SOURCES) all[key] = { type: 'geojson', data: state.data[key] } satisfies GeoJSONSourceSpecification
  return all
}

/** Layers name the tile layer they draw; the tiles come in sets. */
function setOf(source: string, tiles: readonly TileAddress[]): string | null {
  if ((OWN_SOURCES as readonly string[]).includes(source)) return source
  return tiles.find((address) => address.layers.includes(source))?.set ?? null
}

export function buildStyle(state: StyleState): StyleSpecification {
  const all = sources(state)
  const ctx = context(state)
  const layers = GROUPS.filter((group) => !state.hidden.has(group.key)).flatMap((group) =>
    group.build(ctx).map(({ band, ...layer }) => {
      const by = state.opacity[group.key] ?? 1
      const type = layer.type as LayerSpecification['type']
      const paint = { ...('paint' in layer ? layer.paint : {}) } as Record<string, unknown>
      const layout = { ...('layout' in layer ? layer.layout : {}) } as Record<string, unknown>
      if (by < 1) for (const key of OPACITY[type] ?? []) paint[key] = times(paint[key], by)
      if (state.scale !== 1) {
        for (const key of SIZES[type]?.paint ?? []) if (key in paint) paint[key] = times(paint[key], state.scale)
        for (const key of SIZES[type]?.layout ?? []) if (key in layout) layout[key] = times(layout[key], state.scale)
      }
      return { band, layer: { ...layer, paint, layout } as LayerSpecification }
    }),
  )
  return {
    version: 8,
    name: `wanmi-${state.theme}`,
    sources: all,
    light: { anchor: 'viewport', color: '#ffffff', intensity: state.theme === 'dark' ? 0.35 : 0.28, position: [1.2, 215, 32] },
    transition: { duration: 250, delay: 0 },
    layers: BANDS.flatMap((band) => layers.filter((entry) => entry.band === band))
      .map((entry) => entry.layer)
      .flatMap((layer) => {
        if (!('source' in layer)) return [layer]
        const source = setOf(layer.source as string, state.tiles)
        return source === null ? [] : [{ ...layer, source } as LayerSpecification]
      }),
  }
}
