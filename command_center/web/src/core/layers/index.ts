import { areas } from './areas'
import { buildings } from './buildings'
import type { LayerGroup } from './context'
import { responsibilityGrids, unitGrids } from './grids'
import { ground, landCover } from './ground'
import { alertMarks, trackLine } from './marks'
import { dayMarks, evidenceMarks, nearMarks, searchMarks } from './searches'
import { roads } from './roads'
import { components, facilities, routes, zones } from './things'

export const GROUPS: LayerGroup[] = [ground, landCover, unitGrids, areas, roads, buildings, responsibilityGrids, routes, zones, components, facilities, searchMarks, nearMarks, evidenceMarks, alertMarks, trackLine, dayMarks]

/** What the layer tree offers, in its order. */
export const TREE: string[] = ['area', 'responsibility_grid', 'unit_grid', 'road', 'building', 'land_cover', 'component', 'facility', 'zone', 'route', 'alert']

export interface TileSet {
  key: string
  /** Layers of the catalogue that come in one tile. */
  layers: string[]
  /** Zooms tiles are asked for; beyond `maxzoom` the map stretches the last one. */
  minzoom: number
  maxzoom: number
}

export const TILE_SETS: TileSet[] = [
  { key: 'city', layers: ['area_district', 'area_street', 'area_community', 'area_label', 'land_cover', 'road', 'building'], minzoom: 5, maxzoom: 15 },
  { key: 'grid', layers: ['unit_grid', 'responsibility_grid', 'responsibility_grid_label'], minzoom: 12, maxzoom: 15 },
  { key: 'thing', layers: ['component', 'facility'], minzoom: 14, maxzoom: 16 },
  { key: 'zone', layers: ['zone'], minzoom: 9, maxzoom: 14 },
  { key: 'route', layers: ['route'], minzoom: 10, maxzoom: 14 },
]
