/** Snapping to what lies near: corners first, then edges. In pixels, since that is what a hand can aim at. */

export interface Pixel {
  x: number
  y: number
}
export type Position = [number, number]

/** The nearest point of the segment a–b. */
export function onSegment(p: Pixel, a: Pixel, b: Pixel): Pixel {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length2 = dx * dx + dy * dy
  const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length2))
  return { x: a.x + t * dx, y: a.y + t * dy }
}

/** Every line of a geometry: rings of polygons, lines, points as lines of one position. */
export function linesOf(geometry: GeoJSON.Geometry): Position[][] {
  switch (geometry.type) {
    case 'Point': return [[geometry.coordinates as Position]]
    case 'MultiPoint': return geometry.coordinates.map((point) => [point as Position])
    case 'LineString': return [geometry.coordinates as Position[]]
    case 'MultiLineString':
    case 'Polygon': return geometry.coordinates as Position[][]
    case 'MultiPolygon': return geometry.coordinates.flat() as Position[][]
    case 'GeometryCollection': return geometry.geometries.flatMap(linesOf)
  }
}

/**
 * Where a position at `at` should snap to, or null. A corner within `reach` pixels wins over an edge
 * that is nearer, so that borders end where their neighbours do.
 */
export function snap(at: Pixel, shapes: Iterable<GeoJSON.Geometry>, reach: number, project: (position: Position) => Pixel, unproject: (pixel: Pixel) => Position): Position | null {
  let corner: Position | null = null
  let edge: Pixel | null = null
  let [cornerBest, edgeBest] = [reach, reach]
  for (const shape of shapes)
    for (const line of linesOf(shape)) {
      let before: Pixel | null = null
      for (const position of line) {
        const pixel = project(position)
        const distance = Math.hypot(pixel.x - at.x, pixel.y - at.y)
        if (distance < cornerBest) [cornerBest, corner] = [distance, position]
        if (before) {
          const near = onSegment(at, before, pixel)
          const away = Math.hypot(near.x - at.x, near.y - at.y)
          if (away < edgeBest) [edgeBest, edge] = [away, near]
        }
        before = pixel
      }
    }
  if (corner) return corner
  return edge ? unproject(edge) : null
}
