/** A shape of several parts and holes as simple rings and lines that a pencil can hold one by one, and back. */

export type Simple = GeoJSON.Point | GeoJSON.LineString | GeoJSON.Polygon
export interface Piece {
  /** A ring that is cut out of the part it lies in. */
  hole: boolean
  shape: Simple
}

/** Every part by itself: polygons without holes, their holes as polygons of their own. */
export function piecesOf(geometry: GeoJSON.Geometry): Piece[] {
  const whole = (shape: Simple): Piece => ({ hole: false, shape })
  const rings = (polygon: GeoJSON.Position[][]): Piece[] => polygon.map((ring, i) => ({ hole: i > 0, shape: { type: 'Polygon', coordinates: [ring] } }))
  switch (geometry.type) {
    case 'Point': case 'LineString': return [whole(geometry)]
    case 'MultiPoint': return geometry.coordinates.map((coordinates) => whole({ type: 'Point', coordinates }))
    case 'MultiLineString': return geometry.coordinates.map((coordinates) => whole({ type: 'LineString', coordinates }))
    case 'Polygon': return rings(geometry.coordinates)
    case 'MultiPolygon': return geometry.coordinates.flatMap(rings)
    default: return []
  }
}

/** Whether a position lies within a ring, by crossings of a ray to the east. */
export function within([x, y]: GeoJSON.Position, ring: readonly GeoJSON.Position[]): boolean {
  let inside = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i]!, ring[j]!]
    if (yi! > y! !== yj! > y! && x! < ((xj! - xi!) * (y! - yi!)) / (yj! - yi!) + xi!) inside = !inside
  }
  return inside
}

/**
 * The pieces as one geometry; a hole belongs to the smallest part that holds most of its corners.
 * Null without parts, or where a hole lies in none.
 */
export function geometryOf(pieces: readonly Piece[]): Simple | GeoJSON.MultiPoint | GeoJSON.MultiLineString | GeoJSON.MultiPolygon | null {
  const parts = pieces.filter(({ hole }) => !hole).map(({ shape }) => shape)
  const first = parts[0]
  if (!first || parts.some(({ type }) => type !== first.type)) return null
  if (first.type === 'Point') return parts.length === 1 ? first : { type: 'MultiPoint', coordinates: (parts as GeoJSON.Point[]).map(({ coordinates }) => coordinates) }
  if (first.type === 'LineString') return parts.length === 1 ? first : { type: 'MultiLineString', coordinates: (parts as GeoJSON.LineString[]).map(({ coordinates }) => coordinates) }
  const polygons = (parts as GeoJSON.Polygon[]).map(({ coordinates }) => [coordinates[0]!])
  for (const { shape } of pieces.filter(({ hole }) => hole)) {
    const ring = (shape as GeoJSON.Polygon).coordinates[0]!
    const homes = polygons.filter(([outer]) => ring.filter((corner) => within(corner, outer!)).length > ring.length / 2)
    const home = homes.toSorted((a, b) => Math.abs(sizeOf(a[0]!)) - Math.abs(sizeOf(b[0]!)))[0]
    if (!home) return null
    home.push(ring)
  }
  return polygons.length === 1 ? { type: 'Polygon', coordinates: polygons[0]! } : { type: 'MultiPolygon', coordinates: polygons }
}

/** In square degrees, signed by the way round: only to compare rings. */
function sizeOf(ring: readonly GeoJSON.Position[]): number {
  let sum = 0
  for (let i = 1; i < ring.length; i++) sum += ring[i - 1]![0]! * ring[i]![1]! - ring[i]![0]! * ring[i - 1]![1]!
  return sum / 2
}
