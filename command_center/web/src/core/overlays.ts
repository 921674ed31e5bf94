/** Overlays of the working pages, made from where the data is and how it should look. */
import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from 'maplibre-gl'

import { REGULAR } from './layers/context'
import type { Palette } from './palette'
import type { Overlay } from './workmap'

export type Geometry = 'point' | 'line' | 'polygon'
type Color = string | ExpressionSpecification

export interface OverlayLook {
  key: string
  geometry: Geometry
  color(palette: Palette): Color
  /** Drawn strongly: ids, or values of `chosenBy`. */
  chosen?: readonly (number | string)[]
  chosenBy?: string
  filter?: FilterSpecification
  minzoom?: number
  maxzoom?: number
  fillOpacity?: number
  label?: ExpressionSpecification
  labelFrom?: number
}

type Common = { source: string; 'source-layer'?: string; minzoom?: number; maxzoom?: number; filter?: FilterSpecification }

function layersOf(look: OverlayLook, palette: Palette, sourceLayer: string | undefined): LayerSpecification[] {
  const color = look.color(palette) as string
  const chosen = look.chosen ?? []
  const isChosen = ['in', look.chosenBy ? ['to-string', ['get', look.chosenBy]] : ['to-number', ['id'], -1], ['literal', [...chosen]]] as unknown as ExpressionSpecification
  const by = (on: number, off: number): number | ExpressionSpecification => (chosen.length ? (['case', isChosen, on, off] as ExpressionSpecification) : off)
  const common: Common = { source: look.key, ...(sourceLayer ? { 'source-layer': sourceLayer } : {}), ...(look.minzoom ? { minzoom: look.minzoom } : {}), ...(look.maxzoom ? { maxzoom: look.maxzoom } : {}), ...(look.filter ? { filter: look.filter } : {}) }
  const layers: LayerSpecification[] = []
  if (look.geometry === 'polygon') {
    const opacity = look.fillOpacity ?? 0.18
    layers.push({ id: look.key, type: 'fill', ...common, paint: { 'fill-color': color, 'fill-opacity': by(0.5, opacity) } })
    layers.push({ id: `${look.key}:line`, type: 'line', ...common, layout: { 'line-join': 'round' }, paint: { 'line-color': chosen.length ? ['case', isChosen, palette.label, color] : color, 'line-width': by(3, 1.1) } })
  } else if (look.geometry === 'line') {
    layers.push({ id: `${look.key}:under`, type: 'line', ...common, layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': palette.label, 'line-width': by(8, 0), 'line-opacity': by(0.8, 0) } })
    layers.push({ id: look.key, type: 'line', ...common, layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': color, 'line-width': by(4, 2) } })
  } else {
    layers.push({ id: look.key, type: 'circle', ...common, paint: { 'circle-color': color, 'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, by(7, 2.2), 17, by(10, 5)], 'circle-stroke-color': chosen.length ? ['case', isChosen, palette.label, palette.halo] : palette.halo, 'circle-stroke-width': by(3, 1) } })
  }
  if (look.label)
    layers.push({ id: `${look.key}:text`, type: 'symbol', ...common, minzoom: Math.max(look.labelFrom ?? 15, look.minzoom ?? 0), layout: { 'text-field': look.label, 'text-font': REGULAR, 'text-size': 11, 'text-padding': 6 }, paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.5 } })
  return layers
}

/** From the vector tiles of a catalogue layer. */
export function tiledOverlay(look: OverlayLook, layer: string, tiles: { url: string; minzoom: number; maxzoom: number }, pickable = true): Overlay {
  return { key: look.key, pickable, source: { type: 'vector', tiles: [tiles.url], minzoom: tiles.minzoom, maxzoom: tiles.maxzoom }, layers: (palette) => layersOf(look, palette, layer) }
}

/** From GeoJSON, given here or later by `WorkMap.setData`. */
export function drawnOverlay(look: OverlayLook, data: GeoJSON.GeoJSON, pickable = true): Overlay {
  return { key: look.key, pickable, source: { type: 'geojson', data }, layers: (palette) => layersOf(look, palette, undefined) }
}
