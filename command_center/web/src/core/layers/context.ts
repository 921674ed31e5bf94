/** What a layer file gets and gives. */
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl'

import type { Palette, Theme } from '../palette'

/** Drawing order, from the ground up. A group's layers may lie in several bands. */
export const BANDS = ['ground', 'water', 'lines', 'road', 'building', 'area', 'thing', 'roadText', 'text', 'areaText', 'mark'] as const
export type Band = (typeof BANDS)[number]

export interface StyleContext {
  theme: Theme
  palette: Palette
  /** The feature's name in the language of the interface. */
  name: ExpressionSpecification
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** A MapLibre layer whose `source-layer` is its source's name. */
export type BandLayer = { band: Band } & DistributiveOmit<LayerSpecification, 'metadata'>

export interface LayerGroup {
  key: string
  /** Tile layers it draws. */
  sources: string[]
  /** Shown until the user says otherwise. */
  on: boolean
  build(context: StyleContext): BandLayer[]
}

/** Local fonts only; the word in the first name sets the weight. */
const FAMILY = ['Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', 'WenQuanYi Zen Hei', 'sans-serif']
export const REGULAR = FAMILY
export const MEDIUM = ['Noto Sans CJK SC Medium', ...FAMILY]
export const BOLD = ['Noto Sans CJK SC Bold', ...FAMILY]

/** Linear by zoom: `byZoom(12, 0, 14, 1)`. */
export function byZoom(...stops: (number | string)[]): ExpressionSpecification {
  return ['interpolate', ['linear'], ['zoom'], ...stops] as unknown as ExpressionSpecification
}

/** Widths that double each zoom. */
export function widthByZoom(...stops: number[]): ExpressionSpecification {
  return ['interpolate', ['exponential', 1.5], ['zoom'], ...stops] as unknown as ExpressionSpecification
}

/** One of the colours by the feature's id, so that neighbours rarely share one. */
export function colorById(colors: string[], property = 'id'): ExpressionSpecification {
  const cases = colors.slice(0, -1).flatMap((color, i) => [i, color])
  return ['match', ['%', ['to-number', ['coalesce', ['get', property], ['id']], 0], colors.length], ...cases, colors.at(-1)!] as unknown as ExpressionSpecification
}
