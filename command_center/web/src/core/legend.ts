/** Colour by field: from values to colours, and from colours to a map expression. */
import type { ExpressionSpecification } from 'maplibre-gl'

/** How a layer is drawn, as kept in the catalogue under `style`. */
export interface LayerLook {
  color: string
  /** Field whose values have colours of their own. */
  by?: string
  values?: Record<string, string>
  min_zoom?: number
  max_zoom?: number
}

export const COLORS = ['#3fa7ff', '#2fc99a', '#f2a93b', '#c77dff', '#ff6b81', '#a3d65c', '#4dd0e1', '#e0b04a', '#9fa8da', '#ff8a5b'] as const

export function lookOf(style: Record<string, unknown>): LayerLook {
  const color = typeof style.color === 'string' && /^#[0-9a-f]{6}$/i.test(style.color) ? style.color : COLORS[0]
  const look: LayerLook = { color }
  if (typeof style.by === 'string' && style.by) look.by = style.by
  if (style.values && typeof style.values === 'object') look.values = Object.fromEntries(Object.entries(style.values).filter(([, one]) => typeof one === 'string'))
  for (const key of ['min_zoom', 'max_zoom'] as const) if (typeof style[key] === 'number') look[key] = style[key]
  return look
}

/** Colours for the values that are there, the most frequent first; what has one keeps it. */
export function colorsFor(values: readonly (string | null)[], known: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(values.slice(0, 24).map((value, i) => [value ?? '', known[value ?? ''] ?? COLORS[i % COLORS.length]!]))
}

export function colorExpression(look: LayerLook): string | ExpressionSpecification {
  const values = Object.entries(look.values ?? {})
  if (!look.by || values.length === 0) return look.color
  return ['match', ['to-string', ['coalesce', ['get', look.by], '']], ...values.flat(), look.color] as unknown as ExpressionSpecification
}
