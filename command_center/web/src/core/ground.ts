/** Shapes on the ground, reckoned on a local plane: right to a thousandth within a city. */

const EARTH_M = 6_371_008.8
const RAD = Math.PI / 180
type Position = GeoJSON.Position

export function metresBetween(a: Position, b: Position): number {
  const x = (b[0]! - a[0]!) * RAD * Math.cos(((a[1]! + b[1]!) / 2) * RAD)
  return EARTH_M * Math.hypot(x, (b[1]! - a[1]!) * RAD)
}

/** A circle as a polygon of 72 corners. */
export function circle(lon: number, lat: number, radius_m: number): GeoJSON.Polygon {
  const [dx, dy] = [radius_m / (EARTH_M * RAD * Math.cos(lat * RAD)), radius_m / (EARTH_M * RAD)]
  const ring = Array.from({ length: 72 }, (_, i) => [lon + dx * Math.cos((i * Math.PI) / 36), lat + dy * Math.sin((i * Math.PI) / 36)])
  return { type: 'Polygon', coordinates: [[...ring, ring[0]!]] }
}

function ringArea(ring: Position[]): number {
  const [lon0, lat0] = ring[0]!
  const scale = EARTH_M * RAD
  const flat = ring.map(([lon, lat]) => [(lon! - lon0!) * scale * Math.cos(lat0! * RAD), (lat! - lat0!) * scale])
  return Math.abs(flat.reduce((sum, [x, y], i) => sum + x! * flat[(i + 1) % flat.length]![1]! - flat[(i + 1) % flat.length]![0]! * y!, 0)) / 2
}

export type Area = GeoJSON.Polygon | GeoJSON.MultiPolygon
const parts = (area: Area): Position[][][] => (area.type === 'Polygon' ? [area.coordinates] : area.coordinates)

/** Square metres, holes left out. */
export function areaOf(area: Area): number {
  return parts(area).reduce((sum, [outer, ...holes]) => sum + ringArea(outer!) - holes.reduce((all, hole) => all + ringArea(hole), 0), 0)
}

function within(ring: Position[], lon: number, lat: number): boolean {
  let inside = false
  ring.forEach(([x, y], i) => {
    const [u, v] = ring[(i + ring.length - 1) % ring.length]!
    if (y! > lat !== v! > lat && lon < ((u! - x!) * (lat - y!)) / (v! - y!) + x!) inside = !inside
  })
  return inside
}

export function covers(area: Area, lon: number, lat: number): boolean {
  return parts(area).some((rings) => rings.filter((ring) => within(ring, lon, lat)).length % 2 === 1)
}

export function boxOf(area: Area): [number, number, number, number] {
  const all = parts(area).flat(2)
  const [lons, lats] = [all.map(([lon]) => lon!), all.map(([, lat]) => lat!)]
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}

/** 0.38 km², 6.2 ha, 950 m². */
export function areaText(m2: number): string {
  if (m2 >= 100_000) return `${(m2 / 1e6).toFixed(m2 >= 1e7 ? 0 : 2)} km²`
  if (m2 >= 10_000) return `${(m2 / 1e4).toFixed(1)} ha`
  return `${Math.round(m2)} m²`
}

/** 85 m, 1.24 km. */
export function distanceText(metres: number): string {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(metres < 10_000 ? 2 : 1)} km`
}
