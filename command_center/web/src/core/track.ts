/** A unit's track as map features, and what is at a point of it. */
import type { Track } from '@/api/types'

import { minuteText } from './time'

/** A pause in reports longer than this (s) breaks the line. */
export const GAP_S = 600
/** Speeds are drawn in steps of this many km/h, so that a track is few features. */
const SPEED_STEP = 6
const EARTH_M = 6_371_008.8

export interface TrackPoint {
  lon: number
  lat: number
  /** Epoch s. */
  time: number
  /** km/h */
  kmh: number
}

export interface TrackSummary {
  points: TrackPoint[]
  /** Metres along the ground. */
  length: number
  start: number
  end: number
  topKmh: number
}

function metres(a: TrackPoint, b: TrackPoint): number {
  const rad = Math.PI / 180
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad)
  return EARTH_M * Math.hypot(x, (b.lat - a.lat) * rad)
}

function course(a: TrackPoint, b: TrackPoint): number {
  const rad = Math.PI / 180
  return Math.atan2((b.lon - a.lon) * Math.cos(a.lat * rad), b.lat - a.lat) / rad
}

/** Null when the track has no two points to join. */
export function summarise(track: Track): TrackSummary | null {
  const coordinates = track.geometry?.coordinates ?? []
  if (coordinates.length < 2) return null
  const points: TrackPoint[] = coordinates.map(([lon, lat], i) => ({ lon, lat, time: track.properties.times[i] ?? 0, kmh: (track.properties.speeds[i] ?? 0) * 3.6 }))
  let length = 0
  for (let i = 1; i < points.length; i++) length += metres(points[i - 1]!, points[i]!)
  return { points, length, start: points[0]!.time, end: points.at(-1)!.time, topKmh: Math.max(...points.map((p) => p.kmh)) }
}

/** Where the unit was at `time` (epoch s), between two fixes on the straight between them; in a pause where it began. */
export function placeAt({ points }: TrackSummary, time: number): TrackPoint {
  const next = points.findIndex((point) => point.time > time)
  if (next <= 0) return next === 0 ? points[0]! : points.at(-1)!
  const [a, b] = [points[next - 1]!, points[next]!]
  if (b.time - a.time > GAP_S) return { ...a, time, kmh: 0 }
  const share = (time - a.time) / (b.time - a.time)
  return { lon: a.lon + share * (b.lon - a.lon), lat: a.lat + share * (b.lat - a.lat), time, kmh: a.kmh }
}

/** Minutes between time ticks so that a track has about ten. */
function tickMinutes(seconds: number): number {
  return [5, 10, 15, 30, 60, 120].find((m) => seconds / 60 / m <= 10) ?? 180
}

export function trackFeatures(track: TrackSummary): GeoJSON.FeatureCollection {
  const features: GeoJSON.Feature[] = []
  const point = (p: TrackPoint, properties: object) => features.push({ type: 'Feature', geometry: { type: 'Point', coordinates: [p.lon, p.lat] }, properties })
  let run: [number, number][] = []
  let step = -1
  const flush = () => {
    if (run.length > 1) features.push({ type: 'Feature', geometry: { type: 'LineString', coordinates: run }, properties: { kmh: step * SPEED_STEP } })
    run = []
  }
  const every = tickMinutes(track.end - track.start) * 60
  const arrowEvery = Math.max(60, track.length / 60)
  let sinceArrow = 0
  track.points.forEach((p, i) => {
    const before = track.points[i - 1]
    if (!before) return
    const here = Math.round(p.kmh / SPEED_STEP)
    if (p.time - before.time > GAP_S) flush()
    else {
      if (here !== step || run.length === 0) {
        flush()
        step = here
        run = [[before.lon, before.lat]]
      }
      run.push([p.lon, p.lat])
      const d = metres(before, p)
      sinceArrow += d
      if (sinceArrow > arrowEvery && d > 3) {
        point(p, { role: 'arrow', course: course(before, p) })
        sinceArrow = 0
      }
    }
    if (Math.floor(p.time / every) !== Math.floor(before.time / every)) point(p, { role: 'tick', text: minuteText(p.time * 1000) })
  })
  flush()
  point(track.points[0]!, { role: 'start', text: minuteText(track.start * 1000) })
  point(track.points.at(-1)!, { role: 'end', text: minuteText(track.end * 1000) })
  return { type: 'FeatureCollection', features }
}

/** The track point drawn nearest to a pixel, or null when none is within `radius` pixels. */
export function nearestPoint(track: TrackSummary, pixel: { x: number; y: number }, radius: number, project: (p: [number, number]) => { x: number; y: number }): TrackPoint | null {
  let best: TrackPoint | null = null
  let least = radius
  for (const p of track.points) {
    const at = project([p.lon, p.lat])
    const d = Math.hypot(at.x - pixel.x, at.y - pixel.y)
    if (d < least) {
      least = d
      best = p
    }
  }
  return best
}
