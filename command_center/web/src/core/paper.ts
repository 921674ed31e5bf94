/** A map that can be drawn on: the pencil's own sources and layers outlive each change of style. */
import type { Map as MapLibreMap, StyleSpecification } from 'maplibre-gl'

/** What the pencil puts on the map begins so. */
export const PENCIL = 'pencil'

export interface Paper {
  readonly map: MapLibreMap
  /** While something is drawn, clicks belong to the pencil. */
  drawing: boolean
}

/** `transformStyle` of a map that is drawn on. */
export function keepPencil(before: StyleSpecification | undefined, next: StyleSpecification): StyleSpecification {
  if (!before) return next
  const kept = Object.fromEntries(Object.entries(before.sources).filter(([key]) => key.startsWith(PENCIL)))
  return { ...next, sources: { ...next.sources, ...kept }, layers: [...next.layers, ...before.layers.filter((layer) => layer.id.startsWith(PENCIL))] }
}
