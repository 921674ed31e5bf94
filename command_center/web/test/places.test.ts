import { expect, it } from 'vitest'

import { around, circle } from '../src/pages/geocode/places'

it('shows the whole circle of the expected error', () => {
  const spot = { lon: 121.47, lat: 31.23 }
  const [west, south, east, north] = around(spot, 385)
  const ring = (circle(spot, 385).geometry as GeoJSON.Polygon).coordinates[0] ?? []
  expect(ring.length).toBeGreaterThan(20)
  for (const [lon = 0, lat = 0] of ring) {
    expect(lon).toBeGreaterThanOrEqual(west - 1e-9)
    expect(lon).toBeLessThanOrEqual(east + 1e-9)
    expect(lat).toBeGreaterThanOrEqual(south - 1e-9)
    expect(lat).toBeLessThanOrEqual(north + 1e-9)
  }
  expect((north - south) * 111_195).toBeCloseTo(770, -1)
})
