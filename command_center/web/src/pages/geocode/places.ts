/** Points and error circles on the map of the address pages. */
import type { ExpressionSpecification } from 'maplibre-gl'

import type { Palette } from '@/core/palette'

const M_PER_DEG = 111_195
const STEPS = 64

export interface Spot {
  lon: number
  lat: number
}

export function pointsOf<T extends Spot>(spots: readonly T[], properties: (spot: T, at: number) => GeoJSON.GeoJsonProperties): GeoJSON.FeatureCollection {
  return { type: 'FeatureCollection', features: spots.map((spot, at) => ({ type: 'Feature', id: at + 1, geometry: { type: 'Point', coordinates: [spot.lon, spot.lat] }, properties: properties(spot, at) })) }
}

/** A circle of `radius_m` around a point, as a polygon. */
export function circle({ lon, lat }: Spot, radius_m: number): GeoJSON.Feature {
  const ring = Array.from({ length: STEPS + 1 }, (_, at) => {
    const angle = (2 * Math.PI * at) / STEPS
    return [lon + (radius_m * Math.cos(angle)) / (M_PER_DEG * Math.cos((lat * Math.PI) / 180)), lat + (radius_m * Math.sin(angle)) / M_PER_DEG]
  })
  return { type: 'Feature', geometry: { type: 'Polygon', coordinates: [ring] }, properties: {} }
}

/** What the map must show for a circle of that radius to be seen whole. */
export function around({ lon, lat }: Spot, radius_m: number): [number, number, number, number] {
  const [dx, dy] = [radius_m / (M_PER_DEG * Math.cos((lat * Math.PI) / 180)), radius_m / M_PER_DEG]
  return [lon - dx, lat - dy, lon + dx, lat + dy]
}

/** By the property `status`. */
export function statusColor(palette: Palette): ExpressionSpecification {
  return ['match', ['get', 'status'], 'accepted', palette.unit.moving, 'doubtful', palette.unit.standing, 'ambiguous', palette.alert.info, 'decided', palette.label, palette.alert.critical] as unknown as ExpressionSpecification
}

export function coordinates({ lon, lat }: Spot): string {
  return `${lon.toFixed(6)}, ${lat.toFixed(6)}`
}
