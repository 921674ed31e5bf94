import { describe, expect, it } from 'vitest'

import { codeParts } from '../src/core/componentcode'
import { colorExpression, colorsFor, lookOf } from '../src/core/legend'
import { geometryOf, piecesOf } from '../src/core/parts'
import { linesOf, onSegment, snap, type Pixel, type Position } from '../src/core/snap'

const same = ([x, y]: Position): Pixel => ({ x, y })
const back = ({ x, y }: Pixel): Position => [x, y]

describe('snap', () => {
  const square: GeoJSON.Geometry = { type: 'Polygon', coordinates: [[[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]]] }

  it('prefers a corner in reach to a nearer edge', () => {
    expect(snap({ x: 8, y: 2 }, [square], 12, same, back)).toEqual([0, 0])
  })
  it('falls on the edge where no corner is in reach, and nowhere beyond it', () => {
    expect(snap({ x: 50, y: 5 }, [square], 12, same, back)).toEqual([50, 0])
    expect(snap({ x: 50, y: 50 }, [square], 12, same, back)).toBeNull()
  })
  it('knows every kind of geometry, and segments without length', () => {
    expect(linesOf({ type: 'GeometryCollection', geometries: [{ type: 'Point', coordinates: [1, 2] }, square] })).toHaveLength(2)
    expect(linesOf({ type: 'MultiPolygon', coordinates: [square.coordinates, square.coordinates] })).toHaveLength(2)
    expect(onSegment({ x: 3, y: 4 }, { x: 1, y: 1 }, { x: 1, y: 1 })).toEqual({ x: 1, y: 1 })
  })
})

describe('component codes', () => {
  it('come apart by the edition', () => {
    expect(codeParts('9901020101000042')?.map(({ digits }) => digits)).toEqual(['990102', '01', '01', '000042'])
    expect(codeParts('9901020101000042', 5)?.map(({ digits }) => digits)).toEqual(['990102', '01', '010', '00042'])
    expect(codeParts('99010201010000')).toBeNull()
  })
})

describe('legends', () => {
  it('give the known value its colour again', () => {
    expect(colorsFor(['b', 'a', null], { a: '#000000' })).toMatchObject({ a: '#000000' })
    expect(Object.keys(colorsFor(['b', null]))).toEqual(['b', ''])
  })
  it('are plain without a field, and take nothing unsound from the catalogue', () => {
    expect(colorExpression(lookOf({ color: 'url(x)', by: 7 }))).toBe('#3fa7ff')
    expect(colorExpression(lookOf({ color: '#112233', by: 'kind', values: { a: '#ffffff' } }))).toEqual(['match', ['to-string', ['coalesce', ['get', 'kind'], '']], 'a', '#ffffff', '#112233'])
  })
})

describe('shapes of several parts', () => {
  const ring = (x: number, y: number, size: number): GeoJSON.Position[] => [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
  const two: GeoJSON.MultiPolygon = { type: 'MultiPolygon', coordinates: [[ring(0, 0, 10), ring(2, 2, 2)], [ring(20, 0, 10)]] }

  it('come apart and together again', () => {
    const pieces = piecesOf(two)
    expect(pieces.map(({ hole }) => hole)).toEqual([false, true, false])
    expect(geometryOf(pieces)).toEqual(two)
    expect(geometryOf(pieces.slice(0, 2))).toEqual({ type: 'Polygon', coordinates: two.coordinates[0] })
    expect(geometryOf(piecesOf({ type: 'MultiLineString', coordinates: [[[0, 0], [1, 1]]] }))).toEqual({ type: 'LineString', coordinates: [[0, 0], [1, 1]] })
  })
  it('give a hole to the smallest part around it, and refuse one outside', () => {
    const nested = [...piecesOf({ type: 'Polygon', coordinates: [ring(0, 0, 100)] }), ...piecesOf({ type: 'Polygon', coordinates: [ring(10, 10, 20)] })]
    const hole = { hole: true, shape: { type: 'Polygon', coordinates: [ring(12, 12, 3)] } } as const
    expect(geometryOf([...nested, { hole: true, shape: { type: 'Polygon', coordinates: [ring(12, 12, 3)] } }])).toMatchObject({ coordinates: [[ring(0, 0, 100)], [ring(10, 10, 20), hole.shape.coordinates[0]]] })
    expect(geometryOf([...nested, { hole: true, shape: { type: 'Polygon', coordinates: [ring(500, 0, 3)] } }])).toBeNull()
    expect(geometryOf([])).toBeNull()
  })
})
