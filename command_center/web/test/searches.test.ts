import { describe, expect, it } from 'vitest'

import { areaOf, boxOf, circle, covers, distanceText, metresBetween } from '../src/core/ground'
import { quickSpan, spanProblem, stampOf, timeOf } from '../src/core/spans'
import { placeAt, summarise } from '../src/core/track'

describe('shapes on the ground', () => {
  it('makes circles of the radius and the area asked for', () => {
    const round = circle(120.5, 30.5, 300)
    for (const corner of round.coordinates[0]!) expect(metresBetween([120.5, 30.5], corner)).toBeCloseTo(300, 0)
    expect(areaOf(round) / (Math.PI * 300 ** 2)).toBeCloseTo(1, 2)
    expect(covers(round, 120.5, 30.5)).toBe(true)
    expect(covers(round, 120.504, 30.5)).toBe(false)
  })

  it('leaves holes out', () => {
    const square = (half: number) => [[-half, -half], [half, -half], [half, half], [-half, half], [-half, -half]].map(([x, y]) => [120 + x!, 30 + y!])
    const ring: GeoJSON.Polygon = { type: 'Polygon', coordinates: [square(0.02), square(0.01)] }
    expect(covers(ring, 120, 30)).toBe(false)
    expect(covers(ring, 120.015, 30)).toBe(true)
    expect(areaOf(ring)).toBeCloseTo(areaOf({ type: 'Polygon', coordinates: [square(0.02)] }) * 0.75, -3)
    expect(boxOf(ring)).toEqual([119.98, 29.98, 120.02, 30.02])
  })

  it('says distances as people do', () => {
    expect([84.6, 999.6, 1236, 12_360].map(distanceText)).toEqual(['85 m', '1000 m', '1.24 km', '12.4 km'])
  })
})

describe('spans', () => {
  const noon = Date.parse('2026-11-28T12:00:00+08:00')
  it('knows days by the clock in China', () => {
    expect(quickSpan('today', noon)).toEqual({ from: Date.parse('2026-11-28T00:00:00+08:00'), to: noon })
    expect(quickSpan('yesterday', noon)).toEqual({ from: Date.parse('2026-11-27T00:00:00+08:00'), to: Date.parse('2026-11-28T00:00:00+08:00') })
    expect(timeOf(stampOf(noon))).toBe(noon)
    expect(timeOf('')).toBeNaN()
  })
  it('tells what is wrong', () => {
    expect(spanProblem({ from: noon, to: noon }, 7)).toBe('order')
    expect(spanProblem({ from: noon, to: noon + 8 * 86_400_000 }, 7)).toBe('long')
    expect(spanProblem({ from: noon, to: noon + 7 * 86_400_000 }, 7)).toBeNull()
  })
})

describe('placeAt', () => {
  const track = summarise({ type: 'Feature', geometry: { type: 'LineString', coordinates: [[120, 30], [120.01, 30], [120.05, 30]] }, properties: { times: [1000, 1100, 3000], speeds: [1, 2, 3] } })!
  it('goes straight between fixes, stands still in a pause, and stays within the track', () => {
    expect(placeAt(track, 1050).lon).toBeCloseTo(120.005)
    expect(placeAt(track, 2000)).toMatchObject({ lon: 120.01, kmh: 0 })
    expect(placeAt(track, 0).lon).toBe(120)
    expect(placeAt(track, 9999).lon).toBe(120.05)
  })
})
